"""Exact runs as pure functions: their arrays, their slopes, and the slopes at the edges."""

import dataclasses
import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import boostsim as bs
from boostsim.simulation.tables.continuous import NUMBERS
from boostsim.simulation.tables.prepare import prepare
from boostsim.theory.step import boosting_step, weighted_step

EPS = np.finfo(float).eps
TASK = bs.random_table(5, prompts=12, responses=4, solvable=0.5)
HELPLESS = bs.table_task([[1, 0], [1, 0]], initial=[[0.0, 1.0], [0.3, 0.7]])
NOISY, WEAK = bs.NoisyFilter(0.1), bs.WeakLabeler(0.3)
SOFT = bs.boosting(
    attempts=3,
    filter=bs.NoisyFilter(false_accept=0.2, false_reject=0.1, votes=3),
    labeler=WEAK,
    criterion=bs.criteria.difficulty(0.3),
    budget=0.1,
    regime=bs.Anchor(0.2),
    label_weight=0.5,
    learner=bs.StrongLearner(slack=0.05, step=0.7),
)
MIRROR = bs.boosting(
    attempts=2,
    filter=NOISY,
    labeler=WEAK,
    label_share=0.3,
    budget=[0.3, 0.2, 0.1],
    learner=bs.PolicyGradient(0.5, reference=0.1),
)
COLD = bs.boosting(
    attempts=2, filter=NOISY, labeler=WEAK, sharpening=bs.Sharpening(0.8), keep="all"
)
STUBBORN = bs.boosting(
    attempts=2,
    filter=bs.NoisyFilter(0.1, persistent=True),
    labeler=bs.WeakLabeler(0.3, persistent=True),
    budget=0.1,
)
GROWING = bs.boosting(
    attempts=2,
    until_accepted=True,
    filter=NOISY,
    labeler=bs.DriftingLabeler(0.5, later=WEAK, between=(0, 2)),
    regime="accumulate",
    criterion=bs.criteria.learning_progress(),
    budget=0.1,
)
WORLDS = {
    "soft": (SOFT, ("diversity", "prompt"), None),
    "mirror": (MIRROR, ("rows",), None),
    "cold": (COLD, ("entropy", "diversity"), None),
    "stubborn": (STUBBORN, (), 3),
    "growing": (GROWING, (), 4),
}


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


def follow(procedure, task=TASK, iterations=3, **how):
    return bs.population(procedure, task, iterations, **how)


@pytest.mark.parametrize("name", WORLDS)
def test_without_numbers_it_is_the_run_bit_for_bit(name):
    procedure, record, key = WORLDS[name]
    run = follow(procedure, record=record, key=key)
    trace = bs.simulate(procedure, TASK, 3, record=record, key=key)
    arrays, compiled = run({}), jax.jit(run)({})
    assert arrays.keys() == set(trace.data_vars)
    for each, values in arrays.items():
        np.testing.assert_array_equal(values, trace[each].values[0], err_msg=each)
        # One program is fused otherwise than several, and rounds otherwise.
        off = rounding(3, 3)
        np.testing.assert_allclose(compiled[each], values, rtol=off, atol=off, err_msg=each)


def test_a_long_run_is_the_same_though_it_is_no_longer_one_block():
    procedure = bs.boosting(attempts=2, filter=NOISY, labeler=WEAK)
    arrays, trace = follow(procedure, iterations=150)({}), bs.simulate(procedure, TASK, 150)
    for each, values in arrays.items():
        np.testing.assert_array_equal(values, trace[each].values[0], err_msg=each)


