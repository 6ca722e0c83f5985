"""A scan on two workers of Dask: the library is the only truth, whatever dies."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import soundfile

from streammood.config import Settings
from streammood.errors import LibraryError
from streammood.library.scan import models_version, plan, scan
from streammood.library.store import Store
from tests import sounds

distributed = pytest.importorskip("distributed", reason="needs the extra: pip install 'streammood[cluster]'")
from streammood.library.cluster import Cluster  # noqa: E402  needs it

pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # Dask's own
    pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals"),
]
FILES = 8


@pytest.fixture(scope="module")
def workers() -> Iterator[Any]:
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1", silence_logs=50
    ) as cluster:
        yield cluster


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "music"
    made.mkdir()
    for i in range(FILES):
        soundfile.write(made / f"{i}.wav", sounds.bursts(2.0) * (1.0 - 0.1 * i), sounds.RATE)
    (made / "none.wav").write_bytes(b"RIFF")
    return made


def names(store: Store) -> list[str]:
    return [track.path.name for track in store.tracks()]


def test_two_workers_find_what_one_machine_finds_and_a_dead_one_loses_nothing(workers: Any, folder: Path) -> None:
    settings = Settings()
    version = models_version(settings)
    crew = Cluster(settings, workers.scheduler_address)
    with Store(folder.parent / "library.sqlite", create=True) as store:
        first = next(iter(crew._client.run(os.getpid).values()))
        killer = threading.Timer(0.2, lambda: os.kill(first, signal.SIGKILL))
        killer.start()
        report = scan(store, plan(store, [folder], version), crew)
        killer.join()
        assert names(store) == [f"{i}.wav" for i in range(FILES)]
        assert [path.name for path, _ in report.failures] == ["none.wav"]
        assert plan(store, [folder], version).requests == []
    crew.close()


def test_workers_that_see_no_files_are_sent_them(workers: Any, folder: Path) -> None:
    settings = Settings()
    crew = Cluster(settings, workers.scheduler_address, send=True)
    with Store(folder.parent / "library.sqlite", create=True) as store:
        version = models_version(settings)
        scan(store, plan(store, [folder], version), crew)
        assert len(names(store)) == FILES
        assert plan(store, [folder], version).requests == []
        (folder / "1.wav").rename(folder / "one.wav")
        assert scan(store, plan(store, [folder], version), crew).moved == 1
        (path, reason), *_ = store.failures()
        assert path.name == "none.wav"
        assert "streammood-" not in reason
    crew.close()


def test_a_scheduler_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streammood.library.cluster._WAIT", 1.0)
    with pytest.raises(LibraryError, match=r"tcp://127\.0\.0\.1:1: no scheduler with workers answers there"):
        Cluster(Settings(), "tcp://127.0.0.1:1")


def test_when_the_scheduler_goes_what_was_done_is_stored(folder: Path) -> None:
    settings = Settings()
    version = models_version(settings)
    cluster = distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, dashboard_address=None, host="127.0.0.1", silence_logs=50
    )
    with Store(folder.parent / "library.sqlite", create=True) as store:
        crew = Cluster(settings, cluster.scheduler_address)
        todo = plan(store, [folder], version)
        with pytest.raises(LibraryError, match="the scheduler has gone"):
            scan(store, todo, crew, done=cluster.close)
        left = plan(store, [folder], version).requests
        assert 0 < len(left) < len(todo.requests)
        assert len(names(store)) + len(store.failures()) + len(left) == FILES + 1
    time.sleep(0.1)
