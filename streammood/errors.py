"""The errors that a user can meet, each with one line that ends in what to do.

    StreammoodError
    ├── ConfigError    a setting, a preset or a command-line value is wrong
    ├── SourceError    the input cannot be opened, read, or has gone
    ├── ModelError     a model is missing, corrupt or made for other features
    ├── SinkError      an output cannot be opened or written
    ├── ControlError   a control port cannot be opened, or a command is not understood
    ├── OscError       bytes that came over the network are not OSC
    ├── LibraryError   the database of the library cannot be used, or a song is not in it
    └── DataError      labelled music to train on is missing, unreadable or too little

Anything else that escapes is a fault of the program.
"""


class StreammoodError(Exception):
    """Base of all errors that are shown to the user as one line."""


class ConfigError(StreammoodError):
    """A setting names something that is not allowed."""


class SourceError(StreammoodError):
    """An input cannot be opened or read."""


class ModelError(StreammoodError):
    """A model cannot be used."""


class SinkError(StreammoodError):
    """An output cannot be opened or written."""


class ControlError(StreammoodError):
    """A command is invalid, or cannot be sent."""


class OscError(StreammoodError):
    """Bytes are not OSC, or hold what no message of ours can."""


class DataError(StreammoodError):
    """Labelled music cannot be used for training or scoring."""


class LibraryError(StreammoodError):
    """The database of the library cannot be used, or does not contain the requested song."""
