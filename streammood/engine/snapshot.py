"""The latest of everything, for a status line."""

from __future__ import annotations

from dataclasses import dataclass, field

from streammood.events import Beat, Event, Level, Mood, Onset, OperatorState, Status, Tempo


@dataclass(slots=True)
class Snapshot:
    """The latest event of each kind, whether the input is there, and what the operator has set."""

    level: Level | None = None
    tempo: Tempo | None = None
    beat: Beat | None = None
    mood: Mood | None = None
    status: Status | None = None
    onsets: int = 0
    connected: bool = True
    operator: OperatorState = field(default_factory=OperatorState)

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
