"""A filter that tells responses apart: its classes, and every cell of tables on them (T20)."""

import dataclasses
import decimal
import itertools
import math

import draw
import enumeration
import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_agreement import lumped_like_dense

import boostsim as bs
from boostsim.simulation.tables.classes import classes_of
from boostsim.simulation.tables.prepare import prepare

WEAK = bs.WeakLabeler(0.3)
KEY = bs.table_task([[1, 0, 0]], initial=[[0.3, 0.69, 0.01]])
FOOLED = bs.ClassFilter([0.9, 0.1, 0.99])
LEVELS = np.array([0.0, 0.15, 0.6, 1.0])


def judging(shape, seed, share=False):
    """A filter of four probabilities, here and there."""
    accept = np.random.default_rng(seed).choice(LEVELS, size=shape)
    return bs.ClassFilter(accept, persistent=share)


def with_classes(world, seed, by_prompt, share):
    task, procedure = world
    shape = task.quality.shape if by_prompt else task.quality.shape[1:]
    return task, dataclasses.replace(procedure, filter=judging(shape, seed, share))


ROWS = np.random.default_rng(0).dirichlet(np.ones(6), size=4)
TASK = bs.table_task(
    [[1, 1, 0, 0, 0, 0], [1, 0, 0, 0, 0, 1], [0, 0, 1, 0, 0, 0], [1, 1, 1, 0, 0, 0]],
    [0.1, 0.2, 0.3, 0.4],
    ROWS,
)
SCORES = np.random.default_rng(2).choice([0.0, 1.0, 2.5], size=TASK.quality.shape)
LABELED = dict(attempts=3, labeler=WEAK)
FIXED = {
    "boosting": (bs.boosting(**LABELED, budget=0.3), True, False),
    "all slots": (
        bs.boosting(
            attempts=2, keep="all", labeler=bs.WeakLabeler(0.3, persistent=True), label_weight=0.5,
            regime="accumulate", learner=bs.StrongLearner(0.1, noise="uniform"),
        ),
        True, 0.4,
    ),
    "the best is kept": (
        bs.boosting(attempts=3, keep="best", scores=SCORES, labeler=WEAK), False, 0.5
    ),
    "real data": (bs.filter_only(attempts=2, regime="anchor", real_share=0.2), True, True),
}  # fmt: skip


@pytest.mark.parametrize("name", FIXED)
def test_on_any_number_of_classes_the_lumped_step_is_the_dense_one(name):
    procedure, by_prompt, share = FIXED[name]
    lumped_like_dense(with_classes((TASK, procedure), 1, by_prompt, share))


@given(
    draw.worlds(all_slots=True),
    st.integers(0, 2**32 - 1),
    st.booleans(),
    st.sampled_from([False, 0.5, True]),
)
@settings(max_examples=12)
def test_in_many_worlds_of_classes_the_lumped_step_is_the_dense_one(world, seed, by_prompt, share):
    lumped_like_dense(with_classes(world, seed, by_prompt, share))


def classes(filt, quality):
    return classes_of(filt, np.array(quality, float), None)


def test_there_are_as_many_classes_as_one_prompt_has_probabilities_on_each_side():
    quality = [[1, 0, 0, 0], [1, 1, 0, 0]]
    # On the first prompt one and two, on the second two and one.
    found = classes(bs.ClassFilter([[0.9, 0.1, 0.5, 0.1], [0.8, 0.7, 0.2, 0.2]]), quality)
    assert found.correct == (True, True, False, False)
    assert found.of.tolist() == [[0, 2, 3, 2], [1, 0, 2, 2]]
    assert found.accept.tolist() == [[0.9, 0.7], [0.0, 0.8], [0.1, 0.2], [0.5, 0.0]]
    # One rate for each side, whatever the number of responses, is two classes.
    even = classes(bs.ClassFilter([0.9] + [0.1] * 63), [[1] + [0] * 63] * 5)
    assert (even.correct, even.accept.tolist()) == ((True, False), [[0.9], [0.1]])
    # What is accepted alike but rejected otherwise, where one minus it is no float, is two.
    near = bs.ClassFilter([1.0, 1.0, 0.0], reject=[1e-200, 1e-100, 1.0])
    assert classes(near, [[1, 1, 0]]).reject.ravel().tolist() == [1e-200, 1e-100, 1.0]


