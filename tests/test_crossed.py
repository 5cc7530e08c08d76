"""Every filter with every labeler, in every regime and cell: it runs and adds up, or is refused.

``make test`` has so many worlds that every two of these meet (a covering design; but for the cell
of sampled tables, which compiles longest); ``make test-all`` has all of them.
"""

import dataclasses
import itertools
import warnings

import dense
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import boostsim as bs
from boostsim.simulation.tables import persistence

QUALITY = np.array([[1, 0, 0], [0, 1, 0]], float)
TABLE = bs.table_task(QUALITY, [0.25, 0.75], initial=[[0.2, 0.5, 0.3], [0.6, 0.1, 0.3]])
LOOKUP = bs.lookup(entries=2, answers=2)
NETWORK = bs.SoftmaxRegression(steps=2, batch=4, first_steps=2)
ITERATIONS, ATTEMPTS = 2, 2
EPS = np.finfo(np.float64).eps


@dataclasses.dataclass(frozen=True)
class Judge(bs.Filter):
    """Of one's own: two rates on tables, a function in tokens."""

    accept: tuple = (0.9, 0.2)
    reject: tuple = (0.1, 0.8)
    looks: int = 2

    def judge(self, prompts, responses):
        return jnp.where(LOOKUP.verify(prompts, responses), *self.accept) * 1.0


@dataclasses.dataclass(frozen=True)
class Own(bs.Labeler):
    """Of one's own: rows on tables, answers in tokens."""

    def rows_for(self, quality):
        return (quality + 1.0) / (quality + 1.0).sum(1, keepdims=True)

    def answers(self, key, prompts):
        return jax.random.randint(key, (len(prompts), 1), 3, 5)


FILTERS = {
    "none": None,
    "noisy": bs.NoisyFilter(false_accept=0.2, false_reject=0.1),
    "votes": bs.NoisyFilter(0.3, votes=3, correlation=0.5),
    "persistent": bs.NoisyFilter(0.2, persistent=True),
    "drifting": bs.DriftingFilter([bs.NoisyFilter(0.3), bs.NoisyFilter(0.1)]),
    "classes": bs.ClassFilter([0.9, 0.2, 0.5]),
    "own": Judge(),
    "reject": bs.RejectAll(),
}
LABELERS = {
    "none": None,
    "weak": bs.WeakLabeler(0.4),
    "uneven": bs.WeakLabeler([0.8, 0.3]),
    "persistent": bs.WeakLabeler(0.4, persistent=True),
    "drifting": bs.DriftingLabeler(0.6, later=bs.WeakLabeler(0.2), between=(0, 2)),
    "first model": bs.FirstModel(),
    "own": Own(),
}
REGIMES = {
    "replace": bs.Replace(),
    "accumulate": bs.Accumulate(),
    "with real data": bs.Accumulate(real_share=0.25),
    "anchor": bs.Anchor(0.25),
    "window": bs.Window(2),
    "subsample": bs.Subsample(8),
}
CELLS = {
    "exact": (TABLE, {}),
    "sampled": (TABLE, {"visits": 3, "seeds": 2}),
    "finite": (TABLE, {"visits": 1, "exact": True}),
    "tokens, exact": (LOOKUP, {"exact": True}),
    "tokens, visits": (LOOKUP, {"visits": 2}),
    "tokens, prompts": (LOOKUP, {"prompts_per_iteration": 4}),
}
AXES = [FILTERS, LABELERS, REGIMES, CELLS]


# Seconds that a world of a cell takes, roughly: the day has the cheap ones where it may choose.
COSTS = {"exact": 0.5, "sampled": 1.4, "finite": 0.2, "tokens, exact": 0.35}


def covering(axes):
    """Rows in which every two values of different axes meet: greedily, the same each time."""
    places = [*itertools.combinations(range(len(axes)), 2)]

    def pairs(row):
        return {(i, j, row[i], row[j]) for i, j in places}

    rows = {row: pairs(row) for row in itertools.product(*axes)}
    left, chosen = set().union(*rows.values()), []
    while left:
        best = max(rows, key=lambda row: len(rows[row] & left) / (0.3 + COSTS.get(row[-1], 0.1)))
        chosen.append(best)
        left -= rows[best]
    return chosen


# Sampled tables compile longest, and other tests have them by day.
BY_DAY = [*AXES[:3], [cell for cell in CELLS if cell != "sampled"]]
DAY = covering(BY_DAY)


def refusal(filt, labeler, regime, cell):
    """What a world is refused with, or None."""
    if cell == "finite" and regime == "window" and labeler == "none" and filt != "none":
        return "exact must be False at finite visits, for a window may hold no example"
    if filt == "classes" and CELLS[cell][0] is LOOKUP:
        return "filter must be one that judges all wrong responses alike"
    return None


def made(filt, labeler, regime, cell):
    """Return a procedure, a task and how much is seen."""
    task, how = CELLS[cell]
    learner = bs.StrongLearner() if task is TABLE else NETWORK
    slots = dict(attempts=ATTEMPTS, filter=filt, labeler=labeler, regime=regime, learner=learner)
    if task is not TABLE or "seeds" in how or getattr(filt, "persistent", False):
        how = how | {"key": 0}
    return bs.Procedure(**slots), task, how


def simulated(procedure, task, how):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "in iteration . nothing was accepted")
        return bs.simulate(procedure, task, ITERATIONS, **how)


