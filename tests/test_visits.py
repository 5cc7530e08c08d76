"""What a criterion reads of the visits is the same number, to the last bit, in every cell."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import boostsim as bs
from boostsim.curation.criterion import example
from boostsim.simulation.tokens import focusing, listed

# 3/10, 6/10 and 7/10 are no products with the float 1/10, 49/49 none with 1/49.
NOT_PRODUCTS = (10, 49)
LABELER = bs.WeakLabeler(0.5)


def shares(attempts):
    return np.arange(attempts + 1) / attempts


def rule_for(attempts):
    """A rule that labels where a share is not the float nearest to J/k; always asked."""

    @bs.criterion
    def inexact(visits):
        wanted = jnp.asarray(shares(attempts), visits.mass.dtype)[visits.accepted]
        dtype = visits.mass.dtype
        divided = visits.accepted.astype(dtype) / visits.attempts.astype(dtype)
        off = (visits.pass_rate != wanted) | (divided != wanted)
        return off * 1.0 + 0.0 * visits.mass

    return bs.boosting(attempts=attempts, criterion=inexact, labeler=LABELER)


TASK = bs.random_table(0, prompts=3, responses=3)


@pytest.mark.parametrize("attempts", NOT_PRODUCTS)
@pytest.mark.parametrize(
    "how", [{}, {"visits": 40, "key": 0}, {"visits": 3, "visited_share": 0.5, "key": 0}]
)
def test_on_a_table_a_pass_rate_is_the_float_nearest_to_its_share(how, attempts):
    assert float(bs.simulate(rule_for(attempts), TASK, 2, **how).labels[0, -1]) == 0.0


@pytest.mark.parametrize("attempts", NOT_PRODUCTS)
def test_a_pass_rate_is_the_float_nearest_to_its_share(attempts):
    """Compiled by the user, and a transformer's both cells."""
    procedure, wanted = rule_for(attempts), shares(attempts)
    with jax.enable_x64(True):
        loop = bs.kernel(procedure, TASK)
        assert float(jax.jit(lambda: loop.step(None, loop.init()))()[1].labels) == 0.0
        tried = example(np.arange(attempts + 1), attempts)
        assert np.array_equal(tried.pass_rate, wanted)
    lookup = bs.lookup(entries=8)
    listing = listed.Listing(lookup)
    rows = np.random.default_rng(0).dirichlet(np.ones(len(lookup.symbols)), 8)
    law = listed.TrainingLaw(procedure, listing, rows, jax.random.key(0))
    assert law(rows).labels == 0.0
    counts = np.arange(attempts + 1)
    said = np.zeros((attempts + 1, attempts, 1), np.int32)
    seen = focusing.see(attempts, 0 * counts, counts, counts, said)
    assert np.array_equal(seen.pass_rate, wanted)
    assert not focusing.focus(procedure, seen).any()


@pytest.mark.parametrize("asked", [False, True])
def test_three_of_ten_is_at_most_three_tenths(asked):
    """P(J <= 3) of Binomial(10, 0.3) is .6496; known beforehand, and asked in every iteration."""

    @bs.criterion
    def few(visits):
        return (visits.pass_rate <= 0.3) * 1.0 + asked * 0.0 * visits.mass

    @bs.criterion
    def counted(visits):
        return (10 * visits.accepted <= 3 * visits.attempts) * 1.0 + asked * 0.0 * visits.mass

    task = bs.table_task([[1, 0]], initial=[[0.3, 0.7]])
    labels = []
    for rule in (few, counted):
        procedure = bs.boosting(attempts=10, criterion=rule, labeler=LABELER)
        exact = bs.simulate(procedure, task, 1)
        sampled = bs.simulate(procedure, task, 1, visits=1000, key=0)
        labels.append([float(exact.labels[0, 1]), float(sampled.labels[0, 1])])
    assert labels[0] == labels[1]
    assert labels[0][0] == pytest.approx(0.6496107, abs=1e-6)


def test_labels_by_prompt_are_a_ratio_of_counts():
    """Of 10 visits: in ``bs.simulate``, and in a step that its user compiles."""
    task = bs.random_table(0, prompts=50, responses=3)
    procedure = bs.boosting(criterion=bs.criteria.uniform, labeler=LABELER, budget=0.5)
    trace = bs.simulate(procedure, task, 1, visits=10, key=0, record="prompt")
    assert np.isin(trace.labels_by_prompt.values[0, 1], shares(10)).all()
    with jax.enable_x64(True):
        loop = bs.kernel(procedure, task, visits=10)
        _, info = jax.jit(lambda key: loop.step(key, loop.init()))(jax.random.key(0))
        assert np.isin(info.labels_by_prompt, shares(10)).all()


def test_margins_tie_where_the_counts_do():
    for attempts in range(1, 65):
        counts = np.arange(attempts + 1)
        wanted = 2 * np.minimum(counts, attempts - counts) / attempts
        assert np.array_equal(bs.criteria.margin.priority_by_accepted(attempts), wanted)


def test_margins_tie_in_a_transformers_visits():
    attempts = 9
    counts = np.arange(attempts + 1)
    said = np.zeros((attempts + 1, attempts, 1), np.int32)
    seen = focusing.see(attempts, 0 * counts, counts, counts, said)
    procedure = bs.boosting(
        attempts=attempts, criterion=bs.criteria.margin, labeler=LABELER, budget=0.3
    )
    # Two visits of four and five, and half of the two of three and six.
    wanted = {4: 1.0, 5: 1.0, 3: 0.5, 6: 0.5}
    chance = focusing.focus(procedure, seen)
    assert chance == pytest.approx([wanted.get(count, 0.0) for count in counts])
