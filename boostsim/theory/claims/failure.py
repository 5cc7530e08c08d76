"""T9 to T13 as claims."""

from __future__ import annotations

import math

from boostsim.theory import laws
from boostsim.theory.box import Box
from boostsim.theory.claims.shared import ITERATIONS, UNIT
from boostsim.theory.proofs import claim, limit, part


def _filter_limit(gamma: float, initial_accuracy: float) -> float:
    if gamma == 0.5:
        return initial_accuracy
    return float(initial_accuracy > 0.0 if gamma < 0.5 else initial_accuracy == 1.0)


def _lost_at_once(gamma: float, attempts: int, visits: int, initial_accuracy: float) -> float:
    right, wrong = (1.0 - gamma) * initial_accuracy, gamma * (1.0 - initial_accuracy)
    none = (1.0 - right - wrong) ** attempts
    solved = (1.0 - none) * right / (right + wrong)
    return (1.0 - solved) ** visits - none**visits


def _solved(
    examples: int, false_accept: float, false_reject: float, initial_accuracy: float
) -> float:
    found = laws.fixation(
        examples=examples,
        false_accept=false_accept,
        false_reject=false_reject,
        initial_accuracy=initial_accuracy,
    )
    return float(found.solved)


CLAIMS = [
    claim(
        "T9",
        laws.filter_only_accuracy,
        title="the filter alone",
        kind="equality",
        statement="Without labels an iteration multiplies the odds of a correct response by "
        "R = (1-gamma)/gamma; 0 and 1 stay where they are.",
        formula="odds(p_t) = R^t odds(p_0)",
        domain=Box(
            gamma=UNIT,
            initial_accuracy=UNIT,
            iterations=ITERATIONS,
            attempts=[1, 2, 4],
            keep=["one", "all"],
        ),
    ),
    limit(
        "T9.limit",
        title="where the filter alone leads",
        statement="In the end a prompt is solved where it was solvable at all if gamma < 1/2, "
        "stays as it was if gamma = 1/2, and is lost unless it was certain if gamma > 1/2.",
        formula="p_t -> 1[p_0 > 0] (gamma < 1/2),  p_0 (= 1/2),  1[p_0 = 1] (> 1/2)",
        domain=Box(
            (
                (
                    "gamma not within 0.05 of 1/2, unless equal",
                    lambda gamma: gamma == 0.5 or abs(gamma - 0.5) >= 0.05,
                ),
            ),
            gamma=[0.0, 0.05, 0.2, 0.4, 0.45, 0.5, 0.55, 0.7, 1.0],
            initial_accuracy=UNIT,
            attempts=[1, 3],
        ),
        law=_filter_limit,
        proof="T9 with R above, at and below one.",
    ),
    claim(
        "T9.never",
        title="a filter that errs never saves all",
        kind="lower",
        statement="At finitely many visits the filter alone loses a prompt for ever with at least "
        "the probability that the first examples are all wrong.",
        formula="P(p_T = 0) >= (1 - (1-B^k) sigma(p_0))^v - B^(k v)",
        domain=Box(
            gamma=(0.05, 0.45),
            attempts=[1, 2, 4],
            visits=[1, 2, 4, 8],
            initial_accuracy=(0.05, 0.9),
            iterations=range(1, 9),
        ),
        law=_lost_at_once,
        proof="Each visit keeps a right response with probability (1-B^k) sigma, none with B^k: no "
        "right one and not no example at all. Where p = 0 nothing right is ever accepted again.",
    ),
    claim(
        "T9.fixation",
        laws.fixation,
        title="solved or lost for ever",
        kind="equality",
        statement="Where M accepted examples make each next model, the filter alone solves a "
        "prompt with the probability that a chain ends at M, not at 0.",
        formula="P(solved) = sum_j P(Binomial(M, sigma(p_0)) = j) h_j,  h = (I - Q)^-1 R",
        domain=Box(
            examples=[1, 2, 3, 5],
            false_accept=(0.4, 1.0),
            false_reject=(0.0, 0.6),
            initial_accuracy=(0.05, 0.95),
        ),
        law=_solved,
    ),
    limit(
        "T10",
        laws.even_labels_fixed_point,
        title="labels spread evenly",
        statement="Labels given to solved prompts too, and kept, leave a positive error.",
        formula="p_t -> p* = [(1-b) + sqrt((1-b)^2 + 4 b beta)]/2 < 1",
        domain=Box(beta=(0.02, 0.98), rate=(0.05, 1.0), initial_accuracy=UNIT),
    ),
    claim(
        "T13",
        title="exogenous signal is necessary",
        kind="upper",
        statement="Without labels that can be right, without sharpening, and without a filter "
        "on a prompt that is sometimes solved, the expected accuracy does not rise.",
        formula="no exogenous signal  =>  E p_T <= p_0",
        domain=Box(
            (
                (
                    "no signal: p_0 = 0 where a filter stands",
                    lambda signal, initial_accuracy: (
                        signal in ("nothing", "wrong labels") or initial_accuracy == 0.0
                    ),
                ),
            ),
            signal=["nothing", "wrong labels", "filter", "filter and wrong labels"],
            initial_accuracy=[0.0, 0.2, 0.5, 0.9, 1.0],
            regime=["replace", "accumulate"],
            iterations=range(1, 5),
        ),
        law=lambda initial_accuracy: initial_accuracy,
        proof=part(laws.necessary_signal, "Proof"),
    ),
    claim(
        "T11",
        laws.drift_diversity,
        title="drift",
        kind="equality",
        statement="Training on M of its own responses a prompt, drawn without sharpening, "
        "costs a model the share 1/M of its diversity in each iteration.",
        formula="E H_t = (1 - 1/M)^t H_0",
        domain=Box(examples=range(1, 17), iterations=range(5), initial_error=(0.1, 0.9)),
    ),
    claim(
        "T11.growing",
        laws.growing_diversity,
        title="drift where examples grow geometrically",
        kind="equality",
        statement="Where the examples of a prompt grow geometrically, drift comes to an end, and "
        "diversity survives.",
        formula="E H_T = H_0 prod_{t<=T} (1 - g^(1-t)/M)",
        domain=Box(
            examples=range(1, 9), growth=[2, 3], iterations=range(5), initial_error=(0.1, 0.9)
        ),
    ),
    claim(
        "T11.linear",
        laws.linear_diversity,
        title="drift where examples grow linearly",
        kind="equality",
        statement="Where they grow linearly, by c, diversity dies all the same, like T^(-1/c).",
        formula="E H_T = H_0 prod_{t<=T} (1 - 1/(M + c (t-1)))",
        domain=Box(
            examples=range(1, 9), increase=[1, 2, 4], iterations=range(5), initial_error=(0.1, 0.9)
        ),
    ),
    claim(
        "T11.accuracy",
        title="a fair game",
        kind="equality",
        statement="Uncurated and unsharpened, the expected accuracy stays as it was.",
        formula="E p_t = p_0",
        domain=Box(examples=range(1, 17), iterations=range(5), initial_error=UNIT),
        law=lambda initial_error: 1.0 - initial_error,
        proof="f_1 is the empirical law of draws from f_0.",
    ),
    claim(
        "T11.survival",
        laws.response_survival,
        title="what is still said",
        kind="equality",
        statement="Uncurated training forgets a response with the probability that a neutral "
        "chain of its copies is lost.",
        formula="P(f_T(y) > 0) = P(Z_T > 0),  Z' | Z = i ~ Binomial(M, i/M)",
        domain=Box(examples=[1, 2, 4, 9], initial_probability=(0.05, 1.0), iterations=range(1, 9)),
    ),
    claim(
        "T11.fixation",
        laws.fixation_time,
        title="how long a prompt stays undecided",
        kind="equality",
        statement="The expected number of iterations until a prompt is all right or all wrong "
        "is that of a Markov chain.",
        formula="E tau = 1 + sum_j P(Binomial(M, p_0) = j) tau_j,  tau = (I - Q)^-1 1",
        domain=Box(examples=[2, 3], initial_accuracy=(0.1, 0.9)),
    ),
    limit(
        "T11.diffusion",
        laws.fixation_time_diffusion,
        along="examples",
        direction="below",
        title="the diffusion limit",
        statement="For many examples that time is near -2 M [p_0 ln p_0 + (1-p_0) ln(1-p_0)].",
        formula="E tau / (-2 M [p_0 ln p_0 + (1-p_0) ln(1-p_0)]) -> 1",
        domain=Box(initial_accuracy=(0.05, 0.95)),
    ),
    claim(
        "T12",
        laws.accumulate_diversity,
        title="accumulating saves diversity",
        kind="equality",
        statement="Where nothing is discarded the losses of diversity shrink like 1/s^2.",
        formula="E H_t = H_0 prod_{s=2..t+1} (1 - 1/(M s^2))",
        domain=Box(examples=range(1, 17), iterations=range(5), initial_error=(0.1, 0.9)),
    ),
    claim(
        "T12.never",
        title="it never vanishes",
        kind="lower",
        statement="However long, at least 1 - (pi^2/6 - 1)/M of the diversity is kept.",
        formula="E H_t >= H_0 (1 - (pi^2/6 - 1)/M)",
        domain=Box(examples=range(1, 17), iterations=range(65), initial_error=(0.1, 0.9)),
        law=lambda examples: 1.0 - (math.pi**2 / 6.0 - 1.0) / examples,
        proof="prod (1 - x_s) >= 1 - sum x_s, and sum_{s>=2} 1/s^2 = pi^2/6 - 1.",
    ),
    limit(
        "T12.limit",
        laws.accumulate_diversity_limit,
        direction="above",
        title="what is kept for ever",
        statement="In the end the share sin(pi/sqrt M)/((pi/sqrt M)(1 - 1/M)) is kept; 1/2 for "
        "M = 1.",
        formula="E H_t/H_0 -> sin(pi/sqrt M)/((pi/sqrt M)(1 - 1/M))",
        domain=Box(examples=range(1, 9), initial_error=(0.1, 0.9)),
    ),
]
