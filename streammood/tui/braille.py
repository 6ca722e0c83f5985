"""Drawing with braille characters: two by four dots in each cell of a terminal."""

from __future__ import annotations

from rich.text import Text

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # Unicode's bits, by row and column
_BLANK = 0x2800


class Canvas:
    """A field of dots; a cell has the colour of the last dot drawn in it."""

    def __init__(self, columns: int, rows: int) -> None:
        """So many cells of the terminal."""
        self.width, self.height = 2 * columns, 4 * rows  # dots
        self._dots = [[0] * columns for _ in range(rows)]
        self._styles = [[""] * columns for _ in range(rows)]
        self._letters: dict[tuple[int, int], str] = {}

    def dot(self, x: float, y: float, style: str) -> None:
        """A dot at ``x``, ``y``, each 0..1 from the left and from the bottom; kept inside."""
        column = min(self.width - 1, max(0, round(x * (self.width - 1))))
        row = min(self.height - 1, max(0, round((1.0 - y) * (self.height - 1))))
        self._dots[row // 4][column // 2] |= _DOTS[row % 4][column % 2]
        self._styles[row // 4][column // 2] = style

    def line(self, start: tuple[float, float], end: tuple[float, float], style: str) -> None:
        """Dots from ``start`` to ``end``."""
        (a, b), (c, d) = start, end
        steps = max(1, round(abs(c - a) * self.width), round(abs(d - b) * self.height))
        for i in range(steps + 1):
            self.dot(a + (c - a) * i / steps, b + (d - b) * i / steps, style)

    def letter(self, x: float, y: float, letter: str, style: str) -> None:
        """A character in place of the cell at ``x``, ``y``."""
        row = min(len(self._dots) - 1, round((1.0 - y) * (len(self._dots) - 1)))
        column = min(self.width // 2 - 1, round(x * (self.width // 2 - 1)))
        self._letters[row, column] = letter
        self._styles[row][column] = style

    def text(self) -> Text:
        """The drawing, a line for each row."""
        drawn = Text(no_wrap=True)
        for row, (dots, styles) in enumerate(zip(self._dots, self._styles, strict=True)):
            if row:
                drawn.append("\n")
            for column, (bits, style) in enumerate(zip(dots, styles, strict=True)):
                letter = self._letters.get((row, column))
                drawn.append(letter or (chr(_BLANK + bits) if bits else " "), style)
        return drawn
