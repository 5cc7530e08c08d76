"""Tournaments: selection criteria against each other, at equal budget, on tasks made to be hard."""
