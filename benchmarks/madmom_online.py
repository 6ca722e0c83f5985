"""madmom as it runs live, in its own Python: reads paths of sound files, prints beats and seconds of computing.

Each line that comes in is a path, each that goes out a JSON object. What comes first is heard once unseen, so that
nothing of what is counted is the loading of models.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
import warnings

FPS = 100


def main() -> None:
    """Answer until there are no more paths."""
    warnings.simplefilter("ignore")
    beats = importlib.import_module("madmom.features.beats")
    signal = importlib.import_module("madmom.audio.signal")
    network = beats.RNNBeatProcessor(online=True, fps=FPS)
    warm = False
    for line in sys.stdin:
        sound = signal.Signal(line.strip(), num_channels=1)
        if not warm:
            network(sound)
            warm = True
        decoder = beats.DBNBeatTrackingProcessor(online=True, fps=FPS)
        began = time.process_time()
        found = decoder.process_online(network(sound), reset=True)
        spent = time.process_time() - began
        print(json.dumps({"beats": [float(beat) for beat in found], "seconds": spent}), flush=True)


main()
