"""What labels weigh and how many a visit gets (T16), attempts until one is accepted (T17)."""

import itertools
import json
import math

import dense
import enumeration
import jax
import literal
import numpy as np
import pytest
from alarms import alpha, assert_law

import boostsim as bs
from boostsim import cli

WEAK, NOISY = bs.WeakLabeler(0.4), bs.NoisyFilter(0.2)
TASK = bs.table_task(
    [[1, 0, 0], [0, 1, 1], [1, 0, 0]],
    [0.25, 0.5, 0.25],
    [[0.5, 0.3, 0.2], [0.0, 0.25, 0.75], [0.0, 0.5, 0.5]],
)
EPS = np.finfo(float).eps


def boosting(**slots):
    return bs.boosting(**{"attempts": 2, "filter": NOISY, "labeler": WEAK} | slots)


# T16's closed forms, written out here a second time.


@pytest.mark.parametrize("weight", [0.1, 0.5, 1.25, 2.0])
@pytest.mark.parametrize("attempts", [1, 3])
def test_a_weight_is_t16_on_a_perfect_filter(weight, attempts):
    """e' = (1-beta) w e^k / (1 - e^k + w e^k), one prompt by itself."""
    beta, error = 0.2, 0.9
    task = bs.table_task([[1, 0]], initial=[[1.0 - error, error]])
    labeler = bs.WeakLabeler(beta)
    light = bs.boosting(attempts=attempts, labeler=labeler, label_weight=weight)
    trace = bs.simulate(light, task, 12)
    for got in trace.error.values[0]:
        assert got == pytest.approx(error, rel=1e-11)
        failed = error**attempts
        error = (1 - beta) * weight * failed / ((1 - failed) + weight * failed)


def test_a_share_of_the_mixture_is_one_number_for_all_prompts():
    """w_t = alpha/(1-alpha) sum mu S / sum mu L; identical prompts then stall at alpha (1-beta)."""
    share, beta = 0.25, 0.2
    alike = bs.table_task([[1, 0]] * 2, initial=[[0.1, 0.9]] * 2)
    mixed = bs.boosting(labeler=bs.WeakLabeler(beta), label_share=share)
    error = bs.simulate(mixed, alike, 5).error.values[0]
    assert error[1:] == pytest.approx(share * (1 - beta), rel=1e-13)
    # A solved prompt and a hopeless one: labels are all that the second has, and it improves.
    apart = bs.table_task([[1, 0]] * 2, initial=[[1.0, 0.0], [0.0, 1.0]])
    by_prompt = bs.simulate(mixed, apart, 1, record="prompt").error.values[0]
    assert by_prompt[1].tolist() == [0.0, 1 - beta]


@pytest.mark.parametrize("weighs", [{"label_share": 0.3}, {"label_weight": 5.0}])
def test_where_there_is_nothing_to_mix_every_example_counts_for_one(weighs):
    """No label, or nothing accepted: the mixture is what there is, under accumulate too."""
    hopeless = bs.table_task([[1, 0]], initial=[[0.0, 1.0]])
    solved = bs.table_task([[1, 0]], initial=[[1.0, 0.0]])
    for task, once in ((hopeless, weighs.get("label_weight", 1.0)), (solved, 0.0)):
        procedure = bs.boosting(labeler=WEAK, regime="accumulate", **weighs)
        before = task.initial[0, 0]
        accuracy = bs.simulate(procedure, task, 1).accuracy.values[0, 1]
        examples = 1.0 + (once or 1.0)
        right = before + (once * 0.4 if once else 1.0)
        assert accuracy == pytest.approx(right / examples, rel=1e-15)


# Tables, exact: the dense map.

