"""T1 to T22 and theorems of neighbouring papers as claims, by name: ``bs.claims["T3"]``.

A theorem with several parts is several claims: its own name stands for the main one, the others
follow after a dot. A claim's domain is where it is *checked*; where its law holds further, over
iterations without end say, the law's docstring tells. The numbering is this project's own;
neighbours go by their first author's name.
"""

from __future__ import annotations

from collections.abc import Mapping

from boostsim.objects import Named
from boostsim.theory import neighbours
from boostsim.theory.claim import Claim
from boostsim.theory.claims import (
    blind_spots,
    convergence,
    failure,
    freshness,
    noise,
    regimes,
    updates,
    visits,
    weights,
)


def _number(claim: Claim) -> int:
    return int(claim.name[1:].split(".")[0])


_ALL = [
    *convergence.CLAIMS,
    *noise.CLAIMS,
    *failure.CLAIMS,
    *freshness.CLAIMS,
    *weights.CLAIMS,
    *updates.CLAIMS,
    *blind_spots.CLAIMS,
    *visits.CLAIMS,
    *regimes.CLAIMS,
]
CLAIMS: Mapping[str, Claim] = Named(
    {claim.name: claim for claim in [*sorted(_ALL, key=_number), *neighbours.CLAIMS]}
)
