"""Lets ``python -m streammood.cli`` do what ``streammood`` does."""

from streammood.cli import main

main()