@pytest.mark.parametrize(
    ("procedure", "record", "values"),
    [
        (SOFT, ("diversity",), dict.fromkeys(("beta", "false_accept", "false_reject"), 0.37)),
        (SOFT, ("entropy",), {"beta": np.linspace(0.1, 0.9, 12), "false_accept": 0.01}),
        (SOFT, (), {"budget": 0.03, "label_weight": 2.5, "real_share": [0.1, 0.0, 0.3]}),
        (SOFT, (), {"criterion_temperature": 0.1, "slack": 0.3, "step": 0.2}),
        (MIRROR, (), {"gamma": 0.3, "label_share": 0.6, "rate": 2.0, "reference": 0.2}),
        (COLD, (), {"label_weight": 2.0, "slack": 0.1, "temperature": 0.5}),
        (dataclasses.replace(STUBBORN, filter=NOISY), (), {"beta": 0.45, "gamma": 0.2}),
        (
            dataclasses.replace(STUBBORN, filter=NOISY),
            ("entropy",),
            {"beta": np.linspace(0.1, 0.9, 12)},
        ),
    ],
)
def test_a_number_says_to_the_arrays_what_it_says_to_the_procedure(procedure, record, values):
    """Up to a few roundings, and those of an incomplete beta function."""
    run, turned = follow(procedure, record=record), procedure
    structure, numbers, held = run._prepare(frozenset(values))
    for name, value in values.items():
        numbers = NUMBERS[name].arrays(structure, numbers, held[name], jnp.asarray(value))
        turned = NUMBERS[name].turn(turned, np.asarray(value))
    wanted = prepare(turned, TASK, sampled=False, wanted=frozenset(record))
    # A temperature is a number here, and of the program there.
    if "temperature" in values:
        numbers = dataclasses.replace(numbers, temperature=None)
        structure = dataclasses.replace(structure, sharpening=wanted[0].sharpening)
    assert structure == wanted[0]
    assert jax.tree.structure(numbers) == jax.tree.structure(wanted[1])
    for got, want in zip(jax.tree.leaves(numbers), jax.tree.leaves(wanted[1]), strict=True):
        np.testing.assert_allclose(got, want, rtol=64 * EPS, atol=0.0)


def test_a_temperature_is_the_sharpening_that_has_it():
    run = follow(COLD)
    trace = bs.simulate(dataclasses.replace(COLD, sharpening=bs.Sharpening(0.5)), TASK, 3)
    # Powers are rounded alike, within an eps; three iterations of two attempts.
    np.testing.assert_allclose(
        run({"temperature": 0.5})["error"], trace.error.values[0], rtol=16 * 15 * EPS
    )


def differences(function, values, steps=(1e-4, 2e-4)):
    """Central differences along each number and how far they may be off.

    With steps h and 2 h they differ by three times the error that is of order h^2, so what one is
    off is less than what they differ, and what rounding of a value below 1 makes of it.
    """
    names = sorted(values)
    moved = {
        name: jnp.array(
            [
                values[name] + sign * step * (name == other)
                for other in names
                for step in steps
                for sign in (1, -1)
            ]
        )
        for name in names
    }
    ends = np.asarray(jax.jit(jax.vmap(function))(moved)).reshape(len(names), len(steps), 2)
    near, far = ((ends[:, i, 0] - ends[:, i, 1]) / (2 * step) for i, step in enumerate(steps))
    off = np.abs(far - near) + 64 * EPS / steps[0]
    return dict(zip(names, near, strict=True)), dict(zip(names, off, strict=True))


@pytest.mark.parametrize("procedure", [SOFT, MIRROR, COLD], ids=["soft", "mirror", "cold"])
def test_slopes_are_the_differences_of_runs(procedure):
    run = follow(procedure, record=("diversity",))

    def final(values):
        shown = run(values)
        return shown["error"][-1] + 0.1 * shown["diversity"][-1] + 0.01 * shown["labels"][-1]

    ends = {"slack": 0.1, "step": 0.5} if procedure is COLD else {}
    values = {name: each for name, each in run.values.items() if np.ndim(each) == 0} | ends
    slopes = jax.jit(jax.grad(final))(values)
    near, off = differences(final, values)
    for name in values:
        assert abs(slopes[name] - near[name]) <= off[name], name
        assert slopes[name] != 0.0, name


