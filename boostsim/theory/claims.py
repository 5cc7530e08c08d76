"""T1 to T15 as claims, by name: ``bs.claims["T3"]``.

A theorem with several parts is several claims: its own name stands for the main one, the others
follow after a dot. A claim's domain is where it is *checked*; where its law holds further, over
iterations without end say, the law's docstring tells. The numbering is this project's own.
"""

from __future__ import annotations

import inspect
import math
import re
from types import MappingProxyType
from typing import Any

from boostsim.theory import laws
from boostsim.theory.claim import Box, Claim
from boostsim.theory.law import Domain, Law

__all__ = ["CLAIMS", "boosting_step", "part"]

UNIT = (0.0, 1.0)
ITERATIONS = range(33)
ATTEMPTS = [1, 2, 3, 4, 8, 16]
OPEN = Domain(low_open=True, high_open=True)
POSITIVE = Domain(low_open=True)
# Beyond it rounding, multiplied by k in each iteration, leaves nothing to compare.
CONDITIONED = ("k^T at most a million", lambda attempts, iterations: attempts**iterations <= 1e6)
MOVES = (
    "(beta, gamma) other than (0, 0) and (1, 1)",
    lambda beta, gamma: (beta, gamma) not in ((0.0, 0.0), (1.0, 1.0)),
)


def part(law: Law, heading: str) -> str:
    """Return one part of a law's docstring ("Statement", "Domain", "Proof", "Reference")."""
    text = inspect.getdoc(law) or ""
    found = re.search(rf"^{heading}: (.*?)(?=^[A-Z]\w+:|\Z)", text, re.MULTILINE | re.DOTALL)
    assert found is not None, (law.__name__, heading)
    return inspect.cleandoc(found[1]).strip()


def _claim(name: str, source: Law | None = None, /, **fields: Any) -> Claim:
    """Make a claim; what is not said comes from the law that it rests on."""
    if source is not None:
        fields.setdefault("law", source)
        fields.setdefault("proof", part(source, "Proof"))
        fields.setdefault("reference", part(source, "Reference"))
    fields.setdefault("reference", "derived here")
    return Claim(name=name, **fields)


def boosting_step(*, beta: float, gamma: float, attempts: int, initial_error: float) -> float:
    """T4. Error after one iteration of boosting: (1 - u^k) gamma e/A + u^k (1 - beta).

    u = gamma + (1 - 2 gamma) e is the probability that one attempt is rejected and A = 1 - u; where
    A = 0 every visit is labelled. Without cancellation: (1 - u^k)/A = 1 + u + ... + u^(k-1).

    Example:
        >>> boosting_step(beta=0.5, gamma=0.0, attempts=2, initial_error=0.5)
        0.125
    """
    rejected = gamma * (1.0 - initial_error) + (1.0 - gamma) * initial_error
    terms = math.fsum(rejected**power for power in range(attempts))
    return terms * gamma * initial_error + rejected**attempts * (1.0 - beta)


def _noisy_error(beta: float, gamma: float, initial_error: float, iterations: int) -> float:
    law = laws.noisy_boosting(beta=beta, gamma=gamma)
    return float(law.floor + law.rate**iterations * (initial_error - law.floor))


def _floor(beta: float, gamma: float) -> float:
    return float(laws.noisy_boosting(beta=beta, gamma=gamma).floor)


def _most_iterations(beta: float, target: float, attempts: int) -> float:
    logarithm = math.log(1.0 / target)
    if attempts == 1:
        return math.ceil(logarithm / beta)
    return 1 + math.ceil(math.log(max(1.0, logarithm / beta), attempts))


def _odds_ratio(gamma: float) -> float:
    return (1.0 - gamma) / gamma


def _votes_bound(
    beta: float, gamma: float, votes: int, initial_error: float, iterations: int
) -> float:
    noise = float(laws.majority_noise(gamma=gamma, votes=votes))
    return noise / beta + (1.0 - beta) ** iterations * initial_error


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


def _filter_limit(gamma: float, initial_accuracy: float) -> float:
    if gamma == 0.5:
        return initial_accuracy
    return float(initial_accuracy > 0.0 if gamma < 0.5 else initial_accuracy == 1.0)


def _two_sources(beta: float, initial_liked: float, attempts: int) -> float:
    share = laws.persistent_filter_ancestry(
        initial_liked=initial_liked, labeler_liked=beta, attempts=attempts
    )
    return float(2.0 * share * (1.0 - share))


def _limit(name: str, source: Law | None = None, /, **fields: Any) -> Claim:
    return _claim(name, source, kind="limit", **{"along": "iterations", **fields})


def _all() -> list[Claim]:
    """Return every claim, in order."""
    return [*_convergence(), *_noise(), *_learning(), *_failures(), *_drift(), *_freshness()]


