"""T12 and T22 as claims: what is kept of earlier iterations, and what real data anchor."""

from __future__ import annotations

from boostsim.theory import laws
from boostsim.theory.box import Box
from boostsim.theory.claims.shared import ITERATIONS, UNIT
from boostsim.theory.proofs import claim, limit

INSIDE = (0.1, 0.9)
REAL = (0.02, 2.0)


def _subsampled(examples: int, each: int, iterations: int) -> float:
    found = laws.subsample_diversity(
        examples=examples, draws=each * examples, iterations=iterations
    )
    return float(found)


def _anchored_diversity(
    examples: int,
    real_share: float,
    initial_error: float,
    reference_accuracy: float,
    iterations: int,
) -> float:
    p, r = 1.0 - initial_error, reference_accuracy
    found = laws.anchor_diversity(
        examples=examples,
        real_share=real_share,
        initial_diversity=2.0 * p * (1.0 - p),
        reference_diversity=2.0 * r * (1.0 - r),
        overlap=p * r + (1.0 - p) * (1.0 - r),
        iterations=iterations,
    )
    return float(found)


def _filtered(gamma: float, real_share: float, reference_accuracy: float) -> float:
    found = laws.anchor_filter(
        gamma=gamma, real_share=real_share, reference_accuracy=reference_accuracy
    )
    return float(found.fixed_point)


def _boosted(
    beta: float,
    gamma: float,
    real_share: float,
    reference_accuracy: float,
    initial_accuracy: float,
    iterations: int,
) -> float:
    found = laws.anchor_boosting(
        beta=beta, gamma=gamma, real_share=real_share, reference_accuracy=reference_accuracy
    )
    fixed, left = float(found.fixed_point), float(found.rate) ** iterations
    return left * initial_accuracy + (1.0 - left) * fixed


