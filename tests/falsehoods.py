"""False claims, each near a true one: whoever certifies must catch them all."""

import math
from dataclasses import replace

import boostsim as bs
from boostsim.certification.measurements import MEASUREMENTS
from boostsim.tasks.table import table_task
from boostsim.theory.claims.blind_spots import resting
from boostsim.theory.step import boosting_step

ITERATIONS = range(1, 9)


def near(name, false_name, **changes):
    """A claim of bs.claims with something wrong about it, measured as the true one is."""
    return replace(bs.claims[name], name=false_name, **changes), MEASUREMENTS[name]


def _t1_faster(beta, attempts, initial_error, iterations):
    return float(
        bs.laws.boosting_error(
            beta=1.05 * beta, attempts=attempts, initial_error=initial_error, iterations=iterations
        )
    )


T1_FASTER = near(
    "T1",
    "T1 with 1.05 beta",
    law=_t1_faster,
    domain=bs.Box(
        beta=(0.1, 0.9), attempts=[1, 2], initial_error=(0.1, 1.0), iterations=range(1, 5)
    ),
)
T3_FLOOR = near(
    "T3.limit",
    "T3's floor without (1 - beta)",
    law=lambda beta, gamma: gamma / (gamma + beta * (1.0 - 2.0 * gamma)),
    domain=bs.Box(beta=(0.1, 0.9), gamma=(0.05, 0.45), initial_error=(0.0, 1.0)),
)
T4_POWER = near(
    "T4.leading",
    "T4 with gamma^(k+1)",
    law=lambda beta, gamma, attempts: (
        gamma * float(bs.laws.attempts_floor_leading(beta=beta, gamma=gamma, attempts=attempts))
    ),
)
T5_AVERAGED = near(
    "T5.correlated",
    "T5 with c^2 for c",
    law=lambda gamma, votes, correlation: (
        correlation**2 * gamma
        + (1.0 - correlation**2) * float(bs.laws.majority_noise(gamma=gamma, votes=votes))
    ),
    domain=bs.Box(gamma=(0.05, 0.4), votes=[3, 5, 9], correlation=(0.2, 0.8)),
)
T5_THRESHOLD = near(
    "T5.threshold",
    "T5 with one look more",
    law=lambda rate, votes, least: float(
        bs.laws.threshold_noise(rate=rate, votes=votes + 1, least=least)
    ),
    domain=bs.Box(rate=(0.1, 0.9), votes=[4, 6], least=[1, 2, 3], wrong=[0, 1]),
)
T5_HIGHER = near(
    "T5.floor",
    "T5's floor at c gamma plus a part of the rest",
    law=lambda beta, gamma, correlation: float(
        bs.laws.correlated_floor(
            beta=beta, gamma=gamma, correlation=correlation + 0.1 * (1.0 - correlation)
        )
    ),
    domain=bs.Box(
        beta=(0.3, 0.7),
        gamma=(0.2, 0.4),
        votes=[31],
        correlation=(0.1, 0.6),
        initial_error=(0.7, 1.0),
        iterations=range(3, 33),
    ),
)
T2_EVERYWHERE = near(
    "T2.optimal",
    "T2's lower bound for 0 < p_0 < 1",
    domain=bs.Box(
        beta=(0.05, 1.0),
        initial_error=(0.1, 0.9),
        iterations=ITERATIONS,
        attempts=[2, 4],
        policy=["failed"],
    ),
)
T10_POLLUTED = near(
    "T10",
    "T10 without the b beta term",
    law=lambda rate: 1.0 - rate,
)
T12_LIMIT = near(
    "T12.limit",
    "T12's limit without its 1/(1 - 1/M)",
    law=lambda examples: math.sin(math.pi / math.sqrt(examples)) / (math.pi / math.sqrt(examples)),
)
T16_FORGETFUL = near(
    "T16.leading",
    "T16's leading term without 1/(1 - gamma^k)",
    law=lambda beta, gamma, attempts, lightness: (
        gamma**attempts * (1.0 - beta) * (1.0 - gamma) / (1.0 - 2.0 * gamma) / lightness
    ),
    domain=bs.Box(beta=(0.05, 0.95), gamma=(0.1, 0.3), attempts=[1, 2]),
)
T16_BOUND = near(
    "T16.rate",
    "T16's iterations without max(0, .)",
    law=lambda beta, label_weight, target: (
        1.0
        + math.ceil(
            math.log((1.0 - beta) / (beta * target)) / -math.log((1.0 - beta) * label_weight)
        )
    ),
    domain=bs.Box(
        beta=(0.8, 0.95),
        label_weight=(2.0, 4.0),
        target=(0.5, 0.9),
        initial_error=(0.95, 1.0),
    ),
)
T16_EVERYWHERE = near(
    "T16.visit",
    "a weight changes nothing at several visits either",
    domain=bs.Box(
        beta=(0.2, 0.5), label_weight=[0.1, 8.0], initial_error=(0.4, 0.8), iterations=[2]
    ),
)
T16_EVERYWHERE = (T16_EVERYWHERE[0], replace(T16_EVERYWHERE[1], visits=5, binary=False))
T17_UNCUT = near(
    "T17",
    "T17 with attempts that never stop",
    law=lambda gamma, initial_error: (
        1.0 / (gamma * initial_error + (1.0 - gamma) * (1.0 - initial_error))
    ),
    domain=bs.Box(gamma=(0.1, 0.4), attempts=[2, 4], initial_error=(0.3, 0.9)),
)
T18_UNSCALED = near(
    "T18",
    "T18 with the group's mean as if it were the others'",
    law=lambda rate, false_accept, false_reject, initial_accuracy, iterations, reference: float(
        bs.laws.policy_gradient_accuracy(
            rate=rate,
            false_accept=false_accept,
            false_reject=false_reject,
            initial_accuracy=initial_accuracy,
            iterations=iterations,
            reference=reference,
        )
    ),
)
T18_UNBIASED = near(
    "T18.drawn",
    "T18 for finitely many attempts as for infinitely many",
    law=lambda false_accept, false_reject: 1.0 - false_reject - false_accept,
    domain=bs.Box(
        false_accept=(0.0, 0.3),
        false_reject=(0.0, 0.3),
        initial_accuracy=(0.05, 0.2),
        attempts=[2],
        looks=[1, 4],
    ),
)
T19_GEOMETRIC = near(
    "T19",
    "T19's error as if its step were geometric",
    law=lambda beta, step, initial_error, iterations: (
        (1.0 - beta) ** (step * iterations) * initial_error
    ),
    domain=bs.Box(beta=(0.3, 0.9), step=(0.2, 0.8), initial_error=(0.3, 1.0), iterations=[1, 3]),
)