def _convergence() -> list[Claim]:
    return [
        _claim(
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
        _claim(
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
            reference="the rate O(log(1/eps)/beta) is that of arXiv 2502.08924; constants derived "
            "here",
        ),
        _claim(
            "T2",
            laws.label_cost,
            title="what boosting pays",
            kind="equality",
            statement="With one attempt and one visit boosting buys e_0 (1 - (1-beta)^T)/beta "
            "labels per prompt in expectation, at most e_0/beta, whatever error it reaches.",
            formula="E labels = e_0 (1 - (1-beta)^T)/beta",
            domain=Box(beta=POSITIVE, initial_error=UNIT, iterations=ITERATIONS),
        ),
        _claim(
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
    ]


def _noise() -> list[Claim]:
    return [
        _claim(
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
        _limit(
            "T3.limit",
            laws.noisy_boosting,
            law=_floor,
            title="the floor",
            statement="The error tends to gamma (1-beta)/(gamma + beta (1 - 2 gamma)), from every "
            "first model; the floor is a limit, not a lower bound.",
            formula="e_T -> gamma (1-beta)/(gamma + beta (1 - 2 gamma))",
            domain=Box(beta=(0.05, 1.0), gamma=(0.0, 0.95), initial_error=UNIT),
        ),
        _claim(
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
        _claim(
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
        _limit(
            "T4.limit",
            laws.attempts_floor,
            title="the floor with k attempts",
            statement="The error tends to the root of T4's fixed point equation.",
            formula="e_T -> e with e (1 - gamma (1 + u + ... + u^(k-1))) = (1-beta) u^k",
            domain=Box(beta=(0.05, 1.0), gamma=(0.0, 0.45), attempts=ATTEMPTS, initial_error=UNIT),
        ),
        _claim(
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
        _limit(
            "T4.leading",
            laws.attempts_floor_leading,
            along="attempts",
            title="the floor as attempts grow",
            statement="At fixed gamma the limit error is to leading order "
            "gamma^k (1-beta)(1-gamma)/(1 - 2 gamma) as k grows.",
            formula="floor(k) / (gamma^k (1-beta)(1-gamma)/(1 - 2 gamma)) -> 1",
            domain=Box(beta=(0.05, 0.95), gamma=(0.01, 0.3)),
        ),
        _claim(
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
        _claim(
            "T5",
            title="votes",
            kind="upper",
            statement="With the majority of m looks the error is at most gamma_m/beta above the "
            "error with a perfect filter.",
            formula="e_T <= gamma_m/beta + (1-beta)^T e_0   for 0 < beta <= 1/2",
            domain=Box(
                beta=(0.02, 0.5),
                gamma=Domain(high=0.5, high_open=True),
                votes=Domain(low=1, high=31, odd=True),
                initial_error=UNIT,
                iterations=ITERATIONS,
            ),
            law=_votes_bound,
            proof="T3 with gamma_m: the floor is at most gamma_m/beta, and rho <= 1 - beta for "
            "beta <= 1/2.",
        ),
        _claim(
            "T5.noise",
            laws.majority_noise,
            title="the majority's noise",
            kind="equality",
            statement="The majority of m fresh looks errs with the probability of a binomial tail.",
            formula="gamma_m = P(Binomial(m, gamma) > m/2)",
            domain=Box(
                gamma=Domain(high=0.5, high_open=True), votes=Domain(low=1, high=61, odd=True)
            ),
        ),
        _claim(
            "T5.bound",
            title="Hoeffding's bound on it",
            kind="upper",
            statement="The majority's noise falls exponentially with the votes.",
            formula="gamma_m <= exp(-2 m (1/2 - gamma)^2)",
            domain=Box(
                gamma=Domain(high=0.5, high_open=True), votes=Domain(low=1, high=61, odd=True)
            ),
            law=lambda gamma, votes: math.exp(-2.0 * votes * (0.5 - gamma) ** 2),
            proof="Hoeffding's inequality for the number of looks that err.",
            reference="Hoeffding 1963",
        ),
    ]


def _learning() -> list[Claim]:
    return [
        _claim(
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
        _claim(
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
        _claim(
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
        _claim(
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
            law=lambda beta, budget, initial_error: (
                initial_error - beta * min(budget, initial_error)
            ),
            proof="Failing visits are labelled independently, min(b, e_0) of them in expectation, "
            "and a labelled prompt is solved with probability beta.",
        ),
        _claim(
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
        _claim(
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


def _failures() -> list[Claim]:
    return [
        _claim(
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
        _limit(
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
        _limit(
            "T10",
            laws.even_labels_fixed_point,
            title="labels spread evenly",
            statement="Labels given to solved prompts too, and kept, leave a positive error.",
            formula="p_t -> p* = [(1-b) + sqrt((1-b)^2 + 4 b beta)]/2 < 1",
            domain=Box(beta=(0.02, 0.98), rate=(0.05, 1.0), initial_accuracy=UNIT),
        ),
        _claim(
            "T13",
            title="exogenous signal is necessary",
            kind="upper",
            statement="Without labels that can be right, and without a filter on a prompt that is "
            "sometimes solved, the expected accuracy does not rise.",
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
    ]


def _drift() -> list[Claim]:
    return [
        _claim(
            "T11",
            laws.drift_diversity,
            title="drift",
            kind="equality",
            statement="Training on M of its own responses a prompt costs a model the share 1/M of "
            "its diversity in each iteration.",
            formula="E H_t = (1 - 1/M)^t H_0",
            domain=Box(examples=range(1, 17), iterations=range(5), initial_error=(0.1, 0.9)),
        ),
        _claim(
            "T11.accuracy",
            title="a fair game",
            kind="equality",
            statement="Uncurated, the expected accuracy stays as it was.",
            formula="E p_t = p_0",
            domain=Box(examples=range(1, 17), iterations=range(5), initial_error=UNIT),
            law=lambda initial_error: 1.0 - initial_error,
            proof="f_1 is the empirical law of draws from f_0.",
        ),
        _claim(
            "T11.fixation",
            laws.fixation_time,
            title="how long a prompt stays undecided",
            kind="equality",
            statement="The expected number of iterations until a prompt is all right or all wrong "
            "is that of a Markov chain.",
            formula="E tau = 1 + sum_j P(Binomial(M, p_0) = j) tau_j,  tau = (I - Q)^-1 1",
            domain=Box(examples=[2, 3], initial_accuracy=(0.1, 0.9)),
        ),
        _limit(
            "T11.diffusion",
            laws.fixation_time_diffusion,
            along="examples",
            direction="below",
            title="the diffusion limit",
            statement="For many examples that time is near -2 M [p_0 ln p_0 + (1-p_0) ln(1-p_0)].",
            formula="E tau / (-2 M [p_0 ln p_0 + (1-p_0) ln(1-p_0)]) -> 1",
            domain=Box(initial_accuracy=(0.05, 0.95)),
        ),
        _claim(
            "T12",
            laws.accumulate_diversity,
            title="accumulating saves diversity",
            kind="equality",
            statement="Where nothing is discarded the losses of diversity shrink like 1/s^2.",
            formula="E H_t = H_0 prod_{s=2..t+1} (1 - 1/(M s^2))",
            domain=Box(examples=range(1, 17), iterations=range(5), initial_error=(0.1, 0.9)),
        ),
        _claim(
            "T12.never",
            title="it never vanishes",
            kind="lower",
            statement="However long, at least 1 - (pi^2/6 - 1)/M of the diversity is kept.",
            formula="E H_t >= H_0 (1 - (pi^2/6 - 1)/M)",
            domain=Box(examples=range(1, 17), iterations=range(65), initial_error=(0.1, 0.9)),
            law=lambda examples: 1.0 - (math.pi**2 / 6.0 - 1.0) / examples,
            proof="prod (1 - x_s) >= 1 - sum x_s, and sum_{s>=2} 1/s^2 = pi^2/6 - 1.",
        ),
        _limit(
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


def _freshness() -> list[Claim]:
    return [
        _claim(
            "T14",
            laws.persistent_labels_error,
            title="a labeler that repeats itself",
            kind="equality",
            statement="Where every prompt has one answer for ever, the first iteration is the last "
            "that helps.",
            formula="e_t = (1-beta) e_0 for every t >= 1   (p_0 in {0, 1})",
            domain=Box(beta=UNIT, initial_error=UNIT, iterations=range(1, 17)),
        ),
        _limit(
            "T15",
            laws.persistent_filter_floor,
            along="wrong_answers",
            title="a filter that repeats itself",
            statement="Where every pair has one verdict for ever the model tends to what the "
            "filter likes of the labels, whatever the attempts; with wrong labels spread over very "
            "many answers its expected error is T15's.",
            formula="E e -> E[gamma (1-beta)/(gamma (1-beta) + beta U/c)],  "
            "U ~ Binomial(c, 1-gamma)",
            domain=Box(
                beta=(0.1, 0.6),
                gamma=(0.1, 0.4),
                correct_answers=[1, 2, 4],
                attempts=[1, 3],
            ),
        ),
        _limit(
            "T15.ancestry",
            laws.persistent_filter_ancestry,
            law=_two_sources,
            title="whose answers survive",
            statement="Of two right answers, one known to the first model and one to the labeler, "
            "the first keeps the share r of T15; so the diversity tends to 2 r (1-r).",
            formula="H_t -> 2 r (1-r),  r = prod (1-D_t)/(1 - (1-w) D_t)",
            domain=Box(beta=(0.05, 1.0), initial_liked=(0.01, 0.99), attempts=[1, 2, 3, 8]),
        ),
    ]


def _number(claim: Claim) -> int:
    return int(claim.name[1:].split(".")[0])


CLAIMS = MappingProxyType({claim.name: claim for claim in sorted(_all(), key=_number)})
