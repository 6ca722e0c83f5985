"""A ``labels.csv`` read so that whatever is wrong in it is one line that names the file and the row."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable
from pathlib import Path

from streammood.errors import DataError

_SEPARATORS = ",;\t"  # spreadsheets write any of these, by the language of the system
_SHOWN = 60  # characters of a value in a message


class Row(dict[str, str]):
    """The cells of one row by their column; ``place`` says which it is."""

    def __init__(self, cells: Iterable[tuple[str, str]], place: str) -> None:
        super().__init__(cells)
        self.place = place

    def text(self, column: str) -> str:
        """What stands in ``column``.

        Raises:
            DataError: there is no such column.
        """
        if column not in self:
            raise DataError(f"{self.place}: the column `{column}` is missing")
        return self[column]

    def number(self, column: str, low: float = -math.inf, high: float = math.inf) -> float:
        """The number in ``column``, in ``low``..``high``.

        Raises:
            DataError: there is none.
        """
        text = self.text(column)
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not (math.isfinite(value) and low <= value <= high):
            wanted = f"a number in {low:g}..{high:g}" if math.isfinite(low) else "a number"
            raise DataError(f"{self.place}: `{column}` must be {wanted}, got `{text[:_SHOWN]}`")
        return value

    def choice(self, column: str, choices: tuple[str, ...]) -> int:
        """The position of what stands in ``column`` among ``choices``.

        Raises:
            DataError: it is none of them.
        """
        text = self.text(column)
        if text not in choices:
            raise DataError(f"{self.place}: `{column}` must be {', '.join(choices)}, got `{text[:_SHOWN]}`")
        return choices.index(text)


def read_rows(path: Path) -> list[Row]:
    """The rows of a table with a header that has a column ``file``.

    Raises:
        DataError: it cannot be read, or a row has too few or too many cells; names the file and the row.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        separator = max(_SEPARATORS, key=text.partition("\n")[0].count)
        reader = csv.reader(text.splitlines(keepends=True), delimiter=separator)
        header = [name.strip() for name in next(reader, [])]
        rows = [(reader.line_num, cells) for cells in reader if any(cells)]
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise DataError(f"{path}, line {line}: is not UTF-8; save the table as CSV in UTF-8") from None
    except (OSError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if "file" not in header or len(set(header)) < len(header) or not rows:
        raise DataError(f"{path}: needs a header with the column `file`, every column once, and a line for each clip")
    return [_row(f"{path}, line {line}", header, cells) for line, cells in rows]


def _row(place: str, header: list[str], cells: list[str]) -> Row:
    if len(cells) != len(header):
        raise DataError(f"{place}: has {len(cells)} cells, the header has {len(header)} columns")
    row = Row(((name, cell.strip()) for name, cell in zip(header, cells, strict=True)), place)
    if not row["file"] or not row["file"].isprintable():
        raise DataError(f"{place}: `file` must name a sound file")
    return row
