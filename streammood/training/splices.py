"""How soon a change of music is followed: two clips with different moods, one after the other."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from streammood.events import ANALYSIS_RATE, seconds
from streammood.training.listening import Listener, Prediction

_BEFORE = 15.0  # seconds of the first clip
PAIRS = 40

Frames = npt.NDArray[np.float16]


def follow_times(
    listener: Listener, hop: int, clips: list[tuple[Frames, Prediction]], seed: int, pairs: int = PAIRS
) -> list[float]:
    """Seconds from each of ``pairs`` random splices until the label is the one that the second clip has alone.

    ``clips`` are features (n_frames, n_features) and what was heard; pairs of one label are passed over. A splice
    that is never followed counts as the length of the second clip.
    """
    rng = np.random.default_rng(seed)
    times = []
    for _ in range(pairs if len(clips) > 1 else 0):
        (first, before), (second, after) = (clips[k] for k in rng.choice(len(clips), 2, replace=False))
        if before.summary is None or after.summary is None or before.summary.label == after.summary.label:
            continue
        start = first[: round(_BEFORE * ANALYSIS_RATE / hop)]
        prediction = listener.listen(np.concatenate([start, second]))
        splice = start.shape[0] * hop
        followed = (
            m.decided - splice for m in prediction.moods if m.decided > splice and m.label == after.summary.label
        )
        times.append(seconds(next(followed, second.shape[0] * hop)))
    return times
