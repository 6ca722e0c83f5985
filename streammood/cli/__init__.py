"""The command line: one thin function a command."""

from streammood.cli import dashboard, doctor, files, live, models, monitor
from streammood.cli.app import app

__all__ = ["dashboard", "doctor", "files", "live", "main", "models", "monitor"]


def main() -> None:
    """Entry point."""
    app()
