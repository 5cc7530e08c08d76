"""What is drawn once and stays (T14, T15): the draws, the runs on them, the laws."""

import math

import draw
import enumeration
import jax
import literal
import numpy as np
import pytest
from alarms import alpha, assert_law, assert_share, hoeffding
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

import boostsim as bs
from boostsim.simulation.tables import persistence
from boostsim.simulation.tokens import verdicts


def copies(row, quality, prompts):
    """Independent prompts that all look alike."""
    return bs.table_task(
        np.tile(np.array(quality, float), (prompts, 1)), initial=np.tile(row, (prompts, 1))
    )


def seed_key(key, seed=0):
    return jax.random.fold_in(jax.random.key(key), seed)


def test_verdicts_and_answers_have_the_stated_law():
    task = copies([0.2, 0.5, 0.3], [1, 0, 0], 50_000)
    filt = bs.NoisyFilter(false_accept=0.1, false_reject=0.3, votes=5, persistent=True)
    procedure = bs.boosting(filter=filt, labeler=bs.WeakLabeler(0.4))
    table = persistence.verdicts(procedure, task, seed_key(1))
    # Independent within a prompt too: the law of the whole pattern of verdicts.
    patterns = (table @ [4, 2, 1]).astype(int)
    chance = np.array([0.7, 0.1, 0.1])
    law = [
        math.prod(p if code >> bit & 1 else 1 - p for p, bit in zip(chance, (2, 1, 0), strict=True))
        for code in range(8)
    ]
    assert_law("persistent_draws", np.bincount(patterns, minlength=8), law)
    rows = np.tile([0.0, 0.25, 0.75], (50_000, 1))
    answers = persistence.answers(rows, seed_key(1))
    assert (answers.sum(1) == 1).all()
    assert (answers[:, 0] == 0).all()
    assert_share("persistent_draws", int(answers[:, 1].sum()), 50_000, 0.25)
    # Answers and verdicts of one key are unrelated: liked shares agree among both answers.
    both = int((answers[:, 1] * table[:, 0]).sum())
    assert_share("persistent_draws", both, int(answers[:, 1].sum()), 0.7)


def sampled_like_enumerated(world, what):
    """The new correct mass of a prompt, over 60,000 copies with draws of their own."""
    task, procedure = world
    filt, labeler = procedure.filter, procedure.labeler
    rates = {"false_accept": 0.25, "false_reject": 0.4}
    if isinstance(filt, bs.NoisyFilter):
        rates = {"false_accept": filt.accept[1], "false_reject": filt.reject[0]}
    beta = labeler.masses_for(task.quality)[0, 0] if labeler else 0.3
    procedure = bs.Procedure(
        attempts=min(procedure.attempts, 2),
        filter=bs.NoisyFilter(**rates, persistent=what != "labels"),
        keep=procedure.keep,
        criterion=procedure.criterion,
        labeler=bs.WeakLabeler(beta, persistent=what != "filter"),
    )
    one = bs.table_task(task.quality[:1], initial=task.initial[:1])
    many = copies(one.initial[0], one.quality[0], 60_000)
    law = enumeration.accuracy_law(procedure, one, visits=2)
    trace = bs.simulate(procedure, many, 1, visits=2, key=5, record="prompt")
    enumeration.assert_accuracies("persistent_enumeration", trace.accuracy[0, 1], law)


LASTING = st.sampled_from(["filter", "labels", "both"])


@given(draw.worlds(budgets=False), LASTING)
@settings(max_examples=6)
def test_sampled_steps_on_persistent_draws_have_the_law_of_every_outcome(world, what):
    sampled_like_enumerated(world, what)


@given(draw.worlds(budgets=False), LASTING)
@settings(max_examples=14)
def test_in_many_worlds_sampled_steps_on_persistent_draws_have_that_law(world, what):
    sampled_like_enumerated(world, what)


