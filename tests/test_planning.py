"""The plan against a search by hand, the exact dynamics, and its own reasons."""

import itertools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import boostsim as bs
from boostsim.theory.step import boosting_step

ASKED = {"beta": 0.2, "gamma": 0.1, "error": 0.7, "target": 0.01}


def by_hand(beta, gamma, error, target, attempts, votes, spread):
    """First iteration with a small enough error, and the labels until then, in plain loops."""
    noise = float(bs.laws.majority_noise(gamma=gamma, votes=votes))
    groups = [(error, 1.0), (1 - error, 0.0)] if spread == "prompts" else [(1.0, error)]
    labels = 0.0
    for iteration in range(1001):
        if sum(weight * e for weight, e in groups) <= target:
            return iteration, labels
        labels += sum(weight * (noise + (1 - 2 * noise) * e) ** attempts for weight, e in groups)
        groups = [
            (
                weight,
                boosting_step(beta=beta, gamma=noise, attempts=attempts, initial_error=e),
            )
            for weight, e in groups
        ]
    return np.inf, labels


@pytest.mark.parametrize("spread", ["prompts", "responses"])
def test_the_cheapest_of_all_is_found(spread):
    prices = {"price_label": 2.0, "price_generation": 0.05, "price_iteration": 0.1}
    limits = {"most_attempts": 6, "most_votes": 5}
    found = bs.plan(**ASKED, **prices, **limits, price_filter_call=0.01, spread=spread)
    costs = {}
    for attempts, votes in itertools.product(range(1, 7), (1, 3, 5)):
        iterations, labels = by_hand(**ASKED, attempts=attempts, votes=votes, spread=spread)
        costs[attempts, votes] = (
            2.0 * labels + (0.05 + 0.01 * votes) * attempts * iterations + 0.1 * iterations
        )
    best = min(costs, key=costs.get)
    assert (found.attempts, found.votes) == best
    assert found.cost == pytest.approx(costs[best])
    assert found.error <= 0.01
    for row in found.alternatives.itertuples():
        assert row.cost == pytest.approx(costs[row.attempts, row.votes])
        assert row.cost >= found.cost


@pytest.mark.parametrize("spread", ["prompts", "responses"])
def test_attempts_that_stop_early_cost_what_was_made(spread):
    """(1 - B^k)/A a visit, summed by hand over the iterations of the cheapest plan."""
    prices = {"price_label": 2.0, "price_generation": 0.05, "price_filter_call": 0.01}
    limits = {"most_attempts": 12, "most_votes": 5, "spread": spread}
    found = bs.plan(**ASKED, **prices, **limits, until_accepted=True)
    assert found.summary().startswith("At most ")
    whole = bs.plan(**ASKED, **prices, **limits)
    for row in found.alternatives.itertuples():
        noise = float(bs.laws.majority_noise(gamma=0.1, votes=row.votes))
        groups = [(0.7, 1.0), (0.3, 0.0)] if spread == "prompts" else [(1.0, 0.7)]
        made = 0.0
        for _ in range(row.iterations):
            for weight, e in groups:
                failed = noise + (1 - 2 * noise) * e
                made += weight * sum(failed**tried for tried in range(row.attempts))
            groups = [
                (
                    weight,
                    boosting_step(beta=0.2, gamma=noise, attempts=row.attempts, initial_error=e),
                )
                for weight, e in groups
            ]
        assert row.generations == pytest.approx(made)
        assert row.filter_calls == pytest.approx(made * row.votes)
        assert row.cost == pytest.approx(2.0 * row.labels + made * (0.05 + 0.01 * row.votes))
        assert found.cost <= row.cost
    assert found.cost < whole.cost
    # Nothing is ever accepted: every visit makes them all.
    hopeless = {"beta": 0.5, "gamma": 0.0, "error": 1.0, "target": 0.6}
    assert bs.plan(**hopeless, most_attempts=1, until_accepted=True).generations == 1.0