SLOTS = {
    "weight": {"label_weight": 0.3},
    "share": {"label_share": 0.3},
    "several, budget": {"labels_per_visit": 3, "budget": 0.4, "label_weight": 2.0},
    "share, all kept": {"label_share": 0.7, "keep": "all", "labels_per_visit": 2},
    "accumulate": {"label_weight": 0.3, "regime": "accumulate", "labels_per_visit": 2},
    "accumulate, share": {"label_share": 0.3, "regime": "accumulate"},
    "anchor, slack": {
        **{"label_weight": 3.0, "regime": "anchor", "real_share": 0.5},
        "learner": bs.StrongLearner(0.1),
    },
    "until accepted": {"until_accepted": True, "attempts": 4},
    "until accepted, asked": {
        "until_accepted": True,
        "attempts": 3,
        "criterion": bs.criteria.difficulty(0.3),
        "budget": 0.3,
        "label_share": 0.5,
    },
    "persistent": {
        "labeler": bs.WeakLabeler(0.4, persistent=True),
        "label_weight": 0.2,
        "labels_per_visit": 2,
    },
    "persistent, share": {
        "labeler": bs.WeakLabeler(0.4, persistent=True),
        "label_share": 0.2,
        "budget": 0.3,
    },
}


@pytest.mark.parametrize("name", SLOTS)
def test_an_exact_run_is_the_dense_map_and_what_many_visits_tend_to(name):
    """To rounding, so few iterations; at 10^12 visits a step is off by parts in 10^6."""
    procedure, iterations = boosting(**SLOTS[name]), 3
    exact = bs.simulate(procedure, TASK, iterations, record="prompt")
    alone, task, _ = dense.realise(procedure, TASK)
    rows, data, bought = task.initial, [task.initial.copy()], 0.0
    for iteration in range(1, iterations + 1):
        rows, labels = dense.iterate(alone, task, rows, data)
        bought += labels
        accuracy = (rows * task.quality).sum(1) @ task.prompt_weights
        ours = exact.accuracy.values[0, iteration] @ TASK.prompt_weights
        assert ours == pytest.approx(accuracy, rel=1e-11)
        assert exact.labels.values[0, iteration] == pytest.approx(bought, rel=1e-11)
    if procedure.labeler.persistent:
        # Then a sampled run has one answer a prompt, of several.
        return
    sampled = bs.simulate(procedure, TASK, iterations, visits=10**12, key=3, record="prompt")
    for variable in ("accuracy", "labels", "generations", "filter_calls"):
        assert np.abs(sampled[variable].values - exact[variable].values).max() <= 1e-4, variable


def test_weights_and_shares_may_change_from_one_iteration_to_the_next():
    for name, many in (("label_weight", (0.5, 1.0, 4.0)), ("label_share", (0.5, 0.1, 0.9))):
        trace = bs.simulate(boosting(**{name: many}), TASK, 3)
        rows = TASK.initial
        for iteration, one in enumerate(many, 1):
            rows, _ = dense.iterate(boosting(**{name: one}), TASK, rows)
            accuracy = (rows * TASK.quality).sum(1) @ TASK.prompt_weights
            assert trace.accuracy.values[0, iteration] == pytest.approx(accuracy, rel=1e-12)
        assert boosting(**{name: many}).at(2) == boosting(**{name: many[1]})
        with pytest.raises(ValueError, match=f"{name} must be one number, or one for each of 4"):
            bs.simulate(boosting(**{name: many}), TASK, 4)


def test_a_weight_of_one_is_no_weight():
    """The same program, so the same numbers; as a schedule the same to rounding."""
    assert boosting(label_weight=1) == boosting()
    told = json.loads(boosting().describe())
    assert not {"label_weight", "label_share", "labels_per_visit", "until_accepted"} & set(told)
    assert json.loads(boosting(label_weight=2).describe())["label_weight"] == 2.0
    plain = bs.simulate(boosting(), TASK, 4).error.values
    ones = bs.simulate(boosting(label_weight=[1.0] * 4), TASK, 4).error.values
    assert np.abs(ones / plain - 1.0).max() <= 64 * EPS


