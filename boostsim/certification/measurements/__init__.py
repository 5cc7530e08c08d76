"""How claims are measured: one :class:`Measurement` for each of ``bs.claims``.

The modules are those of the theory. Sampled runs make one visit to a prompt where the claim allows
it: then a model is a point mass after one iteration, the error 0 or 1, and its interval exact.
"""

from __future__ import annotations

from boostsim.certification.measurement import Measurement
from boostsim.certification.measurements import (
    blind_spots,
    convergence,
    failure,
    freshness,
    neighbours,
    noise,
    regimes,
    updates,
    visits,
    weights,
)

MEASUREMENTS: dict[str, Measurement] = {
    **convergence.MEASUREMENTS,
    **noise.MEASUREMENTS,
    **failure.MEASUREMENTS,
    **freshness.MEASUREMENTS,
    **weights.MEASUREMENTS,
    **updates.MEASUREMENTS,
    **blind_spots.MEASUREMENTS,
    **visits.MEASUREMENTS,
    **regimes.MEASUREMENTS,
    **neighbours.MEASUREMENTS,
}
