"""What people keep of a song: a picture, a page with sound, tables and label tracks."""