CLAIMS = [
    claim(
        "T12.first",
        laws.accumulate_diversity_drawn,
        title="a first batch that is drawn",
        kind="equality",
        statement="Where the first model enters what is kept by as many draws as a batch has, that "
        "is what it costs, once.",
        formula="E H_t = H_0 (1 - 1/(2M)) prod_{s=3..t+1} (1 - 1/(M s^2))",
        domain=Box(examples=range(1, 9), iterations=range(5), initial_error=INSIDE),
    ),
    claim(
        "T12.subsample",
        laws.subsample_diversity,
        law=_subsampled,
        title="training on a part of what is kept",
        kind="equality",
        statement="Where all is kept and as many draws from it are trained on, diversity is lost "
        "by both, and never vanishes but at one draw.",
        formula="E H_t = H_0 (1 - 1/m) (1 - 1/(4M)) prod_{s=3..t+1} (1 - c/s^2),  "
        "c = 1 - (1 - 1/M)(1 - 1/m)",
        domain=Box(examples=[1, 2, 3], each=[1, 2], iterations=range(5), initial_error=INSIDE),
    ),
    claim(
        "T12.window",
        laws.window_diversity,
        title="a window of iterations",
        kind="equality",
        statement="The diversity that a window of the last n iterations keeps follows from the "
        "pairs of its batches.",
        formula="E H_t = mean of J(s, u),  J(u, u) = (1 - 1/M) H_(u-1),  "
        "J(s, u) = mean of J(s, j), j before u",
        domain=Box(examples=[1, 2, 4], window=[1, 2, 3], iterations=range(7), initial_error=INSIDE),
    ),
    limit(
        "T12.equivalent",
        laws.window_equivalent_size,
        along="examples",
        direction="below",
        title="as how many examples a window is",
        statement="For many examples a window of n iterations loses diversity as replacing "
        "((n+1)/2)^2 times as many does.",
        formula="M_e / (M ((n+1)/2)^2) -> 1",
        domain=Box(window=[1, 2, 3, 4, 8]),
    ),
    claim(
        "T12.real",
        laws.accumulate_real_accuracy,
        title="real data that come with every batch",
        kind="equality",
        statement="Where all is kept, real data win by a power of the iterations, not "
        "geometrically.",
        formula="E p_t - r = (p_0 - r) prod_{s=1..t} (1 - rho/(1 + s (1 + rho)))",
        domain=Box(
            real_share=REAL,
            reference_accuracy=(0.05, 1.0),
            initial_accuracy=(0.05, 1.0),
            iterations=ITERATIONS,
        ),
    ),
    claim(
        "T22",
        laws.anchor_accuracy,
        title="real data anchor",
        kind="equality",
        statement="Without curation real data draw the expected accuracy to theirs, geometrically.",
        formula="E p_t - r = (1 + rho)^-t (p_0 - r)",
        domain=Box(
            real_share=REAL,
            reference_accuracy=UNIT,
            initial_accuracy=UNIT,
            iterations=ITERATIONS,
        ),
    ),
    limit(
        "T22.filter",
        laws.anchor_filter,
        law=_filtered,
        title="the filter alone, anchored",
        statement="With one attempt and real data the filter alone ends where real data and "
        "verdicts balance, whatever the first model is.",
        formula="p_t -> [d - rho + sqrt((d - rho)^2 + 4 d rho r)]/(2 d),  d = 1 - 2 gamma",
        domain=Box(
            gamma=(0.0, 0.45),
            real_share=(0.05, 2.0),
            reference_accuracy=(0.05, 1.0),
            initial_accuracy=UNIT,
        ),
    ),
    claim(
        "T22.error",
        title="right real data solve every prompt",
        kind="upper",
        statement="Where real data are right the filter alone leaves an error that falls "
        "geometrically, from a model that knows nothing too.",
        formula="r = 1  =>  e_t <= (gamma/(gamma + rho))^t e_0",
        domain=Box(gamma=(0.0, 0.45), real_share=REAL, initial_error=UNIT, iterations=ITERATIONS),
        law=lambda gamma, real_share, initial_error, iterations: (
            (gamma / (gamma + real_share)) ** iterations * initial_error
        ),
        proof="e' = gamma e/(A + rho), and A = gamma + (1 - 2 gamma) p is at least gamma.",
    ),
    claim(
        "T22.boosting",
        laws.anchor_boosting,
        law=_boosted,
        title="boosting, anchored",
        kind="equality",
        statement="With one attempt real data draw T3's fixed point towards theirs, and divide its "
        "rate by 1 + rho.",
        formula="p_T - p* = rate^T (p_0 - p*),  "
        "p* = (beta (1-gamma) + rho r)/(gamma (1-beta) + beta (1-gamma) + rho)",
        domain=Box(
            beta=UNIT,
            gamma=UNIT,
            real_share=REAL,
            reference_accuracy=UNIT,
            initial_accuracy=UNIT,
            iterations=ITERATIONS,
        ),
    ),
    claim(
        "T22.diversity",
        laws.anchor_diversity,
        law=_anchored_diversity,
        title="diversity, anchored",
        kind="equality",
        statement="At finitely many examples the expected diversity goes geometrically to what "
        "drift and real data leave of it.",
        formula="E H_t = H* - b u^t + (H_0 - H* + b) a^t,  u = 1/(1 + rho),  a = u^2 (1 - 1/M)",
        domain=Box(
            examples=range(1, 9),
            real_share=REAL,
            initial_error=UNIT,
            reference_accuracy=UNIT,
            iterations=range(5),
        ),
    ),
    limit(
        "T22.kept",
        laws.anchor_diversity_limit,
        title="what an anchor keeps for ever",
        statement="A real example for every other iteration keeps half of the diversity of real "
        "data, however many examples there are.",
        formula="E H_t/H_R -> rho (2 + rho)/(rho (2 + rho) + 1/M)",
        domain=Box(examples=range(1, 9), real_share=(0.05, 2.0), initial_error=UNIT),
    ),
]
