"""T16 and T17 as claims."""

from __future__ import annotations

import math

from boostsim.theory import laws
from boostsim.theory.box import Box
from boostsim.theory.claims.shared import ITERATIONS, UNIT
from boostsim.theory.law import Domain
from boostsim.theory.proofs import claim, limit
from boostsim.theory.step import boosting_step, weighted_step

INSIDE = Domain(low_open=True, high_open=True)
WEIGHT, LIGHT = (0.02, 50.0), (0.02, 1.0)
# Fewer than elsewhere: each is a program of its own.
FEW = [1, 2, 8]
SERVED = [1, 2, 5]


def _sides(beta: float, label_weight: float) -> bool:
    return not 0.9 < (1.0 - beta) * label_weight < 1.1


def _light(beta: float, label_weight: float) -> bool:
    return (1.0 - beta) * label_weight <= 0.95


def _bound(beta: float, label_weight: float, target: float) -> float:
    if beta == 1.0:
        return 1.0
    growth = -math.log((1.0 - beta) * label_weight)
    wanted = math.log((1.0 - beta) / (beta * target)) / growth
    return 1.0 + max(0.0, math.ceil(wanted * (1.0 - 1e-12)))


def _lightness(beta: float, gamma: float, attempts: int, lightness: float) -> float:
    light = {"beta": beta, "gamma": gamma, "attempts": attempts, "label_weight": 1.0 / lightness}
    return float(laws.weighted_floor_leading(**light))


def _share_of_all(beta: float, label_share: float, hard_share: float, attempts: int) -> float:
    shares = {"label_share": label_share, "hard_share": hard_share}
    return hard_share * float(laws.share_stall(beta=beta, attempts=attempts, **shares))


def _several(
    beta: float, gamma: float, attempts: int, label_weight: float, served: int, initial_error: float
) -> float:
    return weighted_step(beta, gamma, attempts, served * label_weight, initial_error)


def _bought(gamma: float, attempts: int, served: int, initial_error: float) -> float:
    rejected = gamma * (1.0 - initial_error) + (1.0 - gamma) * initial_error
    return served * rejected**attempts


def _tries(gamma: float, attempts: int, initial_error: float) -> float:
    rejected = gamma * (1.0 - initial_error) + (1.0 - gamma) * initial_error
    return sum(rejected**made for made in range(attempts))


