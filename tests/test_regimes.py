"""Regimes that keep examples: a window, a subsample, real data among them, a first batch."""

import dataclasses
import itertools
import json

import dense
import jax
import literal
import numpy as np
import pytest
from alarms import alpha, hoeffding
from scipy.stats import binom
from worlds import LOOKUP, SOFTMAX

import boostsim as bs
from boostsim.commands.run import build
from boostsim.simulation.tables.prepare import prepare

WEAK = bs.WeakLabeler(0.4)
TASK = bs.table_task(
    [[1, 0, 0], [0, 1, 1], [1, 0, 0]],
    [0.5, 0.3, 0.2],
    [[0.6, 0.3, 0.1], [0.5, 0.25, 0.25], [0.2, 0.3, 0.5]],
)
KEPT = [
    bs.Accumulate(real_share=0.25),
    bs.Accumulate(first="sampled"),
    bs.Window(1),
    bs.Window(2),
    bs.Window(3, real_share=0.5, first="sampled"),
    bs.Subsample(),
    bs.Subsample(2, real_share=0.25, first="sampled"),
]


class Grounded(bs.Regime):
    """Of one's own: a window, real data, and draws, each by an attribute."""

    name, accumulates, window, draws, first, real_share = "mine", True, 2, 1, "sampled", 0.5


@dataclasses.dataclass(frozen=True)
class Other(bs.Regime):
    """Draws from this iteration's alone."""

    draws: int = 2
    name = "other"


def curated(regime, **slots):
    slots = dict(attempts=2, filter=bs.NoisyFilter(0.2), labeler=WEAK) | slots
    return bs.boosting(regime=regime, **slots)


@pytest.mark.parametrize("regime", [KEPT[0], KEPT[3], KEPT[4], KEPT[6]], ids=str)
def test_an_exact_run_is_the_dense_map(regime):
    """What is drawn is, of infinitely many, what it is drawn from."""
    slots = dict(keep="all", learner=bs.StrongLearner(0.05), label_weight=0.5, budget=0.4)
    procedure = curated(regime, **slots)
    iterations = 5
    trace = bs.simulate(procedure, TASK, iterations, record="diversity")
    rows, data, bought = TASK.initial, [TASK.initial.copy()], 0.0
    for iteration in range(1, iterations + 1):
        rows, labels = dense.iterate(procedure, TASK, rows, data)
        bought += labels
        right = (rows * TASK.quality).sum(1) @ TASK.prompt_weights
        apart = (1 - (rows**2).sum(1)) @ TASK.prompt_weights
        found = trace.isel(seed=0, iteration=iteration)
        assert float(found.accuracy) == pytest.approx(right, rel=1e-11)
        assert float(found.diversity) == pytest.approx(apart, rel=1e-11)
        assert float(found.labels) == pytest.approx(bought, rel=1e-11)


def program(regime, **slots):
    """What a run is, without running it."""
    with jax.enable_x64(True):
        return prepare(curated(regime, **slots), TASK, sampled=True)


def test_what_is_a_special_case_of_another_regime_is_it():
    """Replace is a window of one iteration; a window that nothing leaves is accumulate."""
    assert program(bs.Window(1))[0] == program("replace")[0]
    assert program(bs.Accumulate(real_share=0.0))[0] == program("accumulate")[0]
    anchored = program("anchor", real_share=[0.5, 0.0])
    assert program(bs.Window(1, real_share=[0.5, 0.0]))[0] == anchored[0]
    both = [
        bs.simulate(curated(regime), TASK, 3, visits=3, key=1).error.values
        for regime in ("accumulate", bs.Window(9))
    ]
    assert both[0] == pytest.approx(both[1], rel=1e-12)


