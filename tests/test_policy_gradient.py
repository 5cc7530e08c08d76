"""A policy gradient on verdicts, from its definitions: every verdict, every outcome of a visit."""

import dataclasses
import itertools

import jax
import numpy as np
import pytest
from alarms import hoeffding
from enumeration import assert_accuracies

import boostsim as bs
from boostsim.learners.gradient import ADVANTAGES
from boostsim.simulation.tables import exact
from boostsim.simulation.tables.prepare import prepare
from boostsim.simulation.tables.state import masses

EPS = np.finfo(float).eps
RATE = 0.7
TASK = bs.random_table(3, prompts=5, responses=4, solvable=0.6)
NOISY = bs.NoisyFilter(false_accept=0.3, false_reject=0.2)
ACCEPT = np.array([[0.8, 0.3, 0.3]])


def counted(advantage, verdicts):
    """What each attempt of a visit counts, in the words of the definitions."""
    verdicts = np.asarray(verdicts, float)
    if advantage == "verdict":
        return verdicts
    if advantage == "leave_one_out":
        return np.array([own - np.delete(verdicts, i).mean() for i, own in enumerate(verdicts)])
    centred = verdicts - verdicts.mean()
    if advantage == "group_mean":
        return centred
    return centred / verdicts.std() if verdicts.std() > 0 else 0 * centred


def expected(advantage, attempts, own, others):
    """E of what an attempt counts that is accepted with probability ``own``, the rest with another:
    over all 2^k verdicts."""
    total = 0.0
    for verdicts in itertools.product((0, 1), repeat=attempts):
        chances = [own, *[others] * (attempts - 1)]
        mass = np.prod([p if v else 1 - p for p, v in zip(chances, verdicts, strict=True)])
        total += mass * counted(advantage, verdicts)[0]
    return total


def dense_step(procedure, task, rows):
    """One iteration on every response of every prompt."""
    learner, k = procedure.learner, procedure.attempts
    accept = np.where(task.quality == 1, *procedure.filter.accept)
    new = np.zeros_like(rows)
    for x, row in enumerate(rows):
        accepted = row @ accept[x]
        worth = [expected(learner.advantage, k, own, accepted) for own in accept[x]]
        pulled = row ** (1 - learner.reference) * task.initial[x] ** learner.reference
        pulled = pulled * np.exp(learner.rate * np.array(worth))
        new[x] = pulled / pulled.sum()
        if procedure.labeler is not None:
            labels = procedure.label_weight * (1 - accepted) ** k
            new[x] += labels * procedure.labeler.rows_for(task.quality)[x]
            new[x] /= 1 + labels
    return new


@pytest.mark.parametrize("attempts", [2, 3, 7])
def test_the_law_of_groups_is_the_mean_over_all_verdicts(attempts):
    """A sum of k terms against one of 2^k, and sqrt(k - 1) where all others agree."""
    law = bs.laws.group_advantage
    for false_accept, false_reject, p in itertools.product(
        (0.0, 0.3, 0.9), (0.0, 0.2), (0, 0.01, 0.5, 1)
    ):
        right, wrong = 1 - false_reject, false_accept
        others = right * p + wrong * (1 - p)
        each = [expected("group_normalised", attempts, own, others) for own in (right, wrong)]
        told = {"false_accept": false_accept, "false_reject": false_reject, "accuracy": p}
        found = law(attempts=attempts, **told)
        assert found == pytest.approx(each[0] - each[1], rel=1e-12, abs=1e-15)
        if others in (0.0, 1.0):
            assert found == pytest.approx((right - wrong) * np.sqrt(attempts - 1), rel=1e-14)
        elif 0.2 <= others <= 0.8:
            # Both are differences of bounded functions of a mean of k - 1 verdicts.
            limit = bs.laws.group_advantage_limit(**told)
            assert law(attempts=900, **told) == pytest.approx(limit, rel=0.01)


