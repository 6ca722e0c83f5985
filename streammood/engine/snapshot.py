"""The latest of everything, for a status line."""

from __future__ import annotations

from dataclasses import dataclass

from streammood.events import Beat, Event, Level, Mood, Onset, Status, Tempo


@dataclass(frozen=True, slots=True)
class Told:
    """What the operator has told and what holds until it is told otherwise."""

    held: bool = False
    mood: str | None = None
    muted: tuple[str, ...] = ()  # names of outputs
    gain: float = 0.0  # dB


@dataclass(slots=True)
class Now:
    """The latest event of each kind, and whether the input is there."""

    level: Level | None = None
    tempo: Tempo | None = None
    beat: Beat | None = None
    mood: Mood | None = None
    status: Status | None = None
    onsets: int = 0
    connected: bool = True
    told: Told = Told()

    def take(self, event: Event) -> None:
        """Keep ``event`` as the latest of its kind."""
        match event:
            case Level():
                self.level = event
            case Tempo():
                self.tempo = event
            case Beat():
                self.beat = event
            case Mood():
                self.mood = event
            case Status():
                self.status = event
            case Onset():
                self.onsets += 1