def brute(regime, start, visits, iterations, image, slack=0.0):
    """The law of p by iteration, over every way all batches and subsamples can fall.

    ``image`` is the chance that a visit's one example is right, from p. Batches are (right, size).
    """
    window, draws, real = regime.window, regime.draws, visits * regime.real_share
    if not regime.accumulates:
        window = 1
    states = {((), start): 1.0}
    laws = [{start: 1.0}]
    for iteration in range(1, iterations + 1):
        after = {}
        for (batches, p), mass in states.items():
            begins = [((visits * start, visits),)]
            chances = [1.0]
            if iteration > 1:
                begins = [batches]
            elif regime.first == "sampled":
                begins = [((right, visits),) for right in range(visits + 1)]
                chances = binom.pmf(range(visits + 1), visits, start)
            for (kept, chance), right in itertools.product(
                zip(begins, chances, strict=True), range(visits + 1)
            ):
                now = (*kept, (right + real, visits + real))[-(window or iteration + 1) :]
                weight = mass * chance * binom.pmf(right, visits, image(p))
                share = sum(each for each, _ in now) / sum(size for _, size in now)
                taught = [(share, 1.0)]
                if draws is not None:
                    taught = [
                        (number / (draws * visits), binom.pmf(number, draws * visits, share))
                        for number in range(draws * visits + 1)
                    ]
                for each, drawn in taught:
                    key = now, (1 - slack) * each
                    after[key] = after.get(key, 0.0) + weight * drawn
        states = after
        law = {}
        for (_, p), mass in states.items():
            law[p] = law.get(p, 0.0) + mass
        laws.append(law)
    return laws


START, GAMMA, BETA = 0.3, 0.2, 0.4
ONE = bs.table_task([[1, 0]], initial=[[START, 1 - START]], reference=[[1, 0]])


def image(p):
    """Two attempts, noisy verdicts, a label where none was accepted."""
    accepted = (1 - GAMMA) * p + GAMMA * (1 - p)
    none = (1 - accepted) ** 2
    return none * BETA + (1 - none) * (1 - GAMMA) * p / accepted


@pytest.mark.parametrize("regime", [*KEPT, Grounded(), Other()], ids=str)
@pytest.mark.parametrize("slack", [0.0, 0.1])
def test_at_finite_visits_the_law_is_that_of_every_way_it_can_go(regime, slack):
    procedure = curated(
        regime,
        filter=bs.NoisyFilter(GAMMA),
        labeler=bs.WeakLabeler(BETA),
        learner=bs.StrongLearner(slack),
    )
    visits, iterations = 2, 3
    trace = bs.simulate(procedure, ONE, iterations, visits=visits, exact=True)
    for iteration, law in enumerate(brute(regime, START, visits, iterations, image, slack)):
        values, chances = np.array([*law]), np.array([*law.values()])
        mean = values @ chances
        assert trace.accuracy.values[0, iteration] == pytest.approx(mean, rel=1e-12)
        variance = (values - mean) ** 2 @ chances
        assert trace.accuracy_variance.values[0, iteration] == pytest.approx(variance, abs=1e-12)
        lost = chances[values == 0].sum()
        assert trace.lost.values[0, iteration] == pytest.approx(lost, abs=1e-12)


@pytest.mark.parametrize("regime", [bs.Window(2), Grounded()], ids=str)
def test_many_prompts_show_the_mean_and_the_square_of_the_law(regime):
    """Both in [0, 1], so by Hoeffding; every prompt is a draw of the law."""
    prompts, visits, iterations = 20_000, 2, 3
    task = bs.table_task(
        [[1, 0]] * prompts, initial=[[START, 1 - START]] * prompts, reference=[[1, 0]] * prompts
    )
    procedure = curated(regime, filter=bs.NoisyFilter(GAMMA), labeler=bs.WeakLabeler(BETA))
    how = dict(visits=visits, key=5, record="prompt")
    p = bs.simulate(procedure, task, iterations, **how).accuracy.values[0]
    for iteration, law in enumerate(brute(regime, START, visits, iterations, image)[1:], 1):
        for power in (1, 2):
            want = sum(mass * value**power for value, mass in law.items())
            margin = hoeffding("regimes_against_enumeration", prompts)
            assert abs((p[iteration] ** power).mean() - want) <= margin, (iteration, power)


@pytest.mark.parametrize("regime", [bs.Window(2, real_share=0.5), bs.Subsample(2)], ids=str)
def test_sampled_iterations_have_the_law_of_the_literal_simulator(regime):
    """Keep all and weighed labels: distances of empirical laws, as there is no short one."""
    procedure = curated(regime, keep="all", label_weight=0.5)
    visits, runs, iterations, test = 2, 300, 3, "regimes_literal"
    ours = bs.simulate(procedure, TASK, iterations, visits=visits, seeds=runs, key=12)
    rng, theirs = np.random.default_rng(0), []
    for _ in range(runs):
        rows, data = TASK.initial, [visits * TASK.initial]
        for _ in range(iterations):
            rows, _ = literal.iterate(rng, procedure, TASK, rows, visits, data)
        theirs.append((rows * TASK.quality).sum(1) @ TASK.prompt_weights)
    ours, theirs = np.sort(ours.accuracy.values[:, -1].round(9)), np.sort(np.round(theirs, 9))
    at = np.union1d(ours, theirs)
    distance = np.abs(np.searchsorted(ours, at, "right") - np.searchsorted(theirs, at, "right"))
    assert distance.max() / runs <= 2 * np.sqrt(np.log(4 / alpha(test)) / (2 * runs))


