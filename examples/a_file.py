"""The tempo, the mood and the downbeats of a sound file: python examples/a_file.py song.flac"""

import sys

import streammood as sm

song = sm.analyze(sys.argv[1])
print(f"{song.name}: {song.bpm:.1f} BPM, {song.mood.label if song.mood else 'no music'}")
for beat in song.beats:
    if beat.number == 1:
        print(f"  downbeat at {sm.seconds(beat.sample):.2f} s")
