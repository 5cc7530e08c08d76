"""T18 and T19 as claims."""

from __future__ import annotations

from boostsim.theory import laws
from boostsim.theory.box import Box
from boostsim.theory.claims.shared import UNIT
from boostsim.theory.law import Domain
from boostsim.theory.proofs import claim, limit
from boostsim.theory.updates import tilted_accuracy

PART = Domain(low=0.02, high=1.0)
INSIDE = (0.05, 0.95)
# A verifier's two mistakes, of which differences are exact.
QUARTERS = [0.0, 0.25, 0.5, 0.75, 1.0]
LIVELY = (0.2, 4.0)
# Runs of one length, and so fewer programs.
LONG = range(9, 33)


def _effective(rate: float, attempts: int, advantage: str) -> float:
    return rate * (1.0 - 1.0 / attempts) if advantage == "group_mean" else rate


def _accuracy(
    rate: float,
    false_accept: float,
    false_reject: float,
    initial_accuracy: float,
    iterations: int,
    attempts: int,
    advantage: str,
    reference: float,
) -> float:
    return float(
        laws.policy_gradient_accuracy(
            rate=_effective(rate, attempts, advantage),
            false_accept=false_accept,
            false_reject=false_reject,
            initial_accuracy=initial_accuracy,
            iterations=iterations,
            reference=reference,
        )
    )


def _fate(rate: float, false_accept: float, false_reject: float, initial_accuracy: float) -> float:
    told = {"rate": rate, "false_accept": false_accept, "false_reject": false_reject}
    return float(laws.policy_gradient_limit(initial_accuracy=initial_accuracy, **told))


def _normalised(
    rate: float, false_accept: float, false_reject: float, initial_accuracy: float, attempts: int
) -> float:
    gap = laws.group_advantage(
        false_accept=false_accept,
        false_reject=false_reject,
        accuracy=initial_accuracy,
        attempts=attempts,
    )
    return float(tilted_accuracy(rate * gap, initial_accuracy))


def _large_groups(false_accept: float, false_reject: float, initial_accuracy: float) -> float:
    told = {"false_accept": false_accept, "false_reject": false_reject}
    return float(laws.group_advantage_limit(accuracy=initial_accuracy, **told))


def _with_labels(
    beta: float,
    gamma: float,
    rate: float,
    label_weight: float,
    attempts: int,
    initial_accuracy: float,
) -> float:
    rejected = gamma * initial_accuracy + (1.0 - gamma) * (1.0 - initial_accuracy)
    labels = label_weight * rejected**attempts
    updated = float(tilted_accuracy(rate * (1.0 - 2.0 * gamma), initial_accuracy))
    return (updated + labels * beta) / (1.0 + labels)


def _drawn(
    false_accept: float, false_reject: float, initial_accuracy: float, attempts: int, looks: int
) -> float:
    drawn, p = attempts * looks, initial_accuracy
    both = 1.0 - p**drawn - (1.0 - p) ** drawn
    return (1.0 - false_reject - false_accept) * drawn / (drawn - 1.0) * both


def _noisy_error(
    beta: float, gamma: float, step: float, initial_error: float, iterations: int
) -> float:
    law = laws.partial_noisy_boosting(beta=beta, gamma=gamma, step=step)
    return float(law.floor + law.rate**iterations * (initial_error - law.floor))


