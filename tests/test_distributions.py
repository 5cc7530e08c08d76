"""Laws that are distributions, tested as distributions."""

import math

import draw
import literal
import numpy as np
import pytest
from alarms import alpha, assert_law, assert_share, hoeffding
from scipy.special import xlogy
from scipy.stats import binom

import boostsim as bs

# One number of prompts and of iterations, where so many do: a program serves several tests.
PROMPTS, ITERATIONS = 60_000, 12


def copies(row, quality, prompts=PROMPTS):
    """Independent prompts that all look alike."""
    return bs.table_task(
        np.tile(np.array(quality, float), (prompts, 1)), initial=np.tile(row, (prompts, 1))
    )


def test_solving_times_are_geometric_and_labels_are_their_minimum_with_t():
    """T2 and section 5: v = 1, k = 1, a perfect filter, f_0 right on a known share."""
    beta, prompts, iterations, solved_at_start = 0.3, PROMPTS, ITERATIONS, 15_000
    row = np.tile([0.0, 1.0], (prompts, 1))
    row[:solved_at_start] = [1.0, 0.0]
    task = bs.table_task(np.tile([1.0, 0.0], (prompts, 1)), initial=row)
    trace = bs.simulate(
        bs.boosting(labeler=bs.WeakLabeler(beta)),
        task,
        iterations,
        visits=1,
        key=3,
        record="prompt",
    )
    wrong = trace.error.values[0].astype(bool)
    assert not (wrong[1:] & ~wrong[:-1]).any()
    # Iterations a prompt began failing: 0 if solved at the start, else min(G, T).
    labels = wrong[:-1].sum(0)
    failing = labels[solved_at_start:]
    tail = [beta * (1 - beta) ** (n - 1) for n in range(1, iterations)]
    law = [*tail, 1.0 - sum(tail)]
    assert_law("solving_times", np.bincount(failing, minlength=iterations + 1)[1:], law)
    assert (labels[:solved_at_start] == 0).all()
    # The trace buys exactly these labels, and their mean is T2's within Hoeffding.
    bought = trace.labels.values[0, -1]
    assert bought == pytest.approx(labels.mean(), rel=1e-12)
    error = 1 - solved_at_start / prompts
    want = bs.laws.label_cost(beta=beta, initial_error=error, iterations=iterations)
    assert abs(bought - want) <= hoeffding("solving_times", prompts, iterations)
    unsolved = int(wrong[-1].sum())
    assert_share("solving_times", unsolved, prompts - solved_at_start, (1 - beta) ** iterations)