@given(
    beta=st.floats(0.01, 1),
    gamma=st.floats(0, 1),
    error=st.floats(0, 1),
    target=st.floats(1e-3, 1),
    spread=st.sampled_from(["prompts", "responses"]),
)
@settings(max_examples=25)
def test_a_plan_does_what_it_says_or_says_why_not(beta, gamma, error, target, spread):
    """The exact dynamics are asked inside: a plan that they contradict raises."""
    limits = {"most_attempts": 4, "most_votes": 3, "most_iterations": 60}
    limits["until_accepted"] = beta < 0.5
    found = bs.plan(beta=beta, gamma=gamma, error=error, target=target, spread=spread, **limits)
    if found.reachable:
        assert found.error <= target * (1 + 1e-9)
        assert found.iterations > 0 or error <= target
    else:
        assert found.why_not
        assert found.error > target
        assert np.isnan(found.cost)
    assert json.loads(found.to_json())["reachable"] is found.reachable


def test_reasons():
    for changes, reason in (
        ({"beta": 0.0}, "no label is ever right"),
        ({"gamma": 0.6}, "tends to 0.8571 (T3), and to no less with more"),
        ({"most_attempts": 1, "most_votes": 1}, "the error tends to 0.3077"),
        ({"most_iterations": 2, "beta": 0.01}, "it would get there with more"),
        ({"beta": 1.0, "gamma": 1.0}, "nothing moves"),
    ):
        found = bs.plan(**{**ASKED, **changes})
        assert not found.reachable
        assert reason in found.summary()
    done = bs.plan(beta=0.2, gamma=0.1, error=0.005, target=0.01)
    assert done.iterations == 0
    assert "Nothing is to be done" in done.summary()


@pytest.mark.parametrize("visits", [None, 2])
def test_without_right_labels_a_reason_is_true(visits):
    """A prompt that is not failed for certain may do without: more attempts and votes help it."""
    asked = {"beta": 0.0, "gamma": 0.4, "error": 0.5, "spread": "responses", "visits": visits}
    one = {"most_attempts": 1, "most_votes": 1, "most_iterations": 30}
    none = bs.plan(**asked, target=0.2, **one)
    assert not none.reachable
    assert none.why_not.startswith("no label is ever right (beta = 0)")
    assert "failed for certain" not in none.summary()
    # By hand: e' = (1 - u) gamma e/(1 - u) + u with u = gamma + (1 - 2 gamma) e = 1/2.
    assert 0.5 * 0.4 * 0.5 / 0.5 + 0.5 > 0.5
    assert none.error == 0.5
    if visits is None:
        assert "with 1 attempt and 1 vote the error does not come down" in none.why_not
        assert "more attempts or votes may help" in none.why_not
        less = bs.plan(**asked, target=1e-6, most_attempts=4, most_votes=9, most_iterations=30)
        assert not less.reachable
        assert less.error < 0.5
        told = f"with 4 attempts and 9 votes the error comes down to {less.error:.4g}"
        assert told in less.why_not
    # As was said: more attempts and votes do.
    assert bs.plan(**asked, target=0.2, most_attempts=9, most_votes=41).reachable


@pytest.mark.parametrize("visits", [None, 2])
@pytest.mark.parametrize(("spread", "error"), [("prompts", 0.5), ("responses", 1.0)])
def test_what_is_failed_for_certain_needs_a_right_label(spread, error, visits):
    asked = {"beta": 0.0, "gamma": 0.1, "error": error, "spread": spread, "visits": visits}
    for limits in ({"most_attempts": 2, "most_votes": 1}, {"most_attempts": 9, "most_votes": 9}):
        found = bs.plan(**asked, target=0.2, most_iterations=20, **limits)
        assert "failed for certain improves through nothing else (T13)" in found.why_not
        assert found.error == error


