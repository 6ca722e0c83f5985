"""The front door for Python: ``import streammood`` offers what is here."""