@pytest.mark.parametrize("reference", [0.0, 1e-9, 1e-5, 0.3, 1.0])
def test_the_law_with_a_reference_is_its_recursion(reference):
    told = {"rate": 0.3, "false_accept": 0.2, "false_reject": 0.1, "initial_accuracy": 0.1}
    start = logit = np.log(0.1 / 0.9)
    for iteration in range(41):
        found = bs.laws.policy_gradient_accuracy(iterations=iteration, reference=reference, **told)
        # Forty roundings of a number of at most nine.
        assert np.log(found / (1 - found)) == pytest.approx(logit, abs=1e-12)
        logit = (1 - reference) * logit + reference * start + 0.3 * 0.7
    if reference == 0.3:
        end = bs.laws.policy_gradient_limit(reference=reference, **told)
        assert np.log(end / (1 - end)) == pytest.approx(start + 0.21 / 0.3, abs=1e-12)


@pytest.mark.parametrize("advantage", ADVANTAGES)
@pytest.mark.parametrize("slots", ["alone", "labelled", "pulled", "both"])
def test_the_exact_step_is_that_of_all_verdicts(advantage, slots):
    """Lumped or, where labels and a reference meet, not: a row is a few dozen products of numbers
    that the same products give elsewhere, and the exponents are sums of at most 16 terms."""
    learner = bs.PolicyGradient(RATE, advantage, 0.2 if slots in ("pulled", "both") else 0.0)
    make, more = bs.filter_only, {}
    if slots in ("labelled", "both"):
        make, more = bs.boosting, {"labeler": bs.WeakLabeler(0.4), "label_weight": 2.0}
    procedure = make(attempts=4, filter=NOISY, learner=learner, **more)
    trace = bs.simulate(procedure, TASK, 3, record="prompt")
    rows = TASK.initial
    for iteration in range(4):
        right = (rows * TASK.quality).sum(1)
        found = trace.accuracy.values[0, iteration]
        assert found == pytest.approx(right, rel=2000 * EPS, abs=0.0), iteration
        rows = dense_step(procedure, TASK, rows)


def test_on_verdicts_it_is_filtering_with_another_odds_ratio():
    """R = e^(rate (a1 - a0)): rate = log(R) / (a1 - a0) gives the filter's own."""
    for noise in (0.1, 0.5, 0.8):
        rate = 1.0 if noise == 0.5 else np.log((1 - noise) / noise) / (1 - 2 * noise)
        slots = {"filter": bs.NoisyFilter(noise), "attempts": 3}
        one, other = (
            bs.simulate(bs.filter_only(learner=each, **slots), TASK, 6, record="prompt")
            for each in (bs.PolicyGradient(rate), bs.StrongLearner())
        )
        # Either rounds each of six iterations a dozen times.
        for name in ("accuracy", "error"):
            wanted = other[name].values
            assert one[name].values == pytest.approx(wanted, rel=200 * EPS, abs=0.0)


def odds_of(trace):
    return trace.accuracy.values[0] / trace.error.values[0]


@pytest.mark.parametrize("low", [1e-300, 1e-12, 0.3])
@pytest.mark.parametrize("advantage", ["leave_one_out", "group_normalised"])
def test_masses_at_either_end_keep_their_digits(low, advantage):
    """Where p or 1 - p is tiny what others do is certain, and the odds grow by one factor."""
    grown = []
    for row in ([low, 1.0 - low], [1.0 - low, low]):
        task = bs.table_task([[1, 0]], initial=[row])
        learner = bs.PolicyGradient(RATE, advantage)
        procedure = bs.filter_only(attempts=4, filter=NOISY, learner=learner)
        trace = bs.simulate(procedure, task, 5)
        odds, k = odds_of(trace), 4
        for before, after in itertools.pairwise(odds):
            accepted = (0.8 * before + 0.3) / (1.0 + before)
            gap = expected(advantage, k, 0.8, accepted) - expected(advantage, k, 0.3, accepted)
            assert after == pytest.approx(before * np.exp(RATE * gap), rel=200 * EPS)
        grown.append(odds[-1] / odds[0])
    assert all(each > 1.0 for each in grown)