# Tables, sampled: enumeration, the literal simulator.

ENUMERATED = {
    "weight": {"label_weight": 0.25},
    "share": {"label_share": 0.25},
    "several": {"label_weight": 4.0, "labels_per_visit": 2},
    "share, all kept": {"label_share": 0.5, "keep": "all", "labels_per_visit": 2},
    "until accepted": {"until_accepted": True, "attempts": 3, "label_weight": 0.25},
}


@pytest.mark.parametrize("name", ENUMERATED)
def test_a_sampled_step_has_the_law_of_every_outcome_enumerated(name):
    """Two prompts together, for a share ties them: accuracy and generations, jointly."""
    procedure, visits, runs = boosting(**ENUMERATED[name]), 2, 40_000
    task = bs.table_task([[1, 0], [1, 0]], [0.25, 0.75], [[0.5, 0.5], [0.125, 0.875]])
    accept = np.where(task.quality == 1, *procedure.filter.accept)
    each = [
        enumeration.visits_law(
            procedure,
            bs.table_task(task.quality[[x]], initial=task.initial[[x]]),
            visits,
            accept[x],
            0.4,
        )
        for x in range(2)
    ]
    mu, law = task.prompt_weights, {}
    for (one, p), (other, q) in itertools.product(*(each.items() for each in each)):
        outcomes = np.array([one, other], float)
        kept, labels = outcomes[:, :2], outcomes[:, 2:4]
        worth = literal.label_worth(procedure, mu @ kept.sum(1), mu @ labels.sum(1))
        examples = kept + worth * labels
        size = examples.sum(1)
        share = np.where(size > 0, examples[:, 0] / np.where(size > 0, size, 1), task.initial[:, 0])
        told = round(float(mu @ share), 9), round(float(mu @ outcomes[:, 4]) / visits, 9)
        law[told] = law.get(told, 0.0) + p * q
    with jax.enable_x64(True):
        loop = bs.kernel(procedure, task, visits=visits)
        keys = jax.random.split(jax.random.key(5), runs)
        state, info = jax.jit(jax.vmap(loop.step, (0, None)))(keys, loop.init())
        accuracy = np.asarray(state.mass)[:, 0, 0] @ mu
        tried = np.full(runs, float(procedure.attempts))
        if procedure.until_accepted:
            tried = np.asarray(info.generations)
        assert (info.generations is None) == (not procedure.until_accepted)
    found = {}
    for told in zip(accuracy.round(9).tolist(), tried.round(9).tolist(), strict=True):
        found[told] = found.get(told, 0) + 1
    assert set(found) <= set(law)
    # Outcomes that are rarer than one in a thousand are one cell.
    common = [told for told in sorted(law) if law[told] >= 1e-3]
    counts = [found.get(told, 0) for told in common]
    shares = [law[told] for told in common]
    rest = max(0.0, 1.0 - sum(shares))
    assert_law("weighed_enumeration", [*counts, runs - sum(counts)], [*shares, rest])


@pytest.mark.parametrize("name", ["share", "until accepted", "accumulate", "several, budget"])
def test_several_sampled_iterations_have_the_law_of_the_literal_simulator(name):
    """Accuracy, labels and generations after three iterations: distances of empirical laws."""
    procedure = boosting(**SLOTS[name])
    visits, runs, iterations, test = 3, 300, 3, "weighed_literal"
    trace = bs.simulate(procedure, TASK, iterations, visits=visits, seeds=runs, key=12)
    rng = np.random.default_rng(0)
    found = {"accuracy": [], "labels": [], "generations": []}
    for _ in range(runs):
        rows, data, labels, tried = TASK.initial, [visits * TASK.initial], 0.0, 0.0
        for _ in range(iterations):
            tally = {}
            rows, more = literal.iterate(rng, procedure, TASK, rows, visits, data, tally)
            labels, tried = labels + more, tried + tally["tried"]
        found["accuracy"].append((rows * TASK.quality).sum(1) @ TASK.prompt_weights)
        found["labels"].append(labels)
        found["generations"].append(tried)
    for variable, theirs in found.items():
        ours = np.sort(trace[variable].values[:, -1].round(9))
        theirs = np.sort(np.round(theirs, 9))
        at = np.union1d(ours, theirs)
        distance = np.abs(
            np.searchsorted(ours, at, "right") - np.searchsorted(theirs, at, "right")
        ).max()
        assert distance / runs <= 2 * math.sqrt(math.log(4 / alpha(test)) / (2 * runs)), variable


