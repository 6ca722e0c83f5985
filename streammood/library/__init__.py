"""Collections of songs: scan them into a database, find by mood, tempo, key and likeness, tag, play, recommend."""
