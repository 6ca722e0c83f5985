"""The command line: one thin function a command."""

from streammood.cli import dashboard, files, live, models, monitor
from streammood.cli.app import app

__all__ = ["dashboard", "files", "live", "main", "models", "monitor"]


def main() -> None:
    """Entry point."""
    app()