def test_a_subsample_that_is_all_right_is_not_at_rest():
    """One example of two is drawn: where the other is wrong it may come back."""
    task = bs.table_task([[1, 0]] * 200, initial=[[0.5, 0.5]] * 200)
    how = dict(visits=1, key=1, record="prompt")
    rest = bs.Until(absorbed=True)
    trace = bs.simulate(bs.uncurated(regime=bs.Subsample()), task, 12, until=rest, **how)
    assert trace.sizes["iteration"] == 13
    solved = trace.accuracy.values[0] == 1
    assert (solved[1] & ~solved[-1]).any()


FILTERED = bs.filter_only(filter=bs.NoisyFilter(0.2), keep="one", regime=bs.Window(2))
REFUSED = [
    (FILTERED, {}, "a window may hold no example"),
    (bs.uncurated(regime=bs.Window(2)), dict(visited_share=0.5), "a window may hold no example"),
    (
        bs.uncurated(regime=bs.Accumulate(real_share=0.5)),
        dict(visited_share=0.5),
        "real data come with the visits that are made",
    ),
    (
        bs.uncurated(regime=bs.Window(9)),
        dict(visits=20),
        "visits must be so few that what 9 iterations",
    ),
    (
        bs.uncurated(regime=bs.Window(2, real_share=[0.5] * 9)),
        {},
        "what examples weigh changes",
    ),
]


@pytest.mark.parametrize(("procedure", "how", "told"), REFUSED)
def test_what_is_no_chain_is_refused_in_one_sentence(procedure, how, told):
    with pytest.raises(ValueError, match=told) as caught:
        bs.simulate(procedure, ONE, 9, **(dict(visits=2) | how), exact=True)
    assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match="procedure must be "):
        bs.fate(procedure, visits=2, initial_accuracy=0.3)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: bs.Window(0), "window must be a whole number of at least 1; got 0"),
        (lambda: bs.Window(1.5), "window must be a whole number"),
        (lambda: bs.Subsample(0), "draws must be a whole number of at least 1; got 0"),
        (lambda: bs.Window(2, real_share=-1), "real_share must be a finite number of at least 0"),
        (lambda: bs.Accumulate(first="drawn"), "first must be one of exact, sampled; got 'drawn'"),
        (lambda: bs.uncurated(regime="window"), "object where it is a window, such as bs.Window"),
        (lambda: bs.uncurated(regime="subsample"), "regime must be an object where it is a subsa"),
        (lambda: bs.uncurated(regime=bs.Window(2), real_share=0.1), "real_share must be None"),
        (lambda: made(window=0), "regime.window must be a whole number of at least 1"),
        (lambda: made(draws="two"), "regime.draws must be a whole number"),
        (lambda: made(first=3), "regime.first must be one of exact, sampled; got 3"),
        (lambda: made(accumulates=False, window=2), "regime.window must be None where accumulat"),
        (lambda: made(accumulates=False, first="sampled"), "regime.first must be 'exact' where"),
        (lambda: made(name="window"), "regime.name must be its own: 'window' is Window"),
    ],
)
def test_what_no_regime_can_be_is_refused(make, told):
    with pytest.raises(ValueError, match=told) as caught:
        make()
    assert "\n" not in str(caught.value)


def made(**attributes):
    held = dict(name="mine", accumulates=True) | attributes
    return bs.uncurated(regime=type("Mine", (bs.Regime,), held)())


def test_provenance_tells_what_is_kept_and_only_what_is_new():
    told = [json.loads(bs.uncurated(regime=regime).describe()) for regime in (*KEPT, Grounded())]
    usual = json.loads(bs.uncurated().describe())
    more = [{name: each[name] for name in each if each[name] != usual.get(name)} for each in told]
    assert more == [
        {"regime": "accumulate", "real_share": 0.25},
        {"regime": "accumulate", "first": "sampled"},
        {"regime": "window", "window": 1},
        {"regime": "window", "window": 2},
        {"regime": "window", "window": 3, "real_share": 0.5, "first": "sampled"},
        {"regime": "subsample", "draws": 1},
        {"regime": "subsample", "draws": 2, "real_share": 0.25, "first": "sampled"},
        {
            **{"regime": "mine", "accumulates": True, "real_share": 0.5},
            **{"window": 2, "draws": 1, "first": "sampled"},
        },
    ]
    assert json.loads(bs.uncurated(regime="accumulate").describe()).keys() == usual.keys()


