"""streammood hears music as it plays and tells lights and visuals what it does, over OSC."""

__version__ = "0.1.0"
