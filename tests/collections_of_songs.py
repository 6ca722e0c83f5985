"""Collections that the tests share: files that are no sound, described without being read."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from streammood.library.scan import Request, ScanResult, content_hash, stamp_of
from streammood.library.track import Description, Stamp, Words
from streammood.songs.worker import Failure, Reply

LABELS = ("happy", "aggressive", "calm", "sad")


def description(
    valence: float = 0.5,
    arousal: float = 0.5,
    bpm: float = 120.0,
    key: str = "Am",
    energy: float = 0.5,
    seed: int = 0,
    duration: float = 240.0,
) -> Description:
    """A song at a place of the circumplex, of the mood whose quadrant that is."""
    corners = np.array([[1, 1], [-1, 1], [1, -1], [-1, -1]])
    shares = np.exp(2.0 * corners @ np.array([valence, arousal]))
    shares /= shares.sum()
    vector = np.random.default_rng(seed).normal(size=16).astype(np.float32)
    return Description(
        duration=duration,
        bpm=bpm,
        bpm_confidence=0.9,
        key=key,
        key_confidence=0.8,
        energy=energy,
        valence=valence,
        arousal=arousal,
        mood=LABELS[int(shares.argmax())],
        mood_confidence=float(shares.max()),
        moods=dict(zip(LABELS, shares.tolist(), strict=True)),
        curve=np.array([[valence, arousal]] * 3, dtype=np.float32),
        sections=(),
        vector=vector / np.linalg.norm(vector),
        models="1-test",
    )


@dataclass(slots=True)
class PretendedCrew:
    """Reads files of text: `die` ends the process, `bad` is no sound, anything else is a song."""

    asked: list[Path] = field(default_factory=list)  # files that were analysed

    def run(
        self, requests: Iterable[Request], progress: Callable[[float], None]
    ) -> Iterator[tuple[Request, Reply | Failure]]:
        for request in requests:
            progress(1.0)
            yield request, self._answer(request)

    def _answer(self, request: Request) -> Reply | Failure:
        text = request.path.read_text()
        stamp = stamp_of(request.path)
        digest = content_hash(request.path)
        if digest in request.hashes:
            return Reply(ScanResult(Stamp(stamp.size, stamp.mtime, digest)))
        self.asked.append(request.path)
        if text == "die":
            return Failure("the process that was reading it was ended by SIGKILL")
        if text == "bad":
            return Reply(ScanResult(stamp, error="cannot be read as sound"))
        seed = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest(), "big")
        words = Words(title=text, artist="Nobody")
        return Reply(ScanResult(Stamp(stamp.size, stamp.mtime, digest), words, description(seed=seed)))
