"""An engine seen from outside: its state, its signals, and commands to it."""