def _two_classes(initial_accuracy, blind, true_accept, false_accept, blind_accept, iterations):
    wrong = (1.0 - blind) * false_accept + blind * blind_accept
    found = bs.laws.blind_spot(
        initial_masses=[initial_accuracy, 1.0 - initial_accuracy],
        accept=[true_accept, wrong],
        iterations=iterations,
    )
    return float(found[0])


T20_AVERAGED = near(
    "T20",
    "T20 with the mean acceptance of wrong answers",
    law=_two_classes,
    domain=bs.Box(
        initial_accuracy=(0.2, 0.8),
        blind=(0.05, 0.3),
        true_accept=(0.7, 0.9),
        false_accept=(0.05, 0.2),
        blind_accept=(0.9, 1.0),
        attempts=[1, 4],
        iterations=range(2, 5),
    ),
)

T20_ONCE = near(
    "T20.boosting",
    "boosting with a blind spot rests where it does with one attempt",
    law=lambda beta, blind, true_accept, false_accept, blind_accept: float(
        resting(beta, blind, true_accept, false_accept, blind_accept, 1)[0]
    ),
    domain=bs.Box(
        beta=(0.2, 0.8),
        blind=(0.05, 0.3),
        true_accept=(0.6, 0.9),
        false_accept=(0.05, 0.3),
        blind_accept=(0.6, 0.95),
        attempts=[2, 4],
        iterations=[1, 8],
    ),
)
# Begun there, it moves.
T20_ONCE = (
    T20_ONCE[0],
    replace(
        T20_ONCE[1],
        task=lambda beta, blind, true_accept, false_accept, blind_accept: table_task(
            [[1, 0, 0]],
            initial=[resting(beta, blind, true_accept, false_accept, blind_accept, 1)],
        ),
    ),
)
T1_MEAN = (
    bs.Claim(
        name="T1 for the mean error, k = 2",
        statement="The mean error over unequal prompts follows T1.",
        formula="E e_T = (1-beta)^(2^T - 1) (E e_0)^(2^T)",
        kind="equality",
        domain=bs.Box(beta=(0.0, 0.9), easy=(0.05, 0.3), hard=(0.6, 0.95), iterations=range(1, 5)),
        law=lambda beta, easy, hard, iterations: float(
            bs.laws.boosting_error(
                beta=beta, attempts=2, initial_error=(easy + hard) / 2, iterations=iterations
            )
        ),
    ),
    bs.Measurement(
        lambda beta: bs.boosting(attempts=2, labeler=bs.WeakLabeler(beta)),
        task=lambda easy, hard: table_task(
            [[1, 0]] * 2, initial=[[1.0 - easy, easy], [1.0 - hard, hard]]
        ),
        sampled=lambda iterations: iterations == 1,
    ),
)
T9_ONE_VISIT = (
    bs.Claim(
        name="T9's limit at v = 1",
        statement="With one visit the filter alone solves every solvable prompt in the end.",
        formula="p_t -> 1",
        kind="limit",
        along="iterations",
        domain=bs.Box(gamma=(0.05, 0.4), initial_accuracy=(0.05, 0.9)),
        law=lambda: 1.0,
    ),
    bs.Measurement(
        lambda gamma: bs.filter_only(filter=bs.NoisyFilter(gamma)),
        "accuracy",
        task=lambda initial_accuracy: table_task(
            [[1, 0]], initial=[[initial_accuracy, 1.0 - initial_accuracy]]
        ),
        visits=1,
        exact=False,
        sampled_ladder=(32, 64),
        binary=False,
    ),
)