HOW = {
    "exact": {},
    "sampled": {"visits": 5, "seeds": 3, "key": 1},
    "finite": {"visits": 4, "exact": True},
}


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("share", [False, True, 0.5])
def test_two_classes_are_a_noisy_filter_bit_for_bit(share, how):
    task, how = bs.random_table(0, prompts=7, responses=5), HOW[how]
    noisy = bs.NoisyFilter(false_accept=0.1, false_reject=0.2, persistent=share)
    sides = [[pair[0]] + [pair[1]] * 4 for pair in (noisy.accept, noisy.reject)]
    correct = task.quality.argmax(1)
    table = [np.where(task.quality == 1, side[0], side[1]) for side in sides]
    assert len(set(correct.tolist())) > 1
    alike = bs.ClassFilter(table[0], reject=table[1], persistent=share)
    seeded = how if not share or "key" in how else {**how, "key": 1}
    one, other = (
        bs.simulate(bs.boosting(attempts=2, filter=filt, labeler=WEAK), task, 4, **seeded)
        for filt in (noisy, alike)
    )
    for name in ("accuracy", "error", "labels", "coverage"):
        assert (one[name].values == other[name].values).all(), name


def test_rates_of_1e_200_on_either_side_keep_their_digits():
    task = bs.table_task([[1, 0, 0]], initial=[[0.5, 0.25, 0.25]])
    rare = bs.ClassFilter([1.0, 1e-200, 2e-200])
    trace = bs.simulate(bs.filter_only(filter=rare), task, 1)
    assert trace.error.values[0, 1] == pytest.approx(1.5e-200, rel=1e-14)
    sure = bs.ClassFilter([1.0, 1.0, 1.0], reject=[1e-200, 2e-200, 4e-200])
    trace = bs.simulate(bs.boosting(filter=sure, labeler=WEAK), task, 1)
    assert trace.labels.values[0, 1] == pytest.approx(2e-200, rel=1e-14)


@pytest.mark.parametrize(("keep", "share"), [("one", False), ("all", 0.3)])
def test_sampled_steps_have_the_law_of_every_outcome(keep, share):
    """One prompt, 40,000 copies: three classes, keep one and all, verdicts that stay or may."""
    one = bs.table_task([[1, 0, 0]], initial=[[0.5, 0.3, 0.2]])
    copies = bs.table_task(
        np.tile(one.quality, (40_000, 1)), initial=np.tile(one.initial, (40_000, 1))
    )
    filt = bs.ClassFilter([0.6, 0.2, 0.9], persistent=share)
    procedure = bs.Procedure(attempts=2, filter=filt, keep=keep, labeler=WEAK)
    law = enumeration.accuracy_law(procedure, one, visits=2)
    trace = bs.simulate(procedure, copies, 1, visits=2, key=5, record="prompt")
    enumeration.assert_accuracies("classes_enumeration", trace.accuracy[0, 1], law)


def rows_law(row, accept, labels, visits, iterations):
    """The law of the row: each visit gives one example, one attempt or, where it fails, a label."""
    law = {tuple(row): 1.0}
    for _ in range(iterations):
        after = {}
        for before, chance in law.items():
            passed = np.array(before) * accept
            example = passed + (1.0 - passed.sum()) * labels
            for seen in itertools.product(range(len(row)), repeat=visits):
                now = tuple(np.bincount(seen, minlength=len(row)) / visits)
                after[now] = after.get(now, 0.0) + chance * math.prod(example[list(seen)])
        law = after
    return law


def test_at_finite_visits_the_exact_law_is_that_of_every_outcome():
    """Over three classes accuracy alone is no chain: 1/3 right may be 2/3 of either wrong one."""
    accept, labels = np.array([0.6, 0.2, 0.9]), np.array([0.3, 0.35, 0.35])
    task = bs.table_task([[1, 0, 0]], initial=[[0.5, 0.3, 0.2]])
    procedure = bs.boosting(filter=bs.ClassFilter(accept), labeler=WEAK)
    trace = bs.simulate(procedure, task, 3, visits=3, exact=True, record="law")
    law = rows_law(task.initial[0], accept, labels, 3, 3)
    for value, chance in zip(trace.value.values, trace.law.values[0, 3], strict=True):
        assert chance == pytest.approx(
            sum(p for row, p in law.items() if row[0] == value), abs=1e-13
        )
    bought = sum(
        p * (1 - np.array(row) @ accept)
        for before in range(3)
        for row, p in rows_law(task.initial[0], accept, labels, 3, before).items()
    )
    assert float(trace.labels[0, 3]) == pytest.approx(bought, rel=1e-13)


