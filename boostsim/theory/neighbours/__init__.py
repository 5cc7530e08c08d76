"""What neighbouring papers prove: their setting, derived again here; one file a paper."""

from __future__ import annotations

from boostsim.theory.neighbours import beirami, feng, ferbach, gerstgrasser, seddik, shumailov

CLAIMS = [
    claim
    for paper in (shumailov, gerstgrasser, seddik, ferbach, feng, beirami)
    for claim in paper.CLAIMS
]
