"""Which accepted attempt is kept: the best by a score, or a preferred one, in each cell."""

import dataclasses
import itertools
import json
import math
from fractions import Fraction

import dense
import enumeration
import jax
import jax.numpy as jnp
import literal
import numpy as np
import pytest
from alarms import assert_law, assert_share
from worlds import LOOKUP, SOFTMAX

import boostsim as bs
from boostsim.simulation.tables import choosing, finite
from boostsim.simulation.tokens import listed, verdicts

NOISY, WEAK = bs.NoisyFilter(0.125), bs.WeakLabeler(0.25)
TASK = bs.random_table(1, prompts=3, responses=4, correct=2, solvable=1.0)
# With ties within a side and across, and a wrong answer that is worth most.
SCORES = np.array([[0.0, 1.0, 1.0, -0.5], [2.0, 2.0, 2.0, 2.0], [0.3, -1.0, 0.0, 0.7]])
EPS = np.finfo(float).eps


@bs.criterion
def half_passed(visits):
    return (visits.pass_rate < 0.7) * (1.0 + visits.pass_rate)


def procedure(keep, **slots):
    return bs.Procedure(**{"attempts": 3, "keep": keep, "scores": SCORES, **slots})


KEEPS = ("best", "preferred")
WORLDS = {
    "a filter": {"filter": NOISY},
    "labels by J": {"filter": NOISY, "labeler": WEAK, "criterion": half_passed, "budget": 0.3},
    "labels that weigh, and real data": {
        **{"filter": NOISY, "labeler": WEAK, "label_weight": 0.25},
        **{"regime": "anchor", "real_share": 0.5, "attempts": 2},
    },
    "accumulate": {"filter": NOISY, "labeler": WEAK, "regime": "accumulate"},
    "a labeler that persists": {
        "filter": NOISY,
        "labeler": bs.WeakLabeler(0.25, persistent=True),
        "attempts": 2,
    },
    "part of the way": {"filter": NOISY, "learner": bs.StrongLearner(slack=0.1)},
}


# What differs between the two is what a response is kept by: the rest is shared.
BOTH = ("labels by J", "labels that weigh, and real data", "a labeler that persists")


@pytest.mark.parametrize(
    ("keep", "name"),
    [*(("best", name) for name in WORLDS), *(("preferred", name) for name in BOTH)],
)
def test_the_exact_run_is_every_way_that_attempts_turn_out(keep, name):
    rule = procedure(keep, **WORLDS[name])
    told = bs.simulate(rule, TASK, 3, record=("diversity", "prompt"))
    real, world, _ = dense.realise(rule, TASK)
    copies = world.prompts // TASK.prompts
    if copies > 1:
        real = dataclasses.replace(real, scores=np.repeat(SCORES, copies, 0))
    rows, data, bought = world.initial, [world.initial], 0.0
    for iteration in range(1, 4):
        rows, labels = dense.iterate(real, world, rows, data)
        bought += labels
        right = (rows * world.quality).sum(1)
        # Roundings of sums, powers and an integral of 1e-14.
        near = {"abs": 1e-12}
        assert told.labels.values[0, iteration] == pytest.approx(bought, **near)
        weights = (world.prompt_weights).reshape(-1, copies)
        accuracy = (weights * right.reshape(-1, copies)).sum(1) / weights.sum(1)
        assert told.accuracy.values[0, iteration] == pytest.approx(accuracy, **near)
        diversity = world.prompt_weights @ (1.0 - (rows**2).sum(1))
        assert told.diversity.values[0, iteration] == pytest.approx(diversity, **near)
    # With every response a class of its own, for rows.
    if copies == 1:
        whole = bs.simulate(rule, TASK, 3, record="rows")
        assert whole.rows.values[0, 3] == pytest.approx(rows, abs=1e-12)