CLAIMS = [
    claim(
        "T18",
        laws.policy_gradient_accuracy,
        law=_accuracy,
        title="policy gradient on verdicts",
        kind="equality",
        statement="An iteration adds eta (a1 - a0) to the log-odds of a right response, "
        "(1 - 1/k) times that with the group's mean as baseline, and a pull lambda to the first "
        "model makes it a geometric sum.",
        formula="logit p_T = logit p_0 + eta D (1 - (1-lambda)^T)/lambda",
        domain=Box(
            rate=(0.0, 4.0),
            false_accept=UNIT,
            false_reject=UNIT,
            initial_accuracy=UNIT,
            iterations=LONG,
            attempts=[3],
            advantage=["verdict", "leave_one_out", "group_mean"],
            reference=[0.0, 0.01, 0.3, 1.0],
        ),
    ),
    limit(
        "T18.fate",
        laws.policy_gradient_limit,
        law=_fate,
        title="the fate is the sign of true accept less false accept",
        statement="In the end a prompt that was solvable is solved where right responses are "
        "accepted more often than wrong ones, stays where they are accepted as often, and is lost "
        "unless it was certain where they are accepted less often.",
        formula="p_t -> 1[p_0 > 0] (a1 > a0),  p_0 (=),  1[p_0 = 1] (a1 < a0)",
        domain=Box(
            rate=LIVELY,
            false_accept=QUARTERS,
            false_reject=QUARTERS,
            initial_accuracy=UNIT,
            advantage=["verdict", "group_normalised"],
        ),
    ),
    limit(
        "T18.reference",
        laws.policy_gradient_limit,
        title="a pull to the first model keeps the mass off the ends",
        statement="With a pull lambda the log-odds tend to those of the first model plus "
        "eta (a1 - a0)/lambda.",
        formula="logit p_t -> logit p_0 + eta (a1 - a0)/lambda",
        domain=Box(
            rate=(0.0, 1.0),
            false_accept=UNIT,
            false_reject=UNIT,
            initial_accuracy=UNIT,
            reference=(0.05, 1.0),
        ),
    ),
    claim(
        "T18.normalised",
        laws.group_advantage,
        law=_normalised,
        title="group-normalised advantages",
        kind="equality",
        statement="With advantages over the standard deviation of their group of k an iteration "
        "adds eta times a sum over how many of the others are accepted.",
        formula="logit p' = logit p + eta (a1 - a0) sum_K P(Bin(k-1, A) = K) "
        "[(1 - (K+1)/k)/s(K+1) + (K/k)/s(K)]",
        domain=Box(
            rate=(0.0, 2.0),
            false_accept=UNIT,
            false_reject=UNIT,
            initial_accuracy=UNIT,
            attempts=[2, 4, 16],
        ),
    ),
    limit(
        "T18.groups",
        laws.group_advantage_limit,
        law=_large_groups,
        along="attempts",
        title="group-normalised advantages of large groups",
        statement="What an iteration adds to the log-odds tends to "
        "eta (a1 - a0)/sqrt(A (1-A)) as groups grow.",
        formula="(logit p' - logit p)/eta -> (a1 - a0)/sqrt(A (1-A))",
        domain=Box(false_accept=(0.2, 0.4), false_reject=(0.2, 0.4), initial_accuracy=(0.2, 0.8)),
    ),
    claim(
        "T18.labels",
        law=_with_labels,
        title="a policy gradient with labels",
        kind="equality",
        statement="Labels on failures are mixed in by their weight, a visit's own row counting "
        "for one.",
        formula="p' = (p_updated + w u^k beta)/(1 + w u^k)",
        domain=Box(
            beta=UNIT,
            gamma=UNIT,
            rate=(0.0, 2.0),
            label_weight=(0.02, 50.0),
            attempts=[1, 3],
            initial_accuracy=UNIT,
        ),
        proof="All k attempts are rejected with probability u^k; one label then weighs w.",
    ),
    claim(
        "T18.drawn",
        law=_drawn,
        title="what finitely many attempts teach",
        kind="equality",
        statement="With N = v k attempts, one right and one wrong response and the others' mean as "
        "baseline, an iteration adds eta (a1 - a0) N/(N-1) (1 - p^N - (1-p)^N) on average: "
        "nothing where only one response was said.",
        formula="E (logit p' - logit p)/eta = (a1 - a0) N/(N-1) (1 - p^N - (1-p)^N)",
        domain=Box(
            false_accept=UNIT,
            false_reject=UNIT,
            initial_accuracy=INSIDE,
            attempts=[2],
            looks=[1, 4],
        ),
        proof="Given that n of N attempts said a response, its average advantage has the mean "
        "(N-n)/(N-1) (a - A)/(1-f), f its probability: another attempt says it with probability "
        "(n-1)/(N-1). Over n, 0 if there is none, that is (a - A) N/(N-1) (1 - (1-f)^(N-1)), and "
        "a1 - A = (a1 - a0)(1-p), a0 - A = -(a1 - a0) p.",
    ),
    claim(
        "T19",
        laws.partial_boosting_error,
        title="a learner that goes a part of the way",
        kind="equality",
        statement="With a perfect filter and one attempt each iteration takes away the share s "
        "beta of the error.",
        formula="e_T = (1 - s beta)^T e_0",
        domain=Box(beta=UNIT, step=PART, initial_error=UNIT, iterations=[1, 3, 32]),
    ),
    claim(
        "T19.noisy",
        laws.partial_noisy_boosting,
        law=_noisy_error,
        title="the same place, later",
        kind="equality",
        statement="With a noisy filter and one attempt distances to the whole step's fixed point "
        "shrink by 1 - s (1 - rho).",
        formula="e_T - floor = (1 - s (1 - rho))^T (e_0 - floor)",
        domain=Box(
            beta=(0.05, 1.0),
            gamma=(0.0, 0.95),
            step=PART,
            initial_error=UNIT,
            iterations=LONG,
        ),
    ),
    limit(
        "T19.limit",
        laws.attempts_floor,
        title="parts of the way end where whole steps do",
        statement="With k attempts and a noisy filter the error tends to the floor of the whole "
        "step, whatever s is.",
        formula="e_T -> the root of T4's equation",
        domain=Box(
            beta=(0.2, 1.0),
            gamma=(0.05, 0.4),
            attempts=[1, 4],
            step=(0.4, 1.0),
            initial_error=UNIT,
        ),
        proof="f' = f exactly where D(f) = f, so the fixed points are those of T4, one in (0, 1); "
        "the map stays monotone, so errors go there.",
        reference="derived here (docs/theory.md, section 7)",
    ),
    claim(
        "T19.attempts",
        laws.partial_boosting_error,
        title="several attempts, a part of the way",
        kind="upper",
        statement="With a perfect filter and k attempts an iteration takes away at least the share "
        "s beta of the error.",
        formula="e_T <= (1 - s beta)^T e_0",
        domain=Box(beta=UNIT, step=PART, attempts=[2, 8], initial_error=UNIT, iterations=[1, 8]),
        proof="e' = (1-s) e + s (1-beta) e^k, and e^k <= e.",
    ),
    claim(
        "T19.geometric",
        laws.partial_filter_accuracy,
        title="the geometric part of the way",
        kind="equality",
        statement="Filtering alone then multiplies the odds by R^s in each iteration.",
        formula="odds(p_T) = R^(s T) odds(p_0)",
        domain=Box(gamma=UNIT, step=PART, initial_accuracy=UNIT, iterations=LONG),
    ),
    claim(
        "T19.unsaid",
        law=lambda: 1.0,
        title="what is unsaid stays unsaid on the geometric way",
        kind="equality",
        statement="Labels never teach a response of which the first model has no mass, however "
        "often they are right.",
        formula="e_0 = 1  =>  e_T = 1",
        domain=Box(beta=UNIT, step=[0.1, 0.9], iterations=[4]),
        proof="f' is proportional to f^(1-s) D^s, which is 0 where f is.",
    ),
]