def test_accumulation_by_word_stays_it_with_real_data():
    rule = bs.boosting(labeler=bs.WeakLabeler(0.5), regime="accumulate")
    assert rule.anchored(0.5).trained_on == bs.Accumulate(real_share=0.5)
    assert rule.anchored(0.0).trained_on == bs.Accumulate()
    for regime in ("replace", bs.Replace(), bs.Anchor(0.3)):
        rule = bs.uncurated(regime=regime)
        assert rule.anchored(0.5).trained_on == bs.Anchor(0.5)
        assert rule.anchored(0.0).trained_on == bs.Replace()


def test_a_schedule_of_real_data_leaves_the_rest_of_a_regime_as_it_is():
    procedure = bs.uncurated(regime=bs.Window(2, real_share=[0.5, 0.25], first="sampled"))
    assert procedure.at(2).trained_on == bs.Window(2, real_share=0.25, first="sampled")
    with jax.enable_x64(True):
        loop = bs.kernel(procedure, TASK, visits=2)
        first = loop.init()
        after = jax.eval_shape(lambda state: loop.step(jax.random.key(0), state)[0].data, first)
    assert first.data.shape == after.shape == (1, 1, 2, 3)
    assert first.examples.tolist() == [[2.0, 2.0, 2.0]]


@pytest.mark.parametrize(
    ("options", "regime"),
    [
        (dict(regime="window", window=3), bs.Window(3)),
        (
            dict(window=3, real_share=0.1, first="sampled"),
            bs.Window(3, real_share=0.1, first="sampled"),
        ),
        (dict(regime="subsample"), bs.Subsample()),
        (dict(draws=2), bs.Subsample(2)),
        (dict(regime="accumulate", real_share=0.1), bs.Accumulate(real_share=0.1)),
        (dict(regime="accumulate"), bs.Accumulate()),
        (dict(regime="anchor", real_share=0.1), bs.Anchor(0.1)),
    ],
)
def test_the_command_has_a_flag_for_each(options, regime):
    assert build("boosting", options).trained_on == regime


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (dict(regime="window"), "window must be given where regime is 'window'"),
        (dict(regime="anchor", real_share=0.1, window=2), "window has no place where regime is"),
        (dict(regime="window", window=2, draws=1), "draws has no place where regime is 'window'"),
        (dict(first="sampled"), "first has no place where regime is 'replace'"),
        (dict(regime="subsample", draws=0), "draws must be a whole number of at least 1; got 0"),
        (
            dict(regime="windows", window=2),
            "regime must be one of .*got 'windows'. Did you mean 'window'",
        ),
        (dict(real_share=0.1), "real_share must be None where the regime is 'replace'"),
    ],
)
def test_flags_that_do_not_fit_a_regime_are_refused(options, told):
    with pytest.raises(ValueError, match=told):
        build("boosting", options)


@pytest.mark.parametrize("how", [{}, {"visits": 3, "key": 0}], ids=["exact", "sampled"])
def test_a_window_costs_no_more_than_the_run_fills(how):
    """Of any larger one the numbers are the same bits, and those of a longer run's beginning."""
    runs = [
        bs.simulate(curated(bs.Window(window)), TASK, iterations, **how).error.values[:, :4]
        for window, iterations in ((4, 3), (10**9, 3), (10**9, 4))
    ]
    assert (runs[0] == runs[1]).all()
    assert (runs[0] == runs[2]).all()


def test_a_window_that_is_too_much_is_named():
    """A kernel may be asked for any number of iterations."""
    with pytest.raises(ValueError, match=r"^regime\.window must ask for at most"):
        bs.kernel(bs.uncurated(regime=bs.Window(10**9)), TASK)


def test_a_window_in_tokens_has_room_for_what_is_there():
    """An exact run's is that of accumulate where it is larger, however large."""
    world = dict(learner=SOFTMAX, exact=True, key=0)
    errors = [
        bs.simulate(bs.filter_only(keep="one", regime=regime), LOOKUP, 5, **world)
        for regime in ("accumulate", bs.Window(6), bs.Window(10**9))
    ]
    for other in errors[1:]:
        assert other.error.values == pytest.approx(errors[0].error.values, abs=1e-5)
    assert (errors[1].error == errors[2].error).all()
