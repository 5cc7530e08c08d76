"""T1, T2, T6 to T8 as claims."""

from __future__ import annotations

import math

from boostsim.theory import laws
from boostsim.theory.box import Box
from boostsim.theory.claims.shared import ATTEMPTS, CONDITIONED, ITERATIONS, UNIT
from boostsim.theory.law import POSITIVE, least_whole
from boostsim.theory.proofs import claim


def _most_iterations(beta: float, target: float, attempts: int) -> float:
    logarithm = math.log(1.0 / target)
    if attempts == 1:
        return float(least_whole(logarithm / beta))
    return 1.0 + float(least_whole(math.log(max(1.0, logarithm / beta), attempts)))


def _noisy_slack(
    beta: float, gamma: float, slack: float, initial_error: float, iterations: int
) -> float:
    law = laws.noisy_boosting(beta=beta, gamma=gamma)
    left = float(law.rate) ** iterations
    return left * abs(1.0 - initial_error - float(law.fixed_point)) + slack * (1.0 - left) / (
        1.0 - float(law.rate)
    )


def _uneven(
    beta_low: float, beta_high: float, hard_share: float, initial_error: float, iterations: int
) -> float:
    law = laws.uneven_error(
        beta_per_prompt=[beta_low, beta_high],
        prompt_weights=[hard_share, 1.0 - hard_share],
        initial_error=initial_error,
        iterations=iterations,
    )
    return float(law)