@pytest.mark.parametrize("visits", [None, 2])
@pytest.mark.parametrize("gamma", [0.5, 0.7, 1.0])
def test_a_bad_filter_without_right_labels_is_its_own_reason(gamma, visits):
    asked = {"beta": 0.0, "gamma": gamma, "error": 0.5, "spread": "responses", "visits": visits}
    found = bs.plan(**asked, target=0.2, most_iterations=20, most_attempts=9)
    assert "the filter errs at least half of the time" in found.why_not
    assert found.error == 0.5


DEAR = ("price_label", "price_generation", "price_filter_call", "price_iteration")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("prices", [dict.fromkeys(DEAR, 1e308), {"price_label": 1.7e308}])
@pytest.mark.parametrize("more", [{}, {"visits": 2}, {"visits": 2, "prompts": 7}])
def test_prices_at_which_no_cost_is_a_number_are_refused(prices, more):
    limits = {"most_attempts": 3, "most_votes": 3, "most_iterations": 30, **more}
    asked = {"beta": 0.2, "gamma": 0.1, "error": 1.0, "target": 0.2, **limits}
    with pytest.raises(ValueError, match=f"^{', '.join(DEAR[:3])} and {DEAR[3]} must be") as told:
        bs.plan(**asked, **prices)
    assert str(told.value).count("\n") == 0
    # Only their ratios decide, as is said.
    assert bs.plan(**asked, **{name: price / 1e9 for name, price in prices.items()}).cost < np.inf


@pytest.mark.filterwarnings("error")
def test_of_high_prices_those_that_can_be_paid_are_ranked():
    """As at a millionth of them, where no cost overflows, though some do here."""
    asked = {"beta": 0.2, "gamma": 0.1, "error": 0.4, "target": 0.1, "price_filter_call": 0.0}
    asked |= {"visits": 2, "most_attempts": 16, "most_votes": 5}
    dear, cheap = (
        bs.plan(**asked, price_label=1e308 * scale, price_generation=1e306 * scale)
        for scale in (1.0, 1e-6)
    )
    assert (dear.attempts, dear.votes, dear.iterations) == (
        cheap.attempts,
        cheap.votes,
        cheap.iterations,
    )
    assert dear.cost == pytest.approx(1e6 * cheap.cost)


def test_few_visits_stay_above_the_target_and_the_summary_says_so():
    found = bs.plan(beta=0.05, gamma=0.2, error=1.0, target=0.02, most_votes=1, most_attempts=3)
    assert found.attempts == 3
    procedure = bs.boosting(attempts=3, filter=bs.NoisyFilter(0.2), labeler=bs.WeakLabeler(0.05))
    task = bs.random_table(0, prompts=200, solvable=0.0)
    few = bs.simulate(procedure, task, found.iterations, visits=1, key=0)
    assert found.error <= 0.02
    assert few.error[0, -1] > 10 * 0.02
    assert "With 1, 4, 10 or 100 visits to a prompt it misses the target" in found.summary()


def test_a_target_at_the_limit_itself_is_reached_as_the_law_says():
    for votes in (1, 3, 5):
        noise = bs.laws.majority_noise(gamma=0.1, votes=votes)
        floor = float(bs.laws.noisy_boosting(beta=0.3, gamma=float(noise)).floor)
        assert bs.laws.votes_needed(beta=0.3, gamma=0.1, target=floor) == votes
        only = {"most_attempts": 1, "most_votes": votes}
        found = bs.plan(beta=0.3, gamma=0.1, error=1.0, target=floor, **only)
        assert found.votes == votes


def test_without_noise_one_look_is_enough():
    assert bs.plan(beta=0.3, gamma=0.0, error=0.5, target=1e-3).votes == 1


def test_bad_questions():
    for changes, message in (
        ({"beta": 1.5}, "beta must be"),
        ({"target": 0.0}, "target must be above 0"),
        ({"spread": "both"}, "spread must be one of prompts, responses"),
        ({"price_label": -1.0}, "price_label must be"),
        ({"most_votes": 0}, "most_votes must be"),
        ({"until_accepted": 1}, "until_accepted must be True or False"),
    ):
        with pytest.raises(ValueError, match=message):
            bs.plan(**{**ASKED, **changes})