T4_CONTRACTS = (
    bs.Claim(
        name="T4's map contracts with T3's rate",
        statement="With several attempts too an iteration multiplies the distance to the limit by "
        "rho at most.",
        formula="|e_1 - e*_k| <= rho |e_0 - e*_k|",
        kind="upper",
        domain=bs.Box(
            beta=(0.05, 0.95),
            gamma=(0.01, 0.45),
            attempts=range(2, 9),
            initial_error=(0.0, 1.0),
        ),
        law=lambda beta, gamma, attempts, initial_error: float(
            bs.laws.noisy_boosting(beta=beta, gamma=gamma).rate
            * abs(initial_error - bs.laws.attempts_floor(beta=beta, gamma=gamma, attempts=attempts))
        ),
    ),
    bs.Measurement(
        lambda beta, gamma, attempts: bs.boosting(
            attempts=attempts, filter=bs.NoisyFilter(gamma), labeler=bs.WeakLabeler(beta)
        ),
        lambda trace, beta, gamma, attempts: abs(
            trace.error.isel(iteration=-1)
            - bs.laws.attempts_floor(beta=beta, gamma=gamma, attempts=attempts)
        ),
        iterations=1,
        sampled=False,
        # The floor is solved to an absolute 1e-12.
        rounding=lambda: 1e-11,
    ),
)


def _tilted(reward, best, iterations):
    rewards, law = [0.0, 0.5 * reward, reward], [0.5 * (1.0 - best), 0.5 * (1.0 - best), best]
    for _ in range(iterations):
        law = bs.laws.tilted_probabilities(rewards=rewards, probabilities=law)
    return float(law[2])


FERBACH_MANY = near(
    "Ferbach.loop",
    "a few contenders as if they were very many",
    law=_tilted,
    domain=bs.Box(reward=(1.0, 2.0), best=(0.2, 0.8), contenders=[2, 3], iterations=[1, 2]),
)
BEIRAMI_SUM = near(
    "Beirami.update",
    "T times the best of n as the best of n T",
    law=lambda best, contenders, iterations: best_of(best, contenders * iterations),
    domain=bs.Box(best=(0.1, 0.9), contenders=[3, 4], tied=[0], iterations=[2]),
)
BEIRAMI_ALWAYS = near(
    "Beirami.divergence",
    "the divergence of a table as that of scores without ties",
    kind="equality",
)


def best_of(best, many):
    """The mass of the greatest of scores without ties."""
    return 1.0 - (1.0 - best) ** many


def _recursion(beta, gamma, initial_error, iterations):
    error = initial_error
    for _ in range(iterations):
        error = boosting_step(beta=beta, gamma=gamma, attempts=3, initial_error=error)
    return error


EXACT_AT_ONE_VISIT = (
    bs.Claim(
        name="the population is reached exactly at v = 1, k = 3",
        statement="The mean error of one visit to a prompt is that of infinitely many.",
        formula="E e_T = F^T(e_0)",
        kind="equality",
        domain=bs.Box(
            beta=(0.05, 0.5), gamma=(0.05, 0.3), initial_error=(0.5, 1.0), iterations=range(1, 11)
        ),
        law=_recursion,
    ),
    bs.Measurement(
        lambda beta, gamma: bs.boosting(
            attempts=3, filter=bs.NoisyFilter(gamma), labeler=bs.WeakLabeler(beta)
        ),
        visits=1,
        exact=False,
        binary=lambda iterations: iterations > 0,
    ),
)

FALSEHOODS = {
    claim.name: (claim, measurement)
    for claim, measurement in (
        T1_FASTER,
        T3_FLOOR,
        T4_POWER,
        T5_AVERAGED,
        T5_THRESHOLD,
        T5_HIGHER,
        T2_EVERYWHERE,
        T10_POLLUTED,
        T12_LIMIT,
        T16_FORGETFUL,
        T16_BOUND,
        T16_EVERYWHERE,
        T17_UNCUT,
        T18_UNSCALED,
        T18_UNBIASED,
        T19_GEOMETRIC,
        T20_AVERAGED,
        T20_ONCE,
        T1_MEAN,
        T9_ONE_VISIT,
        T4_CONTRACTS,
        EXACT_AT_ONE_VISIT,
        FERBACH_MANY,
        BEIRAMI_SUM,
        BEIRAMI_ALWAYS,
    )
}