@pytest.mark.parametrize("what", ["filter", "labels"])
def test_what_persists_persists_over_iterations(what):
    """Three iterations, ours and the literal simulator's: the distance of two empirical laws."""
    task = bs.table_task([[1, 0, 0], [0, 1, 1]], [0.25, 0.75], [[0.5, 0.3, 0.2], [0.0, 0.25, 0.75]])
    procedure = bs.boosting(
        attempts=2,
        filter=bs.NoisyFilter(0.05 if what == "labels" else 0.3, persistent=what != "labels"),
        labeler=bs.WeakLabeler(0.4, persistent=what != "filter"),
    )
    visits, runs, iterations = 3, 800, 4
    trace = bs.simulate(procedure, task, iterations, visits=visits, seeds=runs, key=12)
    rng = np.random.default_rng(0)
    accuracy, bought = [], []
    for _ in range(runs):
        verdicts = answers = None
        if what != "labels":
            chance = np.where(task.quality == 1, *procedure.filter.accept)
            verdicts = (rng.random(chance.shape) < chance) * 1.0
        if what != "filter":
            rows = procedure.labeler.rows_for(task.quality)
            answers = [rng.choice(3, p=row) for row in rows]
        rows, labels = task.initial, 0.0
        for _ in range(iterations):
            rows, more = literal.iterate(
                rng, procedure, task, rows, visits, verdicts=verdicts, answers=answers
            )
            labels += more
        accuracy.append((rows * task.quality).sum(1) @ task.prompt_weights)
        bought.append(labels)
    test = "persistent_literal"
    for ours, theirs in (
        (trace.accuracy.values[:, -1], accuracy),
        (trace.labels.values[:, -1], bought),
    ):
        ours, theirs = np.sort(ours.round(9)), np.sort(np.round(theirs, 9))
        at = np.union1d(ours, theirs)
        distance = np.abs(
            np.searchsorted(ours, at, "right") - np.searchsorted(theirs, at, "right")
        ).max()
        assert distance / runs <= 2 * math.sqrt(math.log(4 / alpha(test)) / (2 * runs))


def test_exact_and_sampled_runs_of_one_key_meet_the_same_verdicts():
    task = bs.random_table(1, prompts=40, responses=5, correct=2)
    procedure = bs.boosting(
        attempts=2, filter=bs.NoisyFilter(0.3, persistent=True), labeler=bs.WeakLabeler(0.4)
    )
    exact = bs.simulate(procedure, task, 4, seeds=3, key=8, record="prompt")
    sampled = bs.simulate(procedure, task, 4, visits=10**12, seeds=3, key=8, record="prompt")
    assert np.abs(exact.accuracy - sampled.accuracy).max() <= 1e-4
    spread = exact.accuracy.values.std(0)[1:]
    assert (spread.max(1) > 0.05).all()
    # A seed alone is the same bit for bit; the public step, compiled otherwise, to rounding.
    alone = bs.simulate(procedure, task, 4, seeds=1, key=8, record="prompt")
    assert (alone.accuracy[0] == exact.accuracy[0]).all()
    with jax.enable_x64(True):
        loop = bs.kernel(procedure, task, key=seed_key(8, 2))
        state, _ = jax.jit(lambda: loop.step(None, loop.init()))()
        # Correct and liked, correct and disliked.
        right = np.asarray(state.mass)[0, :2].sum(0)
    assert right == pytest.approx(exact.accuracy.values[2, 1], rel=1e-14)


def test_each_answer_is_a_prompt_of_its_own_in_exact_runs():
    """By hand: two answers, two prompts; the criterion still sees the prompt, and J."""
    shapes, seen = [], []

    @bs.criterion
    def watched(visits):
        shapes.append(visits.mass.shape)
        jax.debug.callback(lambda prompts: seen.append(prompts.tolist()), visits.prompt)
        return (visits.accepted == 0) * (1.0 + 0.0 * visits.mass)

    task = bs.table_task([[1, 0], [1, 0]], [0.5, 0.5], [[0.0, 1.0], [0.0, 1.0]])
    procedure = bs.boosting(labeler=bs.WeakLabeler([0.25, 1.0], persistent=True), criterion=watched)
    trace = bs.simulate(procedure, task, 3, record="prompt")
    assert trace.accuracy.values[0].tolist() == [[0, 0], [0.25, 1], [0.25, 1], [0.25, 1]]
    assert trace.labels.values[0].tolist() == [0.0, 1.0, 1.375, 1.75]
    # Each set of copies is shown by itself, so nothing tells how likely an answer is.
    assert shapes[-1] == (4,)
    assert seen[-1] == [0, 1] * 2


