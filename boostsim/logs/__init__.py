"""Logs of real runs: read, checked, written; they know nothing of how a run is simulated."""
