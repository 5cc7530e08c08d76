"""T21 as claims."""

from __future__ import annotations

from boostsim.theory import laws
from boostsim.theory.box import Box
from boostsim.theory.claims.shared import UNIT
from boostsim.theory.proofs import claim, limit, part


def _filtered(
    gamma: float, attempts: int, visits: int, initial_accuracy: float, iterations: int
) -> float:
    found = laws.few_visits_filtering(
        false_accept=gamma,
        false_reject=gamma,
        attempts=attempts,
        visits=visits,
        initial_accuracy=initial_accuracy,
        iterations=iterations,
    )
    return float(found.error)


def _resting(beta: float, gamma: float, attempts: int, visits: int) -> float:
    found = laws.stationary_accuracy(beta=beta, gamma=gamma, attempts=attempts, visits=visits)
    return float(found.mean)


CLAIMS = [
    claim(
        "T21",
        laws.few_visits_error,
        title="boosting at finitely many visits",
        kind="equality",
        statement="With v visits the correct examples of a prompt are a Markov chain with binomial "
        "steps, and its mean error is a sum over v + 1 states.",
        formula="Z' | Z = i ~ Binomial(v, g(i/v));  E e_T = sum_i P(Z_T = i) (1 - i/v)",
        domain=Box(
            beta=UNIT,
            gamma=UNIT,
            attempts=[1, 2, 4],
            visits=[1, 2, 3, 6],
            initial_accuracy=UNIT,
            iterations=range(1, 5),
        ),
    ),
    claim(
        "T21.filtering",
        laws.few_visits_filtering,
        title="filtering alone at finitely many visits",
        kind="equality",
        statement="With v visits of which N have an accepted response, the correct ones of these N "
        "are binomial, and a prompt without any stays as it is.",
        formula="N ~ Binomial(v, 1 - B^k);  N p' | N ~ Binomial(N, sigma(p));  p' = p for N = 0",
        domain=Box(
            gamma=UNIT,
            attempts=[1, 2, 4],
            visits=[1, 2, 3, 6],
            initial_accuracy=UNIT,
            iterations=range(1, 5),
        ),
        law=_filtered,
    ),
    limit(
        "T21.rest",
        title="where boosting rests at finitely many visits",
        statement="Where labels and the filter both err nothing is for ever: the mean accuracy "
        "tends to that of a stationary law, wherever it begins.",
        formula="E p_T -> sum_i pi_i i/v,  pi = pi P",
        domain=Box(
            beta=(0.2, 0.8),
            gamma=(0.1, 0.45),
            attempts=[1, 2],
            visits=[1, 2, 5],
            initial_accuracy=UNIT,
        ),
        law=_resting,
        proof=part(laws.stationary_accuracy, "Proof"),
    ),
]
