"""Algorithms and formats: pure Python, neither Django nor HSM."""