def test_steps_of_any_size_end_where_they_should():
    """A rate of 1,000 takes the odds from 1e-300 to e^500 1e-300 and not to 0 or NaN; one of 1e100
    solves what can be solved, and leaves 0 and 1."""
    task = bs.table_task([[1, 0]] * 3, initial=[[1e-300, 1.0], [0.0, 1.0], [1.0, 0.0]])
    for rate in (1e3, 1e100):
        procedure = bs.filter_only(filter=NOISY, learner=bs.PolicyGradient(rate))
        trace = bs.simulate(procedure, task, 2, record="prompt")
        assert trace.accuracy.values[0, :, 1:].tolist() == [[0.0, 1.0]] * 3
        ends = trace.accuracy.values[0, -1, 0], trace.error.values[0, -1, 0]
        if rate == 1e3:
            # 2 x 500 = 1000 nats, of which an exponential of 250 rounds 250 times an epsilon.
            assert ends[0] == 1.0
            assert ends[1] == pytest.approx(np.exp(-1000 + 300 * np.log(10.0)), rel=4000 * EPS)
        else:
            assert ends == (1.0, 0.0)


@pytest.mark.parametrize("advantage", ADVANTAGES)
def test_its_fate_is_the_sign_of_what_the_filter_tells(advantage):
    task = bs.table_task([[1, 0]] * 3, initial=[[0.01, 0.99], [0.5, 0.5], [0.99, 0.01]])
    for false_accept, end in ((0.1, 1.0), (0.3, None), (0.6, 0.0)):
        noise = bs.NoisyFilter(false_accept=false_accept, false_reject=0.7)
        learner = bs.PolicyGradient(5.0, advantage)
        procedure = bs.filter_only(attempts=2, filter=noise, learner=learner)
        found = bs.simulate(procedure, task, 60, record="prompt").accuracy.values[0, -1]
        wanted = [end] * 3 if end is not None else [0.01, 0.5, 0.99]
        assert found == pytest.approx(wanted, abs=1e-9)


def visit(procedure, task):
    """Every outcome of one visit to the first prompt: (answers, verdicts, labels, probability)."""
    row, accept = task.initial[0], ACCEPT[0]
    k, responses = procedure.attempts, range(len(row))
    labels = None if procedure.labeler is None else procedure.labeler.rows_for(task.quality)[0]
    outcomes = []
    for answers in itertools.product(responses, repeat=k):
        for verdicts in itertools.product((0, 1), repeat=k):
            mass = np.prod(
                [
                    row[y] * (accept[y] if v else 1 - accept[y])
                    for y, v in zip(answers, verdicts, strict=True)
                ]
            )
            if labels is None or any(verdicts):
                outcomes.append((answers, verdicts, (), mass))
            else:
                outcomes += [(answers, verdicts, (y,), mass * labels[y]) for y in responses]
    return outcomes


def advantages_drawn(advantage, visits, responses):
    """The average of what the attempts count that said each response; 0 where none did."""
    earned, said = np.zeros(responses), np.zeros(responses)
    for answers, verdicts, _, _ in visits:
        for y, worth in zip(answers, counted(advantage, verdicts), strict=True):
            earned[y] += worth
            said[y] += 1
    return earned / np.maximum(said, 1)


def new_row(procedure, row, visits):
    learner = procedure.learner
    drawn = advantages_drawn(learner.advantage, visits, len(row))
    new = row * np.exp(learner.rate * drawn)
    new *= len(visits) / new.sum()
    for _, _, labels, _ in visits:
        for y in labels:
            new[y] += procedure.label_weight
    return new / new.sum()


COPIES = 2000
ONE = bs.table_task([[1, 0, 0]], initial=[[0.2, 0.5, 0.3]])
MANY = bs.table_task(np.repeat(ONE.quality, COPIES, 0), initial=np.repeat(ONE.initial, COPIES, 0))


@pytest.mark.parametrize("advantage", ADVANTAGES)
def test_sampled_rows_have_the_law_of_all_outcomes(advantage):
    """Two visits of two attempts: 1,296 outcomes of attempts and verdicts, more with labels."""
    slots = {"attempts": 2, "filter": NOISY, "learner": bs.PolicyGradient(RATE, advantage)}
    procedure = bs.filter_only(**slots)
    if advantage == "group_normalised":
        procedure = bs.boosting(labeler=bs.WeakLabeler(0.4), label_weight=0.5, **slots)
    law = {}
    for visits in itertools.product(visit(procedure, ONE), repeat=2):
        right = round(float(new_row(procedure, ONE.initial[0], visits)[0]), 9)
        law[right] = law.get(right, 0.0) + visits[0][-1] * visits[1][-1]
    trace = bs.simulate(procedure, MANY, 1, visits=2, key=4, record="prompt")
    assert_accuracies("policy_gradient", trace.accuracy.values[0, 1], law)


