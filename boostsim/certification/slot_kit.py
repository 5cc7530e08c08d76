"""The conformance kit of filters and labelers: what they have to be, tried on a task.

Where one breaks a rule it is told in words which, and where.
"""

from __future__ import annotations

import copy
from typing import Any

import jax
import numpy as np
from scipy.stats import binom

from boostsim.arguments import refuse, whole
from boostsim.curation.filters import checked_filter, judges
from boostsim.curation.labeler import checked_labeler, of_ones_own
from boostsim.curation.labelers import FirstModel, WeakLabeler
from boostsim.keys import as_key
from boostsim.mode import fixed
from boostsim.simulation.tokens import judging
from boostsim.simulation.tokens.asking import answered, check_answers
from boostsim.simulation.tokens.verdicts import noise_for, verifier
from boostsim.tasks.sequences import SequenceTask
from boostsim.tasks.table import TableTask

# Labels that are asked for, and the error probability of what is said of each level of difficulty.
LABELS, CHANCE = 4096, 1e-9
KEYS = 4
ROUNDING = 1e-12


def _task(task: Any) -> TableTask | SequenceTask:
    if not isinstance(task, (TableTask, SequenceTask)):
        raise refuse("task", "made by bs.table_task, or one in tokens", task)
    return task


def _said(told: str, error: ValueError) -> AssertionError:
    """Return what a run would refuse, said of the part that is tried."""
    words = str(error)
    return AssertionError(words if words.startswith(told) else f"{told}: {words}")


def _is_a_value(told: str, part: Any) -> None:
    try:
        hash(part)
    except TypeError:
        raise AssertionError(f"{told}: it must be hashable: make it a frozen dataclass") from None
    if vars(part) and copy.copy(part) != part:
        raise AssertionError(f"{told}: it must be equal to its copy, as a frozen dataclass is")


def check_filter(filter: Any, task: TableTask | SequenceTask) -> None:
    """Check that a filter is one, on a table or on a task in tokens.

    - It has what :class:`boostsim.Filter` names; its probabilities are such and sum to one.
    - It is hashable, equal to its copy where it has fields, and described by what JSON can hold.
    - Asked twice it says the same.
    - One that judges tokens is a function that JAX can trace, without effects, to probabilities; it
      judges each row by itself: in another order, alone, and among rows of padding.

    Args:
        filter: any.
        task: on which it is tried.

    Raises:
        AssertionError: that names the filter, says what is wrong, and where.
        ValueError: for something that is no task.

    Example:
        >>> import boostsim as bs
        >>> check_filter(bs.NoisyFilter(0.1), bs.random_table(0))
        >>> @bs.TokenFilter
        ... def relative(prompts, responses):
        ...     return responses[:, 0] / responses[:, 0].max()
        >>> check_filter(relative, bs.lookup(8, 4))
        Traceback (most recent call last):
        ...
        AssertionError: filter 'relative': it must judge each row by itself; alone it says ...
    """
    task = _task(task)
    told = f"filter {judging.name_of(filter)!r}"
    try:
        filter = checked_filter(filter)
    except ValueError as error:
        raise _said(told, error) from None
    _is_a_value(told, filter)
    judged = isinstance(task, SequenceTask) and judges(filter)
    for name in () if judged else ("accept", "reject"):
        if not hasattr(filter, name):
            raise AssertionError(
                f"{told}: it must have accept and reject where there are no tokens"
            )
        first, again = (np.asarray(getattr(filter, name)) for _ in range(2))
        if not np.array_equal(first, again):
            raise AssertionError(f"{told}: asked twice {name} must be the same; {first}, {again}")
    if isinstance(task, SequenceTask) and judged:
        try:
            with fixed():
                judging.program_of(filter, task)
                _judges_each_row(told, filter, task)
        except ValueError as error:
            raise _said(told, error) from None