def test_a_policy_gradient_moves_classes_by_what_they_are_accepted():
    """T18: by verdicts f e^(rate a), normalised, whatever the number of classes."""
    learner = bs.PolicyGradient(0.7, advantage="verdict")
    trace = bs.simulate(bs.filter_only(filter=FOOLED, learner=learner), KEY, 4)
    row = KEY.initial[0] * np.exp(4 * 0.7 * FOOLED.accept)
    assert trace.accuracy.values[0, 4] == pytest.approx(row[0] / row.sum(), rel=1e-13)


def test_labels_for_failures_do_not_save_a_verifier_that_is_fooled():
    """What is known of T20's example: a wrong class that is accepted more takes nearly all."""
    rows = bs.WeakLabeler(rows=[[0.2, 0.79, 0.01]])
    for key, limit in ((0.5, 0.99991), (0.99, 0.00000002)):
        filt = bs.ClassFilter([0.9, 0.1, key])
        procedure = bs.boosting(attempts=4, filter=filt, labeler=rows)
        last = bs.simulate(procedure, KEY, 1000).accuracy.values[0, -1]
        assert last == pytest.approx(limit, abs=5e-6 if key < 0.9 else 5e-9)


def test_filtering_alone_has_the_masses_of_the_law():
    """T20 to rounding, over more iterations than powers have floats, in one call for all."""
    law = bs.laws.blind_spot(
        initial_masses=[0.3, 0.69, 0.01], accept=FOOLED.accept, iterations=np.arange(61)
    )
    trace = bs.simulate(bs.filter_only(attempts=3, filter=FOOLED), KEY, 60)
    assert law[:, 0] == pytest.approx(trace.accuracy.values[0], rel=1e-12)
    assert law[:, 1:].sum(1) == pytest.approx(trace.error.values[0], rel=1e-12)
    late = bs.laws.blind_spot(
        initial_masses=[0.5, 0.5, 0.0], accept=[1e-3, 1e-3, 1.0], iterations=10**6
    )
    assert late.tolist() == [0.5, 0.5, 0.0]
    # Where nothing is accepted nothing is learned.
    none = bs.laws.blind_spot(initial_masses=[0.25, 0.75], accept=[0.0, 0.0], iterations=[0, 3])
    assert none[0] == pytest.approx(np.array([0.25, 0.75]), rel=1e-15)
    assert none[1].tolist() == [0.25, 0.75]
    # Nor where what is accepted has no mass.
    none = bs.laws.blind_spot(initial_masses=[0.0, 1.0], accept=[1.0, 0.0], iterations=[0, 3])
    assert none.tolist() == [[0.0, 1.0]] * 2


@pytest.mark.parametrize("attempts", [1, 2, 4])
def test_boosting_rests_at_the_law(attempts):
    """A step from the law's masses leads back to them, whatever is accepted most."""
    labels = np.array([[0.2, 0.79, 0.01]])
    for key in (0.0, 0.5, 0.9, 0.99, 1.0):
        accept = np.array([0.9, 0.1, key])
        rest = bs.laws.blind_spot_boosting(
            labeler_masses=labels[0], accept=accept, attempts=attempts
        )
        assert rest.sum() == pytest.approx(1.0, rel=1e-12)
        passed = rest @ accept
        failed = (1 - passed) ** attempts
        after = (1 - failed) * rest * accept / passed + failed * labels[0]
        assert after == pytest.approx(rest, rel=1e-8, abs=1e-14)
    told = dict(labeler_masses=labels[0], attempts=4)
    known = {0.5: 0.99991, 0.9: 0.95230, 0.99: 0.00000002}
    for key, accuracy in known.items():
        rest = bs.laws.blind_spot_boosting(accept=[0.9, 0.1, key], **told)
        assert rest[0] == pytest.approx(accuracy, abs=5e-6 if key < 0.95 else 5e-9)
    even = bs.laws.blind_spot_boosting(labeler_masses=[0.2, 0.8], accept=[0.5, 0.5], attempts=3)
    assert even == pytest.approx(np.array([0.2, 0.8]), rel=1e-12)


def test_where_several_classes_are_always_accepted_the_first_model_decides():
    """Two runs end apart, so no one law holds; with one such class both end there."""
    told = dict(labeler_masses=[0.2, 0.79, 0.01], attempts=2)
    rows = bs.WeakLabeler(rows=[told["labeler_masses"]])
    starts = ([0.01, 0.69, 0.3], 0.2075496), ([0.3, 0.69, 0.01], 0.9648155)
    for accept in ([1.0, 0.0, 1.0], [1.0, 0.5, 0.9]):
        procedure = bs.boosting(attempts=2, filter=bs.ClassFilter(accept), labeler=rows)
        for start, limit in starts:
            task = bs.table_task([[1, 0, 0]], initial=[start])
            last = bs.simulate(procedure, task, 200).accuracy.values[0, -1]
            assert last == pytest.approx(limit if accept[2] == 1.0 else 1.0, abs=1e-7)
    for several in ([1.0, 0.0, 1.0], [1.0, 1.0, 1.0], [[0.5, 0.1, 0.2], [0.5, 1.0, 1.0]]):
        with pytest.raises(ValueError, match="accept to be 1 for one class at most"):
            bs.laws.blind_spot_boosting(accept=several, **told)
    for alone in ([1.0, 0.0, 0.0], [1.0, 0.5, 0.9]):
        assert bs.laws.blind_spot_boosting(accept=alone, **told).tolist() == [1.0, 0.0, 0.0]