def test_a_criterion_cannot_see_how_likely_an_answer_is():
    """Priorities that depend on the mass: lumped or dense, split or not, the same focus."""

    @bs.criterion
    def large(visits):
        return (visits.mass > 0.3) * (visits.accepted == 0) * 1.0

    task = bs.table_task([[1, 0, 0, 0]], initial=[[0, 0.5, 0.25, 0.25]])
    procedure = bs.boosting(labeler=bs.WeakLabeler(0.5, persistent=True), criterion=large)
    lumped, dense = (bs.simulate(procedure, task, 4, record=r) for r in ((), ("entropy",)))
    # The first visit fails and is labelled; the half with a wrong answer fails for ever.
    for trace in (lumped, dense):
        assert trace.labels.values[0] == pytest.approx([0, 1, 1.5, 2, 2.5], abs=1e-12)
        assert trace.error.values[0] == pytest.approx([1, 0.5, 0.5, 0.5, 0.5], abs=1e-12)


def test_under_a_budget_the_split_is_the_limit_of_many_prompts():
    """Priorities by mass: exact, and sampled over many seeds."""

    @bs.criterion
    def heavy(visits):
        return (visits.accepted == 0) * visits.mass

    rng = np.random.default_rng(1)
    prompts, seeds = 200, 60
    quality = np.tile([1.0, 0.0, 0.0, 0.0], (prompts, 1))
    task = bs.table_task(quality, rng.dirichlet(np.full(prompts, 4.0)), 1 / 3 * (1 - quality))
    procedure = bs.boosting(
        filter=bs.NoisyFilter(0.1),
        labeler=bs.WeakLabeler(0.3, persistent=True),
        criterion=heavy,
        budget=0.2,
    )
    exact = bs.simulate(procedure, task, 3)
    sampled = bs.simulate(procedure, task, 3, visits=10**6, seeds=seeds, key=2)
    # Answers are independent over prompts: Hoeffding with the weights' sum of squares.
    radius = hoeffding("persistent_budget", seeds) * np.sqrt((task.prompt_weights**2).sum())
    gap = abs(float(sampled.accuracy[:, -1].mean() - exact.accuracy[0, -1]))
    # And what a finite number of prompts shifts the shared threshold by: one prompt's weight.
    assert gap <= radius + task.prompt_weights.max()


@pytest.mark.parametrize("beta", [0.0, 0.3, 1.0])
def test_persistent_labels_stop_at_their_share(beta):
    """T14, exact to rounding and as a binomial when sampled."""
    prompts, solved = 40_000, 10_000
    row = np.tile([0.0, 1.0], (prompts, 1))
    row[:solved] = [1.0, 0.0]
    task = bs.table_task(np.tile([1.0, 0.0], (prompts, 1)), initial=row)
    procedure = bs.boosting(attempts=3, labeler=bs.WeakLabeler(beta, persistent=True))
    law = bs.laws.persistent_labels_error(beta=beta, initial_error=0.75)
    exact = bs.simulate(procedure, task, 20).error.values[0]
    assert exact[1:] == pytest.approx(np.full(20, law), rel=1e-12, abs=1e-300)
    trace = bs.simulate(procedure, task, 20, visits=2, key=1)
    wrong = trace.error.values[0] * prompts
    assert (wrong[1:] == wrong[1]).all()
    assert_share("persistent_labels", round(wrong[1]), prompts - solved, 1 - beta)


def disliked_start(quality, procedure, key):
    """A task whose first model says a wrong, disliked response on every prompt that has one."""
    task = bs.table_task(quality)
    table = persistence.verdicts(procedure, task, seed_key(key))
    quiet = (1 - table) * (1 - quality)
    some = quiet.sum(1) > 0
    start = np.where(some[:, None], quiet, 1.0 - quality)
    return bs.table_task(quality, initial=start / start.sum(1, keepdims=True)), table, some


