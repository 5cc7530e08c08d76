"""T3 to T5 as claims."""

from __future__ import annotations

import math

from boostsim.theory import laws
from boostsim.theory.box import Box
from boostsim.theory.claims.shared import ATTEMPTS, ITERATIONS, MOVES, UNIT
from boostsim.theory.law import BELOW_HALF, Domain
from boostsim.theory.proofs import claim, limit
from boostsim.theory.step import boosting_step


def _noisy_error(beta: float, gamma: float, initial_error: float, iterations: int) -> float:
    law = laws.noisy_boosting(beta=beta, gamma=gamma)
    return float(law.floor + law.rate**iterations * (initial_error - law.floor))


def _floor(beta: float, gamma: float) -> float:
    return float(laws.noisy_boosting(beta=beta, gamma=gamma).floor)


def _odds_ratio(gamma: float) -> float:
    return (1.0 - gamma) / gamma


def _votes_bound(
    beta: float, gamma: float, votes: int, initial_error: float, iterations: int
) -> float:
    noise = float(laws.majority_noise(gamma=gamma, votes=votes))
    return noise / beta + (1.0 - beta) ** iterations * initial_error


CLAIMS = [
    claim(
        "T3",
        laws.noisy_boosting,
        law=_noisy_error,
        title="a noisy filter, one attempt",
        kind="equality",
        statement="With one attempt the error goes to its floor geometrically.",
        formula="e_T - floor = rho^T (e_0 - floor),  rho = 1 - gamma - beta (1 - 2 gamma),  "
        "floor = gamma (1-beta)/(gamma + beta (1 - 2 gamma))",
        domain=Box((MOVES,), beta=UNIT, gamma=UNIT, initial_error=UNIT, iterations=ITERATIONS),
    ),
    limit(
        "T3.limit",
        laws.noisy_boosting,
        law=_floor,
        title="the floor",
        statement="The error tends to gamma (1-beta)/(gamma + beta (1 - 2 gamma)), from every "
        "first model; the floor is a limit, not a lower bound.",
        formula="e_T -> gamma (1-beta)/(gamma + beta (1 - 2 gamma))",
        domain=Box(beta=(0.05, 1.0), gamma=(0.0, 0.95), initial_error=UNIT),
    ),
    claim(
        "T3.worse",
        title="a filter that errs more often than not",
        kind="upper",
        statement="With gamma >= 1/2 a model that starts below beta never gets above it: worse "
        "than the labels alone.",
        formula="gamma >= 1/2, p_0 <= beta  =>  p_T <= beta",
        domain=Box(
            (("p_0 <= beta", lambda beta, initial_error: 1.0 - initial_error <= beta),),
            beta=UNIT,
            gamma=(0.5, 1.0),
            initial_error=UNIT,
            iterations=ITERATIONS,
        ),
        law=lambda beta: beta,
        proof="p* <= beta for gamma >= 1/2 by T3, and rho >= 0: p_T lies between p_0 and p*.",
    ),
    claim(
        "T4",
        title="one iteration with k attempts",
        kind="equality",
        statement="k attempts and a noisy filter take the error of a prompt from e to "
        "(1 - u^k) gamma e/A + u^k (1-beta).",
        formula="e' = (1 - u^k) gamma e/A + u^k (1-beta),  u = 1 - A = gamma + (1 - 2 gamma) e",
        domain=Box(beta=UNIT, gamma=UNIT, attempts=ATTEMPTS, initial_error=UNIT),
        law=boosting_step,
        proof="All k attempts are rejected with probability u^k; then a label comes, wrong "
        "with probability 1 - beta. Else the first accepted attempt is kept, wrong with "
        "probability gamma e/A.",
    ),
    limit(
        "T4.limit",
        laws.attempts_floor,
        title="the floor with k attempts",
        statement="The error tends to the root of T4's fixed point equation.",
        formula="e_T -> e with e (1 - gamma (1 + u + ... + u^(k-1))) = (1-beta) u^k",
        domain=Box(beta=(0.05, 1.0), gamma=(0.0, 0.45), attempts=ATTEMPTS, initial_error=UNIT),
    ),
    claim(
        "T4.falls",
        title="more attempts, a lower floor",
        kind="upper",
        statement="The limit error with one attempt more is not larger.",
        formula="floor(k+1) <= floor(k)",
        domain=Box(beta=(0.05, 1.0), gamma=(0.0, 0.45), attempts=[1, 2, 3, 7, 15]),
        law=laws.attempts_floor,
        proof="The map falls with k at every e <= 1 - beta and takes [0, 1 - beta] into "
        "itself. By monotonicity so do its iterates from e = 1 - beta, and they fall to the "
        "limit.",
    ),
    limit(
        "T4.leading",
        laws.attempts_floor_leading,
        along="attempts",
        title="the floor as attempts grow",
        statement="At fixed gamma the limit error is to leading order "
        "gamma^k (1-beta)(1-gamma)/(1 - 2 gamma) as k grows.",
        formula="floor(k) / (gamma^k (1-beta)(1-gamma)/(1 - 2 gamma)) -> 1",
        domain=Box(beta=(0.05, 0.95), gamma=(0.01, 0.3)),
    ),
    claim(
        "T4.growth",
        title="the odds grow",
        kind="lower",
        statement="While the odds of a correct response are at most odds(beta)/R an iteration "
        "multiplies them by R = (1-gamma)/gamma at least.",
        formula="R odds(p) <= odds(beta)  =>  odds(p') >= R odds(p)",
        domain=Box(
            (
                (
                    "R odds(p_0) <= odds(beta)",
                    lambda beta, gamma, initial_accuracy: (
                        _odds_ratio(gamma) * initial_accuracy * (1.0 - beta)
                        <= beta * (1.0 - initial_accuracy)
                    ),
                ),
            ),
            beta=(0.01, 0.99),
            gamma=(0.01, 0.499),
            attempts=ATTEMPTS,
            initial_accuracy=(1e-12, 0.99),
        ),
        law=_odds_ratio,
        proof="What is kept has odds R odds(p), a label odds(beta), which is no less: so has "
        "their mixture.",
    ),
    claim(
        "T5",
        title="votes",
        kind="upper",
        statement="With the majority of m looks the error is at most gamma_m/beta above the "
        "error with a perfect filter.",
        formula="e_T <= gamma_m/beta + (1-beta)^T e_0   for 0 < beta <= 1/2",
        domain=Box(
            beta=(0.02, 0.5),
            gamma=BELOW_HALF,
            votes=Domain(low=1, high=31, odd=True),
            initial_error=UNIT,
            iterations=ITERATIONS,
        ),
        law=_votes_bound,
        proof="T3 with gamma_m: the floor is at most gamma_m/beta, and rho <= 1 - beta for "
        "beta <= 1/2.",
    ),
    claim(
        "T5.noise",
        laws.majority_noise,
        title="the majority's noise",
        kind="equality",
        statement="The majority of m fresh looks errs with the probability of a binomial tail.",
        formula="gamma_m = P(Binomial(m, gamma) > m/2)",
        domain=Box(gamma=BELOW_HALF, votes=Domain(low=1, high=61, odd=True)),
    ),
    claim(
        "T5.bound",
        title="Hoeffding's bound on it",
        kind="upper",
        statement="The majority's noise falls exponentially with the votes.",
        formula="gamma_m <= exp(-2 m (1/2 - gamma)^2)",
        domain=Box(gamma=BELOW_HALF, votes=Domain(low=1, high=61, odd=True)),
        law=lambda gamma, votes: math.exp(-2.0 * votes * (0.5 - gamma) ** 2),
        proof="Hoeffding's inequality for the number of looks that err.",
        reference="Hoeffding 1963",
    ),
    claim(
        "T5.threshold",
        laws.threshold_noise,
        title="any number of looks that must accept",
        kind="equality",
        statement="A right response is rejected where m - n + 1 of m looks must accept, and a "
        "wrong one accepted where n must, with the probability that at least n looks err.",
        formula="P(Binomial(m, r) >= n)",
        domain=Box(
            (("n <= m", lambda votes, least: least <= votes),),
            rate=UNIT,
            votes=range(1, 31),
            least=range(1, 31),
            wrong=[0, 1],
        ),
    ),
    claim(
        "T5.correlated",
        laws.correlated_noise,
        title="votes that are correlated",
        kind="equality",
        statement="The majority of m looks that are one draw with probability c errs with "
        "c gamma + (1-c) gamma_m.",
        formula="c gamma + (1-c) gamma_m",
        domain=Box(gamma=BELOW_HALF, votes=Domain(low=1, high=61, odd=True), correlation=UNIT),
    ),
    claim(
        "T5.floor",
        laws.correlated_floor,
        title="what no number of correlated votes gets below",
        kind="lower",
        statement="From above T3's floor at the noise c gamma the error never gets below it, "
        "however many votes there are.",
        formula="e_0 >= floor(c gamma)  =>  e_T >= floor(c gamma) = "
        "c gamma (1-beta)/(c gamma + beta (1 - 2 c gamma))",
        domain=Box(
            (
                (
                    "e_0 >= floor(c gamma)",
                    lambda beta, gamma, correlation, initial_error: (
                        initial_error
                        >= laws.correlated_floor.formula(
                            beta=beta, gamma=gamma, correlation=correlation
                        )
                    ),
                ),
            ),
            beta=(0.02, 1.0),
            gamma=BELOW_HALF,
            votes=Domain(low=1, high=31, odd=True),
            correlation=UNIT,
            initial_error=UNIT,
            iterations=ITERATIONS,
        ),
    ),
]
