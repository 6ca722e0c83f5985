"""The front door for Python: its names are offered by ``import streammood``."""
