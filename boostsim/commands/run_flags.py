"""The flags of a run, which those of a sweep are, too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import tyro

from boostsim.commands.kinds import (
    File,
    Folder,
    Number,
    Numbers,
    Out,
    Rule,
    Whole,
    Wholes,
    Word,
    Words,
    shown,
)


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
    """Runs (default: 1); of several drawn ones the table has mean and spread."""
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
    folder: Folder = None
    """Where the run is kept, to be gone on with after a stop, or for more iterations."""
    save: Out = None
    """Write the trace to this netCDF file."""
    json: bool = False
    """Print the trace for programs."""