@pytest.mark.parametrize("weight", [0.01, 100.0])
@pytest.mark.parametrize("attempts", [1, 4])
def test_at_one_visit_with_keep_one_a_weight_changes_nothing(weight, attempts):
    """Each prompt's data are then of one kind: the same draws, the same numbers."""
    task = bs.random_table(2, prompts=50, solvable=0.5)
    one, other = (
        bs.simulate(
            boosting(attempts=attempts, **more), task, 6, visits=1, seeds=3, key=1, record="prompt"
        )
        for more in ({}, {"label_weight": weight})
    )
    assert np.abs(one.accuracy.values - other.accuracy.values).max() <= 4 * EPS
    assert (one.labels.values == other.labels.values).all()


def test_with_a_second_visit_it_does_and_so_it_does_where_data_accumulate():
    task, weight, attempts = bs.random_table(2, prompts=50, solvable=0.5), 100.0, 4
    for how in ({"visits": 2}, {"visits": 1, "regime": "accumulate"}):
        visits, slots = how.pop("visits"), how | {"attempts": attempts}
        one, other = (
            bs.simulate(
                boosting(**slots, **more), task, 6, visits=visits, key=1, record="prompt"
            ).accuracy.values
            for more in ({}, {"label_weight": weight})
        )
        assert np.abs(one - other).max() > 0.01


# T17: attempts until one is accepted.


def test_stopping_early_costs_less_and_changes_no_law():
    """(1 - B^k)/A generations a visit, k where A = 0; filter calls likewise."""
    whole, early = (
        bs.simulate(
            boosting(attempts=5, filter=bs.NoisyFilter(0.1, votes=3), until_accepted=early), TASK, 6
        )
        for early in (False, True)
    )
    for variable in ("accuracy", "error", "labels", "coverage"):
        assert (whole[variable].values == early[variable].values).all(), variable
    assert (early.filter_calls.values == 3.0 * early.generations.values).all()
    assert whole.generations.values[0, -1] == 30.0
    # By hand, from the accuracies of each prompt.
    by_prompt = bs.simulate(boosting(attempts=5, until_accepted=True), TASK, 6, record="prompt")
    right = by_prompt.accuracy.values[0, :-1]
    accepted = 0.8 * right + 0.2 * (1.0 - right)
    each = (1.0 - (1.0 - accepted) ** 5) / accepted
    made = np.cumsum(each @ TASK.prompt_weights)
    np.testing.assert_allclose(by_prompt.generations.values[0, 1:], made, rtol=1e-13)
    hopeless = bs.table_task([[1, 0]], initial=[[0.0, 1.0]])
    perfect = bs.boosting(attempts=5, labeler=bs.WeakLabeler(0.0), until_accepted=True)
    assert bs.simulate(perfect, hopeless, 2).generations.values.tolist() == [[0.0, 5.0, 10.0]]
    # Where everything is accepted the first attempt is.
    stops = bs.Procedure(attempts=5, until_accepted=True)
    assert bs.simulate(stops, TASK, 1).generations.values[0, 1] == 1.0


