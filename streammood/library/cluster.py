"""A scan on several machines, through Dask: workers analyse, this program alone writes the library.

Only a few files a worker are under way at a time. A worker that dies is replaced by Dask, its file is given to another;
a file that ends several workers is marked. When the scheduler goes, the scan ends; run again, it goes on.
"""

from __future__ import annotations

import functools
import itertools
import os
import queue
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from streammood.config import Settings
from streammood.config.base import printable
from streammood.errors import LibraryError
from streammood.library.describe import for_library
from streammood.library.scan import Request, ScanResult, look_at, models_version, stamp_of
from streammood.library.track import Stamp
from streammood.models import Models
from streammood.songs.worker import Failure, Reply

_AHEAD = 3  # files a thread of a worker that are under way
_WAIT = 20.0  # s for the scheduler, and for the first worker
_LOOK = 2.0  # s between looks for the scheduler while nothing is done
_DEATHS = 2  # times that a file is given to another worker


class Cluster:
    """Analyses files on the workers of a Dask scheduler."""

    def __init__(self, settings: Settings, scheduler: str, send: bool = False) -> None:
        """Use the workers of ``scheduler``, such as ``tcp://nas:8786``; with ``send``, they need not see the files.

        Raises:
            LibraryError: it cannot be reached, has no workers, or they have other models.
            ModuleNotFoundError: the extra ``cluster`` is not installed.
        """
        from distributed import Client  # noqa: PLC0415  an extra

        self._settings = settings.model_dump_json(by_alias=True)
        self._scheduler = scheduler
        self._send = send
        try:
            client: Any = Client
            self._client: Any = client(scheduler, timeout=_WAIT, set_as_default=False)
            self._client.wait_for_workers(1, timeout=_WAIT)
        except (OSError, ValueError, TimeoutError) as error:
            reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
            raise LibraryError(f"{scheduler}: no scheduler with workers answers there ({reason})") from None
        self._check(models_version(settings))

    def _check(self, version: str) -> None:
        """Refuse workers that would find something else in a file."""
        for worker, found in self._client.run(_version, self._settings, on_error="return").items():
            if found != version:
                why = f"its models are {found}" if isinstance(found, str) else f"{type(found).__name__}: {found}"
                raise LibraryError(
                    f"{worker}: does not run this version of streammood with the same models ({why}); "
                    "install the same there"
                )

    def _check_storage(self, path: Path) -> None:
        seen = self._client.run(os.path.exists, os.fsencode(path))
        if blind := [worker for worker, sees in seen.items() if not sees]:
            raise LibraryError(
                f"{blind[0]}: does not see {printable(str(path))}; "
                "mount the folder there at the same place, or use --send"
            )

    def run(
        self, requests: Iterable[Request], progress: Callable[[float], None]
    ) -> Iterator[tuple[Request, Reply | Failure]]:
        """Yield the result of each request, in any order.

        Raises:
            LibraryError: the scheduler has gone, or a worker does not see the files.
        """
        waiting = iter(requests)
        under_way: dict[Any, Request] = {}
        done: queue.Queue[Any] = queue.Queue()
        checked, room = self._send, self._room()
        while True:
            for request in itertools.islice(waiting, max(0, room - len(under_way))):
                if not checked:
                    self._check_storage(request.path)
                    checked = True
                future = self._submit(request)
                if isinstance(future, Failure):
                    progress(1.0)
                    yield request, future
                else:
                    under_way[future.key] = request
                    future.add_done_callback(done.put)
            if not under_way:
                return
            future = self._next(done)
            request = under_way.pop(future.key)
            message = self._outcome(request, future)
            if done.empty():
                room = self._room()  # workers come and go
            progress(1.0)
            yield request, message

    def _next(self, done: queue.Queue[Any]) -> Any:
        """The next future that is done."""
        while True:
            try:
                return done.get(timeout=_LOOK)
            except queue.Empty:
                if self._client.status != "running":
                    raise self._gone() from None

    def _gone(self) -> LibraryError:
        return LibraryError(
            f"{self._scheduler}: the scheduler has gone; what was done is stored, run it again to go on"
        )

    def close(self) -> None:
        """Leave the scheduler and its workers to others."""
        self._client.close(timeout=5)

    def _room(self) -> int:
        try:
            return max(1, _AHEAD * int(sum(self._client.nthreads().values())))
        except (OSError, ValueError, RuntimeError, TimeoutError):
            return 1  # the requests under way will fail if the scheduler has gone

    def _submit(self, request: Request) -> Any:
        content = b""
        if self._send:
            try:
                content = request.path.read_bytes()
            except OSError as error:
                return Failure(error.strerror or str(error))
        path = os.fsencode(request.path)
        return self._client.submit(
            _analyse, self._settings, path, sorted(request.hashes), content, pure=False, retries=_DEATHS
        )

    def _outcome(self, request: Request, future: Any) -> Reply | Failure:
        from concurrent.futures import CancelledError  # noqa: PLC0415  raised by Dask alone

        from distributed import KilledWorker  # noqa: PLC0415  an extra

        try:
            found: ScanResult = future.result()
            return Reply(_at_home(request.path, found) if self._send else found)
        except KilledWorker:
            return Failure("the workers that were reading it died, one after the other")
        except (CancelledError, OSError, TimeoutError) as error:
            if self._client.status != "running" or future.status in {"cancelled", "lost"}:
                raise self._gone() from None
            return Failure(f"{type(error).__name__}: {error}")
        except Exception as error:  # noqa: BLE001  of the worker; one file never ends the others
            return Failure(f"a fault of the worker ({type(error).__name__}: {error})")


@functools.cache
def _loaded(settings_json: str) -> tuple[Settings, Models]:
    """What every file needs, once in each process of a worker."""
    settings = Settings.model_validate_json(settings_json)
    return for_library(settings), Models.load(settings)


def _version(settings_json: str) -> str:
    return models_version(Settings.model_validate_json(settings_json))


def _analyse(settings_json: str, path: bytes, hashes: list[str], content: bytes) -> ScanResult:
    """Runs on a worker: everything about one file, which lies at ``path`` or was sent."""
    settings, models = _loaded(settings_json)
    place = Path(os.fsdecode(path))
    if not content:
        return look_at(Request(place, frozenset(hashes)), lambda share: None, settings, models)
    with tempfile.TemporaryDirectory(prefix="streammood-") as folder:
        copy = Path(folder) / f"song{place.suffix}"
        copy.write_bytes(content)
        found = look_at(Request(copy, frozenset(hashes)), lambda share: None, settings, models)
        return found._replace(error=found.error.replace(str(copy), printable(str(place))))


def _at_home(path: Path, found: ScanResult) -> ScanResult:
    """``found`` on a copy of the file at ``path``, with the time that the file has here."""
    try:
        here = stamp_of(path)
    except OSError:
        return found
    return found._replace(stamp=Stamp(here.size, here.mtime, found.stamp.hash))
