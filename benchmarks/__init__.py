"""Whether a machine keeps the latency budget: ``python -m benchmarks``."""

import streammood  # noqa: F401  before numpy, which it asks not to keep a second core busy, as in the program itself
