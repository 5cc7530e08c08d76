"""Simulation in tokens: networks that answer and are trained."""