def test_what_a_criterion_sees_is_whether_one_was_accepted():
    seen = []

    @bs.criterion
    def watched(visits):
        seen.append(visits)
        return (visits.accepted == 0) * (1.0 + 0.0 * visits.mass)

    procedure = boosting(attempts=5, criterion=watched, until_accepted=True)
    masses = []
    for how in ({}, {"visits": 3}):
        with jax.enable_x64(True):
            loop = bs.kernel(procedure, TASK, **how)
            # As one program, which gives what the criterion was shown as well.
            step = jax.jit(lambda key, state, loop=loop: (loop.step(key, state), seen[-1])[1])
            visits = step(jax.random.key(0), loop.init())
        masses.append(np.asarray(visits.mass))
        assert visits.accepted.tolist() == [0, 0, 0, 1, 1, 1]
        assert visits.attempts.tolist() == [1] * 6
        assert visits.pass_rate.tolist() == [0.0] * 3 + [1.0] * 3
        assert masses[-1].sum() == pytest.approx(1.0)
    right = (TASK.initial * TASK.quality).sum(1)
    failed = (1.0 - (0.8 * right + 0.2 * (1.0 - right))) ** 5
    np.testing.assert_allclose(masses[0][:3], failed * TASK.prompt_weights, rtol=1e-13)


# The first model as labeler.


def test_the_first_model_labels_as_its_rows_do():
    first = bs.FirstModel()
    for how in ({}, {"visits": 5, "key": 2, "seeds": 2}):
        one, other = (
            bs.simulate(boosting(labeler=labeler), TASK, 4, **how)
            for labeler in (first, bs.WeakLabeler(rows=TASK.initial))
        )
        for variable in ("accuracy", "error", "labels"):
            assert (one[variable].values == other[variable].values).all()
        # beta(x) = p_0(x).
        right = (TASK.initial * TASK.quality).sum(1)
        for trace in (one, other):
            assert trace.beta == pytest.approx(right @ TASK.prompt_weights)
            assert trace.beta_least == right.min() == 0.0
    assert "beta" not in bs.simulate(boosting(), TASK, 1).attrs
    assert json.loads(one.attrs["procedure"])["labeler"]["name"] == "FirstModel"


def test_the_first_model_may_be_sharpened():
    task = bs.table_task([[1, 0, 0]], initial=[[0.6, 0.2, 0.2]])
    accuracy = {}
    for temperature in (0.0, 0.5, 1.0, 2.0):
        labeler = bs.FirstModel(temperature)
        trace = bs.simulate(bs.labels_only(labeler=labeler), task, 1)
        accuracy[temperature] = trace.accuracy.values[0, 1]
        assert trace.beta == pytest.approx(accuracy[temperature], rel=1e-15)
    want = {t: 0.6 ** (1 / t) / (0.6 ** (1 / t) + 2 * 0.2 ** (1 / t)) for t in (0.5, 1.0, 2.0)}
    assert accuracy == pytest.approx({0.0: 1.0, **want}, rel=1e-14)


def test_a_first_model_that_knows_nothing_is_no_labeler():
    hopeless = bs.table_task([[1, 0], [1, 0]], initial=[[0.0, 1.0]] * 2)
    with pytest.raises(ValueError, match="labeler must be right on some prompt; got FirstModel"):
        bs.simulate(boosting(labeler=bs.FirstModel()), hopeless, 1)
    # On one prompt it may know nothing, unless something was promised.
    bs.simulate(boosting(labeler=bs.FirstModel()), TASK, 1)
    with pytest.raises(ValueError, match=r"the declared beta 0\.1 on every prompt; got 0\.0"):
        bs.simulate(boosting(labeler=bs.FirstModel(beta=0.1)), TASK, 1)


# The preset.


