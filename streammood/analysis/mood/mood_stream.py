"""Features in, moods out: the mood of the music that is playing, steady while it plays, quick when it changes.

Each prediction of the network covers the last five seconds. The evidence of all answers since this music began is
averaged, which is what makes the mood right and steady; in labels, those of a window that is not full yet count little.
A quick average beside it notices that the music has changed: where it has contradicted the slow one for long enough,
the slow one starts again from it.

Silence, and sound that is not music, end a piece of music: the evidence is forgotten, so no answer mixes what came
before and after. Until there is music again no label is given, the probabilities fall to even and valence and arousal
to 0, unless the settings say otherwise. Only ``summary`` looks at all the music since the last reset.

Confidence is the calibrated probability of the label times the probability that the sound is music.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from streammood.analysis.hops import Flags, Hops
from streammood.analysis.mood.music_gate import QUIET, SHORT, MusicGate
from streammood.analysis.mood.slots import HOPS, SlotPool
from streammood.analysis.mood.statistics import Statistics
from streammood.analysis.mood.window import SlotWindow
from streammood.config import MoodSettings
from streammood.dsp.layout import HOP
from streammood.errors import ModelError
from streammood.events import ANALYSIS_RATE, F32, Mood
from streammood.models.mood_model import MoodModel

_APART = 0.8  # distance on an axis that surprises as much as two labels, each certain
_FULLNESS = 8  # power of how full a window is by which its labels count: a fuller window contains the shorter one
_FADE = 1.5  # s in which the last mood fades once the music has ended


class Evidence:
    """Weighted means of answers in which old ones fade."""

    def __init__(self, n_labels: int, decay: float) -> None:
        self._decay = decay
        self._sums, self._weights = np.zeros((2, n_labels + 3))

    def clear(self) -> None:
        """Forget all answers."""
        self._sums[:] = self._weights[:] = 0.0

    def add(self, values: F32, weights: F32) -> None:
        """Let the past fade by one step and add logits, valence, arousal and probability of music (n_labels + 3,)."""
        self._sums *= self._decay
        self._sums += weights * values
        self._weights *= self._decay
        self._weights += weights

    def replace(self, other: Evidence) -> None:
        """Take over the evidence of ``other``."""
        self._sums[:] = other._sums
        self._weights[:] = other._weights

    @property
    def filled(self) -> bool:
        """Whether there is any."""
        return bool(self._weights[-1] > 0.0)

    @property
    def probabilities(self) -> F32:
        """Probability of each label (n_labels,)."""
        return softmax((self._sums[:-3] / self._weights[:-3]).astype(np.float32))

    @property
    def circumplex(self) -> tuple[float, float]:
        """Valence and arousal."""
        valence, arousal = np.clip(self._sums[-3:-1] / self._weights[-3:-1], -1.0, 1.0).tolist()
        return valence, arousal

    @property
    def music(self) -> float:
        """Probability that the sound is music, 0..1."""
        return float(self._sums[-1] / self._weights[-1])


def softmax(logits: F32) -> F32:
    """Probabilities (n,) of logits (n,)."""
    if logits.size == 0:
        return logits
    shares = np.exp(logits - logits.max())
    scaled: F32 = shares / shares.sum()
    return scaled


class Totals:
    """Mean and deviation of all slots since the last reset."""

    def __init__(self, size: int) -> None:
        self._sums, self._squares = np.zeros((2, size))
        self.count = 0

    def clear(self) -> None:
        """Forget all slots."""
        self._sums[:] = self._squares[:] = 0.0
        self.count = 0

    def add(self, slot: F32) -> None:
        """Count ``slot`` (size,)."""
        self._sums += slot
        self._squares += np.square(slot, dtype=np.float64)
        self.count += 1

    @property
    def mean(self) -> npt.NDArray[np.float64]:
        """Mean (size,); zeros without slots."""
        return self._sums / max(1, self.count)

    @property
    def deviation(self) -> npt.NDArray[np.float64]:
        """Standard deviation (size,); zeros without slots."""
        spread: npt.NDArray[np.float64] = np.sqrt(np.maximum(self._squares / max(1, self.count) - self.mean**2, 0.0))
        return spread


class MoodStream:
    """Follows the mood of a stream of features."""

    def __init__(self, settings: MoodSettings, model: MoodModel) -> None:
        """Follow it with ``model``.

        Raises:
            ModelError: the model was made for other statistics.
        """
        manifest = model.manifest
        self._settings = settings
        self._model = model
        self._labels = manifest.labels
        self._pool = SlotPool(model.embedding)
        self._window = SlotWindow(self._pool.layout.size, manifest.window.slots)
        self._statistics = Statistics(self._pool.layout)
        self.layout = self._pool.layout  # of the slots in ``totals``
        self.totals = Totals(self.layout.size)  # of everything that was audible since the last reset
        if manifest.window.hops != HOPS or len(manifest.statistics.scale) != self._statistics.size:
            raise ModelError(f"{manifest.name}: was made for other statistics than this version's; train it again")
        self._first = manifest.window.first
        self._step = max(1, int(settings.interval * ANALYSIS_RATE) // HOP) * HOP  # never slower than asked for
        fade = settings.interval / max(settings.smoothing, 1e-3)
        n = len(self._labels)
        self._slow = Evidence(n, float(np.exp(-fade)))
        self._quick = Evidence(n, float(np.exp(-settings.interval / max(settings.reaction, 1e-3))))
        self._whole = Evidence(n, 1.0)
        self._patience = max(1, round(settings.reaction / settings.interval))
        self._gate = MusicGate()
        self._even = dict.fromkeys(self._labels, 1.0 / max(1, n))
        self.reset()

    def reset(self) -> None:
        """Begin a new stream."""
        self._whole.clear()
        self.totals.clear()
        self._last_sample = 0
        self._label: int | None = None
        self._last: Mood | None = None  # of music
        self._strength = 0.0  # of the last mood, which falls to 0 once the music has ended
        self._silent = QUIET  # samples since there was sound
        self._begin()

    def _begin(self) -> None:
        """Start over: the next sound is other music."""
        self._pool.reset()
        self._window.reset()
        self._gate.reset()
        self._forget()
        self._due = 0

    def _forget(self) -> None:
        self._slow.clear()
        self._quick.clear()
        self._contradicted = 0
        self._current: int | None = None

    def push(self, hops: Hops, signal: Flags, sounds: Flags | None = None) -> list[Mood]:
        """The moods that are due at ``hops``; none in silence, once the last one has faded.

        Args:
            hops: features, in the order of the stream.
            signal: (n,) whether the silence gate is open.
            sounds: (n,) whether there is sound now; None where ``signal`` is that too.
        """
        moods, at = [], 0
        audible = self._audible(signal, signal if sounds is None else sounds)
        while at < len(audible):
            if audible[at]:
                at += self._pool.push(hops.values[at : self._until(at, audible, hops.sample)])
                if self._pool.complete:
                    self._window.add(self._pool.slot)
                    self.totals.add(self._pool.slot)
            else:
                if self._pool.begun:
                    self._begin()
                at += 1
            sample = hops.sample + (at - 1) * HOP
            if sample < self._due:
                continue
            if self._window.count >= self._first:
                moods.append(self._answer(sample, sample + hops.delay))
            elif self._strength > 0.0:
                moods.append(self._unmusical(sample, sample + hops.delay))
            else:
                continue
            self._due = sample + self._step
        return moods

    def _audible(self, signal: Flags, sounds: Flags) -> list[bool]:
        """Whether each hop belongs to music or to a short rest in it (n,)."""
        audible = []
        for opened, loud in zip(signal.tolist(), sounds.tolist(), strict=True):
            self._silent = 0 if loud else self._silent + HOP
            audible.append(opened and self._silent < QUIET)
        return audible

    def _until(self, at: int, audible: list[bool], sample: int) -> int:
        """One past the last hop that can be pooled at once from hop ``at`` on, where hop 0 ends at ``sample``."""
        until = audible.index(False, at) if False in audible[at:] else len(audible)
        if self._window.count < self._first and self._strength == 0.0:
            return until
        return min(until, at + 1 + max(0, -((sample + at * HOP - self._due) // HOP)))

    def summary(self) -> Mood | None:
        """The mood of all music since the last reset; None where there was none."""
        if not self._whole.filled:
            return None
        label = int(self._whole.probabilities.argmax()) if self._labels else None
        whole = self._mood(self._whole, label, self._last_sample, self._last_sample, False)
        return replace(whole, music=True)

    def _answer(self, sample: int, decided: int) -> Mood:
        before = self._gate.music
        ignore = self._settings.unmusical == "ignore"
        self._gate.push(1.0 if ignore else self._model.music(self._statistics(self._window.newest(SHORT))))
        if not self._gate.music:
            return self._unmusical(sample, decided)
        if not before:  # what lies farther back was something else
            self._window.shorten(max(SHORT, self._first))
            self._forget()
        window = self._window.recent()
        answer = self._model(self._statistics(window))
        values = np.append(answer.logits, [answer.valence, answer.arousal, self._gate.probability])
        weights = np.full_like(values, (window.shape[0] / self._window.length) ** _FULLNESS)
        weights[-3:-1] = 1.0
        for evidence in (self._slow, self._quick, self._whole):
            evidence.add(values, weights)
        self._notice_change()
        label = self._steady(self._slow.probabilities) if self._labels else None
        changed = label != self._label  # the first label of a stream is a change too: it sets the scene
        self._current = self._label = label
        self._last_sample = sample
        self._strength = 1.0
        self._last = self._mood(self._slow, label, sample, decided, changed)
        return self._last

    def _unmusical(self, sample: int, decided: int) -> Mood:
        """The mood while there is no music: the last one as it fades, or as it is held."""
        last = self._last or Mood(sample, decided, 0.0, 0.0, self._even, "", 0.0, changed=False)
        last = replace(
            last, sample=sample, decided=decided, confidence=0.0, changed=False, music=self._gate.music,
            music_confidence=self._gate.probability,
        )  # fmt: skip
        self._strength = max(0.0, self._strength - self._settings.interval / _FADE)
        if self._settings.unmusical == "hold":
            return last
        changed, self._label = self._label is not None, None
        share = self._strength
        return replace(
            last,
            valence=share * last.valence,
            arousal=share * last.arousal,
            probabilities={
                label: share * p + (1.0 - share) * self._even[label] for label, p in last.probabilities.items()
            },
            label="",
            changed=changed,
        )

    def _notice_change(self) -> None:
        self._contradicted = self._contradicted + 1 if self._contradicts() else 0
        if self._contradicted >= self._patience:
            self._slow.replace(self._quick)
            self._contradicted = 0

    def _contradicts(self) -> bool:
        if not self._labels:
            apart = np.subtract(self._quick.circumplex, self._slow.circumplex)
            return float(np.abs(apart).max()) > _APART * self._settings.surprise
        quick, slow = self._quick.probabilities, self._slow.probabilities
        return float(quick.max() - quick[int(slow.argmax())]) > self._settings.surprise

    def _steady(self, probabilities: F32) -> int:
        best = int(probabilities.argmax())
        if self._current is None or probabilities[best] - probabilities[self._current] > self._settings.hysteresis:
            return best
        return self._current

    def _mood(self, evidence: Evidence, label: int | None, sample: int, decided: int, changed: bool) -> Mood:
        shares = evidence.probabilities.tolist()
        valence, arousal = evidence.circumplex
        name, share = ("", 1.0) if label is None else (self._labels[label], shares[label])
        return Mood(
            sample, decided, valence, arousal, dict(zip(self._labels, shares, strict=True)),
            name, share * evidence.music, changed, self._gate.music, evidence.music,
        )  # fmt: skip
