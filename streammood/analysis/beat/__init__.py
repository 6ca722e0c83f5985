"""From features to beats, tempo and bars."""
