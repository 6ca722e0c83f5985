"""Where in the song the music is: energy, build-ups, drops, breakdowns, sections."""