# Verdicts that go along with the score, with the truth, and with neither.
BLIND = np.array([[0.5, 0.25, 0.75, 1.0], [0.5, 0.5, 0.25, 0.0], [1.0, 0.75, 0.5, 0.25]])


@pytest.mark.parametrize("keep", KEEPS)
@pytest.mark.parametrize("by_response", [False, True])
def test_the_kept_row_is_that_of_every_tuple_and_verdict(keep, by_response):
    """The words themselves: k responses, k verdicts, the rule; lumped and not."""
    rule = procedure(keep, filter=bs.ClassFilter(BLIND) if by_response else NOISY)
    rows = bs.simulate(rule, TASK, 1, record="rows").rows.values[0, 1]
    lumped = bs.simulate(rule, TASK, 1).accuracy.values[0, 1]
    right = TASK.prompt_weights @ (rows * TASK.quality).sum(1)
    assert lumped == pytest.approx(right, abs=1e-13)
    accept = BLIND if by_response else np.where(TASK.quality == 1, *NOISY.accept)
    for prompt, row in enumerate(TASK.initial):
        law = np.zeros(4)
        for said in itertools.product(range(4), repeat=3):
            for passed in itertools.product((False, True), repeat=3):
                chance = math.prod(
                    row[y] * (accept[prompt, y] if a else 1 - accept[prompt, y])
                    for y, a in zip(said, passed, strict=True)
                )
                accepted = [y for y, a in zip(said, passed, strict=True) if a]
                for kept, share in literal.kept_law(rule, accepted, prompt):
                    for y in kept:
                        law[y] += chance * share
        assert rows[prompt] == pytest.approx(law / law.sum(), abs=1e-14)


def test_equal_scores_are_the_first_accepted_and_one_attempt_has_no_choice():
    plain = bs.simulate(bs.Procedure(attempts=3, filter=NOISY, labeler=WEAK), TASK, 4)
    for keep in KEEPS:
        equal = procedure(keep, filter=NOISY, labeler=WEAK, scores=np.zeros(4))
        same = bs.simulate(equal, TASK, 4)
        assert same.error.values == pytest.approx(plain.error.values, rel=1e-12)
        assert same.labels.values == pytest.approx(plain.labels.values, rel=1e-12)


@pytest.mark.parametrize("attempts", [2, 1000])
def test_rare_levels_keep_their_digits(attempts):
    """The best of k of mass 1e-200 is kept k times as often; a difference of powers gives 0."""
    task = bs.table_task([[1, 0, 0]], initial=[[1e-200, 0.25, 0.75]])
    best = bs.Procedure(attempts=attempts, keep="best", scores=[3.0, 2.0, 1.0])
    after = bs.simulate(best, task, 1, record="rows").rows.values[0, 1, 0]
    assert after[0] == pytest.approx(attempts * 1e-200, rel=16 * attempts * EPS)
    worst = 0.75**attempts
    assert after[2] == pytest.approx(worst, rel=16 * attempts * EPS)
    liked = dataclasses.replace(best, keep="preferred")
    law = bs.laws.curated_probabilities(
        rewards=[3.0, 2.0, 1.0], probabilities=[0.0, 0.25, 0.75], contenders=attempts
    )
    after = bs.simulate(liked, task, 1, record="rows").rows.values[0, 1, 0]
    assert after[1:] == pytest.approx(law[1:], rel=1e-12)


@pytest.mark.parametrize("attempts", [1, 2, 3, 7, 1000])
def test_a_sum_of_products_is_the_quotient_of_differences(attempts):
    high, low = 0.875, 0.25
    want = math.fsum(high**i * low ** (attempts - 1 - i) for i in range(attempts))
    with jax.enable_x64(True):
        got = float(choosing.between(jnp.array(high), jnp.array(low), attempts))
    assert got == pytest.approx(want, rel=4 * attempts * EPS)