@pytest.mark.parametrize(("examples", "correct"), [(4, 1), (6, 3)])
def test_fixation_follows_the_wright_fisher_chain(examples, correct):
    """T11: fixation probability p_0, and the whole law of the fixation time."""
    prompts, iterations = 40_000, 30
    start = correct / examples
    task = copies([start, 1 - start], [1, 0], prompts)
    procedure = bs.uncurated(attempts=2)
    trace = bs.simulate(procedure, task, iterations, visits=examples // 2, key=1, record="prompt")
    p = trace.accuracy.values[0]
    chain = binom.pmf(
        np.arange(examples + 1)[None], examples, np.arange(examples + 1)[:, None] / examples
    )
    law = np.zeros(examples + 1)
    law[correct] = 1.0
    absorbed = [0.0]
    for _ in range(iterations):
        law = law @ chain
        absorbed.append(law[0] + law[-1])
    done = (p == 0) | (p == 1)
    time = np.where(done.any(0), done.argmax(0), iterations + 1)
    counts = np.bincount(time, minlength=iterations + 2)[1:]
    bins = [slice(i, i + 3) for i in range(0, iterations, 3)] + [slice(iterations, None)]
    probabilities = np.append(np.diff(absorbed), 1.0 - absorbed[-1])
    assert_law("fixation", [counts[b].sum() for b in bins], [probabilities[b].sum() for b in bins])
    assert_share("fixation", int((p[-1] == 1).sum()), prompts, law[-1])
    # The law's mean time is the chain's: tau = sum over t of P(not absorbed by t).
    inner = chain[1:-1, 1:-1]
    mean = np.linalg.solve(np.eye(examples - 1) - inner, np.ones(examples - 1))[correct - 1]
    got = bs.laws.fixation_time(examples=examples, initial_accuracy=start)
    assert got == pytest.approx(mean, rel=1e-11)


def test_one_example_a_visit_makes_the_next_model_binomial():
    """Section 5: boosting, keep one: v p' ~ Binomial(v, g), so Var(p'|f) = g (1 - g)/v."""
    visits, prompts = 7, 60_000
    task = copies([0.3, 0.5, 0.2], [1, 0, 0], prompts)
    procedure = bs.boosting(attempts=3, filter=bs.NoisyFilter(0.2), labeler=bs.WeakLabeler(0.4))
    trace = bs.simulate(procedure, task, 1, visits=visits, key=9, record="prompt")
    g = float(bs.simulate(procedure, task, 1).accuracy[0, 1])
    right = np.rint(trace.accuracy.values[0, 1] * visits).astype(int)
    assert_law(
        "conditional_law",
        np.bincount(right, minlength=visits + 1),
        binom.pmf(np.arange(visits + 1), visits, g),
    )


def test_where_the_map_is_affine_the_mean_is_the_population():
    """Section 5: k = 1, at v = 1 and after ten iterations."""
    prompts = PROMPTS
    task = copies([0.2, 0.8], [1, 0])
    procedure = bs.boosting(filter=bs.NoisyFilter(0.2), labeler=bs.WeakLabeler(0.15))
    trace = bs.simulate(procedure, task, ITERATIONS, visits=1, key=4, record="prompt")
    one = bs.table_task([[1, 0]], initial=[[0.2, 0.8]])
    population = float(bs.simulate(procedure, one, 10).accuracy[0, 10])
    law = bs.laws.noisy_boosting(beta=0.15, gamma=0.2)
    assert population == pytest.approx(law.fixed_point + law.rate**10 * (0.2 - law.fixed_point))
    assert_share("affine_mean", int(trace.accuracy.values[0, 10].sum()), prompts, population)


@pytest.mark.parametrize(("visits", "known"), [(1, 0.221), (16, 0.831), (64, 0.968)])
def test_small_samples_lag_behind_where_the_map_is_curved(visits, known):
    """Section 5's three digits for k = 3, gamma = .2, beta = .05, T = 10, from p_0 = 0."""
    prompts = 40_000
    task = copies([0.0, 1.0], [1, 0], prompts)
    procedure = bs.boosting(attempts=3, filter=bs.NoisyFilter(0.2), labeler=bs.WeakLabeler(0.05))
    assert float(bs.simulate(procedure, task, 10).accuracy[0, 10]) == pytest.approx(0.983, abs=5e-4)
    mean = float(bs.simulate(procedure, task, 10, visits=visits, key=2).accuracy[0, 10])
    assert abs(mean - known) <= 5e-4 + hoeffding("bias_of_small_samples", prompts)


@pytest.mark.parametrize("visited", [1.0, 0.5])
def test_unvisited_prompts_wait(visited):
    """T7 with alpha = 1: a prompt is visited with a probability of its own."""
    prompts, beta = PROMPTS, 0.3
    task = copies([0.0, 1.0], [1, 0])
    procedure = bs.boosting(labeler=bs.WeakLabeler(beta))
    trace = bs.simulate(
        procedure, task, ITERATIONS, visits=1, visited_share=visited, key=8, record="prompt"
    )
    for iteration in (1, 5):
        want = bs.laws.budget_error(
            beta=beta,
            labelled_share=1.0,
            visited_share=visited,
            initial_error=1.0,
            iterations=iteration,
        )
        wrong = int(trace.error.values[0, iteration].sum())
        assert_share("budget_error", wrong, prompts, float(want))


def test_a_share_of_the_failing_visits_is_labelled():
    """T7 with pi = 1: a budget of alpha times the failing share, in the first iteration."""
    prompts, beta, labelled = 60_000, 0.3, 0.4
    task = copies([0.0, 1.0], [1, 0], prompts)
    for criterion in (bs.criteria.failed, draw.soft):
        procedure = bs.boosting(labeler=bs.WeakLabeler(beta), budget=labelled, criterion=criterion)
        trace = bs.simulate(procedure, task, 1, visits=1, key=8, record="prompt")
        want = bs.laws.budget_error(
            beta=beta, labelled_share=labelled, visited_share=1.0, initial_error=1.0, iterations=1
        )
        assert_share("budget_error", int(trace.error.values[0, 1].sum()), prompts, float(want))


def test_costs_are_per_visit_whatever_share_is_visited():
    task = copies([0.0, 1.0], [1, 0], 30_000)
    procedure = bs.labels_only(labeler=bs.WeakLabeler(0.2))
    trace = bs.simulate(procedure, task, 1, visits=3, visited_share=0.25, key=0, record="prompt")
    assert trace.labels.values[0, 1] == pytest.approx(1.0, rel=1e-9)
    assert (trace.generations == 0).all()
    # A prompt that moved was visited and got a right label among its three.
    moved = int((trace.accuracy.values[0, 1] > 0).sum())
    assert_share("visited_share", moved, task.prompts, 0.25 * (1 - 0.8**3))


def test_a_budget_is_met_on_average_and_error_falls_linearly_first():
    """T7: E e' = e - beta min(b, e) while v = 1 and the filter is perfect."""
    prompts, beta, budget = 50_000, 0.5, 0.3
    task = copies([0.0, 1.0], [1, 0], prompts)
    procedure = bs.boosting(attempts=2, labeler=bs.WeakLabeler(beta), budget=budget)
    trace = bs.simulate(procedure, task, 3, visits=1, key=6)
    bought = np.diff(trace.labels.values[0])
    assert (np.abs(bought - budget) <= hoeffding("budget_on_average", prompts)).all()
    fall = trace.error.values[0, 0] - trace.error.values[0, 1]
    assert abs(fall - beta * budget) <= hoeffding("budget_on_average", prompts)


@pytest.mark.parametrize("criterion", [bs.criteria.failed, draw.struggling, draw.soft])
def test_sampled_and_literal_share_a_budget_alike(criterion):
    """Coupled prompts: the laws of accuracy and labels, by the distance of two empirical laws.

    Each empirical law lies within the Dvoretzky-Kiefer-Wolfowitz radius of its own, so two of the
    same law lie within the sum of the radii.
    """
    task = bs.table_task([[1, 0, 0], [0, 1, 1]], [0.25, 0.75], [[0.5, 0.3, 0.2], [0.0, 0.25, 0.75]])
    procedure = bs.boosting(
        attempts=2,
        filter=bs.NoisyFilter(0.2),
        labeler=bs.WeakLabeler(0.3),
        budget=0.3,
        criterion=criterion,
    )
    visits, runs = 3, 1500
    trace = bs.simulate(procedure, task, 1, visits=visits, seeds=runs, key=12)
    rng = np.random.default_rng(0)
    told = [literal.iterate(rng, procedure, task, task.initial, visits) for _ in range(runs)]
    accuracy = [(rows * task.quality).sum(1) @ task.prompt_weights for rows, _ in told]
    test = "sampled_against_literal_under_a_budget"
    for ours, theirs in (
        (trace.accuracy.values[:, 1], accuracy),
        (trace.labels.values[:, 1], [bought for _, bought in told]),
    ):
        ours, theirs = np.sort(ours.round(9)), np.sort(np.round(theirs, 9))
        at = np.union1d(ours, theirs)
        distance = np.abs(
            np.searchsorted(ours, at, "right") - np.searchsorted(theirs, at, "right")
        ).max()
        # Both empirical laws within their radius: one comparison, of half the level each.
        assert distance / runs <= 2 * math.sqrt(math.log(4 / alpha(test)) / (2 * runs))
        # Both means lie in [0, 1]: two more.
        assert abs(ours.mean() - theirs.mean()) <= hoeffding(test, runs) + hoeffding(test, runs)


def test_a_noisy_filter_alone_can_fix_on_a_wrong_answer():
    """T9 at finite v: with one accepted example a prompt is what that example was, for ever."""
    prompts, gamma = 40_000, 0.3
    task = copies([0.4, 0.6], [1, 0], prompts)
    procedure = bs.filter_only(filter=bs.NoisyFilter(gamma))
    trace = bs.simulate(procedure, task, 6, visits=1, key=0, record="prompt")
    p = trace.accuracy.values[0]
    accepted = 0.4 * (1 - gamma) + 0.6 * gamma
    for iteration in range(1, 7):
        learned = 1 - (1 - accepted) ** iteration
        right = learned * 0.4 * (1 - gamma) / accepted
        counts = [(p[iteration] == 1).sum(), (p[iteration] == 0).sum(), (p[iteration] == 0.4).sum()]
        assert_law("filter_only_fixation", counts, [right, learned - right, 1 - learned])


@pytest.mark.parametrize("regime", ["accumulate", "replace"])
def test_diversity_of_uncurated_training_follows_its_law(regime):
    """T11, T12: the mean over many prompts; each one's diversity lies in [0, 1]."""
    prompts, iterations, examples = 20_000, 12, 3
    row = np.array([0.4, 0.3, 0.2, 0.1])
    task = copies(row, [1, 0, 0, 0], prompts)
    procedure = bs.uncurated(regime=regime)
    trace = bs.simulate(procedure, task, iterations, visits=examples, key=3, record="diversity")
    law = bs.laws.accumulate_diversity if regime == "accumulate" else bs.laws.drift_diversity
    for iteration in (1, 4, iterations):
        kept = float(law(examples=examples, iterations=iteration)) * (1 - (row**2).sum())
        name = "accumulated_diversity" if regime == "accumulate" else "drifting_diversity"
        assert abs(float(trace.diversity[0, iteration]) - kept) <= hoeffding(name, prompts)
    # The same seed without diversity takes other draws, but accuracy is a martingale in both.
    assert float(trace.accuracy[0, -1]) == pytest.approx(0.4, abs=hoeffding(name, prompts))


def test_diversity_and_entropy_of_sampled_rows_are_those_of_their_counts():
    """One prompt of two responses: both are functions of the accuracy."""
    task = copies([0.3, 0.7], [1, 0], 1)
    trace = bs.simulate(
        bs.uncurated(), task, 6, visits=9, seeds=5, key=1, record=("diversity", "entropy")
    )
    p = trace.accuracy.values
    assert trace.diversity.values == pytest.approx(2 * p * (1 - p), abs=1e-12)
    entropy = -(xlogy(p, p) + xlogy(1 - p, 1 - p))
    assert trace.entropy.values == pytest.approx(entropy, abs=1e-12)
