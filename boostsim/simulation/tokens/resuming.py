"""With what a run in a folder was computed so far: told where it changes between iterations.

A run that goes on after an upgrade of JAX is the same run still, but its numbers are no longer, to
the last bit, those of one go. So it goes on and warns, and the trace says what changed where. That
its criterion does the same as before is checked: by what it says of a fixed set of visits, and,
where nothing was upgraded, by the text of its program.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from boostsim.curation.behaviour import behaviour, difference
from boostsim.curation.criterion import Criterion
from boostsim.results import provenance

# The names of what is kept of it among a run's arrays.
KEPT = ("h_facts", "h_behaviour")
# They change no number.
IDLE = ("format", "python_version")


def facts(**more: str) -> dict[str, str]:
    """Return all that may decide a number's last bits, besides what the run is."""
    told = {**provenance(double=False), **more}
    return {name: value for name, value in told.items() if name not in IDLE}


class History:
    """With what the iterations of one seed were computed."""

    def __init__(self, criterion: Criterion, attempts: int, **more: str) -> None:
        """Begin it: everything is computed here and now."""
        self.name = criterion.name
        self.behaviour = behaviour(criterion, attempts)
        self.now = facts(program=criterion.fingerprint(attempts), **more)
        # Each with the iteration from which on it holds.
        self.entries: list[tuple[int, dict[str, str]]] = [(0, self.now)]

    def go_on(self, path: Path, state: dict[str, np.ndarray], iteration: int) -> None:
        """Take over what a folder knows; from this iteration on everything is computed here.

        Raises:
            ValueError: where the criterion was another.
        """
        entries = entries_of(state)
        before = dict(entries[-1][1])
        what = difference(state["h_behaviour"], self.behaviour)
        program = before.pop("program"), self.now["program"]
        rest = {name: value for name, value in self.now.items() if name != "program"}
        if what is None and before == rest and program[0] != program[1]:
            what = "its program is another"
        if what is not None:
            raise ValueError(
                f"folder must hold this very run; {str(path)!r} was begun with criterion "
                f"{self.name!r} when it computed something else: {what}"
            )
        self.entries = list(entries)
        if before != rest:
            self.entries.append((iteration, self.now))
            where = f"before iteration {iteration} with {_differs(entries[-1][1], self.now)}"
            warnings.warn(
                f"{str(path)!r} was computed {where}: numbers may differ in their last digits from "
                "those of one go, and the trace's attribute 'resumed' says so",
                stacklevel=2,
            )

    def arrays(self) -> dict[str, np.ndarray]:
        """Return what a folder has to know."""
        told = np.frombuffer(json.dumps(self.entries).encode(), np.uint8)
        return dict(zip(KEPT, (told, self.behaviour), strict=True))

    def words(self, iterations: int) -> str:
        """Return what of iterations 0 to T was not computed as the trace says, or nothing."""
        return words(self.entries, self.now, iterations)


def entries_of(state: Mapping[str, np.ndarray]) -> list[tuple[int, dict[str, str]]]:
    """Return with what iterations were computed, as a folder knows it."""
    return [(int(start), told) for start, told in json.loads(state["h_facts"].tobytes())]


def words(entries: list[tuple[int, dict[str, str]]], now: dict[str, str], iterations: int) -> str:
    """Return what of iterations 0 to T was computed otherwise than with what is said, or nothing.

    Args:
        entries: each with the iteration from which on it holds.
        now: with what the others were computed.
        iterations: T.
    """
    ends = [start - 1 for start, _ in entries[1:]] + [iterations]
    return ", ".join(
        f"iterations {start} to {min(end, iterations)} with {_differs(told, now)}"
        for (start, told), end in zip(entries, ends, strict=True)
        if start <= min(end, iterations) and _differs(told, now)
    )


def _differs(told: dict[str, str], now: dict[str, str]) -> str:
    names = sorted({*told, *now} - {"program"})
    return " and ".join(
        f"{name.removesuffix('_version').replace('_', ' ')} {told.get(name, 'unknown')} "
        f"(not {now.get(name, 'unknown')})"
        for name in names
        if told.get(name) != now.get(name)
    )
