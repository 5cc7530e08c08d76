"""Logs of real runs, where they are at hand: counts that others published, as logs of boostsim.

Tests that need one skip where it is not: ``log = real_logs.rlvr_epochs()``. The folder is what the
environment variable BOOSTSIM_LOGS names, else ``data/logs`` in a folder beside the repository's.
"""

import functools
import json
import os
from pathlib import Path

import pandas as pd
import pytest

import boostsim as bs

NAMED = "BOOSTSIM_LOGS"


def folder():
    """Where the logs lie, or None."""
    named = os.environ.get(NAMED)
    root = Path(__file__).resolve().parents[1]
    places = [Path(named)] if named else sorted(root.parent.glob("*/data/logs"))
    return next((place for place in places if (place / "rlvr_epochs.jsonl").is_file()), None)


def rows(name):
    """The rows of a file; the test that asks is skipped where it is not there."""
    place = folder()
    if place is None or not (place / f"{name}.jsonl").is_file():
        pytest.skip(f"needs {name}.jsonl of real runs: {NAMED} may name their folder")
    with open(place / f"{name}.jsonl") as lines:
        return [json.loads(line) for line in lines]


@functools.cache
def rlvr_epochs():
    """GRPO of a 1.5B model on 1,209 mathematics prompts: 8 attempts an epoch, a rule's verdicts.

    Verdicts are taken for truth: ``accepted`` is what the rule found right.
    """
    return bs.read_log(
        pd.DataFrame(
            {
                "prompt": row["prompt"],
                "iteration": epoch,
                "attempts": row["attempts"],
                "accepted": correct,
            }
            for row in rows("rlvr_epochs")
            for epoch, correct in enumerate(row["correct"])
        )
    )


@functools.cache
def p3_codex(style="short"):
    """1,000 attempts at each of 397 puzzles, checked by the puzzle; one of three ways to ask."""
    return _once(row for row in rows("p3_codex") if row["style"] == style)


@functools.cache
def p3_bootstrap():
    """Attempts at the same puzzles that stopped at the first success, 1,024 at most.

    The prompt held solutions that were found before, so the model changed meanwhile.
    """
    return _once(rows("p3_bootstrap"), stopping="first_success")


def _once(found, **more):
    kept = ("prompt", "attempts", "model")
    return bs.read_log(
        pd.DataFrame(
            {**{name: row[name] for name in kept}, "accepted": row["correct"], "iteration": 0}
            for row in found
        ).assign(**more)
    )


@functools.cache
def reasoning_gym_before_after(trained_on=None):
    """Three attempts before (iteration 0) and three after (1) RL on other prompts, by category.

    The stratum is the data set of the prompt; ``trained_on`` picks one category.
    """
    found = [
        row for row in rows("reasoning_gym_before_after") if trained_on in (None, row["trained_on"])
    ]
    return bs.read_log(
        pd.DataFrame(
            {
                "prompt": f"{row['trained_on']}/{row['prompt']}",
                "stratum": row["prompt"].partition("/")[0],
                "iteration": when,
                "attempts": row["attempts"][when],
                "accepted": row["correct"][when],
            }
            for row in found
            for when in (0, 1)
        )
    )


@functools.cache
def planbench_verifier(verifier=None):
    """A language model judges plans whose truth is known: the joint audit of all attempts.

    ``verifier`` picks one; each is a name of its own otherwise, before the prompt's.
    """
    found = [row for row in rows("planbench_verifier") if verifier in (None, row["verifier"])]
    return bs.read_log(
        pd.DataFrame(
            {
                "prompt": f"{row['verifier']}/{row['prompt']}"
                if verifier is None
                else row["prompt"],
                "iteration": 0,
                "model": row["verifier"],
                "stratum": row["prompt"].partition("/")[0],
                "attempts": row["attempts"],
                "accepted": row["accepted"],
                "correct": row["correct"],
                "audited": row["attempts"],
                "audited_correct": row["correct"],
                "audited_accepted": row["accepted"],
                "audited_accepted_correct": row["accepted"] * row["correct"],
            }
            for row in found
        )
    )


@functools.cache
def llmbar_judges(judge="GPT-4/CoT"):
    """Two looks at one pair of outputs, the second in reversed order: is the first the better one?

    A verdict accepts where it says that output 1 is better; ``correct`` is whether it is.
    """
    say = {1: True, 2: False, None: None}
    return bs.read_log(
        pd.DataFrame(
            {
                "prompt": row["prompt"],
                "verdicts": [say[verdict] for verdict in row["verdicts"][judge]],
                "correct": say[row["truth"]],
            }
            for row in rows("llmbar_judges")
        )
    )
