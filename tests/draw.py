"""Hypothesis strategies for small tasks and for procedures over all slots."""

import numpy as np
from hypothesis import strategies as st

import boostsim as bs

PERCENT = st.integers(0, 100).map(lambda n: n / 100)
NEVER = st.just(False)


@bs.criterion
def struggling(visits):
    return (visits.pass_rate < 0.6) * (1.0 + visits.attempts - visits.accepted)


@bs.criterion
def at_most_two_thirds(visits):
    """A threshold that single precision would miss."""
    return (1.0 - visits.pass_rate >= 1.0 / 3.0) * 1.0


@bs.criterion
def asked_each_time(visits):
    """The same priorities, but reading the mass: not known before the run."""
    return struggling.function(visits) + 0.0 * visits.mass


@bs.criterion(allocation="proportional")
def soft(visits):
    return (1.0 - visits.pass_rate) ** 2


RANKED = [bs.criteria.failed, bs.criteria.uniform, struggling, at_most_two_thirds, asked_each_time]


@st.composite
def tasks(draw, real=False):
    """One to three prompts, three to five responses, at least one right and one wrong each.

    With real data of their own, or evenly from the correct responses.
    """
    prompts, responses = draw(st.integers(1, 3)), draw(st.integers(3, 5))
    correct = draw(st.integers(1, responses - 1))
    quality = np.zeros((prompts, responses))
    quality[:, :correct] = 1.0
    weights = np.array(draw(st.lists(st.integers(1, 4), min_size=prompts, max_size=prompts)), float)
    cells = prompts * responses
    rows = np.array(draw(st.lists(st.integers(0, 8), min_size=cells, max_size=cells)), float)
    rows = rows.reshape(prompts, responses)
    rows[rows.sum(1) == 0, -1] = 1.0
    rows /= rows.sum(1, keepdims=True)
    reference = None
    if real and draw(st.booleans()):
        reference = np.roll(rows, 1, axis=1)
    return bs.table_task(quality, weights / weights.sum(), rows, reference=reference)


@st.composite
def filters(draw, persistent=NEVER):
    kind = draw(st.sampled_from(["none", "one rate", "two rates"]))
    if kind == "none":
        return None
    votes = draw(st.sampled_from([1, 1, 3]))
    if kind == "one rate":
        return bs.NoisyFilter(draw(PERCENT), votes=votes, persistent=draw(persistent))
    return bs.NoisyFilter(
        false_accept=draw(PERCENT),
        false_reject=draw(PERCENT),
        votes=votes,
        persistent=draw(persistent),
    )


@st.composite
def labelers(draw, task, persistent=NEVER):
    kind = draw(st.sampled_from(["number", "per prompt", "rows"]))
    wrong = draw(st.sampled_from(["spread", "concentrated"]))
    if kind == "number":
        return bs.WeakLabeler(draw(PERCENT), wrong=wrong, persistent=draw(persistent))
    beta = np.array(draw(st.lists(PERCENT, min_size=task.prompts, max_size=task.prompts)))
    if kind == "per prompt":
        return bs.WeakLabeler(beta, wrong=wrong, persistent=draw(persistent))
    rows = bs.WeakLabeler(beta, wrong=wrong).rows_for(task.quality)
    return bs.WeakLabeler(rows=rows, persistent=draw(persistent))


@st.composite
def procedures(draw, task, budgets=True, all_slots=False):
    """All slots: also verdicts and answers that persist, and a temperature."""
    persistent = st.booleans() if all_slots else NEVER
    labeler = draw(st.none() | labelers(task, persistent))
    temperature = draw(st.sampled_from([None, None, 0.5, 2.0])) if all_slots else None
    criterion, budget = bs.criteria.failed, None
    if labeler is not None:
        if budgets:
            budget = draw(st.none() | PERCENT)
        criterion = draw(st.sampled_from(RANKED if budget is None else [*RANKED, soft]))
    regime = draw(st.sampled_from(["replace", "replace", "accumulate", "anchor"]))
    return bs.Procedure(
        regime=regime,
        real_share=draw(st.sampled_from([0.25, 1.5])) if regime == "anchor" else None,
        attempts=draw(st.integers(1, 4)),
        filter=draw(filters(persistent)),
        keep=draw(st.sampled_from(["one", "all"])),
        criterion=criterion,
        budget=budget,
        labeler=labeler,
        learner=bs.StrongLearner(
            draw(st.sampled_from([0.0, 0.0, 0.1])), draw(st.sampled_from(["wrong", "uniform"]))
        ),
        sharpening=None if temperature is None else bs.Sharpening(temperature),
    )


@st.composite
def worlds(draw, budgets=True, all_slots=False):
    """A task and a procedure that fits it."""
    task = draw(tasks(real=all_slots))
    return task, draw(procedures(task, budgets, all_slots))
