"""For tests of your own: Hypothesis strategies, claims as assertions, parts put to the test.

Needs Hypothesis: ``pip install 'boostsim[testing]'``. The strategies draw small things, on which an
exact run takes milliseconds once it is compiled (so give Hypothesis ``deadline=None``): a few
prompts, a few responses, probabilities that are percents.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from boostsim.certification.certify import certify
from boostsim.certification.conformance import check_criterion
from boostsim.certification.measurement import Measurement
from boostsim.certification.slot_kit import check_filter, check_labeler
from boostsim.certification.statistic_kit import check_statistic
from boostsim.certification.strategies import points
from boostsim.certification.task_kit import check_task
from boostsim.curation import criteria
from boostsim.curation.criterion import Criterion
from boostsim.curation.filters import AcceptAll, NoisyFilter
from boostsim.curation.labelers import WeakLabeler
from boostsim.curation.procedure import Procedure
from boostsim.curation.sharpening import Sharpening
from boostsim.extras import needed
from boostsim.learners.strong import StrongLearner
from boostsim.tasks.table import TableTask, table_task
from boostsim.theory.claim import Claim

needed("hypothesis", "testing", "boostsim.testing")
from hypothesis import strategies as st  # noqa: E402

__all__ = [
    "assert_claim",
    "check_criterion",
    "check_filter",
    "check_labeler",
    "check_statistic",
    "check_task",
    "filters",
    "labelers",
    "points",
    "probabilities",
    "procedures",
    "tasks",
    "worlds",
]

CRITERIA = (criteria.failed, criteria.uniform)


def assert_claim(
    claim: Claim | str, measurement: Measurement | None = None, **settings: Any
) -> None:
    """Check a claim as :func:`boostsim.certify` does, and fail unless it holds.

    Args:
        claim: a claim, or the name of one of ``bs.claims``.
        measurement: how it is measured, where it is not one of ``bs.claims``.
        settings: those of :func:`boostsim.certify`, ``confidence`` or ``samples`` for example.

    Raises:
        AssertionError: where the claim is violated, undecided or inapplicable everywhere, with the
            report's summary.
        ValueError: for whatever :func:`boostsim.certify` refuses.

    Example:
        >>> assert_claim("T10", levels="exact", exact_points=4)
    """
    certificate = certify(claim, measurement, **settings)
    if certificate.verdict == "holds":
        return
    raise AssertionError(certificate.summary())


def probabilities() -> st.SearchStrategy[float]:
    """Draw percents: they shrink to 0, and print well.

    Example:
        >>> from hypothesis import given
        >>> @given(probabilities())
        ... def test(share):
        ...     assert 0.0 <= share <= 1.0
        >>> test()
    """
    return st.integers(0, 100).map(lambda percent: percent / 100)


@st.composite
def tasks(draw: st.DrawFn, reference: bool = False) -> TableTask:
    """Draw tasks of one to three prompts and three to five responses, of which some are right.

    Args:
        reference: whether some have real data of their own, for the regime ``"anchor"``.

    Example:
        >>> from hypothesis import given
        >>> @given(tasks())
        ... def test(task):
        ...     assert 1 <= task.prompts <= 3
        >>> test()
    """
    prompts, responses = draw(st.integers(1, 3)), draw(st.integers(3, 5))
    correct = draw(st.integers(1, responses - 1))
    quality = np.zeros((prompts, responses))
    quality[:, :correct] = 1.0
    weights = np.array(draw(st.lists(st.integers(1, 4), min_size=prompts, max_size=prompts)), float)
    cells = prompts * responses
    drawn = draw(st.lists(st.integers(0, 8), min_size=cells, max_size=cells))
    rows = np.array(drawn, float).reshape(prompts, responses)
    rows[rows.sum(1) == 0, -1] = 1.0
    rows /= rows.sum(1, keepdims=True)
    real = np.roll(rows, 1, axis=1) if reference and draw(st.booleans()) else None
    return table_task(quality, weights / weights.sum(), rows, reference=real)


@st.composite
def filters(draw: st.DrawFn, persistent: bool = False) -> AcceptAll | NoisyFilter:
    """Draw filters, with one rate or two, with and without votes, or one that accepts everything.

    Args:
        persistent: whether some have one verdict for ever on each pair.

    Example:
        >>> from hypothesis import given
        >>> @given(filters())
        ... def test(filter):
        ...     assert not filter.persistent
        >>> test()
    """
    kind = draw(st.sampled_from(["none", "one rate", "two rates"]))
    if kind == "none":
        return AcceptAll()
    votes = draw(st.sampled_from([1, 1, 3]))
    for_ever = draw(st.booleans()) if persistent else False
    if kind == "one rate":
        return NoisyFilter(draw(probabilities()), votes=votes, persistent=for_ever)
    return NoisyFilter(
        false_accept=draw(probabilities()),
        false_reject=draw(probabilities()),
        votes=votes,
        persistent=for_ever,
    )


@st.composite
def labelers(draw: st.DrawFn, task: TableTask, persistent: bool = False) -> WeakLabeler:
    """Draw labelers that fit a task: one number, one for each prompt, or rows.

    Args:
        task: the task.
        persistent: whether some have one answer for ever on each prompt.

    Example:
        >>> import boostsim as bs
        >>> from hypothesis import given
        >>> task = bs.random_table(0, prompts=2)
        >>> @given(labelers(task))
        ... def test(labeler):
        ...     assert labeler.rows_for(task.quality).shape == (2, 8)
        >>> test()
    """
    kind = draw(st.sampled_from(["number", "per prompt", "rows"]))
    wrong = draw(st.sampled_from(["spread", "concentrated"]))
    for_ever = draw(st.booleans()) if persistent else False
    if kind == "number":
        return WeakLabeler(draw(probabilities()), wrong=wrong, persistent=for_ever)
    beta = np.array(draw(st.lists(probabilities(), min_size=task.prompts, max_size=task.prompts)))
    if kind == "per prompt":
        return WeakLabeler(beta, wrong=wrong, persistent=for_ever)
    rows = WeakLabeler(beta, wrong=wrong).rows_for(task.quality)
    return WeakLabeler(rows=rows, persistent=for_ever)


@st.composite
def procedures(
    draw: st.DrawFn,
    task: TableTask,
    budgets: bool = True,
    every_slot: bool = False,
    ranked: tuple[Criterion, ...] = CRITERIA,
    proportional: tuple[Criterion, ...] = (),
) -> Procedure:
    """Draw procedures that fit a task, over all slots.

    Args:
        task: the task.
        budgets: whether some have a budget.
        every_slot: whether some have verdicts or answers that persist, a temperature, attempts that
            stop at the first accepted one, or labels that come or weigh otherwise than one by one.
        ranked: the criteria to choose from.
        proportional: criteria that need a budget.

    Example:
        >>> import boostsim as bs
        >>> from hypothesis import given, settings
        >>> task = bs.random_table(0, prompts=2)
        >>> @given(procedures(task))
        ... @settings(max_examples=5, deadline=None)
        ... def test(procedure):
        ...     error = bs.simulate(procedure, task, 1).error
        ...     assert (error <= 1.0).all()
        >>> test()
    """
    labeler = draw(st.none() | labelers(task, every_slot))
    temperature = draw(st.sampled_from([None, None, 0.5, 2.0])) if every_slot else None
    criterion, budget = criteria.failed, None
    if labeler is not None:
        if budgets:
            budget = draw(st.none() | probabilities())
        criterion = draw(st.sampled_from([*ranked, *(proportional if budget is not None else ())]))
    regime = draw(st.sampled_from(["replace", "replace", "accumulate", "anchor"]))
    keep = draw(st.sampled_from(["one", "all"]))
    more: dict[str, Any] = {}
    if every_slot and labeler is not None:
        weighs = [{}, {}, {"label_weight": 0.25}, {"label_weight": 3.0}, {"label_share": 0.3}]
        more = {**draw(st.sampled_from(weighs)), "labels_per_visit": draw(st.integers(1, 3))}
    if every_slot and keep == "one":
        more["until_accepted"] = draw(st.booleans())
    return Procedure(
        regime=regime,
        real_share=draw(st.sampled_from([0.25, 1.5])) if regime == "anchor" else None,
        attempts=draw(st.integers(1, 4)),
        filter=draw(filters(every_slot)),
        keep=keep,
        criterion=criterion,
        budget=budget,
        labeler=labeler,
        learner=StrongLearner(
            draw(st.sampled_from([0.0, 0.0, 0.1])), draw(st.sampled_from(["wrong", "uniform"]))
        ),
        sharpening=None if temperature is None else Sharpening(temperature),
        **more,
    )


@st.composite
def worlds(
    draw: st.DrawFn, /, budgets: bool = True, every_slot: bool = False, **criteria_from: Any
) -> tuple[TableTask, Procedure]:
    """Draw a task and a procedure that fits it; the arguments are those of :func:`procedures`.

    Example:
        >>> from hypothesis import given
        >>> @given(worlds())
        ... def test(world):
        ...     task, procedure = world
        >>> test()
    """
    task = draw(tasks(reference=every_slot))
    return task, draw(procedures(task, budgets, every_slot, **criteria_from))
