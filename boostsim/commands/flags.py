"""The flags of every command, as one dataclass each; their help is what stands below them.

Nothing here imports NumPy or JAX: help comes at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from boostsim.commands.kinds import File, Folder, Number, Whole, Word, Words, shown
from boostsim.commands.log_flags import Advise, Fit, Forecast
from boostsim.commands.plan_flags import Plan
from boostsim.commands.run_flags import Run
from boostsim.commands.sweep_flags import Sweep
from boostsim.figures import FIGURES


@dataclass
class Reproduce:
    """Simulate the framework and draw its figures as PNG, SVG and CSV."""

    names: Annotated[
        tyro.conf.Positional[tuple[str, ...]],
        tyro.conf.arg(
            metavar="FIGURE...",
            help_behavior_hint="",
            help=f"Figures to draw; all of them where none is named: {', '.join(FIGURES)}.",
        ),
    ] = ()
    scale: Annotated[str, shown("WORD")] = "quick"
    """smoke (minutes), quick (default; most of an hour) or full."""
    folder: Annotated[
        Path | None, tyro.conf.arg(metavar="FOLDER", help_behavior_hint="", aliases=("--out",))
    ] = None
    """Where the files go, made where it does not exist (default: figures at the quick scale,
    figures/SCALE at another)."""
    pdf: bool = False
    """PDF as well, for a paper."""
    size: Annotated[str | None, shown("WIDTHxHEIGHT")] = None
    """Inches, as 5.5x2.2 (default: what each figure is made for)."""
    plain: bool = False
    """Neither title nor caption."""
    again: bool = False
    """Draw again what stands there as this code draws it."""
    scheduler: Word = None
    """Address of a Dask scheduler whose workers compute the tables, tcp://host:port (default: they
    are computed here)."""
    json: bool = False
    """Print a summary for programs."""


@dataclass
class Gap:
    """Set boosting on a table to be looked up beside a transformer, exact and sampled."""

    iterations: Whole = None
    """Iterations T (default: 8)."""
    attempts: Whole = None
    """Responses per visit, k (default: 1)."""
    gamma: Number = None
    """Noise of the filter (default: 0)."""
    beta: Number = None
    """Share of right labels (default: 0.2)."""
    wrong: Word = None
    """How labels are wrong: spread (default), concentrated or shuffled."""
    label_weight: Number = None
    """What a label counts for in training, an accepted response counts for 1 (default: 1)."""
    label_share: Number = None
    """Instead of a weight: the share of all accepted responses and labels that labels have."""
    labels_per_visit: Whole = None
    """Labels that a labelled visit gets (default: 1)."""
    until_accepted: bool = False
    """Attempts stop at the first accepted one."""
    entries: Whole = None
    """Entries of the table (default: 256)."""
    answers: Whole = None
    """Possible answers (default: 16)."""
    visits: Whole = None
    """Visits to each entry in the sampled cells (default: 8)."""
    width: Whole = None
    """Width of the transformer (default: 64)."""
    layers: Whole = None
    """Layers of the transformer (default: 2)."""
    heads: Whole = None
    """Heads of the transformer (default: 4)."""
    steps: Whole = None
    """Optimiser steps of the transformer in an iteration (default: 64)."""
    seeds: Whole = None
    """First models, and runs from each (default: 1)."""
    key: Whole = None
    """Key of all draws, below 2^32 (default: 0)."""
    device: Word = None
    """cpu, gpu or tpu (default: the best that JAX finds)."""
    folder: Folder = None
    """Where the transformer's runs are kept, to be resumed after a stop."""
    json: bool = False
    """Print the report for programs."""