def _judges_each_row(told: str, filt: Any, task: SequenceTask) -> None:
    """Compare what is said of rows among others, and of the same rows otherwise."""
    prompts, responses = judging.frames(task)
    known = judging.judge(filt)(prompts, responses)
    order = np.random.default_rng(0).permutation(len(prompts))
    places = {
        "in another order": order,
        "alone": np.arange(1),
        "among fewer": np.arange(len(prompts) // 2),
    }
    with fixed(double=True):
        for where, rows in places.items():
            # As it stands: a run fills its blocks up with rows of padding.
            said = jax.jit(filt.judge)(
                prompts[rows].astype(np.int32), responses[rows].astype(np.int32)
            )
            got = np.asarray(said, float)
            bad = np.flatnonzero(np.abs(got - known[rows]) > ROUNDING)
            if len(bad):
                row = rows[bad[0]]
                shown = f"{task.text(responses[row])!r} to {task.text(prompts[row])!r}"
                raise AssertionError(
                    f"{told}: it must judge each row by itself; {where} it says "
                    f"{got[bad[0]]:.6g} of {shown}, not {known[row]:.6g}"
                )


def check_labeler(
    labeler: Any, task: TableTask | SequenceTask, beta: Any = None, key: int = 0
) -> None:
    """Check that a labeler is one, on a table or on a task in tokens.

    - It has what :class:`boostsim.Labeler` names, is hashable, equal to its copy where it has
      fields, and described by what JSON can hold.
    - On a table its rows are probabilities that sum to one, of the task's shape, and the same when
      it is asked again.
    - In tokens its answers are responses; the same key gives the same, another key others (but
      where they persist: then each prompt has its own, whatever others are asked).
    - Where a beta is given, its labels are right at least as often: on a table on every prompt, in
      tokens in every stratum (of 4,096 labels, so few right ones that this would be a chance of
      1e-9 are a fault).

    Args:
        labeler: any.
        task: on which it is tried.
        beta: how often it is right, one number, or one for each prompt of a table or stratum of a
            task in tokens; None says nothing of it.
        key: of what is drawn, a whole number.

    Raises:
        AssertionError: that names the labeler, says what is wrong, and where.
        ValueError: for something that is no task, and a beta that is none.

    Example:
        >>> import boostsim as bs
        >>> table = bs.table_task([[1, 0], [0, 1]])
        >>> check_labeler(bs.WeakLabeler([0.9, 0.5]), table, beta=0.5)
        >>> check_labeler(bs.WeakLabeler([0.9, 0.5]), table, beta=0.6)
        Traceback (most recent call last):
        ...
        AssertionError: labeler 'WeakLabeler': it must be right with probability 0.6 at least; ...
    """
    task, told = _task(task), f"labeler {type(labeler).__name__!r}"
    places = task.prompts if isinstance(task, TableTask) else len(task.strata)
    if beta is not None:
        beta = WeakLabeler(beta).beta
        if np.size(beta) not in (1, places):
            raise refuse("beta", f"one number, or one for each of {places}", beta)
        beta = np.broadcast_to(beta, (places,))
    key = whole("key", key, 0)
    try:
        labeler = checked_labeler(labeler)
        _is_a_value(told, labeler)
        if isinstance(task, TableTask):
            _on_a_table(told, labeler, task, beta)
        else:
            with fixed():
                _in_tokens(told, labeler, task, beta, key)
    except ValueError as error:
        raise _said(told, error) from None


def _on_a_table(told: str, labeler: Any, task: TableTask, beta: Any) -> None:
    first, again = (labeler.on(task.initial, task.quality) for _ in range(2))
    for name, part in first.plain.items():
        rows, others = part.rows_for(task.quality), again.plain[name].rows_for(task.quality)
        if not np.array_equal(rows, others):
            raise AssertionError(f"{told}: asked again its rows must be the same")
        right = (rows * task.quality).sum(1)
        weak = np.flatnonzero(right < (0.0 if beta is None else beta) - ROUNDING)
        if len(weak):
            prompt = weak[0]
            raise AssertionError(
                f"{told}: it must be right with probability {beta[prompt]:g} at least; on prompt "
                f"{prompt} it is with {right[prompt]:.6g}"
            )


def _in_tokens(told: str, labeler: Any, task: SequenceTask, beta: Any, key: int) -> None:
    if isinstance(labeler, FirstModel):
        if beta is not None:
            raise AssertionError(f"{told}: what the first model is worth is measured in a run")
        return
    if not of_ones_own(labeler):
        for plain in labeler.plain.values():
            noise_for(task, plain)
            right = np.broadcast_to(plain.beta, len(task.strata))
            if beta is not None and (right < beta).any():
                wanted = f"{beta.tolist()} at least, by stratum"
                raise AssertionError(
                    f"{told}: it must be right with {wanted}; it is with {right.tolist()}"
                )
        return
    check_answers(task, labeler)
    rng = np.random.default_rng([key, 0])
    strata = np.arange(LABELS) % len(task.strata)
    prompts = task.prompts(rng, strata)
    said = [answered(task, labeler, as_key(key + number), prompts) for number in range(KEYS)]
    alike = all(np.array_equal(said[0], each) for each in said[1:])
    if alike and not labeler.persistent:
        raise AssertionError(
            f"{told}: its answers must depend on the key: under {KEYS} keys they are the same "
            "(then they persist: persistent = True)"
        )
    if beta is None:
        return
    right = verifier(task)(prompts, said[0])
    for stratum, name in enumerate(task.strata):
        rows = right[strata == stratum]
        if binom.cdf(rows.sum(), len(rows), beta[stratum]) < CHANCE:
            raise AssertionError(
                f"{told}: it must be right with probability {beta[stratum]:g} at least; in stratum "
                f"{name!r} {rows.sum()} of {len(rows)} labels are"
            )
