"""A terminal that shows an engine from its OSC alone, and commands it: beside the engine, or on another machine."""
