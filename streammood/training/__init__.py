"""Makes models and scores them; TensorFlow reads these settings when it is first imported."""

import os

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")  # Keras 3 does not export to int8
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # what it says at start is of no use to people
