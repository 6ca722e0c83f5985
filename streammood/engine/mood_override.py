"""Moods as the analysis predicts them in, moods as the operator wants them out: frozen, or set to a label."""

from __future__ import annotations

from dataclasses import replace

from streammood.errors import ControlError
from streammood.events import Mood
from streammood.protocol.commands import AUTO


class MoodOverride:
    """Stands between the analysis and the outputs."""

    def __init__(self, labels: tuple[str, ...]) -> None:
        self.hold = False
        self.label: str | None = None  # that was set
        self._labels = labels
        self._predicted: Mood | None = None  # the latest
        self._frozen: Mood | None = None
        self._sent: str | None = None  # the label of the last mood that went out

    def push(self, mood: Mood) -> Mood:
        """The mood to send now that ``mood`` is predicted."""
        self._predicted = mood
        return self._overridden(mood)

    def freeze(self, on: bool) -> None:
        """Freeze the mood as it was last predicted, or let it go; where there was none yet, freeze the first."""
        if on and not self.hold:
            self._frozen = self._predicted
        self.hold = on

    def set(self, label: int | str | None) -> None:
        """Send this mood, by its label or its place in the model's order, whatever is predicted; None ends that.

        Raises:
            ControlError: the model has no such mood.
        """
        if isinstance(label, int) and label < len(self._labels):
            label = self._labels[label]
        if label is not None and label not in self._labels:
            raise ControlError(f"no mood `{str(label)[:40]}`; allowed are {', '.join(self._labels)}, and `{AUTO}`")
        self.label = label if label is None else str(label)

    def now(self, sample: int) -> Mood | None:
        """The mood to send at ``sample`` after a change by hand; None where there is none to send."""
        mood = self._predicted
        if mood is None:
            if self.label is None:
                return None
            mood = Mood(sample, sample, 0.0, 0.0, dict.fromkeys(self._labels, 0.0), self.label, 0.0, False, False, 0.0)
        return self._overridden(replace(mood, sample=sample, decided=sample))

    def _overridden(self, mood: Mood) -> Mood:
        if self.hold:
            self._frozen = self._frozen or mood
            mood = replace(self._frozen, sample=mood.sample, decided=mood.decided)
        if self.label is not None:
            shares = {name: float(name == self.label) for name in self._labels}
            mood = replace(mood, probabilities=shares, label=self.label, confidence=1.0)
        changed = mood.label != self._sent
        self._sent = mood.label
        return replace(mood, changed=changed)