def test_the_preset_has_the_numbers_of_the_paper_as_reported():
    preset = bs.escaping_collapse()
    assert (preset.attempts, preset.keep, preset.labels_per_visit) == (8, "all", 8)
    assert preset.filter.accept == (1.0, 0.0)
    assert preset.labeler == bs.FirstModel()
    assert (preset.label_share, preset.label_weight) == (1 / 3, 1.0)
    # The other reading, alpha = w/(1 + w).
    weighed = bs.escaping_collapse(label_weight=0.5)
    assert (weighed.label_share, weighed.label_weight) == (None, 0.5)
    # A weight of 1 is a weight, too.
    for one in (1.0, 1, np.ones(()), [1.0, 1.0]):
        assert bs.escaping_collapse(label_weight=one).label_share is None
    with pytest.raises(ValueError, match="label_share must be None where label_weight is given"):
        bs.escaping_collapse(label_weight=0.5, label_share=0.25)
    task = bs.random_table(1, prompts=60, solvable=1.0)
    trace = bs.simulate(preset, task, 5, visits=1, key=0)
    assert trace.labels.values[0, 1] <= 8.0
    assert trace.accuracy.values[0, -1] > trace.accuracy.values[0, 0]


def test_the_command_says_all_of_it(capsys):
    line = "run --prompts 20 --iterations 2 --json"
    given = {
        "--label-weight 0.5 --labels-per-visit 2": {"label_weight": 0.5, "labels_per_visit": 2},
        "--label-share 0.25 --attempts 3 --until-accepted": {
            **{"label_share": 0.25, "attempts": 3, "until_accepted": True}
        },
        "--labeler first_model --labeler-temperature 2": {"labeler": bs.FirstModel(2.0)},
    }
    task = bs.random_table(0, prompts=20)
    for flags, slots in given.items():
        assert cli.main([*line.split(), *flags.split()]) == 0
        told = json.loads(capsys.readouterr().out)
        procedure = bs.boosting(**{"labeler": bs.WeakLabeler(0.2)} | slots)
        assert told["provenance"]["procedure"] == json.loads(procedure.describe())
        assert told["error"] == bs.simulate(procedure, task, 2).error.values.tolist()
    assert cli.main([*line.split(), "escaping_collapse"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["provenance"]["procedure"] == json.loads(bs.escaping_collapse().describe())


def test_the_command_refuses_what_a_labeler_has_no_place_for(capsys):
    line = "run --prompts 20 --iterations 2 --json"
    for flags, words in {
        "--labeler first": "labeler must be one of first_model, weak",
        "--labeler first_model --beta 0.5": "beta has no place where labeler is 'first_model'",
        "--labeler weak --labeler-temperature 1": "labeler_temperature has no place",
        "escaping_collapse --wrong spread": "wrong has no place where labeler is 'first_model'",
        "escaping_collapse --beta 0.5": "beta has no place where labeler is 'first_model'",
    }.items():
        assert cli.main([*line.split(), *flags.split()]) == 2
        assert words in capsys.readouterr().err


def test_labels_of_a_prompt_are_counted_all_where_answers_persist():
    task = bs.table_task([[1, 0], [1, 0]], initial=[[0.2, 0.8], [0.6, 0.4]])
    labeler = bs.WeakLabeler(0.3, persistent=True)
    procedure = bs.boosting(filter=bs.NoisyFilter(0.1), labeler=labeler, labels_per_visit=3)
    trace = bs.simulate(procedure, task, 2, record="prompt")
    rejected = [0.2 * 0.1 + 0.8 * 0.9, 0.6 * 0.1 + 0.4 * 0.9]
    assert trace.labels_by_prompt.values[0, 1] == pytest.approx([3 * each for each in rejected])
    averaged = trace.labels_by_prompt.weighted(trace.prompt_weight).mean("prompt")
    assert averaged.values == pytest.approx(trace.labels.values)


def test_a_temperature_that_leaves_no_right_answer_is_told_as_that():
    task = bs.table_task([[1, 0]], initial=[[0.2, 0.8]])
    with pytest.raises(ValueError, match="at this temperature, have no correct mass"):
        bs.simulate(bs.boosting(labeler=bs.FirstModel(temperature=0.0)), task, 1)
