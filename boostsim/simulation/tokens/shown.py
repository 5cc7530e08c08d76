"""What a run shows of its visits on request: prompts, responses with verdicts, labels.

Of each iteration so many visits at most, spread evenly over all of them, are copied. Nothing is
drawn for it, so no other number changes.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from boostsim.simulation.tokens.structure import Run
from boostsim.simulation.tokens.verdicts import Labels
from boostsim.tasks.sequences import SequenceTask
from boostsim.vocabulary import PAD

SHOWN = 32


def _shown_visits(visits: int) -> np.ndarray:
    """Return which of an iteration's visits are shown.

    Example:
        >>> _shown_visits(3).tolist(), _shown_visits(64)[:3].tolist(), len(_shown_visits(64))
        ([0, 1, 2], [0, 2, 4], 32)
    """
    count = min(visits, SHOWN)
    return np.arange(count) * visits // count


def nothing_shown(run: Run) -> dict[str, np.ndarray]:
    """Return what the first model's row shows: it comes before all visits."""
    count, procedure = len(_shown_visits(run.visits)), run.procedure
    tried, bought = (count, procedure.most_attempts), (count, procedure.labels_per_visit)
    length = run.task.response_length
    shown = {
        "prompt_text": np.full((count, run.task.prompt_length), PAD, np.int32),
        "response_text": np.full((*tried, length), PAD, np.int32),
        "accepted": np.full(tried, np.nan),
        "correct": np.full(tried, np.nan),
        "labelled": np.full(count, np.nan),
    }
    if procedure.labeler is not None:
        shown["label_text"] = np.full((*bought, length), PAD, np.int32)
        shown["label_correct"] = np.full(bought, np.nan)
    return shown


def show(
    run: Run,
    prompts: np.ndarray,
    responses: np.ndarray,
    verdicts: Mapping[str, np.ndarray],
    tried: np.ndarray,
    chosen: np.ndarray,
    labels: Labels | None,
) -> dict[str, np.ndarray]:
    """Return what the shown visits were: tokens, and numbers that are NaN where there was nothing.

    Args:
        run: what is run.
        prompts, responses: tokens ``[N, P]`` and ``[N, k, R]``.
        verdicts: ``accepted`` and ``correct``, ``[N, k]``.
        tried: which attempts were made, ``[N, k]``.
        chosen: which visits were labelled, ``[N]``.
        labels: theirs, those of others may be any; None without a labeler.
    """
    rows = _shown_visits(len(prompts))
    shown = nothing_shown(run)
    shown["prompt_text"] = prompts[rows].astype(np.int32)
    made = tried[rows] & run.procedure.filter.generates
    shown["response_text"][made] = responses[rows][made]
    for name, each in verdicts.items():
        shown[name][made] = each[rows][made]
    shown["labelled"] = chosen[rows] * 1.0
    if labels is not None:
        bought = chosen[rows]
        shown["label_text"][bought] = labels.responses[rows][bought]
        shown["label_correct"][bought] = labels.right[rows][bought]
    return shown


def read(task: SequenceTask, name: str, values: np.ndarray) -> np.ndarray:
    """Return a variable as a trace holds it: tokens as text."""
    if not name.endswith("_text"):
        return values
    texts = [task.text(tokens) for tokens in values.reshape(-1, values.shape[-1])]
    return np.array(texts, dtype=str).reshape(values.shape[:-1])
