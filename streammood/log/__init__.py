"""Event rows, written by a thread of its own; notes for people."""