@dataclass
class Compare:
    """Set selection criteria against each other at equal budget, on tasks made to be hard."""

    names: Annotated[tuple[str, ...], tyro.conf.Positional] = ()
    """Criteria: built in (failed, "below(0.5)"), from a file (mine.py:mine) or from a package's
    entry point. One is set against all built-in ones; none is all of them."""
    tasks: Words = None
    """Challenges of the stress suite, by name (default: all eight)."""
    budget: Annotated[
        float | None,
        tyro.conf.arg(metavar="NUMBER", help_behavior_hint="", aliases=("--labels-per-visit",)),
    ] = None
    """Most labels per visit and iteration (default: 0.005)."""
    seeds: Whole = None
    """Runs of each criterion on each challenge (default: 32); of a race at most (default: 64)."""
    race: bool = False
    """Add seeds until it is known who is best; who is known to be worse runs no more. Exit code 3:
    still undecided."""
    resolution: Number = None
    """Differences that do not matter to a race (default: 0.002)."""
    iterations: Whole = None
    """Iterations T (default: 50)."""
    visits: Whole = None
    """Visits to each prompt and iteration (default: 10)."""
    prompts: Whole = None
    """Prompts of each challenge (default: 1000)."""
    score: Word = None
    """average_error (default), over all iterations, or final_error."""
    confidence: Number = None
    """That all intervals hold together (default: 0.95)."""
    assume: Word = None
    """Score differences for which they do: normal (default; nearly, as averages over many prompts
    are) or bounded (any of scores in [0, 1]; takes many more seeds)."""
    key: Whole = None
    """Key of the challenges and of all draws, below 2^32 (default: 0)."""
    plot: File = None
    """Write the picture of all regrets to this file (.png, .svg or .pdf)."""
    folder: Folder = None
    """Keep finished runs here; one that was stopped goes on (default: nothing is kept)."""
    scheduler: Word = None
    """Address of a Dask scheduler whose workers run it, tcp://host:port (default: run here)."""
    json: bool = False
    """Print the tournament for programs."""


@dataclass
class Claims:
    """List what is claimed (T1 to T22, neighbours), or print claims in full, with their proofs."""

    names: Annotated[tuple[str, ...], tyro.conf.Positional] = ()
    """Claims to print in full; T4 stands for T4 with all its parts."""
    json: bool = False
    """Print them for programs."""


@dataclass
class Certify:
    """Check claims against exact and sampled runs; exit code 0: all hold, 1: one is violated, 3:
    one is undecided, or nothing could be checked."""

    names: Annotated[tuple[str, ...], tyro.conf.Positional] = ()
    """Claims to check; T4 stands for T4 with all its parts; all of them where none is named."""
    confidence: Number = None
    """Probability that no true claim among them is called violated (default: 0.999)."""
    samples: Whole = None
    """Most draws at one point (default: 2097152)."""
    points: Whole = None
    """Points of each domain looked at by sampled runs (default: 8)."""
    exact_points: Whole = None
    """Points of each domain checked exactly, besides the edges (default: 64)."""
    resolution: Number = None
    """What a claim that holds by sampled runs may be off by, relative to the law (default: 0.04;
    few samples, or small laws, need a wider one)."""
    levels: Word = None
    """exact or statistical (default: both)."""
    time_limit: Number = None
    """Seconds after which what is left is undecided (default: none)."""
    key: Whole = None
    """Key of all draws, below 2^32 (default: 0)."""
    folder: Folder = None
    """Keep finished points here; what was stopped goes on (default: nothing is kept)."""
    scheduler: Word = None
    """Address of a Dask scheduler whose workers do it, tcp://host:port (default: done here)."""
    json: bool = False
    """Print the certificates for programs."""


@dataclass
class Falsify:
    """Look for counterexamples to claims: property search, ascent, shrinking; exit code 1: one was
    found, 3: time ran out before all was tried, or nothing could be."""

    names: Annotated[tuple[str, ...], tyro.conf.Positional] = ()
    """Claims to attack; T4 stands for T4 with all its parts; all of them where none is named."""
    examples: Whole = None
    """Points of the property search in exact runs (default: 100)."""
    ascents: Whole = None
    """Climbs from the nearest misses (default: 4)."""
    samples: Whole = None
    """Draws at one point of sampled runs (default: 8192)."""
    confidence: Number = None
    """That of a counterexample in sampled runs (default: 0.999)."""
    levels: Word = None
    """exact or statistical (default: both)."""
    time_limit: Number = None
    """Seconds for each claim (default: none)."""
    key: Whole = None
    """Key of the search and of all draws, below 2^32 (default: 0)."""
    json: bool = False
    """Print what was found for programs."""


@dataclass
class Prove:
    """Prove one-step statements over whole boxes, in exact arithmetic; exit code 0: all proved,
    1: one is false, 3: one is undecided."""

    names: Annotated[tuple[str, ...], tyro.conf.Positional] = ()
    """Statements to prove; T4 stands for all of T4; all of them where none is named."""
    halvings: Whole = None
    """How often an axis of a box is halved at most (default: 14)."""
    time_limit: Number = None
    """Seconds after which what is left is undecided (default: none)."""
    json: bool = False
    """Print the proofs for programs."""


@dataclass
class Info:
    """Say what boostsim runs on: versions, device, precision, cache."""

    json: bool = False
    """Print it for programs."""


Command = (
    Reproduce
    | Run
    | Sweep
    | Certify
    | Claims
    | Compare
    | Falsify
    | Prove
    | Plan
    | Gap
    | Fit
    | Forecast
    | Advise
    | Info
)
