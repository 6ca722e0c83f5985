"""The command line: one thin function a command."""

from streammood.cli import files, live, models
from streammood.cli.app import app

__all__ = ["files", "live", "main", "models"]


def main() -> None:
    """Entry point."""
    app()
