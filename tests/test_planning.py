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