@pytest.mark.parametrize("correct", [1, 3])
def test_a_persistent_filter_keeps_what_it_likes_of_the_labels(correct):
    """T15 prompt by prompt, and its expectation, whatever attempts and votes are."""
    beta, gamma, prompts, wrong = 0.3, 0.2, 3000, 40
    quality = np.zeros((prompts, correct + wrong))
    quality[:, :correct] = 1.0
    limits = []
    for attempts, votes in ((1, 1), (4, 1), (4, 7)):
        procedure = bs.boosting(
            attempts=attempts,
            filter=bs.NoisyFilter(gamma, votes=votes, persistent=True),
            labeler=bs.WeakLabeler(beta),
        )
        task, table, some = disliked_start(quality, procedure, 3)
        assert some.all()
        trace = bs.simulate(procedure, task, 400, key=3, record="prompt")
        liked = procedure.labeler.rows_for(quality) * table
        mass = liked.sum(1)
        want = (liked * (1 - quality)).sum(1) / np.where(mass > 0, mass, 1.0)
        assert (mass > 0).all()
        limits.append(trace.error.values[0, -1])
        # What is disliked falls by a factor 1 - w an iteration at least.
        assert (np.abs(limits[-1] - want) <= 1e-9 + (1 - mass) ** 400).all()
    assert (np.abs(limits[1] - limits[0]) <= 1e-9 + (1 - mass) ** 400).all()
    # The finite table's own expectation, by both binomials.
    right, other = np.arange(correct + 1), np.arange(wrong + 1)
    share = (1 - beta) * other / wrong
    weight = share + beta * right[:, None] / correct
    value = np.where(weight > 0, share / np.where(weight > 0, weight, 1.0), 1 - beta)
    chance = binom.pmf(right, correct, 1 - gamma)[:, None] * binom.pmf(other, wrong, gamma)
    assert abs(limits[0].mean() - (chance * value).sum()) <= hoeffding("persistent_filter", prompts)


@pytest.mark.parametrize("correct", [1, 2, 7, "many"])
def test_the_floor_of_a_persistent_filter_is_the_limit_of_many_wrong_answers(correct):
    """The expectation over both binomials tends to the law as 1/wrong."""
    beta, gamma = 0.15, 0.2
    law = bs.laws.persistent_filter_floor(beta=beta, gamma=gamma, correct_answers=correct)
    if correct == "many":
        assert law == pytest.approx(bs.laws.noisy_boosting(beta=beta, gamma=gamma).floor, rel=1e-14)
        # From finitely many correct answers it is approached as 1/c.
        gaps = [
            abs(bs.laws.persistent_filter_floor(beta=beta, gamma=gamma, correct_answers=c) - law)
            for c in (100, 1000)
        ]
        assert gaps[0] / gaps[1] == pytest.approx(10, rel=0.02)
        return
    gaps = []
    for wrong in (2000, 20_000):
        right, other = np.arange(correct + 1), np.arange(1, wrong + 1)
        share = (1 - beta) * other / wrong
        value = share / (share + beta * right[:, None] / correct)
        chance = binom.pmf(right, correct, 1 - gamma)[:, None] * binom.pmf(other, wrong, gamma)
        gaps.append(abs((chance * value).sum() - law))
    assert gaps[1] <= 1e-4
    assert gaps[0] / gaps[1] == pytest.approx(10, rel=0.02)