def by_hand(procedure, task, key):
    """The accuracy of the dense map, and the labels bought, by iteration; see dense.py."""
    verdicts = None
    if procedure.filter.persistent:
        # All of them are for ever.
        verdicts = persistence.verdicts(procedure, task, jax.random.fold_in(jax.random.key(key), 0))
    labeler = procedure.labeler
    if labeler is not None:
        labeler = labeler.on(task.initial, task.quality)
        procedure = dataclasses.replace(procedure, labeler=labeler)
    given = procedure
    procedure, task, verdicts = dense.realise(given.at(1), task, verdicts)
    rows, data, labels = task.initial, [task.initial.copy()], [0.0]
    accuracy = [(rows * task.quality).sum(1) @ task.prompt_weights]
    for iteration in range(1, ITERATIONS + 1):
        now = dataclasses.replace(procedure, filter=given.at(iteration).filter)
        if labeler is not None and not labeler.persistent:
            weights = labeler.weights(iteration)
            parts = [weights[n] * p.rows_for(task.quality) for n, p in labeler.plain.items()]
            now = dataclasses.replace(now, labeler=bs.WeakLabeler(rows=sum(parts)))
        rows, bought = dense.iterate(now, task, rows, data, verdicts)
        accuracy.append((rows * task.quality).sum(1) @ task.prompt_weights)
        labels.append(labels[-1] + bought)
    return np.array(accuracy), np.array(labels)


def holds(names):
    """Run a world, and hold its trace to what every trace is."""
    parts = [axis[name] for axis, name in zip(AXES[:3], names, strict=False)]
    procedure, task, how = made(*parts, names[3])
    if words := refusal(*names):
        with pytest.raises(ValueError, match=words) as caught:
            simulated(procedure, task, how)
        assert "\n" not in str(caught.value)
        return
    trace = simulated(procedure, task, how)
    filt = procedure.filter
    iterations = np.arange(ITERATIONS + 1.0)
    accuracy, error = trace.accuracy.values, trace.error.values
    assert accuracy.shape == (how.get("seeds", 1), ITERATIONS + 1)
    assert np.isfinite(accuracy).all()
    assert ((accuracy >= 0.0) & (accuracy <= 1.0)).all()
    # Sums of so few products round by so much.
    np.testing.assert_allclose(accuracy + error, 1.0, rtol=0.0, atol=64 * EPS)
    labels, generations = trace.labels.values, trace.generations.values
    made_ = ATTEMPTS * iterations * filt.generates
    np.testing.assert_allclose(generations, np.broadcast_to(made_, accuracy.shape), rtol=8 * EPS)
    np.testing.assert_allclose(trace.filter_calls, filt.looks * generations, rtol=8 * EPS)
    bought = np.diff(labels, axis=1)
    assert (labels[:, 0] == 0.0).all()
    # One label a visit at most; none where there is nobody to ask, or no visit fails.
    assert ((bought >= 0.0) & (bought <= 1.0 + 64 * EPS)).all()
    if procedure.labeler is None or isinstance(filt, bs.AcceptAll):
        assert (bought == 0.0).all()
    elif isinstance(filt, bs.RejectAll):
        np.testing.assert_allclose(bought, 1.0, rtol=64 * EPS)
    told = trace.attrs["procedure"]
    assert all(type(part).__name__ in told for part in parts[:2] if part is not None)
    if names[3] == "exact":
        accuracy, labels = by_hand(procedure, task, how.get("key", 0))
        # As test_agreement: 16 eps m sum_s (2k + 2)^s, over two iterations.
        growth = 16 * EPS * task.responses * sum((2.0 * ATTEMPTS + 2.0) ** s for s in range(3))
        np.testing.assert_allclose(trace.accuracy.values[0], accuracy, rtol=growth)
        np.testing.assert_allclose(trace.labels.values[0], labels, rtol=growth)


@pytest.mark.parametrize("names", DAY, ids=" | ".join)
def test_every_two_meet(names):
    holds(names)


@pytest.mark.parametrize("cell", CELLS)
def test_all_meet(cell):
    for names in itertools.product(FILTERS, LABELERS, REGIMES):
        holds((*names, cell))


def test_the_day_has_every_pair():
    for (i, one), (j, other) in itertools.combinations(enumerate(BY_DAY), 2):
        met = {(row[i], row[j]) for row in DAY}
        assert met == {*itertools.product(one, other)}
    assert len(DAY) <= 64


@bs.TokenFilter
def reads(prompts, responses):
    return responses[:, 0] > 3


class Answers(bs.Labeler):
    """A labeler that speaks, and has no rows."""

    def answers(self, key, prompts):
        return Own().answers(key, prompts)


@pytest.mark.parametrize("cell", ["exact", "sampled", "finite", "tokens, exact"])
def test_what_cannot_be_is_refused_in_one_sentence(cell):
    worlds = [*itertools.product(FILTERS.values(), [Answers()], REGIMES.values())]
    words = "(labeler must be one with rows_for|filter must be one that judges all wrong)"
    if CELLS[cell][0] is TABLE:
        worlds += [
            (reads, each, regime) for each in LABELERS.values() for regime in REGIMES.values()
        ]
        words = (
            "(labeler must be one with rows_for|filter must be one with accept and reject where)"
        )
    for parts in worlds:
        with pytest.raises(ValueError, match=words) as caught:
            simulated(*made(*parts, cell))
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 300