CLAIMS = [
    claim(
        "T1",
        laws.boosting_error,
        title="boosting with a perfect filter",
        kind="equality",
        statement="With a perfect filter one iteration takes the error of a prompt from e to "
        "(1 - beta) e^k.",
        formula="e_T = (1-beta)^((k^T - 1)/(k-1)) e_0^(k^T);  k = 1: (1-beta)^T e_0",
        domain=Box(
            (CONDITIONED,),
            beta=UNIT,
            attempts=ATTEMPTS,
            initial_error=UNIT,
            iterations=ITERATIONS,
        ),
    ),
    claim(
        "T1.visits",
        title="one attempt, at any number of visits",
        kind="equality",
        statement="With one attempt and a perfect filter the mean error is T1's at finitely many "
        "visits, too, at one as at a thousand.",
        formula="E e_T = (1-beta)^T e_0   at every v",
        domain=Box(beta=UNIT, visits=[1, 2, 5, 16], initial_error=UNIT, iterations=range(9)),
        law=lambda beta, initial_error, iterations: (1.0 - beta) ** iterations * initial_error,
        proof="Given the row every example is right with the population's probability, 1 - "
        "(1-beta) e, which is affine in e: so the mean of the means is the population's.",
    ),
    claim(
        "T1.rate",
        title="the paper's rate",
        kind="upper",
        statement="The iterations until the error is at most eps grow like log(1/eps)/beta; "
        "with several attempts only like its logarithm.",
        formula="k = 1: T <= ceil(log(1/eps)/beta);  "
        "k >= 2: T <= 1 + ceil(log_k max(1, log(1/eps)/beta))",
        domain=Box(
            beta=(0.02, 1.0),
            attempts=[1, 2, 3, 8],
            initial_error=UNIT,
            target=(1e-4, 1.0),
        ),
        law=_most_iterations,
        proof="k = 1: (1-beta)^T <= exp(-beta T). k >= 2: after one iteration -log e_1 >= "
        "-log(1-beta) >= beta, and -log e grows at least k-fold in each iteration after that.",
        reference="the rate O(log(1/eps)/beta) is that of arXiv 2502.08924; constants derived here",
    ),
    claim(
        "T2",
        laws.label_cost,
        title="what boosting pays",
        kind="equality",
        statement="With one attempt and one visit boosting buys e_0 (1 - (1-beta)^T)/beta "
        "labels per prompt in expectation, at most e_0/beta, whatever error it reaches.",
        formula="E labels = e_0 (1 - (1-beta)^T)/beta",
        domain=Box(beta=POSITIVE, initial_error=UNIT, iterations=ITERATIONS),
    ),
    claim(
        "T2.optimal",
        title="no policy pays less",
        kind="lower",
        statement="Where the first model is right or wrong on each prompt for certain, and one "
        "visit is made, a policy whose labels are right with probability at most beta needs "
        "(e_0 - e_T)/beta of them in expectation.",
        formula="beta E labels + E e_T >= e_0   for p_0 in {0, 1}",
        domain=Box(
            beta=(0.05, 1.0),
            initial_error=[0.0, 1.0],
            iterations=range(1, 5),
            attempts=[1, 2, 4],
            policy=["failed", "uniform"],
        ),
        law=lambda initial_error: initial_error,
        proof="A prompt with p_0 = 0 has correct mass only after a right label, so "
        "e_0 - e_T is at most the mass of prompts that got one, in expectation at most beta "
        "times the labels. Prompts with p_0 = 1 cannot gain.",
    ),
    claim(
        "T6",
        laws.slack_bound,
        title="an imperfect learner",
        kind="upper",
        statement="A learner within total variation eta of its training law costs at most "
        "eta/beta in the end.",
        formula="e_T <= min(1, (1-beta)^T e_0 + (eta/beta)(1 - (1-beta)^T));  "
        "beta = 0: min(1, e_0 + eta T)",
        domain=Box(beta=UNIT, slack=UNIT, initial_error=UNIT, iterations=ITERATIONS),
    ),
    claim(
        "T6.noisy",
        title="the same with a noisy filter",
        kind="upper",
        statement="Around T3's fixed point a slack of eta costs at most eta/(1 - rho).",
        formula="|p_T - p*| <= rho^T |p_0 - p*| + eta (1 - rho^T)/(1 - rho)",
        domain=Box(
            beta=(0.01, 1.0),
            gamma=(0.0, 0.95),
            slack=UNIT,
            initial_error=UNIT,
            iterations=ITERATIONS,
        ),
        law=_noisy_slack,
        proof="One iteration contracts distances to p* by rho, and the learner adds at most "
        "eta: sum the geometric series.",
    ),
    claim(
        "T7",
        laws.budget_error,
        title="not every failure labelled, not every prompt visited",
        kind="equality",
        statement="With one visit, each failing one labelled with probability alpha and a "
        "prompt visited with probability pi, the expected error falls by alpha pi beta.",
        formula="E e_T = (1 - alpha pi beta)^T e_0   for p_0 in {0, 1}",
        domain=Box(
            beta=UNIT,
            labelled_share=[1.0, 0.5],
            visited_share=[1.0, 0.6, 0.25],
            initial_error=[1.0, 0.5, 0.25],
            iterations=range(5),
        ),
    ),
    claim(
        "T7.budget",
        title="a budget",
        kind="equality",
        statement="With one visit and a budget of b labels per visit the expected error falls "
        "by beta b while that many prompts fail, and geometrically after that: one iteration "
        "from any state.",
        formula="E e_1 = e_0 - beta min(b, e_0)   for p_0 in {0, 1}",
        domain=Box(
            beta=(0.3, 1.0), budget=(0.05, 1.0), initial_error=[1.0, 0.75, 0.5], attempts=[1, 3]
        ),
        law=lambda beta, budget, initial_error: initial_error - beta * min(budget, initial_error),
        proof="Failing visits are labelled independently, min(b, e_0) of them in expectation, "
        "and a labelled prompt is solved with probability beta.",
    ),
    claim(
        "T8",
        laws.uneven_error,
        law=_uneven,
        title="a labeler better on some prompts than on others",
        kind="equality",
        statement="With one attempt and a perfect filter the error is a mixture of geometrics.",
        formula="e_T = E_x (1 - beta(x))^T e_0(x)",
        domain=Box(
            beta_low=UNIT,
            beta_high=UNIT,
            hard_share=UNIT,
            initial_error=UNIT,
            iterations=ITERATIONS,
        ),
    ),
    claim(
        "T8.optimal",
        title="(eps, delta)-optimality",
        kind="upper",
        statement="Where the labeler is beta-weak outside a set of mass delta, no more than "
        "delta of the prompts have an error above eps after log(1/eps)/beta iterations.",
        formula="T >= log(1/eps)/beta  =>  mu{x : e_T(x) > eps} <= delta",
        domain=Box(beta=(0.05, 1.0), initial_error=UNIT, hard_share=UNIT, target=(1e-4, 0.99)),
        law=lambda hard_share: hard_share,
        proof="T1 on each prompt outside the set.",
    ),
]
