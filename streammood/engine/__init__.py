"""Where the parts are wired together; the only place with threads."""
