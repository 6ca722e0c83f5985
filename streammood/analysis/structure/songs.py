"""Where another song begins in a set: hops and the beat clock in, song changes and the key out.

Eight seconds are compared with what came before, in a space in which songs differ from each other and not within
themselves (linear discriminant analysis of mel bands, contrast, pitch classes, shape and rhythm), and the tempo with
that before. Right after a song has begun, another is less likely. After two seconds of silence, the next sound begins
another song.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np

from streammood.analysis.hops import F64, Flags, Hops, Record, Records
from streammood.analysis.key import Key, estimate_key
from streammood.analysis.mood.slots import HOPS, SlotPool
from streammood.dsp.layout import HOP
from streammood.events import ANALYSIS_RATE, F32, Mood, SongChange
from streammood.models.structure_model import SongModel

T = TypeVar("T")

SLOT = HOPS * HOP  # samples
AFTER = 43  # slots (8 s) after a change that are compared with what came before
EARLIEST = 43  # slots (8 s) before it that there must be
MEMORY = 280  # slots that are stored
N_FEATURES = 13
STEP = 3  # slots from one judgement to the next

_SHORT, _LONG, _FAR = 16, 107, 242  # slots
_PAUSES = range(32, 237, 11)  # slots before a change at which pieces of what came before begin
_PIECE = 21  # slots of each
_THIRD = 2  # place of the third of the pieces that are most like what follows
_TEMPO_BACK = 10  # slots before a change, where the tempo before it is taken
_OTHER_TEMPO, _SAME_TEMPO = 0.03, 0.015  # octaves; factors of 2 and 1.5 do not count
_AHEAD, _BACK = 2, 12  # judgements around one that it must exceed
_APART = 10.0  # s from one change to the next
_YOUNG = 2.0  # log odds against another song when one has just begun
_USUAL = 60.0  # s in which they fall to 0
_PAUSE = 11  # slots of silence (2 s) after which another song begins
_LEAST = 10.0  # s of a song; what is shorter belongs to the next one
_SETTLED = 60 * SLOT  # samples after which a moment surely belongs to the song that plays
_MUSIC_DELAY = 3 * ANALYSIS_RATE  # samples that it takes to know music
_KEY_SLOTS = 43  # 8 s before a key is known
_KEY_STEP = 5  # slots from one estimate to the next
_KEY_FADE = 323.0  # slots, 60 s: how far back the key of the moment looks


def features(rows: F64, tempi: F64) -> F64:
    """What tells a change ``AFTER`` slots before the end (N_FEATURES,).

    Args:
        rows: The last slots (n, n_dims), at least ``EARLIEST`` + ``AFTER``, in the space of songs.
        tempi: Period of the beat in samples, 0 = not known, and confidence at each (n, 2).
    """
    sums = np.concatenate([np.zeros((1, rows.shape[1])), np.cumsum(rows, axis=0)])
    end, at = len(rows), len(rows) - AFTER

    def mean(start: int, stop: int) -> F64:
        start = max(0, start)
        piece: F64 = (sums[stop] - sums[start]) / max(1, stop - start)
        return piece

    after, late = mean(at, end), mean(end - _SHORT, end)
    recent, long, far = mean(at - AFTER, at), mean(at - _LONG, at - 5), mean(at - _FAR, at - AFTER)
    starts = np.array([at - back for back in _PAUSES if at >= back])
    pieces = (sums[starts + _PIECE] - sums[starts]) / _PIECE
    near = np.sort(np.sqrt(((pieces - after) ** 2).sum(axis=1)))
    third = near[_THIRD] if len(near) > _THIRD else near[0]
    pairs = ((after, recent), (after, long), (late, long), (after, far), (late, recent))
    first = [float(np.sqrt(((a - b) ** 2).sum())) for a, b in pairs]
    return np.array([*first, near[0], third, *_tempo(tempi[-1], tempi[at - _TEMPO_BACK])])


def _tempo(now: F64, before: F64) -> list[float]:
    """How the tempo has changed: another one, and the same one, each with and without its confidence."""
    both = float(now[0] > 0.0 and before[0] > 0.0)
    octaves = abs(float(np.log2(max(now[0], 1.0) / max(before[0], 1.0))))
    off = min(abs(octaves - round(octaves)), abs(octaves - np.log2(1.5)))
    sure = float(now[1] * before[1]) * both
    other, same = float(off > _OTHER_TEMPO), float(off < _SAME_TEMPO)
    return [other * sure, other * both, same * sure, same * both, float(now[1] - before[1]), both]


@dataclass(slots=True)
class _Totals:
    """What a song comes to."""

    slots: int = 0
    chroma: F64 = field(default_factory=lambda: np.zeros(12))
    tempi: Counter[float] = field(default_factory=Counter)
    energies: int = 0
    energy: float = 0.0
    moods: Counter[str] = field(default_factory=Counter)
    valence: float = 0.0
    arousal: float = 0.0

    def add_slot(self, slot: tuple[F32, float]) -> None:
        chroma, bpm = slot
        self.slots += 1
        self.chroma += chroma
        if bpm > 0.0:
            self.tempi[round(bpm, 1)] += 1

    def add_energy(self, energy: float) -> None:
        self.energies += 1
        self.energy += energy

    def add_mood(self, mood: Mood) -> None:
        self.moods[mood.label] += 1
        self.valence += mood.valence
        self.arousal += mood.arousal

    @property
    def bpm(self) -> float:
        """Median of the tempi that were trusted; 0 without any."""
        left = self.tempi.total() / 2.0
        for bpm, count in sorted(self.tempi.items()):
            left -= count
            if left <= 0.0:
                return bpm
        return 0.0

    def change(self, sample: int, decided: int, confidence: float, length: float) -> SongChange:
        """The event that ends this song."""
        found = estimate_key(self.chroma) if self.slots >= _KEY_SLOTS else None
        key, sure = found if found else (None, 0.0)
        moods = max(1, self.moods.total())
        return SongChange(
            sample, decided, confidence, length, self.bpm,
            key.tonic if key else -1, bool(key and key.minor), sure,
            self.moods.most_common(1)[0][0] if self.moods else "", self.valence / moods, self.arousal / moods,
            self.energy / max(1, self.energies),
        )  # fmt: skip


class _Waiting(Generic[T]):
    """What came in the last seconds, and may belong to this song or to the next; ``add`` sums up what is surely its."""

    def __init__(self) -> None:
        self._items: deque[tuple[int, T]] = deque()

    def push(self, sample: int, item: T) -> None:
        self._items.append((sample, item))

    def settle(self, until: int, add: Callable[[T], None]) -> None:
        """Hand over everything up to ``until``, a sample."""
        while self._items and self._items[0][0] <= until:
            add(self._items.popleft()[1])

    def clear(self) -> None:
        self._items.clear()

    def __iter__(self) -> Iterator[T]:
        return (item for _, item in self._items)


class SongStream:
    """Finds where songs of a set begin, and sums up each."""

    def __init__(self, model: SongModel) -> None:
        self._model = model
        self._pool = SlotPool(None)
        self._rows = np.zeros((2 * MEMORY, model.projection.shape[1]))
        self._tempi = np.zeros((2 * MEMORY, 2))
        self._slots = _Waiting[tuple[F32, float]]()
        self._energies = _Waiting[float]()
        self._moods = _Waiting[Mood]()
        self.reset()

    def reset(self) -> None:
        """Begin a new stream."""
        self._began = -1  # sample of the song; -1 before the first sound
        self._last = 0  # sample of the last change
        for waiting in (self._slots, self._energies, self._moods):
            waiting.clear()
        self._totals = _Totals()
        self._keys: deque[tuple[int, tuple[Key, float] | None]] = deque([(0, None)])  # from which sample on
        self._coming: deque[Mood] = deque()
        self._music = True
        self.restart()

    def restart(self) -> None:
        """What comes next may be another song: after a gap of the input."""
        self._pool.reset()
        self._sounded = False  # any hop of this slot
        self._silent = 0  # slots
        self._resumed = -1  # sample at which there was sound again after a pause; -1: there was none
        self._stored = self._count = 0  # slots
        self._judged: deque[tuple[int, float]] = deque(maxlen=_BACK + _AHEAD + 1)  # sample, log odds that a song begins
        self._chroma, self._key_slots = np.zeros(12), 0

    def add_energy(self, sample: int, energy: float) -> None:
        """The energy at ``sample``, while there is sound."""
        self._energies.push(sample, energy)

    def key_at(self, sample: int) -> tuple[Key, float] | None:
        """The key at ``sample``, later than asked before, and how sure it is; None in the first 8 s of a song."""
        while len(self._keys) > 1 and self._keys[1][0] <= sample:
            self._keys.popleft()
        return self._keys[0][1]

    def push(self, hops: Hops, signal: Flags, tempi: Records, moods: Sequence[Mood] | None) -> list[SongChange]:
        """The changes that ``hops`` make known.

        ``signal`` (n,) and ``tempi`` (n,) are those of the structure; ``moods`` of the same hops, None where nobody
        follows them.
        """
        if moods is None:
            self._music = True
        else:
            self._coming += moods
        found: list[SongChange] = []
        at = 0
        while at < len(hops):
            used = self._pool.push(hops.values[at:])
            self._sounded |= bool(signal[at : at + used].any())
            at += used
            if self._pool.complete:
                sample = hops.sample + (at - 1) * HOP
                self._take_moods(sample + hops.delay)
                found += self._take(sample, sample + hops.delay, tempi[at - 1])
                self._sounded = False
        return found

    def _take_moods(self, decided: int) -> None:
        while self._coming and self._coming[0].decided <= decided:
            mood = self._coming.popleft()
            self._music = mood.music
            if mood.music and mood.label:
                self._moods.push(mood.sample, mood)

    def _take(self, sample: int, decided: int, tempo: Record) -> list[SongChange]:
        """One slot more, which ends at ``sample``."""
        if not self._sounded:
            self._silent += 1
            if self._silent >= _PAUSE:
                self._pause(sample)
                return []
        elif self._began < 0:
            self._began = sample - SLOT
            self._silent = 0
        else:
            if self._silent >= _PAUSE:
                self._resumed = sample - SLOT
            self._silent = 0
        if self._began < 0:
            return []
        slot, place = self._pool.slot, self._pool.layout
        trusted = bool(tempo["locked"]) and tempo["period"] > 0.0
        self._sum_up(sample, slot[place.chroma].copy(), 60.0 * ANALYSIS_RATE / tempo["period"] if trusted else 0.0)
        self._store(slot[place.plain], float(tempo["period"]), float(tempo["confidence"]))
        if self._resumed >= 0:
            return self._after_pause(sample, decided)
        return self._judge(sample, decided) if self._count % STEP == 0 else []

    def _pause(self, sample: int) -> None:
        if self._silent == _PAUSE:
            self._stored = self._count = 0
            self._judged.clear()
            self._new_key(sample)

    def _new_key(self, sample: int) -> None:
        self._chroma, self._key_slots = np.zeros(12), 0
        self._keys.append((sample, None))

    def _sum_up(self, sample: int, chroma: F32, bpm: float) -> None:
        self._slots.push(sample, (chroma, bpm))
        self._settle(sample - _SETTLED)
        self._key_slots += 1
        self._chroma += (chroma - self._chroma) / min(self._key_slots, _KEY_FADE)
        if self._key_slots >= _KEY_SLOTS and self._key_slots % _KEY_STEP == 0:
            self._keys.append((sample, estimate_key(self._chroma)))

    def _settle(self, until: int) -> None:
        self._slots.settle(until, self._totals.add_slot)
        self._energies.settle(until, self._totals.add_energy)
        self._moods.settle(until, self._totals.add_mood)

    def _store(self, slot: F32, period: float, confidence: float) -> None:
        if self._stored == len(self._rows):
            self._rows[:MEMORY], self._tempi[:MEMORY] = self._rows[MEMORY:].copy(), self._tempi[MEMORY:].copy()
            self._stored = MEMORY
        self._rows[self._stored] = self._model.projected(slot)
        self._tempi[self._stored] = period, confidence
        self._stored += 1
        self._count += 1

    def _after_pause(self, sample: int, decided: int) -> list[SongChange]:
        """Another song began when sound came back, once it is known to be music."""
        if not self._music:
            return []
        at, self._resumed = max(self._resumed, sample - _MUSIC_DELAY), -1
        return [self._change(at, decided, 1.0)] if at - self._began >= _LEAST * ANALYSIS_RATE else []

    def _judge(self, sample: int, decided: int) -> list[SongChange]:
        if self._count < EARLIEST + AFTER:
            return []
        last = slice(max(0, self._stored - MEMORY), self._stored)
        odds = self._model.change(features(self._rows[last], self._tempi[last]))
        self._judged.append((sample - AFTER * SLOT, odds))
        if len(self._judged) <= _AHEAD or not self._music:
            return []
        at, odds = self._judged[-1 - _AHEAD]
        since = (at - max(self._last, self._began)) / ANALYSIS_RATE
        if odds < max(other for _, other in self._judged) or since <= _APART:
            return []
        likely = self._model.begins(odds - _YOUNG * max(0.0, 1.0 - since / _USUAL))
        return [self._change(at, decided, likely)] if likely >= self._model.threshold else []

    def _change(self, sample: int, decided: int, confidence: float) -> SongChange:
        """The song that has ended at ``sample``; what came since belongs to the next one."""
        self._settle(sample)
        ended = self._totals.change(sample, decided, confidence, (sample - self._began) / ANALYSIS_RATE)
        self._totals = _Totals()
        self._began = self._last = sample
        self._new_key(decided)
        for chroma, _ in self._slots:
            self._key_slots += 1
            self._chroma += (chroma - self._chroma) / self._key_slots
        return ended

    def unfinished(self, sample: int) -> SongChange | None:
        """The song that plays, as if it ended at ``sample``, the end of the stream; None without any sound."""
        if self._began < 0:
            return None
        self._settle(sample)
        return self._totals.change(sample, sample, 1.0, (sample - self._began) / ANALYSIS_RATE)