@pytest.mark.parametrize("share", [0.25, 1.0])
def test_what_is_liked_for_ever_wins_however_few_pairs_have_a_verdict_for_ever(share):
    """T15 with a share: prompt by prompt, and its expectation, whatever attempts and votes are."""
    beta, gamma, prompts, wrong = 0.3, 0.2, 500, 40
    quality = np.zeros((prompts, 1 + wrong))
    quality[:, 0] = 1.0
    for attempts, votes in ((1, 1), (3, 5)):
        filt = bs.NoisyFilter(gamma, votes=votes, persistent=share)
        procedure = bs.boosting(attempts=attempts, filter=filt, labeler=bs.WeakLabeler(beta))
        task = bs.table_task(quality)
        drawn = procedure, task, seed_key(3)
        liked = persistence.verdicts(*drawn) * persistence.staying(*drawn)
        # A first model that says nothing which is liked for ever.
        start = np.where(liked.all(1)[:, None], 1.0, 1.0 - liked)
        task = bs.table_task(quality, initial=start / start.sum(1, keepdims=True))
        trace = bs.simulate(procedure, task, 3000, key=3, record="prompt")
        rows = procedure.labeler.rows_for(quality) * liked
        mass = rows.sum(1)
        some = mass > 0
        want = (rows * (1 - quality)).sum(1)[some] / mass[some]
        # Of one attempt what is not liked for ever falls by a factor 1 - gamma w an iteration.
        gap = np.abs(trace.error.values[0, -1][some] - want)
        assert (gap <= 1e-9 + (1 - gamma * mass[some]) ** 3000).all()
    # On this table: a right answer that is liked, beside so many wrong ones.
    other, right = np.arange(wrong + 1), share * (1 - gamma)
    each = (1 - beta) * other / wrong
    chance = binom.pmf(other, wrong, share * gamma)
    none = chance[0] * (1 - right)
    mean = (chance * (right * each / (each + beta) + (1 - right) * (other > 0))).sum() / (1 - none)
    assert abs(want.mean() - mean) <= hoeffding("persistent_share", int(some.sum()))
    law = bs.laws.persistent_filter_floor(
        beta=beta, gamma=gamma, correct_answers=[1, np.inf], persistent=share
    )
    weight = share * gamma * (1 - beta)
    assert law[0] == pytest.approx(1 - right + right * weight / (weight + beta), rel=1e-12)
    assert law[1] == pytest.approx(bs.laws.noisy_boosting(beta=beta, gamma=gamma).floor, rel=1e-12)


def test_a_share_of_verdicts_that_stay_is_the_correlation_of_two_looks():
    """Drawn apart from the verdicts themselves; at 0 and 1 what no and every verdict does."""
    task = copies([0.2, 0.8], [1, 0], 40_000)
    procedure = bs.filter_only(filter=bs.NoisyFilter(0.3, persistent=0.25))
    drawn = procedure, task, seed_key(4)
    stays, table = persistence.staying(*drawn), persistence.verdicts(*drawn)
    assert_share("persistent_share", int(stays.sum()), stays.size, 0.25)
    assert_share("persistent_share", int(table[stays[:, 1], 1].sum()), int(stays[:, 1].sum()), 0.3)
    for share, flag in ((0, False), (1.0, True)):
        filt = bs.NoisyFilter(0.3, persistent=share)
        assert filt == bs.NoisyFilter(0.3, persistent=flag)
        assert filt.describe()["persistent"] is flag
    voted = bs.NoisyFilter(0.3, votes=3, persistent=0.25)
    majority = bs.NoisyFilter(0.3, votes=3).accept[1]
    assert voted.accept[1] == pytest.approx(0.25 * 0.3 + 0.75 * majority, rel=1e-15)
    # Of two looks at a pair both err with probability c gamma + (1 - c) gamma^2.
    gamma, looks = 0.3, []
    tokens = np.arange(60_000, dtype=np.int32)[:, None]
    for words in (np.array([1, 2], np.uint32), np.array([3, 4], np.uint32)):
        told = procedure.filter, tokens, tokens[:, None], np.zeros((60_000, 1), bool)
        looks.append(verdicts.verdicts(*told, words, np.array([5, 6], np.uint32))[:, 0])
    both = 0.25 * gamma + 0.75 * gamma**2
    assert_share("persistent_share", int((looks[0] & looks[1]).sum()), 60_000, both)
    assert_share("persistent_share", int(looks[1].sum()), 60_000, gamma)


