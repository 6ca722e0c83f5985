"""Lets ``python -m streammood`` do what ``streammood`` does."""

from streammood.cli import main

if __name__ == "__main__":
    main()