def test_slopes_along_a_schedule_and_over_prompts():
    run = follow(dataclasses.replace(STUBBORN, filter=NOISY))
    schedule = np.array([0.05, 0.1, 0.02])
    beta = np.linspace(0.2, 0.8, TASK.prompts)

    def final(values):
        return run(values)["error"][-1]

    def moved(by):
        change = by["second"] * jnp.eye(3)[1]
        return final({"budget": schedule + change, "beta": beta + by["all"]})

    slopes = jax.jit(jax.grad(final))({"budget": schedule, "beta": beta})
    near, off = differences(moved, {"second": 0.0, "all": 0.0})
    assert slopes["budget"][1] != 0.0
    assert abs(slopes["budget"][1] - near["second"]) <= off["second"]
    assert abs(slopes["beta"].sum() - near["all"]) <= off["all"]


def rounding(attempts, iterations):
    """The map's own conditioning, for values and for their slopes alike: sums of so many terms."""
    return 64 * EPS * sum(attempts**power for power in range(iterations + 1))


@pytest.mark.parametrize("weight", [None, 0.4])
def test_slopes_of_boosting_are_those_of_its_map(weight):
    """T4 and T16 iterated: one prompt, three attempts."""
    attempts, iterations, first = 3, 4, 0.7
    task = bs.table_task([[1, 0]], initial=[[1.0 - first, first]])
    slots = {} if weight is None else {"label_weight": weight}
    run = follow(
        bs.boosting(attempts=attempts, filter=NOISY, labeler=WEAK, **slots), task, iterations
    )

    def law(values):
        error = first
        for _ in range(iterations):
            if weight is None:
                error = boosting_step(values["beta"], values["gamma"], attempts, error)
            else:
                error = weighted_step(**values, attempts=attempts, initial_error=error)
        return error

    values = {"beta": 0.3, "gamma": 0.1} | slots
    got = jax.jit(jax.grad(lambda values: run(values)["error"][-1]))(values)
    for name, want in jax.jit(jax.grad(law))(values).items():
        np.testing.assert_allclose(got[name], want, rtol=rounding(attempts, iterations))


@functools.cache
def slope_over_beta(attempts, iterations):
    """Of the last error, compiled once for all betas."""
    task = bs.table_task([[1, 0]], initial=[[0.4, 0.6]])
    run = follow(bs.boosting(attempts=attempts, labeler=WEAK), task, iterations)
    return jax.jit(jax.grad(lambda beta: run({"beta": beta})["error"][-1]))


@pytest.mark.parametrize("beta", [0.0, 0.25, 1.0])
def test_slopes_over_beta_are_those_of_t1_at_its_ends_too(beta):
    attempts, iterations = 2, 3
    told = {"attempts": attempts, "initial_error": 0.6, "iterations": iterations}
    law = functools.partial(bs.laws.boosting_error.formula, **told)
    want = jax.jit(jax.grad(lambda beta: law(beta=beta)))(max(beta, 1e-9))
    got = slope_over_beta(attempts, iterations)(beta)
    assert np.isfinite(got)
    if beta < 1.0:
        np.testing.assert_allclose(
            got, want, rtol=max(rounding(attempts, iterations), 1e-8 * (beta == 0.0))
        )
    else:
        # (1 - beta) to a power above 1.
        assert got == want == 0.0