def resting(labels, accept, attempts):
    """T20's masses with 80 digits: the root B by bisection."""
    labels, accept = ([decimal.Decimal(float(each)) for each in row] for row in (labels, accept))
    low, high = 1 - max(accept), 1 - min(accept)
    masses = []
    for _ in range(250):
        middle = (low + high) / 2
        gain = sum(middle**power for power in range(attempts))
        left = [1 - gain * each for each in accept]
        shares = [middle**attempts * w / each for w, each in zip(labels, left, strict=True) if each]
        if min(left) <= 0 or sum(shares) > sum(labels):
            high = middle
        else:
            low, masses = middle, shares
    return [float(mass / sum(labels)) for mass in masses]


def test_small_masses_at_rest_are_not_lost_beside_large_ones():
    """By hand with one attempt, B W/(1 - a); by 80 digits elsewhere; labels rare to 1e-12."""
    rare = bs.laws.blind_spot_boosting(
        labeler_masses=[1.0 - 1e-12, 1e-12], accept=[0.4, 0.5], attempts=1
    )
    assert rare[1] == pytest.approx(1.2e-12 / (1.0 + 0.2e-12), rel=1e-14)
    random = np.random.default_rng(0)
    levels = [0.0, 1e-6, 0.1, 0.25, 0.5, 0.5 - 1e-13, 0.9, 0.99, 1 - 1e-6]
    with decimal.localcontext() as context:
        context.prec = 80
        for _ in range(40):
            labels = 10.0 ** -random.choice([0, 1, 4, 8, 11], 3) * random.uniform(0.1, 1.0, 3)
            labels /= labels.sum()
            accept, attempts = random.choice(levels, 3, replace=False), random.choice([1, 2, 4, 9])
            law = bs.laws.blind_spot_boosting(
                labeler_masses=labels, accept=accept, attempts=attempts
            )
            assert law == pytest.approx(resting(labels, accept, int(attempts)), rel=1e-9, abs=0.0)


def test_a_run_has_as_many_classes_as_the_filter():
    with jax.enable_x64(True):
        structure, numbers = prepare(bs.filter_only(filter=FOOLED), KEY, sampled=True)
    assert structure.correct == (True, False, False)
    assert np.asarray(numbers.accept).ravel().tolist() == [0.9, 0.1, 0.99]


def written(filt):
    procedure = bs.filter_only(filter=filt)
    trace = bs.simulate(procedure, KEY, 1, record="prompt")
    return bs.write_log(trace, "never.jsonl", procedure=procedure, task=KEY, key=0)


def in_tokens(filt):
    tiny = bs.Transformer(width=8, heads=1, layers=1, steps=1)
    return bs.simulate(bs.filter_only(filter=filt), bs.lookup(4, 4), 1, learner=tiny, key=0)


DOORS = {
    "a log": written,
    "tokens": in_tokens,
    "a fate": lambda filt: bs.fate(bs.filter_only(filter=filt), visits=2, initial_accuracy=0.5),
    "another table": lambda filt: bs.simulate(bs.filter_only(filter=filt), TASK, 1),
}


@pytest.mark.parametrize("door", DOORS)
def test_where_responses_cannot_be_told_apart_such_a_filter_is_refused(door):
    with pytest.raises(ValueError, match="filter") as caught:
        DOORS[door](FOOLED)
    assert "\n" not in str(caught.value)


class Own(bs.Filter):
    """A filter of one's own that tells responses apart."""

    accept, reject = np.array([0.9, 0.1, 0.99]), np.array([0.1, 0.9, 0.01])
    by_response = True


def test_a_filter_of_ones_own_may_tell_responses_apart():
    own, same = (bs.simulate(bs.filter_only(filter=filt), KEY, 3) for filt in (Own(), FOOLED))
    assert own.accuracy.values == pytest.approx(same.accuracy.values, rel=1e-13)
    assert '"by_response": true' in own.attrs["procedure"]
