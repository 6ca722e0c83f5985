"""The built-in music, with known beats and moods: for the demo and for tests."""