CLAIMS = [
    claim(
        "T16",
        laws.weighted_boosting_error,
        title="labels of a weight",
        kind="equality",
        statement="With a perfect filter, one attempt and labels of weight w the odds obey an "
        "affine recursion of slope 1/c, c = (1-beta) w.",
        formula="e_T = c^T e_0/(1 - e_0 + e_0 [c^T + beta w (1 + ... + c^(T-1))])",
        domain=Box(beta=UNIT, label_weight=WEIGHT, initial_error=UNIT, iterations=ITERATIONS),
    ),
    claim(
        "T16.step",
        law=weighted_step,
        title="one iteration with labels of a weight",
        kind="equality",
        statement="k attempts, a noisy filter and labels of weight w take the error from e to "
        "((1 - u^k) gamma e/A + w u^k (1-beta))/(1 - u^k + w u^k).",
        formula="e' = ((1 - u^k) gamma e/A + w u^k (1-beta))/(1 - u^k + w u^k)",
        domain=Box(beta=UNIT, gamma=UNIT, attempts=FEW, label_weight=WEIGHT, initial_error=UNIT),
        proof="Of a visit's weight 1 - u^k is that of an accepted response, wrong with probability "
        "gamma e/A, and w u^k that of a label, wrong with probability 1 - beta.",
    ),
    claim(
        "T16.visit",
        law=lambda beta, initial_error, iterations: float(
            laws.boosting_error(
                beta=beta, attempts=1, initial_error=initial_error, iterations=iterations
            )
        ),
        title="a weight at one visit",
        kind="equality",
        statement="At one visit to a prompt with keep one, under replace, the weight of labels "
        "changes nothing: the mean error is T1's.",
        formula="v = 1  =>  E e_T = (1-beta)^T e_0, whatever w is",
        domain=Box(beta=UNIT, label_weight=WEIGHT, initial_error=UNIT, iterations=range(1, 5)),
        proof="A visit yields one example, an accepted response or a label: a prompt's data are of "
        "one kind, and a common weight cancels.",
    ),
    limit(
        "T16.limit",
        laws.weighted_boosting_limit,
        title="the fate of the error",
        statement="The error tends to 0 where (1-beta) w <= 1, and else stalls at "
        "((1-beta) w - 1)/(w - 1).",
        formula="e_T -> max(0, (1-beta) w - 1)/(w - 1)",
        domain=Box(
            (("(1-beta) w below 0.9 or above 1.1", _sides),),
            beta=(0.05, 1.0),
            label_weight=(0.02, 20.0),
            initial_error=(0.001, 1.0),
        ),
    ),
    claim(
        "T16.needed",
        laws.weighted_iterations_needed,
        title="iterations with light labels",
        kind="equality",
        statement="From e_0 the error is first at most eps after so many iterations.",
        formula="T = min {T : e_T <= eps}",
        domain=Box(
            (("(1-beta) w <= 0.95", _light),),
            beta=(0.02, 1.0),
            label_weight=(0.02, 2.0),
            target=(1e-6, 0.5),
            initial_error=(0.05, 1.0),
        ),
    ),
    claim(
        "T16.rate",
        laws.weighted_iterations_needed,
        law=_bound,
        title="light labels are fast",
        kind="upper",
        statement="At most 1 + max(0, ceil(log((1-beta)/(beta eps))/log(1/c))) iterations reach "
        "eps, from every first model, where c = (1-beta) w < 1.",
        formula="T <= 1 + max(0, ceil(log((1-beta)/(beta eps))/log(1/c)))",
        domain=Box(
            (("(1-beta) w <= 0.95", _light),),
            beta=(0.02, 1.0),
            label_weight=(0.02, 2.0),
            target=(1e-6, 0.5),
            initial_error=UNIT,
        ),
    ),
    limit(
        "T16.floor",
        laws.weighted_floor,
        title="the floor with labels of a weight",
        statement="With a noisy filter, k attempts and labels of weight w <= 1 the error tends to "
        "the root of T16's fixed point equation, from every first model.",
        formula="e_T -> e with (1 - 2 gamma) e (1-e)(1 + u + ... + u^(k-1)) = w u^k (1-beta-e)",
        domain=Box(
            beta=(0.05, 1.0),
            gamma=(0.0, 0.45),
            attempts=FEW,
            label_weight=LIGHT,
            initial_error=UNIT,
        ),
    ),
    claim(
        "T16.lighter",
        laws.weighted_floor,
        title="lighter labels, a lower floor",
        kind="upper",
        statement="The limit error with lighter labels is not larger.",
        formula="w' <= w <= 1  =>  floor(w') <= floor(w)",
        domain=Box(
            beta=(0.05, 1.0),
            gamma=(0.0, 0.45),
            attempts=FEW,
            label_weight=LIGHT,
            part=[0.25, 0.5, 0.9, 1.0],
        ),
    ),
    limit(
        "T16.leading",
        laws.weighted_floor_leading,
        law=_lightness,
        along="lightness",
        title="the floor as labels get lighter",
        statement="The limit error is to leading order "
        "w gamma^k (1-beta)(1-gamma)/((1 - gamma^k)(1 - 2 gamma)) as w = 1/lightness tends to 0.",
        formula="floor(w) / (w gamma^k (1-beta)(1-gamma)/((1 - gamma^k)(1 - 2 gamma))) -> 1",
        domain=Box(beta=(0.05, 0.95), gamma=(0.01, 0.3), attempts=[1, 2, 4]),
    ),
    claim(
        "T16.share",
        law=lambda beta, label_share: label_share * (1.0 - beta),
        title="a share of all examples stalls",
        kind="equality",
        statement="With a perfect filter and identical prompts, labels that are the share alpha of "
        "all that is trained on leave the error alpha (1-beta) after the first iteration and ever "
        "after.",
        formula="e_T = alpha (1-beta) for T >= 1, 0 < e_0 < 1",
        domain=Box(
            beta=UNIT,
            label_share=(0.01, 0.99),
            attempts=FEW,
            initial_error=(0.05, 0.95),
            iterations=range(1, 33),
        ),
        proof="The labels' share of each prompt's examples is alpha, and what is accepted is "
        "right.",
    ),
    limit(
        "T16.stall",
        laws.share_stall,
        law=_share_of_all,
        title="few hard prompts, heavy labels",
        statement="Where a share h of the prompts is unsolved, a fixed share of labels among all "
        "examples stalls the mean error at h times the root of T16's equation.",
        formula="E e_T -> h e with h e^(k+1) + alpha (1-beta) = alpha h (1-beta) e^k + "
        "((1-alpha) h + alpha) e",
        domain=Box(
            beta=(0.05, 0.95),
            label_share=(0.05, 0.95),
            hard_share=(0.05, 1.0),
            attempts=FEW,
            initial_error=(0.05, 0.95),
        ),
    ),
    claim(
        "T16.several",
        law=_several,
        title="several labels to a visit",
        kind="equality",
        statement="m labels at each labelled visit do what one of m times the weight does.",
        formula="e' = that of the weight m w",
        domain=Box(
            beta=UNIT,
            gamma=UNIT,
            attempts=[1, 3],
            label_weight=LIGHT,
            served=SERVED,
            initial_error=UNIT,
        ),
        proof="L = m P(J = 0), and the map knows w L only.",
    ),
    claim(
        "T16.bought",
        law=_bought,
        title="what several labels cost",
        kind="equality",
        statement="A visit buys m u^k labels in expectation where each labelled visit gets m.",
        formula="E labels = m u^k",
        domain=Box(gamma=UNIT, attempts=[1, 3], served=SERVED, initial_error=UNIT),
        proof="All k attempts are rejected with probability u^k; then m labels are bought.",
    ),
    claim(
        "T17",
        laws.attempts_until_accepted,
        law=_tries,
        title="attempts until one is accepted",
        kind="equality",
        statement="A visit that stops at the first accepted attempt makes (1 - B^k)/A of them in "
        "expectation, k where A = 0.",
        formula="E attempts = 1 + B + ... + B^(k-1),  A = 1 - B = gamma e + (1-gamma)(1-e)",
        domain=Box(gamma=UNIT, attempts=FEW, initial_error=UNIT),
    ),
    claim(
        "T17.same",
        law=boosting_step,
        title="stopping changes no model",
        kind="equality",
        statement="Attempts that stop at the first accepted one lead to the error of k attempts "
        "with keep one.",
        formula="e' = (1 - u^k) gamma e/A + u^k (1-beta)",
        domain=Box(beta=UNIT, gamma=UNIT, attempts=FEW, initial_error=UNIT),
        proof="The first accepted response is kept either way, and a label comes where none is.",
    ),
]
