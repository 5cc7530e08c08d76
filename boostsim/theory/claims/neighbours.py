"""What neighbouring papers prove, as claims: their setting, derived again here."""

from __future__ import annotations

import math
from typing import Any

from boostsim.theory import laws
from boostsim.theory.claim import Box, Claim
from boostsim.theory.claims.shared import UNIT, claim, limit

SAMPLES = [1, 2, 3, 5, 10, 30, 100]
CONTENDERS = [1, 2, 3, 4, 8, 12]
REWARD = (-2.0, 2.0)
INSIDE = (0.05, 0.95)
FULL_RANK = ("batch_size at least features", lambda features, batch_size: batch_size >= features)
FINITE = ("batch_size above features + 1", lambda features, batch_size: batch_size > features + 1)
# (sqrt(phi p) - sqrt(psi (1-p)))^2, by which the odds of the wrong side fall with each example.
CLEAR = (
    "away from the breakdown point",
    lambda keep_correct, keep_wrong, accuracy: (
        (math.sqrt(keep_correct * accuracy) - math.sqrt(keep_wrong * (1.0 - accuracy))) ** 2 >= 0.02
    ),
)
ABOVE = (
    "not below the breakdown point",
    lambda keep_correct, keep_wrong, accuracy: (
        keep_correct * accuracy >= keep_wrong * (1.0 - accuracy)
    ),
)


def three_responses(reward: float, best: float) -> tuple[list[float], list[float]]:
    """Return rewards 0, r/2, r of three responses and their probabilities, the last one's given."""
    return [0.0, 0.5 * reward, reward], [0.5 * (1.0 - best), 0.5 * (1.0 - best), best]


def _curated(reward: float, best: float, contenders: int) -> float:
    rewards, probabilities = three_responses(reward, best)
    law = laws.curated_probabilities(
        rewards=rewards, probabilities=probabilities, contenders=contenders
    )
    return float(law[2])


def _tilted(reward: float, best: float) -> float:
    rewards, probabilities = three_responses(reward, best)
    return float(laws.tilted_probabilities(rewards=rewards, probabilities=probabilities)[2])


def _gain(reward: float, best: float, contenders: int) -> float:
    rewards, probabilities = three_responses(reward, best)
    gain = laws.curation_gain(rewards=rewards, probabilities=probabilities, contenders=contenders)
    # In units of the greatest e^r.
    return float(gain) * math.exp(-max(reward, 0.0))


def _shumailov() -> list[Claim]:
    domain = Box(batch_size=SAMPLES, iterations=range(17))
    return [
        claim(
            "Shumailov.variance",
            laws.refit_variance,
            title="a normal law, refitted",
            kind="equality",
            statement="Each refit by maximum likelihood to n samples of the last fit takes 1/n of "
            "the variance away.",
            formula="E sigma_t^2 = sigma^2 (1 - 1/n)^t",
            domain=domain,
        ),
        claim(
            "Shumailov.mean",
            laws.refit_mean_error,
            title="its mean wanders",
            kind="equality",
            statement="What the variance loses the mean wanders.",
            formula="E (mu_t - mu)^2 = sigma^2 (1 - (1 - 1/n)^t)",
            domain=domain,
        ),
        claim(
            "Shumailov.accumulate",
            laws.accumulated_refit_variance,
            title="refitted to all samples so far",
            kind="equality",
            statement="With all batches kept the t-th refit takes 1/(n t^2) of the variance away.",
            formula="E sigma_t^2 = sigma^2 prod_{j<=t} (1 - 1/(n j^2))",
            domain=domain,
        ),
        limit(
            "Shumailov.limit",
            laws.accumulated_refit_variance_limit,
            title="variance that is kept for ever",
            direction="above",
            statement="With all batches kept the variance does not vanish, but for n = 1.",
            formula="E sigma_t^2 -> sigma^2 sin(pi/sqrt n) / (pi/sqrt n)",
            domain=Box(batch_size=SAMPLES[1:]),
        ),
    ]


