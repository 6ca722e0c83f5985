"""The bars that long work shows."""

from __future__ import annotations

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


def bars(width: int = 10) -> Progress:
    """Bars with ``width`` columns for what is being done."""
    text = TextColumn(f"{{task.description:>{width}}}")
    return Progress(text, BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
