"""Simulation on tables: exact, or a share of the prompts visited."""