def test_corners_of_the_persistent_floor():
    floor = bs.laws.persistent_filter_floor
    with pytest.raises(ValueError, match="persistent must be"):
        floor(beta=0.4, gamma=0.1, correct_answers=1, persistent=0.0)
    assert floor(beta=0.0, gamma=[0.0, 0.3, 1.0], correct_answers=1).tolist() == [1, 1, 1]
    assert floor(beta=1.0, gamma=[0.0, 0.3, 1.0], correct_answers=2).tolist() == [0, 0, 0]
    assert floor(beta=0.4, gamma=1.0, correct_answers=[1, 5, np.inf]).tolist() == [1, 1, 1]
    assert floor(beta=0.4, gamma=0.0, correct_answers=[1, 5, np.inf]).tolist() == [0, 0, 0]
    with pytest.raises(ValueError, match="correct_answers must be a whole number in"):
        floor(beta=0.4, gamma=0.1, correct_answers="few")


@pytest.mark.parametrize("attempts", [1, 2, 5])
def test_attempts_weigh_the_first_model_against_the_labels(attempts):
    """T15: the limit is the stated mixture on every prompt, whatever the verdicts are."""
    rng = np.random.default_rng(attempts)
    quality = np.tile([1.0, 1.0, 0.0, 0.0, 0.0, 0.0], (200, 1))
    task = bs.table_task(quality, initial=rng.dirichlet(np.full(6, 0.5), 200))
    labeler = bs.WeakLabeler(rows=rng.dirichlet(np.full(6, 0.5), 200))
    procedure = bs.boosting(
        attempts=attempts, filter=bs.NoisyFilter(0.35, persistent=True), labeler=labeler
    )
    table = persistence.verdicts(procedure, task, seed_key(2))
    own, given_ = task.initial * table, labeler.rows * table
    known = (given_.sum(1) > 0.02) & (own.sum(1) > 0)
    assert known.sum() > 150
    share = bs.laws.persistent_filter_ancestry(
        initial_liked=np.clip(own.sum(1), 0, 1)[known],
        labeler_liked=np.clip(given_.sum(1), 0, 1)[known],
        attempts=attempts,
    )
    wrong = [(part * (1 - quality)).sum(1)[known] / part.sum(1)[known] for part in (own, given_)]
    trace = bs.simulate(procedure, task, 2000, key=2, record="prompt")
    assert trace.error.values[0, -1][known] == pytest.approx(
        share * wrong[0] + (1 - share) * wrong[1], abs=1e-9
    )


@pytest.mark.parametrize("attempts", [(1, 4), (1, 2, 4, 8)], ids=["two", "four"])
def test_the_two_directions_in_attempts(attempts):
    """T15: error rises with k where f_0's liked mass is worse than the labeler's, else it falls."""
    errors = {}
    for start, name in (([0.0, 0.5, 0.5], "worse"), ([0.5, 0.5, 0.0], "better")):
        task = copies(start, [1, 0, 0], 4000)
        errors[name] = [
            float(
                bs.simulate(
                    bs.boosting(
                        attempts=k,
                        filter=bs.NoisyFilter(0.2, persistent=True),
                        labeler=bs.WeakLabeler(0.3),
                    ),
                    task,
                    100,
                    key=4,
                ).error[0, -1]
            )
            for k in attempts
        ]
    # The same verdicts for every k, so the order holds without noise.
    assert errors["worse"] == sorted(errors["worse"])
    assert errors["better"] == sorted(errors["better"], reverse=True)
    assert errors["worse"][-1] - errors["worse"][0] > 0.02
    assert errors["better"][0] - errors["better"][-1] > 0.02


def test_votes_of_a_persistent_filter_only_cost():
    task = bs.random_table(0, prompts=30)
    once, often = (
        bs.simulate(
            bs.filter_only(filter=bs.NoisyFilter(0.2, votes=votes, persistent=True)), task, 5, key=1
        )
        for votes in (1, 9)
    )
    assert (once.accuracy == often.accuracy).all()
    assert (often.filter_calls == 9 * once.filter_calls).all()
