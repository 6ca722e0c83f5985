"""streammood hears music as it plays and tells lights and visuals what it does, over OSC."""

import os

# numpy's OpenBLAS would set every core spinning for products that take a tenth of a millisecond; it looks when it loads
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

__version__ = "0.1.0"
