"""Where the rows of an event log go: to open streams, to files, and to whoever else takes rows."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, TextIO

from streammood.errors import SinkError
from streammood.log.rotation import RotatingRows
from streammood.log.rows import Row, to_text


class RowSink(Protocol):
    """Takes rows."""

    def write(self, row: Row, /) -> object:
        """Take one row.

        Raises:
            OSError: it cannot be written.
        """
        ...

    def close(self) -> object:
        """Take no more."""
        ...


class TextRows:
    """Rows as JSON lines in an open text stream, each flushed as it comes."""

    def __init__(self, stream: TextIO, own: bool = False) -> None:
        """``own``: the stream is closed with this."""
        self._stream = stream
        self._own = own

    def write(self, row: Row) -> None:
        """Write one row.

        Raises:
            OSError: it cannot be written.
        """
        self._stream.write(to_text(row))
        self._stream.flush()

    def close(self) -> None:
        """Close the stream, if it is this one's own."""
        if self._own:
            self._stream.close()


class EventLog:
    """Hands rows to any number of sinks; to none, it does nothing."""

    def __init__(self, *streams: TextIO) -> None:
        """``streams`` are open text streams, which stay open."""
        self._common: tuple[RowSink, ...] = tuple(TextRows(stream) for stream in streams)
        self._own: tuple[RowSink, ...] = ()

    @classmethod
    def create(cls, folder: Path, name: str) -> EventLog:
        """A log in a new file ``name`` in ``folder``.

        Raises:
            SinkError: the file cannot be written.
        """
        return cls().beside(folder, name)

    @classmethod
    def rotating(cls, path: Path, size: int, files: int) -> EventLog:
        """A log in at most ``files`` files of ``size`` bytes each, the latest of them at ``path``.

        Raises:
            SinkError: the file cannot be written, or another program writes it.
        """
        try:
            return cls().also(RotatingRows(path, size, files))
        except BlockingIOError:
            raise SinkError(f"{path}: another streammood writes this event log; choose another path") from None
        except OSError as error:
            raise _unwritable(path, error) from None

    def beside(self, folder: Path | None, name: str) -> EventLog:
        """A log that writes to this one's sinks and to a new file ``name`` in ``folder``, if there is one."""
        log = EventLog()
        log._common = self._common + self._own
        if folder is not None:
            try:
                log.also(TextRows((folder / name).open("w", encoding="utf-8"), own=True))
            except OSError as error:
                raise _unwritable(folder / name, error) from None
        return log

    def also(self, sink: RowSink) -> EventLog:
        """This log, which writes to ``sink`` too and closes it at the end."""
        self._own += (sink,)
        return self

    def write(self, row: Row | None) -> None:
        """Hand over one row, if there is one; a sink that fails is the first, so that no other takes a row twice.

        Raises:
            OSError: a sink cannot be written any more.
        """
        if row is not None:
            for sink in (*self._common, *self._own):
                sink.write(row)

    def close(self) -> None:
        """Close what this log opened."""
        for sink in self._own:
            sink.close()


def _unwritable(path: Path, error: OSError) -> SinkError:
    return SinkError(f"{path}: the event log cannot be written ({error.strerror}); choose another path")
