"""T14 and T15 as claims."""

from __future__ import annotations

from boostsim.theory import laws
from boostsim.theory.box import Box
from boostsim.theory.claims.shared import UNIT
from boostsim.theory.proofs import claim, limit


def _two_sources(beta: float, initial_liked: float, attempts: int) -> float:
    share = laws.persistent_filter_ancestry(
        initial_liked=initial_liked, labeler_liked=beta, attempts=attempts
    )
    return float(2.0 * share * (1.0 - share))


CLAIMS = [
    claim(
        "T14",
        laws.persistent_labels_error,
        title="a labeler that repeats itself",
        kind="equality",
        statement="Where every prompt has one answer for ever, the first iteration is the last "
        "that helps.",
        formula="e_t = (1-beta) e_0 for every t >= 1   (p_0 in {0, 1})",
        domain=Box(beta=UNIT, initial_error=UNIT, iterations=range(1, 17)),
    ),
    limit(
        "T15",
        laws.persistent_filter_floor,
        along="wrong_answers",
        title="a filter that repeats itself",
        statement="Where every pair has one verdict for ever the model tends to what the "
        "filter likes of the labels, whatever the attempts; with wrong labels spread over very "
        "many answers its expected error is T15's.",
        formula="E e -> E[gamma (1-beta)/(gamma (1-beta) + beta U/c)],  U ~ Binomial(c, 1-gamma)",
        domain=Box(
            beta=(0.1, 0.6),
            gamma=(0.1, 0.4),
            correct_answers=[1, 2, 4],
            attempts=[1, 3],
        ),
    ),
    limit(
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
