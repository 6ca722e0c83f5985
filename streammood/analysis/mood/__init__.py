"""From features to moods: labels, valence and arousal."""
