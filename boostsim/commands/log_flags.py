"""The flags of the commands that read the log of a run, as in :mod:`boostsim.commands.flags`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from boostsim.commands.kinds import File, Number, Whole, Word


@dataclass
class Fit:
    """Fit the theory to the log of a run: how noisy the verdicts, how fast, which learner."""

    log: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="LOG")]
    """JSON Lines, one record a prompt and iteration: prompt, iteration, attempts, accepted, ..."""
    looks: File = None
    """JSON Lines of several verdicts on a response each: prompt, response, verdicts, correct."""
    gamma: Number = None
    """Noise of the filter, instead of what an audit in the log says."""
    false_accept: Number = None
    """Probability that the filter accepts a wrong response, with false_reject, instead of gamma."""
    false_reject: Number = None
    """Probability that the filter rejects a correct response."""
    confidence: Number = None
    """Of every interval (default: 0.95)."""
    plot: File = None
    """Write the picture to this file (.png, .svg or .pdf)."""
    json: bool = False
    """Print everything for programs."""


@dataclass
class Forecast:
    """Forecast a run's next iterations from its log, with bands, after a backtest on its end."""

    log: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="LOG")]
    """JSON Lines, one record a prompt and iteration: prompt, iteration, attempts, accepted."""
    iterations: int
    """Iterations ahead, T."""
    visits: Whole = None
    """Visits to a prompt in an iteration, for the strong learner that is set beside (default: the
    log's own)."""
    gamma: Number = None
    """Noise of the filter (default: as an audit or correct says, else verdicts are truth)."""
    confidence: Number = None
    """Of every band (default: 0.95)."""
    draws: Whole = None
    """Draws of the bootstrap over prompts (default: 400)."""
    key: Whole = None
    """Key of all draws, below 2^32 (default: 0)."""
    plot: File = None
    """Write the picture, by difficulty class, to this file (.png, .svg or .pdf)."""
    json: bool = False
    """Print the forecast and the backtest for programs."""


@dataclass
class Advise:
    """Say which prompts of a run to label next, from its log, each with its chance."""

    log: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="LOG")]
    """JSON Lines, one record a prompt and iteration: prompt, iteration, attempts, accepted."""
    budget: int
    """Most labels, one a prompt."""
    out: File = None
    """Write who is labelled, and every prompt's chance, to this file (.jsonl or .csv)."""
    criterion: Word = None
    """Another rule to set beside it: built in (failed, "below(0.5)"), from a file (mine.py:mine) or
    from a package's entry point."""
    beta: Number = None
    """How often labels are right (default: as the log's labels are)."""
    forgetting: Number = None
    """What an iteration counts for, relative to the one after it, above 0 and at most 1 (default:
    what predicts the log best)."""
    exploration: Number = None
    """Share of the budget that is spread evenly, above 0 and at most 1 (default: 0.1)."""
    gamma: Number = None
    """Noise of the filter (default: as an audit or correct says, else verdicts are truth)."""
    key: Whole = None
    """Key of the draw, below 2^32 (default: 0)."""
    plot: File = None
    """Write the picture of gains to this file (.png, .svg or .pdf)."""
    json: bool = False
    """Print the advice for programs."""
