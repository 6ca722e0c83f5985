"""Fits the linear models of energy, build-ups and boundaries to arrangements whose sections are known."""
