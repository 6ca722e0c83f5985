"""Hops and the beat clock in, structure out: energy and the section that plays, and what begins."""

from __future__ import annotations

from collections.abc import Sequence

from streammood.analysis.hops import Flags, Hops, Record, Records
from streammood.analysis.structure.beat_rows import FLOW, BeatRows
from streammood.analysis.structure.energy import Energy
from streammood.analysis.structure.sections import BREAKDOWN, CALM, Found, Sections
from streammood.analysis.structure.songs import SongStream
from streammood.events import ANALYSIS_RATE, Event, Mood, Section, Structure
from streammood.models.structure_model import StructureModel

_PAUSE = 2.0  # s of silence after which another song begins
_PHRASE = 8  # bars on whose grid sections end
_METER = 4  # beats in a bar where it is not known


class StructureStream:
    """Energy ten times a second, and drops, build-ups, breakdowns and other boundaries as they become known."""

    def __init__(self, model: StructureModel, flow: bool = True, songs: bool = True) -> None:
        """Without ``flow`` there are no ``Structure`` events, which nobody may read; the sections are the same.

        Without ``songs`` nobody looks for another song, and no key is known.
        """
        self._flow = flow
        self._rows = BeatRows()
        self._energy = Energy(model)
        self._sections = Sections(model)
        self.songs = SongStream(model.song) if songs else None
        self.reset()

    def reset(self) -> None:
        """Begin a new stream."""
        self._rows.reset()
        self._index = 0
        if self.songs is not None:
            self.songs.reset()
        self._begin()

    def restart(self) -> None:
        """Go on after a gap of the input, maybe with another song; sections are counted on."""
        if self.songs is not None:
            self.songs.restart()
        self._begin()

    def _begin(self) -> None:
        """Begin a new song, and go on counting sections."""
        self._energy.reset()
        self._sections.reset()
        self._silent = 0  # samples
        self._beat = 0  # count of the latest beat
        self._meter = _METER
        self._confidence = 0.0
        self._on_grid = [1, 2]  # boundaries a whole number of phrases after the one before, of how many

    def push(self, hops: Hops, signal: Flags, tempi: Records, moods: Sequence[Mood] | None = None) -> list[Event]:
        """What becomes known with ``hops``, in no order.

        ``signal`` (n,): whether the silence gate is open; ``tempi`` (n,): the beat clock after each hop;
        ``moods``: those of the same hops, None where nobody follows them.
        """
        events: list[Event] = []
        if self.songs is not None:
            events += self.songs.push(hops, signal, tempi, moods)
        rows, flows = self._rows.push(hops, signal, tempi)
        waiting = list(rows)
        for flow in flows:
            while waiting and waiting[0]["decided"] <= flow["decided"]:
                events += self._take(waiting.pop(0))
            self._rest(bool(flow["sounds"]))
            if self._flow:
                events.append(self._structure(flow))
        for row in waiting:
            events += self._take(row)
        return events

    def _take(self, row: Record) -> list[Event]:
        self._beat = int(row["count"]) + (not row["early"])
        self._meter = int(row["meter"]) or _METER
        began = self._sections.begun
        return [self._section(found, began, bool(row["locked"])) for found in self._sections.push(row)]

    def _section(self, found: Found, began: int, locked: bool) -> Section:
        bars = max(0, round((found.count - began) / self._meter)) if self._index else 0
        if found.kind != "buildup":
            self._index += 1
            self._confidence = found.confidence
            self._on_grid[0] += bars > 0 and bars % _PHRASE == 0
            self._on_grid[1] += 1
        return Section(round(found.sample), found.decided, found.kind, found.confidence, bars, locked)

    def _rest(self, sounds: bool) -> None:
        """Begin another song after a pause."""
        self._silent = 0 if sounds else self._silent + FLOW
        if self._silent >= _PAUSE * ANALYSIS_RATE:
            self._begin()

    def _structure(self, flow: Record) -> Structure:
        energy, key = self._energy.push(flow), None
        if self.songs is not None:
            key = self.songs.key_at(int(flow["sample"]))
            if flow["sounds"]:
                self.songs.add_energy(int(flow["sample"]), energy)
        sections = self._sections
        begun = self._index > 0 and len(sections.context.rows) > 0
        bars = max(0, self._beat - sections.begun) // self._meter if begun else 0
        return Structure(
            sample=int(flow["sample"]),
            decided=int(flow["decided"]),
            energy=energy,
            buildup=sections.buildup,
            breakdown=sections.kind == BREAKDOWN,
            kind=sections.kind if begun else CALM,
            index=self._index,
            bars=bars,
            confidence=self._confidence if begun else 0.0,
            countin=_PHRASE - bars % _PHRASE if begun else 0,
            grid=self._on_grid[0] / self._on_grid[1] if begun else 0.0,
            key=key[0].tonic if key else -1,
            minor=bool(key and key[0].minor),
            key_confidence=key[1] if key else 0.0,
        )
