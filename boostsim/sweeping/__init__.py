"""Sweeps: a procedure over a plane of its parameters, in one call."""
