"""A feature of one's own on an OSC address: how noisy the sound is, as /my/noisiness, to port 9000.

python examples/own_feature_to_osc.py song.flac (pip install python-osc)
"""

import sys

import soundfile
from pythonosc.udp_client import SimpleUDPClient

import streammood as sm

sound, rate = soundfile.read(sys.argv[1], dtype="float32")
client = SimpleUDPClient("127.0.0.1", 9000)
for noisiness in sm.features(sound, rate, kinds=["flatness"])["flatness"]:
    client.send_message("/my/noisiness", float(noisiness))
