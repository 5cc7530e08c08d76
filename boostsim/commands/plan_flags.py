"""The flags of ``boostsim plan``, as in :mod:`boostsim.commands.flags`."""

from __future__ import annotations

from dataclasses import dataclass

from boostsim.commands.kinds import Number, Whole, Word


@dataclass
class Plan:
    """Find the cheapest way to an error, or the least error that so many labels allow: attempts,
    votes, iterations, cost; at given visits, or in the limit. Exit code 1: there is none."""

    beta: float
    """Correct mass of the labeler."""
    gamma: float
    """Noise of one look of the filter."""
    error: float
    """Error of the first model."""
    target: Number = None
    """Error to reach; may be left out where labels are given: then the least that they allow."""
    visits: Whole = None
    """Visits to each prompt in each iteration, at most 1000 (default: the limit of many; where
    labels are given, several are tried)."""
    labels: Number = None
    """Labels that there are in all, for all prompts and iterations, in expectation."""
    prompts: Whole = None
    """Prompts for which totals are told; needed with labels."""
    price_label: Number = None
    """Price of a label (default: 1)."""
    price_generation: Number = None
    """Price of a generated response (default: 0.01)."""
    price_filter_call: Number = None
    """Price of one look of the filter (default: 0.001)."""
    price_iteration: Number = None
    """Price of an iteration, for each visit that it makes to a prompt (default: 0)."""
    spread: Word = None
    """Where the first error is: prompts (some are failed for certain, default) or responses (each
    prompt is failed that often)."""
    most_attempts: Whole = None
    """Most attempts that are considered (default: 64)."""
    most_votes: Whole = None
    """Most votes that are considered (default: 63)."""
    most_iterations: Whole = None
    """Most iterations that are considered (default: 1000; 100 where labels are given without a
    target)."""
    until_accepted: bool = False
    """Attempts stop at the first accepted one: fewer generations and filter calls."""
    json: bool = False
    """Print the plan for programs."""