@pytest.mark.parametrize("gamma", [0.0, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("votes", [1, 3])
def test_slopes_over_gamma_go_through_the_vote(gamma, votes):
    """T9 of T5's rate, written as polynomials: g_3 = g^2 (3 - 2 g); odds times (1 - g)/g."""
    got, want = (slope(gamma) for slope in slopes_over_gamma(votes))
    np.testing.assert_allclose(got, want, rtol=rounding(2, 2), atol=rounding(2, 2))


@functools.cache
def slopes_over_gamma(votes):
    """Of a run and of the law, each compiled once for all gammas."""
    first, iterations = 0.4, 2
    task = bs.table_task([[1, 0]], initial=[[first, 1.0 - first]])
    filt = bs.NoisyFilter(0.1, votes=votes)
    run = follow(bs.filter_only(attempts=1, filter=filt), task, iterations)

    def law(gamma):
        rate = gamma if votes == 1 else gamma**2 * (3.0 - 2.0 * gamma)
        right, wrong = (1.0 - rate) ** iterations * first, rate**iterations * (1.0 - first)
        return right / (right + wrong)

    moved = lambda gamma: run({"gamma": gamma})["accuracy"][-1]  # noqa: E731
    return jax.jit(jax.grad(moved)), jax.jit(jax.grad(law))


def test_slopes_over_uneven_labelers_are_those_of_t8():
    beta, weights, first = jnp.array([0.1, 0.6]), np.array([0.25, 0.75]), np.array([1.0, 0.7])
    initial = np.stack([1.0 - first, first], axis=1)
    task = bs.table_task([[1, 0]] * 2, prompt_weights=weights, initial=initial)
    run = follow(bs.boosting(labeler=WEAK), task, 3)
    told = {"prompt_weights": weights, "initial_error": first, "iterations": 3}
    law = functools.partial(bs.laws.uneven_error.formula, **told)
    want = jax.jit(jax.grad(lambda beta: law(beta_per_prompt=beta)))(beta)
    got = jax.jit(jax.grad(lambda beta: run({"beta": beta})["error"][-1]))(beta)
    np.testing.assert_allclose(got, want, rtol=rounding(1, 3))


# What an edge is, the value there, and on which side its one-sided difference lies.
EDGES = [
    ("beta", 0.0, 1),
    ("beta", 1.0, -1),
    ("gamma", 0.0, 1),
    ("gamma", 1.0, -1),
    ("budget", 0.0, 1),
    ("slack", 0.0, 1),
    ("step", 1.0, -1),
]


@pytest.mark.parametrize(
    ("first", "criterion"),
    [
        (0.0, bs.criteria.failed),
        (0.5, bs.criteria.difficulty(0.3)),
        (1.0, bs.criteria.failed),
    ],
)
def test_at_an_edge_the_slope_is_that_of_the_inside(first, criterion):
    """Of all that is recorded, where models know nothing, and where they know everything."""
    task = bs.table_task([[1, 0], [1, 0]], initial=[[first, 1.0 - first]] * 2)
    slots = {"filter": NOISY, "labeler": WEAK, "budget": 0.2, "criterion": criterion}
    run = follow(bs.boosting(attempts=2, **slots), task, 2, record=("diversity",))
    values = {name: run.values[name] for name in ("beta", "gamma", "budget", "slack", "step")}

    def shown(values):
        told = run(values)
        return jnp.stack([told[name][-1] for name in ("accuracy", "error", "labels", "diversity")])

    step = 1e-5
    moved = [
        values | {name: edge + side * step * times}
        for name, edge, side in EDGES
        for times in range(3)
    ]
    stacked = {name: jnp.array([each[name] for each in moved]) for name in values}
    ends = np.asarray(jax.jit(jax.vmap(shown))(stacked)).reshape(len(EDGES), 3, 4)
    slope = jax.jit(jax.jacrev(shown))
    for (name, edge, side), (here, near, far) in zip(EDGES, ends, strict=True):
        # One-sided, of order h^2: (4 f(h) - 3 f(0) - f(2 h)) / 2 h, and a hundredth of what it
        # differs by from the one of order h: twice the second derivative is above a hundredth of
        # the third.
        wanted = (4.0 * near - 3.0 * here - far) / (2.0 * side * step)
        off = 1e-2 * np.abs(wanted - (near - here) / (side * step)) + 64 * EPS / step
        slopes = slope(values | {name: edge})
        assert all(np.isfinite(every).all() for every in slopes.values()), (name, edge)
        told = name, edge, slopes[name], wanted
        assert (np.abs(slopes[name] - wanted) <= off).all(), told


def test_a_budget_that_just_pays_is_one_sided_and_never_nothing():
    """Priorities of mass 1/4, 1/2 and 1/4: two attempts, half of them accepted."""
    task = bs.table_task([[1, 0], [1, 0]], initial=[[0.5, 0.5], [0.1, 0.9]])
    slots = {"attempts": 2, "labeler": bs.WeakLabeler(0.8), "criterion": bs.criteria.below(1.0)}
    coin = follow(bs.boosting(filter=bs.NoisyFilter(0.5), budget=0.1, **slots), task, 1)
    slope = jax.jit(jax.grad(lambda budget: coin({"budget": budget})["labels"][-1]))
    within = {budget: float(slope(budget)) for budget in (0.1, 0.25, 0.5, 0.75, 0.9)}
    assert within == {0.1: 1.0, 0.25: 1.0, 0.5: 1.0, 0.75: 0.0, 0.9: 0.0}
    # Whom it is spent on counts: at the seam those before it, or those after.
    run = follow(bs.boosting(filter=NOISY, budget=0.1, **slots), task, 1)
    failing = bs.boosting(filter=NOISY, **slots | {"criterion": bs.criteria.failed})
    seam = float(bs.simulate(failing, task, 1).labels[0, 1])
    gain = jax.jit(jax.grad(lambda budget: run({"budget": budget})["accuracy"][-1]))
    before, at, after = (float(gain(seam + off)) for off in (-1e-9, 0.0, 1e-9))
    assert abs(before - after) > 0.01
    assert min(abs(at - before), abs(at - after)) < 1e-6


@pytest.mark.parametrize("correlation", [0.0, 0.5])
def test_votes_of_every_rule_have_the_slopes_of_their_binomials_at_the_ends_too(correlation):
    """d P(at least h of m) = m binomial(m - 1, h - 1) r^(h - 1) (1 - r)^(m - h) dr, 0^0 = 1."""
    rates = np.array([0.0, 0.3, 1.0])
    for votes in (1, 2, 3, 4):
        for least in range(1, votes + 1):
            filt = bs.NoisyFilter(0.1, votes=votes, rule=least, correlation=correlation)

            def density(rate, at_least, votes=votes):
                many = votes * math.comb(votes - 1, at_least - 1)
                alone = many * rate ** (at_least - 1) * (1.0 - rate) ** (votes - at_least)
                return correlation + (1.0 - correlation) * alone

            for side in (True, False):
                told, slopes = jax.jvp(
                    lambda rate, filt=filt, side=side: filt.judged(rate, side),
                    (jnp.asarray(rates),),
                    (jnp.ones(3),),
                )
                accepts = (1.0 - rates) if side else rates
                want = density(accepts, least), -density(accepts, least)
                known = [filt.judged(rate, side) for rate in rates]
                for each, (got, slope) in enumerate(zip(told, slopes, strict=True)):
                    sign = (1.0, -1.0)[side]
                    np.testing.assert_allclose(
                        slope, sign * want[each], rtol=64 * EPS, atol=64 * EPS
                    )
                    np.testing.assert_allclose(got, [both[each] for both in known], rtol=64 * EPS)


@pytest.mark.parametrize(
    ("votes", "correlation", "slope"), [(2, 0.0, 0.5), (4, 0.0, 1.0), (4, 0.5, 0.75)]
)
def test_a_run_has_the_slope_of_a_unanimous_vote_at_no_noise(votes, correlation, slope):
    """Lost are m g of right responses, kept c g of wrong ones, and half of all labels are right."""
    task = bs.table_task([[1, 0]], initial=[[0.5, 0.5]])
    filt = bs.NoisyFilter(0.0, votes=votes, rule="unanimity", correlation=correlation)
    run = follow(bs.boosting(filter=filt, labeler=bs.WeakLabeler(0.5)), task, 1)
    got = jax.grad(lambda gamma: run({"gamma": gamma})["error"][1])(0.0)
    assert float(got) == pytest.approx(slope, rel=rounding(1, 1))


@pytest.mark.parametrize(("votes", "rule"), [(2, "unanimity"), (4, 1), (3, "majority")])
def test_no_slope_through_a_vote_is_nan_at_any_two_rates(votes, rule):
    """Also where all is rejected, and where a model knows nothing."""
    filt = bs.NoisyFilter(false_accept=0.1, false_reject=0.2, votes=votes, rule=rule)
    run = follow(bs.boosting(filter=filt, labeler=WEAK), HELPLESS, 2)
    rates = np.array([0.0, 0.3, 1.0])
    wrong, right = (jnp.asarray(each.ravel()) for each in np.meshgrid(rates, rates))
    slope = jax.jit(jax.vmap(jax.grad(lambda values: run(values)["error"][-1])))
    for name, slopes in slope({"false_accept": wrong, "false_reject": right}).items():
        assert np.isfinite(slopes).all(), (name, slopes)


LACKING = bs.table_task([[1, 0]], initial=[[1.0, 0.0]])


@pytest.mark.parametrize("stands", [0.0, 0.5])
def test_a_reference_of_0_pulls_to_nothing_and_a_small_one_forbids_what_it_lacks(stands):
    """A coin filters, labels are wrong: from 1, right is 2/3, then 4/9, unless it is pulled to 1.

    At 0 the pull on what both have is log(1 / (2/3)), and moves 2/3 1/3 of it; labels add half.
    """
    learner = bs.PolicyGradient(rate=1.0, reference=stands)
    procedure = bs.Procedure(
        filter=bs.NoisyFilter(0.5), labeler=bs.WeakLabeler(0.0), learner=learner
    )
    run = follow(procedure, LACKING, 2)
    errors = jax.jit(lambda reference: run({"reference": reference})["error"])
    off = rounding(1, 2)
    np.testing.assert_allclose(errors(0.0), [0.0, 1 / 3, 5 / 9], rtol=off)
    np.testing.assert_allclose(errors(1e-12), [0.0, 1 / 3, 1 / 3], rtol=off)
    slope = jax.jit(jax.jacfwd(errors))(0.0)
    np.testing.assert_allclose(slope, [0.0, 0.0, -np.log(1.5) * 4 / 27], rtol=off, atol=off)


@pytest.mark.parametrize("stands", [0.5, 1.0])
def test_a_whole_step_learns_what_the_model_lacks_and_no_smaller_one(stands):
    """Of half the labels right: the wrong one goes from 1 to 0.5^s beside 0.5, at s = 1 and below.

    Its share moves by (1/2) (1/2) log(1/2), then by 1/4 3/4 of log(3/4 / ...), as below.
    """
    learner = bs.StrongLearner(step=stands, step_mean="geometric")
    task = bs.table_task([[1, 0]], initial=[[0.0, 1.0]])
    run = follow(bs.boosting(labeler=bs.WeakLabeler(0.5), learner=learner), task, 2)
    errors = jax.jit(lambda values: run(values)["error"])
    off = rounding(1, 2)
    np.testing.assert_allclose(errors({"step": 1.0}), [1.0, 0.5, 0.25], rtol=off)
    np.testing.assert_allclose(errors({"step": 1.0 - 1e-12}), np.ones(3), rtol=off)
    slopes = jax.jit(jax.jacfwd(errors))({"step": 1.0, "beta": 0.5})
    # First and second share of the wrong one, each with a pull of its own, and of the first's move.
    first = 0.25 * np.log(0.5)
    second = 0.5 * first + 0.25 * 0.75 * (np.log(0.25 / 0.5) - np.log(0.75 / 0.5))
    np.testing.assert_allclose(slopes["step"], [0.0, first, second], rtol=off)
    # Of (1 - beta)^t.
    np.testing.assert_allclose(slopes["beta"], [0.0, -1.0, -1.0], rtol=off)


@pytest.mark.parametrize(
    ("name", "end", "learner"),
    [
        ("reference", 0.0, bs.PolicyGradient(0.5)),
        ("step", 1.0, bs.StrongLearner(slack=0.1, step_mean="geometric")),
    ],
)
def test_at_such_an_end_other_slopes_are_those_of_the_procedure_there(name, end, learner):
    """Where the first model lacks half of the answers: of a run whose program knows no such end."""
    run = follow(
        bs.boosting(attempts=2, filter=NOISY, labeler=WEAK, label_weight=0.5, learner=learner)
    )
    final = lambda values: run(values)["error"][-1]  # noqa: E731
    at = {"beta": 0.3, "gamma": 0.1, "label_weight": 0.5}
    want, wanted = jax.jit(jax.value_and_grad(final))(at)
    got, slopes = jax.jit(jax.value_and_grad(final))(at | {name: end})
    np.testing.assert_allclose(got, want, rtol=rounding(2, 3))
    for each, slope in wanted.items():
        np.testing.assert_allclose(
            slopes[each], slope, rtol=rounding(2, 3), atol=rounding(2, 3), err_msg=each
        )
    assert np.isfinite(slopes[name])


def test_it_is_mapped_and_compiled():
    run = jax.jit(jax.vmap(follow(bs.boosting(attempts=2, filter=NOISY, labeler=WEAK))))
    beta, gamma = np.linspace(0.1, 0.9, 5), np.linspace(0.0, 0.4, 5)
    arrays = run({"beta": beta, "gamma": gamma})
    for place in (0, 3):
        filt, labeler = bs.NoisyFilter(gamma[place]), bs.WeakLabeler(beta[place])
        trace = bs.simulate(bs.boosting(attempts=2, filter=filt, labeler=labeler), TASK, 3)
        for name, values in arrays.items():
            np.testing.assert_allclose(
                values[place], trace[name].values[0], rtol=rounding(2, 3), err_msg=name
            )


def test_where_nothing_can_be_right_a_labeler_is_not():
    """The array of a labeler that knows what cannot be known is refused; here beta has no say."""
    task = bs.table_task([[1, 0], [0, 0], [1, 1]], initial=[[0.5, 0.5]] * 3)
    run = follow(bs.labels_only(labeler=bs.WeakLabeler([0.3, 0.0, 1.0])), task, 1)
    last = lambda beta: run({"beta": beta})["accuracy"][-1]  # noqa: E731
    slope = jax.jit(jax.grad(last))(jnp.full(3, 0.6))
    np.testing.assert_allclose(slope, [1 / 3, 0.0, 0.0], rtol=4 * EPS)
    assert float(jax.jit(last)(0.6)) == pytest.approx(1.6 / 3, rel=4 * EPS)


def test_bad_input_is_refused():
    run = follow(SOFT)
    with pytest.raises(ValueError, match=r"values must be one of beta, budget, .*mean 'beta'"):
        run({"betta": 0.5})
    # Verdicts that persist are drawn: a rate has no slope there.
    with pytest.raises(ValueError, match="values must be one of beta, budget, label_weight"):
        follow(STUBBORN, key=1)({"gamma": 0.1})
    with pytest.raises(ValueError, match="empty: the procedure has no continuous number"):
        follow(bs.uncurated(learner=Whole()))({"beta": 0.1})
    with pytest.raises(ValueError, match="values must be a dictionary"):
        run(0.5)
    with pytest.raises(ValueError, match=r"values\['beta'\]: beta must be a number in \[0, 1\]"):
        run({"beta": 1.5})
    with pytest.raises(ValueError, match=r"values\['beta'\] must be a number or an array"):
        run({"beta": "0.5"})
    for name, shape, each in (
        ("beta", 5, ", or one for each of 12 prompts"),
        ("budget", 2, ", or one for each of 3 iterations"),
        ("slack", 3, ""),
    ):
        with pytest.raises(ValueError, match=rf"values\['{name}'\] must be one number{each}; got"):
            jax.jit(run)({name: jnp.full(shape, 0.1)})
    with pytest.raises(ValueError, match=r"record must be one of .*; got 'law'"):
        follow(SOFT, record="law")
    with pytest.raises(ValueError, match="key must be"):
        follow(STUBBORN)
    with jax.enable_x64(False), pytest.raises(ValueError, match="population must be called with"):
        run({})

    @bs.criterion
    def negative(visits):
        return visits.mass - 0.5

    with pytest.raises(ValueError, match="finite priorities of at least 0"):
        follow(bs.boosting(labeler=WEAK, criterion=negative))({})


@dataclasses.dataclass(frozen=True)
class Whole:
    """A learner that has no number."""

    rule = None
    numbers = ()

    def noise_rows_for(self, quality):
        return None