def _gerstgrasser() -> list[Claim]:
    fixed: dict[str, Any] = {"features": range(1, 9), "batch_size": [2, 8, 16, 32, 64]}
    design = Box((FULL_RANK,), **fixed, iterations=range(17))
    fresh = Box((FINITE,), **fixed, iterations=range(17))
    return [
        claim(
            "Gerstgrasser.replace",
            laws.regression_error,
            title="least squares, relabelled",
            kind="equality",
            statement="Fitted to its own labels on one design, a regression's test error grows "
            "with the number of rounds.",
            formula="E |theta_t - theta*|^2 = t d/n",
            domain=design,
        ),
        claim(
            "Gerstgrasser.accumulate",
            laws.accumulated_regression_error,
            title="relabelled, all rounds kept",
            kind="equality",
            statement="With all rounds kept the errors of the rounds add up with weights 1/i^2: "
            "equally where the Gram matrix of each round is the same.",
            formula="E |theta_t - theta*|^2 = (d/n) sum_{i<=t} 1/i^2",
            domain=design,
        ),
        claim(
            "Gerstgrasser.fresh",
            laws.gaussian_regression_error,
            title="relabelled, fresh designs",
            kind="equality",
            statement="On fresh normal designs the error grows in the same way, and faster.",
            formula="E |theta_t - theta*|^2 = t d/(n - d - 1)",
            domain=fresh,
        ),
        claim(
            "Gerstgrasser.exact",
            laws.accumulated_gaussian_regression_error,
            title="fresh designs, all rounds kept",
            kind="equality",
            statement="On fresh normal designs, all kept, the law is this and not the bound.",
            formula="E |theta_t - theta*|^2 = sum_{i<=t} d/(i (n i - d - 1))",
            domain=fresh,
        ),
        claim(
            "Gerstgrasser.bound",
            laws.accumulated_regression_bound,
            title="what it never exceeds",
            kind="upper",
            statement="So the error is bounded, however many rounds there are.",
            formula="E |theta_t - theta*|^2 <= (pi^2/6) d/(n - d - 1)",
            domain=fresh,
        ),
    ]


def _seddik() -> list[Claim]:
    return [
        claim(
            "Seddik.collision",
            laws.collision_probability,
            title="frequencies, refitted",
            kind="equality",
            statement="Two draws agree more and more often: responses are lost and none comes "
            "back.",
            formula="E S_m = 1 - (1 - 1/n)^m (1 - S_0),  S = sum_y f(y)^2",
            domain=Box(
                examples=range(1, 33), initial_collision=(0.5, 1.0), iterations=range(1, 17)
            ),
        ),
        claim(
            "Seddik.survivor",
            laws.collision_probability,
            law=lambda initial_accuracy: initial_accuracy,
            title="which response survives",
            kind="equality",
            statement="In the end one response is left, each with its first probability.",
            formula="P(f_m -> delta_y) = f_0(y)",
            domain=Box(examples=range(1, 17), initial_accuracy=INSIDE),
        ),
    ]


def _ferbach() -> list[Claim]:
    domain = Box(reward=REWARD, best=INSIDE, contenders=CONTENDERS)
    return [
        claim(
            "Ferbach.update",
            laws.curated_probabilities,
            law=_curated,
            title="the best liked of K",
            kind="equality",
            statement="Keeping one of K draws by their rewards multiplies a response's probability "
            "by H_K.",
            formula="p'(x) = p(x) E[K e^r(x) / (e^r(x) + sum_{i<K} e^r(X_i))]",
            domain=domain,
        ),
        claim(
            "Ferbach.rise",
            laws.curation_gain,
            law=_gain,
            title="the reward rises",
            kind="lower",
            statement="The mean of w = e^(r - r*), r* the greatest reward, rises with its variance "
            "at least.",
            formula="E'[w] - E[w] >= ((K-1)/K) Var(w)",
            domain=domain,
        ),
        limit(
            "Ferbach.limit",
            laws.tilted_probabilities,
            law=_tilted,
            along="contenders",
            title="the best liked of very many",
            statement="With very many draws curation tilts the law by e^r.",
            formula="p' -> p e^r / E[e^r]",
            domain=Box(reward=REWARD, best=INSIDE),
        ),
    ]


def _feng() -> list[Claim]:
    return [
        limit(
            "Feng.breakdown",
            laws.breakdown_error,
            law=lambda: 1.0,
            along="examples",
            title="a majority of verified examples",
            direction="below",
            statement="The majority of very many verified examples is right below the breakdown "
            "point of their error and wrong above it.",
            formula="P(majority right) -> 1 where 1 - p < 1/(1 + psi/phi), -> 0 where above",
            domain=Box((CLEAR,), keep_correct=UNIT, keep_wrong=UNIT, accuracy=UNIT),
        ),
        claim(
            "Feng.bound",
            laws.majority_error_bound,
            title="how fast it becomes right",
            kind="upper",
            statement="Below the breakdown point the majority's error falls geometrically.",
            formula="P(majority wrong or tied) <= (1 - (sqrt(phi p) - sqrt(psi (1-p)))^2)^n",
            domain=Box(
                (ABOVE,),
                keep_correct=UNIT,
                keep_wrong=UNIT,
                accuracy=UNIT,
                examples=[1, 2, 5, 10, 100, 1000],
            ),
        ),
    ]


CLAIMS = [*_shumailov(), *_gerstgrasser(), *_seddik(), *_ferbach(), *_feng()]
