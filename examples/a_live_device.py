"""Beats and moods of a live input as they happen: python examples/a_live_device.py "USB Audio" (or demo)"""

import sys

import streammood as sm

for event in sm.listen(sys.argv[1] if len(sys.argv) > 1 else None):
    match event:
        case sm.Beat(bpm=bpm, number=number, locked=True):
            print(f"beat {number or '-'} at {bpm:.1f} BPM", flush=True)
        case sm.Mood(label=label, valence=valence, arousal=arousal):
            print(f"{label}, valence {valence:+.2f}, arousal {arousal:+.2f}", flush=True)
