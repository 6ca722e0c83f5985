"""The callbacks of a TouchDesigner Script CHOP whose input is an Audio Device In CHOP."""

import numpy as np

import streammood as sm

tracker = sm.Analyzer(sample_rate=44_100)  # that of the Audio Device In CHOP
latest = {"bpm": 0.0, "beat": 0.0, "valence": 0.0, "arousal": 0.0}


def onCook(scriptOp):  # noqa: N802, N803  TouchDesigner's names
    sound = scriptOp.inputs[0].numpyArray().astype(np.float32).T  # (channels, n) to (n, channels)
    latest["beat"] = 0.0
    for event in tracker.push(np.ascontiguousarray(sound)):
        if isinstance(event, sm.Beat):
            latest.update(beat=1.0, bpm=event.bpm)
        elif isinstance(event, sm.Mood):
            latest.update(valence=event.valence, arousal=event.arousal)
    scriptOp.clear()
    for name, value in latest.items():
        scriptOp.appendChan(name)[0] = value