@pytest.mark.parametrize("keep", KEEPS)
def test_rewards_far_apart_are_kept_by_the_same_rule(keep):
    """At the ends of what is allowed: 100 nats, and the rarest draw."""
    scores = np.array([0.0, 50.0, 100.0])
    task = bs.table_task([[1, 0, 0]], initial=[[0.5, 0.25, 0.25]])
    rule = bs.Procedure(attempts=4, keep=keep, scores=scores)
    after = bs.simulate(rule, task, 1, record="rows").rows.values[0, 1, 0]
    want = dense.chosen_law(rule, task.initial[0], 0.0, scores - 100.0 * (keep == "preferred"))
    assert after == pytest.approx(want / want.sum(), rel=1e-12)


ONE = bs.table_task([[1, 1, 0, 0]], initial=[[0.375, 0.125, 0.25, 0.25]])
OWN = [0.0, 1.0, 1.0, -0.5]
FINITE = {
    "a filter": {"filter": NOISY},
    "labels": {"filter": NOISY, "labeler": WEAK},
    "all are labelled by J": {"filter": NOISY, "labeler": WEAK, "criterion": half_passed},
}


def finite_rule(keep, name, attempts=2):
    return procedure(keep, scores=OWN, attempts=attempts, **FINITE[name])


def its_law_is_that_of_every_outcome(rule, visits):
    law = enumeration.accuracy_law(rule, ONE, visits=visits)
    trace = bs.simulate(rule, ONE, 1, visits=visits, exact=True, record="law")
    got = {}
    for value, chance in zip(trace.value.values, trace.law[0, 1].values, strict=True):
        got[round(float(value), 9)] = got.get(round(float(value), 9), 0.0) + float(chance)
    for value in set(got) | set(law):
        assert got.get(value, 0.0) == pytest.approx(law.get(value, 0.0), abs=1e-12)
    return law


@pytest.mark.parametrize("keep", KEEPS)
def test_of_any_number_of_accepted_attempts_one_is_kept_by_its_own_law(keep):
    """Labelled by how many of three passed: one, two and three are parts of their own."""
    its_law_is_that_of_every_outcome(finite_rule(keep, "all are labelled by J", 3), 1)


@pytest.mark.parametrize("keep", KEEPS)
@pytest.mark.parametrize("name", FINITE)
def test_finite_visits_are_every_outcome_and_what_is_drawn(keep, name):
    rule = finite_rule(keep, name)
    law = its_law_is_that_of_every_outcome(rule, 2)
    if name == "a filter":
        # Drawn in the same way as with labels, of one part.
        return
    copies = 10_000
    many = bs.table_task(np.repeat(ONE.quality, copies, 0), None, np.repeat(ONE.initial, copies, 0))
    drawn = bs.simulate(rule, many, 1, visits=2, key=11, record="prompt").accuracy[0, 1]
    values, times = np.unique(np.asarray(drawn).round(9), return_counts=True)
    found = dict(zip(values.tolist(), times.tolist(), strict=True))
    levels = sorted(law)
    assert set(found) <= set(law)
    assert_law("chosen_attempts", [found.get(v, 0) for v in levels], [law[v] for v in levels])


@pytest.mark.parametrize("keep", KEEPS)
def test_drawn_rows_are_the_literal_simulators(keep):
    """Of many visits to each prompt; of one visit a row is what was kept."""
    rule, copies = procedure(keep), 500
    law = bs.simulate(rule, TASK, 1, record="rows").rows.values[0, 1]
    tally = {}
    literal.iterate(np.random.default_rng(4), rule, TASK, TASK.initial, copies, None, tally)
    arrays = (np.repeat(each, copies, 0) for each in (TASK.quality, TASK.initial, SCORES))
    quality, initial, scores = arrays
    many, own = bs.table_task(quality, None, initial), dataclasses.replace(rule, scores=scores)
    rows = bs.simulate(own, many, 1, visits=1, key=5, record="rows").rows.values[0, 1]
    for prompt, found in enumerate(rows.reshape(TASK.prompts, copies, -1).sum(1)):
        assert_law("chosen_rows", found, law[prompt])
        assert_law("chosen_rows", tally["kept"][prompt], law[prompt])


