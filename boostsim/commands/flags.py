"""The flags of every command, as one dataclass each; their help is what stands below them.

Nothing here imports NumPy or JAX: help comes at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from boostsim.commands.kinds import (
    File,
    Folder,
    Number,
    Numbers,
    Rule,
    Whole,
    Wholes,
    Word,
    Words,
    shown,
)
from boostsim.commands.log_flags import Advise, Fit, Forecast
from boostsim.commands.plan_flags import Plan
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
    json: bool = False
    """Print a summary for programs."""


@dataclass
class Run:
    """Run one procedure on a random table, or with a transformer, and print its trace."""

    preset: Annotated[tyro.conf.Positional[str | None], shown("PRESET")] = None
    """May be left out: boosting. Or filter_only, random_labels, labels_only, uncurated, star,
    rest_em, raft, best_of_n, escaping_collapse."""
    task: Word = None
    """table (default); or, with a transformer: arithmetic, programs, lookup, reasoning-gym."""
    config: File = None
    """TOML file whose keys are these flags' names (false_accept, not false-accept); flags win."""
    iterations: Whole = None
    """Iterations T (default: 20; 8 with a transformer)."""
    attempts: Wholes = None
    """Responses per visit, k (default: the preset's); or one number for each iteration."""
    gamma: Number = None
    """Noise of the filter (default: 0, where the preset has one)."""
    false_accept: Number = None
    """Probability that the filter accepts a wrong response, with false_reject, instead of gamma."""
    false_reject: Number = None
    """Probability that the filter rejects a correct response."""
    votes: Whole = None
    """Looks of the filter per response, odd for a majority (default: 1)."""
    rule: Rule = None
    """What makes one verdict of them: majority (default), unanimity, or how many must accept."""
    correlation: Number = None
    """Probability that all looks at a response are one draw (default: 0)."""
    voters: Numbers = None
    """Noise of each look, instead of gamma and votes."""
    persistent_filter: bool = False
    """The filter has one verdict for ever on each pair of prompt and response."""
    labeler: Word = None
    """weak (default), or first_model: labels are the first model's, right as often as that is
    (default of escaping_collapse)."""
    beta: Number = None
    """Correct mass of a weak labeler (default: 0.2 where the preset needs one)."""
    wrong: Word = None
    """How the labeler is wrong: spread (default) or concentrated; with a transformer also shuffled
    or slip (not with lookup)."""
    persistent_labels: bool = False
    """The labeler has one answer for ever on each prompt."""
    labeler_temperature: Number = None
    """Temperature at which the first model labels, at least 0 (default: 1)."""
    label_weight: Number = None
    """What a label counts for in training, an accepted response counts for 1 (default: 1); in a
    file also one for each iteration."""
    label_share: Number = None
    """Instead of a weight: the share of all accepted responses and labels that labels have, above 0
    and below 1 (default of escaping_collapse: 1/3); in a file also one for each iteration."""
    labels_per_visit: Whole = None
    """Labels that a labelled visit gets (default: 1; escaping_collapse 8)."""
    until_accepted: bool = False
    """Attempts stop at the first accepted one."""
    temperature: Number = None
    """Temperature of the attempts, at least 0 (default: 1)."""
    top_p: Number = None
    """Mass of the most probable responses that attempts come from (default: 1)."""
    top_k: Whole = None
    """Number of the most probable responses that attempts come from (default: all)."""
    keep: Word = None
    """Which accepted responses are kept: one, all, or by scores the best, or one preferred
    (default: the preset's)."""
    scores: Numbers = None
    """What each response is worth, as many numbers as responses; on tables, for best_of_n, raft and
    keep; in a file also a list for each prompt."""
    criterion: Word = None
    """Who gets labels: failed (default of boosting), another that is built in, as "below(0.5)", one
    of a file, as mine.py:mine, or of a package's entry point."""
    budget: Number = None
    """Most labels per visit and iteration, in expectation (default: no limit); in a file also one
    for each iteration, budget = [0.2, 0.1, 0.0]."""
    rate: Number = None
    """Labels per visit of random_labels (default: 0.1)."""
    regime: Word = None
    """What is trained on: replace (default), accumulate, window, subsample or anchor."""
    real_share: Number = None
    """Real examples per visit, under anchor or where examples are kept."""
    window: Whole = None
    """Iterations whose examples a window has."""
    draws: Whole = None
    """Examples per visit that a subsample draws from all so far (default: 1)."""
    first: Word = None
    """How the first model enters what is kept: exact (default) or sampled."""
    slack: Number = None
    """Slack of the learner, eta (default: 0)."""
    step: Number = None
    """Part of the way that the learner goes in an iteration, above 0 and at most 1 (default: 1)."""
    step_mean: Word = None
    """Line on which it goes: arithmetic (default) or geometric."""
    policy_rate: Number = None
    """Instead of the strong learner a policy gradient on verdicts, of this rate; on tables."""
    advantage: Word = None
    """What an attempt counts in it: verdict (default), leave_one_out, group_mean or
    group_normalised (GRPO)."""
    reference: Number = None
    """How far its iterations pull towards the first model, from 0 (default) to 1."""
    prompts: Whole = None
    """Prompts of the task (default: 1000)."""
    responses: Whole = None
    """Responses to each prompt (default: 8)."""
    correct: Whole = None
    """Correct responses to each prompt (default: 1)."""
    solvable: Number = None
    """Share of prompts that the first model can solve at all (default: 0.7; 0.5 of lookup)."""
    visits: Wholes = None
    """Visits per prompt and iteration, or one number for each iteration; without it a table's run
    is exact. Also with lookup."""
    visited_share: Number = None
    """Probability that a prompt is visited in an iteration (default: 1)."""
    seeds: Whole = None
    """Runs (default: 8 where visits are given, else 1)."""
    record: Words = None
    """Measured as well: diversity, entropy; prompt, with --json or --save."""
    pass_at: Wholes = None
    """Numbers of responses k for which pass@k is told, such as 1 8 64."""
    key: Whole = None
    """Key of the task and of the draws, below 2^32 (default: 0)."""
    operations: Whole = None
    """Longest prompts of arithmetic and programs, in operations (default: 6 and 5)."""
    entries: Whole = None
    """Entries of lookup (default: 256)."""
    answers: Whole = None
    """Possible answers of lookup (default: 16)."""
    dataset: Word = None
    """Dataset of reasoning-gym (default: chain_sum); its levels can be given in a file."""
    size: Whole = None
    """Entries that reasoning-gym generates for each level (default: 4000)."""
    width: Whole = None
    """Width of the transformer (default: 64)."""
    layers: Whole = None
    """Layers of the transformer (default: 2)."""
    heads: Whole = None
    """Heads of the transformer (default: 4)."""
    steps: Whole = None
    """Optimiser steps of the transformer in an iteration (default: 64)."""
    prompts_per_iteration: Whole = None
    """Prompts that a transformer's iteration visits, once each (default: 2048)."""
    pool: Whole = None
    """Prompts in a fixed pool (default: fresh ones in every iteration)."""
    exact: bool = False
    """The law: of infinitely many visits, or on a table with --visits of so many (T21)."""
    device: Word = None
    """cpu, gpu or tpu (default: the best that JAX finds)."""
    devices: Whole = None
    """Devices that share a transformer's seeds and batches (default: all)."""
    folder: File = None
    """Where the run is kept, to be gone on with after a stop, or for more iterations."""
    save: File = None
    """Write the trace to this netCDF file."""
    json: bool = False
    """Print the trace for programs."""


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
    folder: File = None
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
    """Runs of each criterion on each challenge (default: 8); of a race at most (default: 64)."""
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
    """Prompts of each challenge (default: 300)."""
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
    """List what is claimed (T1 to T21, neighbours), or print claims in full, with their proofs."""

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