@pytest.mark.parametrize("advantage", ADVANTAGES[:3])
def test_what_a_few_attempts_move_on_average(advantage):
    """The bias of finitely many attempts, exactly: against all outcomes of two visits."""
    procedure = bs.filter_only(attempts=2, learner=bs.PolicyGradient(RATE, advantage))
    mean = np.zeros(3)
    for visits in itertools.product(visit(procedure, ONE), repeat=2):
        mean += visits[0][-1] * visits[1][-1] * advantages_drawn(advantage, visits, 3)
    assert mean == pytest.approx(biased(advantage, 2, 4), rel=1e-12)


def biased(advantage, attempts, drawn):
    """E of the advantages drawn with N attempts: what the docstring says."""
    row = ONE.initial[0]
    if advantage == "verdict":
        return ACCEPT[0] * (1 - (1 - row) ** drawn)
    told = (ACCEPT[0] - row @ ACCEPT[0]) * drawn / (drawn - 1)
    told = told * (1 - (1 - row) ** (drawn - 1))
    return told if advantage == "leave_one_out" else told * (1 - 1 / attempts)


@pytest.mark.parametrize("advantage", ["leave_one_out", "group_normalised"])
def test_many_visits_move_as_the_population(advantage):
    """Forty visits of three attempts: beside the bias, which of a normalised group is below that of
    120 attempts by less than the tolerance of 2,000 copies."""
    procedure = bs.filter_only(attempts=3, filter=NOISY, learner=bs.PolicyGradient(RATE, advantage))
    rows = bs.simulate(procedure, MANY, 1, visits=40, key=5, record="rows").rows.values[0]
    moved = np.log(rows[1] / rows[0]) / RATE
    accepted = float(ONE.initial[0] @ ACCEPT[0])
    if advantage == "leave_one_out":
        wanted = biased(advantage, 3, 120)
    else:
        wanted = np.array([expected(advantage, 3, own, accepted) for own in ACCEPT[0]])
    most = np.sqrt(2.0) if advantage == "group_normalised" else 1.0
    for one, other in ((0, 1), (0, 2)):
        gap = (moved[:, one] - moved[:, other]).mean()
        room = hoeffding("policy_gradient_mean", COPIES, 4.0 * most)
        assert abs(gap - (wanted[one] - wanted[other])) <= room


def test_what_is_not_visited_stays_and_nothing_is_learned_of_what_all_agree_on():
    pulled = bs.filter_only(attempts=2, learner=bs.PolicyGradient(1.0, "group_mean", 0.5))
    rows = bs.simulate(
        dataclasses.replace(pulled, filter=NOISY),
        MANY,
        2,
        visits=1,
        visited_share=0.5,
        key=1,
        record="rows",
    ).rows.values[0]
    stayed = (rows[1] == rows[0]).all(-1)
    assert 0 < stayed.sum() < COPIES
    again = (rows[2] == rows[1]).all(-1)
    assert (~stayed & again).any()
    same = bs.uncurated(attempts=2, learner=bs.PolicyGradient(1.0, "group_normalised"))
    flat = bs.simulate(same, MANY, 2, visits=1, key=1, record="rows").rows.values[0]
    assert flat[2] == pytest.approx(flat[0], rel=8 * EPS)


def test_derivatives_pass_through_the_rate_and_the_reference():
    """Against the central difference, whose error is of second order in 1e-5."""
    learner = bs.PolicyGradient(0.4, "group_normalised", 0.1)
    rule = bs.boosting(attempts=3, filter=NOISY, labeler=bs.WeakLabeler(0.3), learner=learner)
    with jax.enable_x64(True):
        structure, numbers = prepare(rule, TASK, sampled=False)

        def error(given):
            changed = dataclasses.replace(numbers, learner=given)
            first = exact.init(structure, changed)
            step = lambda state, _: (exact.step(structure, changed, state)[0], None)  # noqa: E731
            state, _ = jax.lax.scan(step, first, length=3)
            right = (masses(state) * TASK.quality.T).sum(0)
            return 1.0 - right @ TASK.prompt_weights

        slopes = jax.jit(jax.grad(error))(numbers.learner)
        for name, slope in slopes.items():
            ends = [
                jax.jit(error)({**numbers.learner, name: numbers.learner[name] + by})
                for by in (1e-5, -1e-5)
            ]
            assert float(slope) == pytest.approx(float(ends[0] - ends[1]) / 2e-5, rel=1e-6)
    assert float(slopes["rate"]) < 0.0


