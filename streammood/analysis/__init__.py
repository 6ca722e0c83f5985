"""State objects with ``push`` and ``reset``: from blocks of samples to events. No threads, no I/O, no wall clock."""
