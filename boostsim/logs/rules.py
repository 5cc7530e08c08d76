"""What the counts of a record must be to each other: the one list, whatever they came in."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

# What a record must have, and what it may have: counts, whole and at least 0.
REQUIRED = ("attempts", "accepted")
OPTIONAL = (
    "correct",
    "audited",
    "audited_correct",
    "audited_accepted",
    "audited_accepted_correct",
    "labelled",
    "label_accepted",
    "label_correct",
)
COUNTS = (*REQUIRED, *OPTIONAL)
# A count that a record lacks.
LACKING = -1
# What a count tells nothing without.
NEEDED = {
    "audited_correct": "audited",
    "audited_accepted": "audited",
    "audited_accepted_correct": "audited",
    "label_accepted": "labelled",
    "label_correct": "labelled",
    "label_probability": "labelled",
}
# The left side is at most the right one, where a record has all that they are made of.
AT_MOST = (
    ("accepted", "attempts"),
    ("correct", "attempts"),
    ("audited", "attempts"),
    ("audited_correct", "audited"),
    ("audited_correct", "correct"),
    ("audited - audited_correct", "attempts - correct"),
    ("audited_accepted", "audited"),
    ("audited_accepted", "accepted"),
    ("audited - audited_accepted", "attempts - accepted"),
    ("audited_accepted_correct", "audited_accepted"),
    ("audited_accepted_correct", "audited_correct"),
    ("audited_correct - audited_accepted_correct", "audited - audited_accepted"),
    ("label_accepted", "labelled"),
    ("label_correct", "labelled"),
)
Arrays = Mapping[str, np.ndarray]


def faults(columns: Mapping[str, np.ndarray | None], visits: Arrays) -> dict[int, str]:
    """Return what is wrong with records: the first reason of each that no run can have left.

    Args:
        columns: counts ``[records]``, int64, -1 where a record lacks one; ``label_probability``,
            float64, NaN where it is lacking; ``first_success``, truth values. Optional ones may be
            None or absent.
        visits: ``record``, ``attempts`` and ``accepted``, ``[visits]``; empty where there are none.

    Example:
        >>> faults({"attempts": np.array([4, 4]), "accepted": np.array([4, 5])}, {})
        {1: 'accepted must be at most attempts; got 5 and 4'}
    """
    found: dict[int, str] = {}

    def wrong(where: np.ndarray, allowed: str, *got: np.ndarray) -> None:
        for record in np.flatnonzero(where).tolist():
            told = " and ".join(str(each[record]) for each in got)
            found.setdefault(record, f"{allowed}; got {told}" if told else allowed)

    had = {name: held for name, held in columns.items() if held is not None}
    attempts = had["attempts"]
    wrong(attempts < 1, "attempts must be at least 1", attempts)
    for name, needed in NEEDED.items():
        if name in had:
            lacks = had[needed] < 0 if needed in had else np.ones(len(attempts), bool)
            wrong(_given(had[name]) & lacks, f"{name} must come with {needed}")
    for sides in AT_MOST:
        parts = [side.split(" - ") for side in sides]
        names = [name for side in parts for name in side]
        if all(name in had for name in names):
            low, high = (had[side[0]] - sum(had[name] for name in side[1:]) for side in parts)
            given = np.logical_and.reduce([had[name] >= 0 for name in names])
            wrong(given & (low > high), f"{sides[0]} must be at most {sides[1]}", low, high)
    if "label_probability" in had:
        share = had["label_probability"]
        outside = ~np.isnan(share) & ~((share >= 0.0) & (share <= 1.0))
        wrong(outside, "label_probability must be in [0, 1]", share)
        bought = had["labelled"] if "labelled" in had else np.zeros(len(share))
        wrong((share == 0.0) & (bought > 0), "label_probability must be above 0 where labelled is")
    if visits:
        _visits(had, visits, wrong)
    return found


def _given(values: np.ndarray) -> np.ndarray:
    return ~np.isnan(values) if values.dtype.kind == "f" else values >= 0


def _visits(had: Arrays, visits: Arrays, wrong: Callable[..., None]) -> None:
    record, attempts, accepted = (visits[name] for name in ("record", "attempts", "accepted"))
    records = len(had["attempts"])
    has = np.bincount(record, minlength=records) > 0

    def some(of_visits: np.ndarray) -> np.ndarray:
        return np.bincount(record[of_visits], minlength=records) > 0

    wrong(some(attempts < 1), "visits must have at least 1 attempt each")
    wrong(some(accepted > attempts), "visits must have accepted at most attempts")
    if "first_success" in had:
        twice = some(accepted > 1) & had["first_success"]
        wrong(twice, "visits that stop at their first success must have accepted at most 1")
    for name, each in (("attempts", attempts), ("accepted", accepted)):
        total = np.zeros(records, np.int64)
        np.add.at(total, record, each)
        wrong(has & (total != had[name]), f"visits must sum up to {name}", total, had[name])