@pytest.mark.parametrize(
    ("slots", "told"),
    [
        ({"regime": "accumulate"}, "regime must be 'replace' where the learner is a bs.PolicyGr"),
        ({"regime": bs.Anchor(0.1)}, "for it is on-policy: it learns from the model's own att"),
        ({"sharpening": bs.Sharpening(0.5)}, "sharpening must be None where the learner is a bs"),
        ({"until_accepted": True, "keep": "one"}, "until_accepted must be False where"),
        ({"keep": "best", "scores": [0.0, 1.0]}, "keep must be 'one' or 'all' where"),
        ({"attempts": 1}, "attempts must be at least 2 where the learner is a bs.PolicyGradient"),
    ],
)
def test_what_is_not_of_its_own_attempts_is_refused(slots, told):
    with pytest.raises(ValueError, match=told):
        bs.filter_only(**{"attempts": 2, "learner": bs.PolicyGradient(0.1, "group_mean")} | slots)


def test_where_nothing_is_attempted_there_is_nothing_to_learn_from():
    with pytest.raises(ValueError, match="filter must be one that looks at attempts where the"):
        bs.labels_only(labeler=bs.WeakLabeler(0.4), learner=bs.PolicyGradient(0.1))


def test_tokens_have_no_such_learner():
    rule = bs.filter_only(learner=bs.PolicyGradient(0.1))
    told = "learner must be a bs.Transformer where the task is in tokens; got PolicyGradient"
    with pytest.raises(ValueError, match=told):
        bs.simulate(rule, bs.lookup(4, 3), 1, key=0)


PERSISTENT = bs.NoisyFilter(0.2, persistent=True)
WEAK = bs.WeakLabeler(0.4)
SLOTS = {
    "star": (bs.star, {"labeler": WEAK}),
    "filter_only": (bs.filter_only, {}),
    "rest_em": (bs.rest_em, {}),
    "raft": (bs.raft, {}),
    "uncurated": (bs.uncurated, {}),
    "random_labels": (bs.random_labels, {"rate": 0.3, "labeler": WEAK}),
    "escaping_collapse": (bs.escaping_collapse, {}),
    "boosting": (bs.boosting, {"labeler": WEAK, "budget": 0.1, "labels_per_visit": 2}),
    "verdicts that persist": (bs.boosting, {"labeler": WEAK, "filter": PERSISTENT}),
    "a memory": (
        bs.boosting,
        {"labeler": WEAK, "budget": 0.2, "criterion": bs.criteria.upper_confidence()},
    ),
}


@pytest.mark.parametrize("name", SLOTS)
def test_with_every_preset_many_visits_are_the_population(name):
    """Of 200 copies with 2,000 visits each the mean has a standard error of 0.001 at most, and
    normalising a bias of the order of 1/2,000: within 0.02 they agree, and masses sum to one."""
    make, more = SLOTS[name]
    slots = {"learner": bs.PolicyGradient(RATE, "group_normalised")} | more
    if name != "escaping_collapse":
        slots["attempts"] = 3
    if name != "uncurated":
        slots.setdefault("filter", NOISY)
    copies, procedure = 200, make(**slots)
    task = bs.table_task(
        np.repeat(ONE.quality, copies, 0), initial=np.repeat(ONE.initial, copies, 0)
    )
    key = {"key": 3} if "filter" in more else {}
    exact_run = bs.simulate(procedure, task, 2, **key)
    sampled = bs.simulate(procedure, task, 2, visits=2000, key=3)
    for trace in (exact_run, sampled):
        assert (trace.accuracy + trace.error).values == pytest.approx(1.0, abs=64 * EPS)
    for variable in ("accuracy", "labels", "generations", "filter_calls"):
        found, wanted = (trace[variable].values for trace in (sampled, exact_run))
        assert found == pytest.approx(wanted, abs=0.02), variable