def test_finite_visits_of_prompts_with_other_scores_are_chains_of_their_own():
    rule = bs.Procedure(attempts=2, keep="preferred", scores=[[0.0, 1.0], [0.0, 3.0]])
    task = bs.table_task([[1, 0]] * 2, initial=[[0.5, 0.5]] * 2)
    assert len(finite.chains(rule, task, 2)) == 2
    both = bs.simulate(rule, task, 2, visits=2, exact=True, record="prompt").accuracy.values[0]
    for prompt, own in enumerate(([0.0, 1.0], [0.0, 3.0])):
        alone = bs.table_task([[1, 0]], initial=[[0.5, 0.5]])
        told = bs.simulate(
            dataclasses.replace(rule, scores=own), alone, 2, visits=2, exact=True
        ).accuracy.values[0]
        assert both[:, prompt] == pytest.approx(told, abs=1e-14)


def worth(prompts, responses):
    return (responses[:, 0] * 7 + prompts[:, 0] * 3) % 5 / 2.0


def test_in_tokens_the_best_is_the_first_of_the_best_accepted_ones():
    rule = bs.filter_only(attempts=4, keep="best", scores=lambda prompts, said: said[:, 0] * 1.0)
    said = np.array([[[3], [5], [5], [9]], [[1], [1], [1], [1]], [[2], [4], [6], [8]]])
    accepted = np.array([[1, 1, 1, 0], [1, 1, 1, 1], [0, 0, 0, 0]], bool)
    kept = verdicts.chosen(rule, accepted, np.zeros((3, 2), int), said, np.zeros(2, np.uint32))
    assert kept.astype(int).tolist() == [[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]


def test_in_tokens_a_preferred_one_is_drawn_by_its_share_of_the_accepted():
    rule = bs.filter_only(
        attempts=3, keep="preferred", scores=lambda prompts, said: np.log(said[:, 0] * 1.0)
    )
    visits = 20_000
    said = np.tile(np.array([[[1], [3], [50]]]), (visits, 1, 1))
    accepted = np.tile(np.array([True, True, False]), (visits, 1))
    words = np.array([3, 4], np.uint32)
    kept = verdicts.chosen(rule, accepted, np.zeros((visits, 2), int), said, words)
    assert (kept.sum(1) == 1).all()
    assert not kept[:, 2].any()
    assert_share("preferred_in_tokens", kept[:, 0].sum(), visits, 0.25)


@pytest.mark.parametrize("keep", KEEPS)
def test_in_tokens_the_exact_law_is_that_of_the_table(keep):
    rule = bs.boosting(attempts=3, filter=NOISY, labeler=WEAK, keep=keep, scores=worth)
    listing = listed.Listing(LOOKUP)
    rng = np.random.default_rng(0)
    rows = rng.dirichlet(np.ones(len(LOOKUP.symbols)), len(listing.prompts))
    on_table, table = listed.tabular(rule, listing, rows)
    scores = np.array(
        [
            [worth(prompt[None], np.array([[token]]))[0] for token in range(len(LOOKUP.symbols))]
            for prompt in listing.prompts
        ]
    )
    assert (on_table.scores.given == scores).all()
    target = listed.TrainingLaw(rule, listing, rows, jax.random.key(0))(rows)
    after, labels = dense.iterate(on_table, table, rows)
    assert target.rows == pytest.approx(after, abs=1e-12)
    assert target.labels == pytest.approx(labels)


@pytest.mark.parametrize("how", [{"exact": True}, {"visits": 3}, {"prompts_per_iteration": 16}])
def test_the_same_rule_runs_with_a_network(how):
    rule = bs.best_of_n(attempts=3, scores=worth)
    trace = bs.simulate(rule, LOOKUP, 2, learner=SOFTMAX, key=2, **how)
    assert np.isfinite(trace.accuracy).all()
    told = json.loads(trace.procedure)
    assert told["keep"] == "best"
    assert told["scores"]["name"] == "worth"
    assert trace.generations.values[0].tolist() == [0.0, 3.0, 6.0]


def test_a_seed_of_a_network_is_the_same_again():
    rule = bs.filter_only(attempts=3, filter=None, keep="preferred", scores=worth)
    first, again = (
        bs.simulate(rule, LOOKUP, 1, learner=SOFTMAX, key=2, visits=3) for _ in range(2)
    )
    assert first.drop_vars("seconds").identical(again.drop_vars("seconds"))


def test_what_is_kept_by_scores_is_told_by_what_they_are():
    one, other = (procedure("best", scores=scores) for scores in (SCORES, SCORES + 1.0))
    assert one == procedure("best", scores=SCORES.tolist())
    assert hash(one) == hash(procedure("best", scores=SCORES.tolist()))
    assert one != other
    assert json.loads(one.describe())["scores"] == SCORES.tolist()
    assert dataclasses.replace(one, attempts=5).scores == one.scores
    assert "scores" not in json.loads(bs.Procedure().describe())
    with pytest.raises(ValueError, match="read-only"):
        one.scores.given[0, 0] = 5.0


def test_a_folder_and_a_trace_know_what_a_function_says(tmp_path):
    """Two functions of one name, and of one text."""

    def weighing(weight):
        def score(prompts, responses):
            return weight * responses[:, 0]

        return bs.best_of_n(attempts=3, scores=score)

    world = {"learner": SOFTMAX, "visits": 3, "key": 1, "folder": tmp_path}
    first = bs.simulate(weighing(1.0), LOOKUP, 1, **world)
    again = bs.simulate(weighing(1.0), LOOKUP, 1, **world)
    assert again.drop_vars("seconds").identical(first.drop_vars("seconds"))
    told = json.loads(first.procedure)
    assert (told["keep"], told["scores"]["name"]) == ("best", "score")
    with pytest.raises(ValueError, match="was begun with scores 'score' when it computed"):
        bs.simulate(weighing(-1.0), LOOKUP, 1, **world)
    other = bs.simulate(weighing(-1.0), LOOKUP, 0, **{**world, "folder": None})
    assert other.scores != first.scores
    assert other.procedure == first.procedure


WRONG = {
    "another shape": (lambda prompts, responses: responses, "with N numbers"),
    "nothing": (lambda prompts, responses: None, "with N numbers"),
    "an error": (lambda prompts, responses: 1 / 0, "ZeroDivisionError"),
    "not finite": (lambda prompts, responses: np.full(len(prompts), np.nan), "finite for every"),
    "chance": (
        lambda prompts, responses: np.random.default_rng().random(len(prompts)),
        "depend on prompts and responses alone: asked again '<lambda>' says something else",
    ),
}


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("name", WRONG)
def test_a_function_that_gives_no_score_is_refused_before_anything_is_trained(name, exact):
    function, told = WRONG[name]
    how = {"exact": True} if exact else {"visits": 1}
    with pytest.raises(ValueError, match="scores must ") as error:
        bs.simulate(bs.best_of_n(scores=function), LOOKUP, 1, learner=SOFTMAX, key=0, **how)
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_the_loop_has_its_laws_on_any_table():
    """Best of n after T iterations is best of n^T; preferred is the map again and again."""
    scores = SCORES[0]
    task = bs.table_task(TASK.quality[:1], initial=TASK.initial[:1])
    rows = bs.simulate(bs.best_of_n(attempts=3, scores=scores), task, 3, record="rows").rows
    liked = bs.filter_only(attempts=3, filter=None, keep="preferred", scores=scores)
    curated = bs.simulate(liked, task, 3, record="rows").rows.values[0, :, 0]
    first = TASK.initial[0]
    for iteration in range(4):
        law = bs.laws.best_of_n_probabilities(
            scores=scores, probabilities=first, contenders=3**iteration
        )
        assert rows.values[0, iteration, 0] == pytest.approx(law, rel=1e-12)
    for before, after in itertools.pairwise(curated):
        law = bs.laws.curated_probabilities(rewards=scores, probabilities=before, contenders=3)
        assert after == pytest.approx(law, rel=1e-12)


def test_the_best_of_n_keeps_what_is_rare():
    """Against fractions, in which nothing is rounded: low scores and high ones of 1e-30."""
    law = bs.laws.best_of_n_probabilities(
        scores=[0.0, 1.0], probabilities=[1e-17, 1.0], contenders=[1, 2]
    )
    assert law[:, 0] == pytest.approx([1e-17, 1e-34], rel=1e-14, abs=0.0)
    random = np.random.default_rng(0)
    for many in (1, 2, 3, 10) * 5:
        scores = random.integers(0, 3, 4) * 1.0
        first = 10.0 ** -random.choice([0, 1, 9, 17, 30], 4) * random.uniform(0.1, 1.0, 4)
        first /= first.sum()
        exact = [Fraction(share) for share in first]
        wanted = []
        for share, score in zip(exact, scores, strict=True):
            low = sum(p for p, s in zip(exact, scores, strict=True) if s < score) / sum(exact)
            high = sum(p for p, s in zip(exact, scores, strict=True) if s <= score) / sum(exact)
            wanted.append(float(share * sum(high**i * low ** (many - 1 - i) for i in range(many))))
        law = bs.laws.best_of_n_probabilities(scores=scores, probabilities=first, contenders=many)
        # A hundred roundings; those of F are taken to the n-th power.
        assert law == pytest.approx(wanted, rel=100 * 2.3e-16, abs=1e-300)


@pytest.mark.parametrize("many", [1, 2, 5])
def test_bounds_of_the_best_of_n_are_reached_without_ties_alone(many):
    """On R even responses without ties they are missed by O(1/R); with ties by more."""
    responses = 4000
    even = np.full(responses, 1.0 / responses)
    bound = float(bs.laws.best_of_n_divergence(contenders=many))
    most = float(bs.laws.best_of_n_win_rate(contenders=many))
    found = []
    for levels in (responses, 4):
        scores = np.arange(responses) * levels // responses * 1.0
        law = bs.laws.best_of_n_probabilities(scores=scores, probabilities=even, contenders=many)
        assert law.sum() == pytest.approx(1.0, abs=1e-12)
        below = np.searchsorted(scores, scores, "left") / responses
        up_to = np.searchsorted(scores, scores, "right") / responses
        found.append((law @ np.log(law / even), law @ (below + up_to) / 2.0))
    (divergence, wins), (coarse, fewer) = found
    assert coarse <= divergence + 1e-12
    assert fewer <= wins + 1e-12
    assert divergence == pytest.approx(bound, abs=many**2 / responses)
    assert wins == pytest.approx(most, abs=many / responses)
    assert divergence <= bound + 1e-12
    assert wins <= most + 1e-12


def test_the_best_of_any_finite_scores_is_told_without_a_word(recwarn):
    """How far they are apart matters to who is preferred alone."""
    wide = [0.0, 1e308, -1e308, 1.0]
    bs.best_of_n(attempts=4, scores=wide)
    with pytest.raises(ValueError, match=r"scores must be within 100 .*; got inf"):
        bs.Procedure(attempts=2, keep="preferred", scores=wide)
    assert not recwarn.list


def test_scores_are_shown_as_they_were_given():
    assert repr(bs.best_of_n(scores=[0, 1.5]).scores) == "[0.0, 1.5]"
    assert "scores=[0.0, 1.5]" in repr(bs.best_of_n(scores=[0, 1.5]))
