"""The operator's say over the mood: frozen as it is, or set to a label, whatever is heard meanwhile."""

from __future__ import annotations

from dataclasses import replace

from streammood.errors import ControlError
from streammood.events import Mood
from streammood.protocol.commands import AUTO, Hold, MoodCommand, SetMood, Value


class MoodHold:
    """Moods as heard in, moods as told out."""

    def __init__(self, labels: tuple[str, ...]) -> None:
        self._labels = labels
        self._heard: Mood | None = None
        self._frozen: Mood | None = None
        self._told: str | None = None  # the label of the last mood that was told
        self.held = False
        self.label: str | None = None  # that was set

    def push(self, mood: Mood) -> Mood:
        """The mood to tell now that ``mood`` is heard."""
        self._heard = mood
        return self._as_told(mood)

    def obey(self, command: MoodCommand) -> tuple[Value, ...]:
        """Do it; returns what holds now.

        Raises:
            ControlError: the model knows no such mood.
        """
        match command:
            case Hold(on):
                self._hold(not self.held if on is None else on)
                return (int(self.held),)
            case SetMood(label):
                self.label = self._known(label)
                return (self.label or AUTO,)

    def _hold(self, on: bool) -> None:
        """Freeze the mood as it was last heard, or let it go; where none was heard yet, freeze the first."""
        if on and not self.held:
            self._frozen = self._heard
        self.held = on

    def _known(self, label: int | str | None) -> str | None:
        if isinstance(label, int) and label < len(self._labels):
            return self._labels[label]
        if label is not None and label not in self._labels:
            raise ControlError(f"no mood `{str(label)[:40]}`; known are {', '.join(self._labels)}, and `{AUTO}`")
        return label

    def now(self, sample: int) -> Mood | None:
        """The mood to tell at ``sample`` after a change of hand; None where there is none to tell."""
        mood = self._heard
        if mood is None:
            if self.label is None:
                return None
            mood = Mood(sample, sample, 0.0, 0.0, dict.fromkeys(self._labels, 0.0), self.label, 0.0, False)
        return self._as_told(replace(mood, sample=sample, decided=sample))

    def _as_told(self, mood: Mood) -> Mood:
        if self.held:
            self._frozen = self._frozen or mood
            mood = replace(self._frozen, sample=mood.sample, decided=mood.decided)
        if self.label is not None:
            shares = {name: float(name == self.label) for name in self._labels}
            mood = replace(mood, probabilities=shares, label=self.label, confidence=1.0)
        changed = mood.label != self._told
        self._told = mood.label
        return replace(mood, changed=changed)
