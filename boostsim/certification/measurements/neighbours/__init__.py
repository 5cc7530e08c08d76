"""Neighbouring papers, measured: one file a paper, with a small simulator of its own."""

from __future__ import annotations

from boostsim.certification.measurement import Measurement
from boostsim.certification.measurements.neighbours import (
    beirami,
    feng,
    ferbach,
    gerstgrasser,
    seddik,
    shumailov,
)

MEASUREMENTS: dict[str, Measurement] = {
    **shumailov.MEASUREMENTS,
    **gerstgrasser.MEASUREMENTS,
    **seddik.MEASUREMENTS,
    **ferbach.MEASUREMENTS,
    **feng.MEASUREMENTS,
    **beirami.MEASUREMENTS,
}
