"""With what a run in a folder was computed so far: told where it changes between iterations.

A run that goes on after an upgrade of JAX is the same run still, but its numbers are no longer, to
the last bit, those of one go. So it goes on and warns, and the trace says what changed where. That
its criterion, and a filter that is a function of tokens, do the same as before is checked: by what
they say where they are always asked the same, and, where nothing was upgraded, by the text of their
programs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from boostsim.curation.behaviour import difference
from boostsim.store import Store
from boostsim.versions import differs, facts

# The names of what is kept of it among every run's arrays.
KEPT = ("h_facts", "h_behaviour")


class Watched(NamedTuple):
    """A part of a run that is a function: a folder that is gone on with must have had the same.

    Attributes:
        slot: of the procedure.
        name: the function's.
        behaviour: what it says where it is always asked the same.
        program: a fingerprint of what it computes.
        kept, fact: the names of the two in a folder.
    """

    slot: str
    name: str
    behaviour: np.ndarray
    program: str
    kept: str
    fact: str


class History:
    """With what the iterations of one seed were computed."""

    def __init__(self, parts: tuple[Watched, ...], **more: str) -> None:
        """Begin it: everything is computed here and now."""
        self.parts = parts
        programs = {part.fact: part.program for part in parts}
        self.now = facts(double=False, **programs, **more)
        # Each with the iteration from which on it holds.
        self.entries: list[tuple[int, dict[str, str]]] = [(0, self.now)]

    def go_on(self, store: Store, path: Path, state: dict[str, np.ndarray], iteration: int) -> None:
        """Take over what a file in a folder knows; from this iteration on all is computed here.

        Raises:
            ValueError: where a function was another.
        """
        entries = entries_of(state)
        before, rest = _apart(entries[-1][1]), _apart(self.now)
        for part in self.parts:
            what = difference(state[part.kept], part.behaviour)
            other = entries[-1][1].get(part.fact) != part.program
            if what is None and before == rest and other:
                what = "its program is another"
            if what is not None:
                raise ValueError(
                    f"folder must hold this very run; {str(path)!r} was begun with {part.slot} "
                    f"{part.name!r} when it computed something else: {what}"
                )
        self.entries = list(entries)
        if before != rest:
            self.entries.append((iteration, self.now))
            store.warn_of_others("iterations", _differs(entries[-1][1], self.now))

    def arrays(self) -> dict[str, np.ndarray]:
        """Return what a folder has to know."""
        told = np.frombuffer(json.dumps(self.entries).encode(), np.uint8)
        return {KEPT[0]: told, **{part.kept: part.behaviour for part in self.parts}}

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


def _apart(told: dict[str, str]) -> dict[str, str]:
    """Return what is known of the programs that are no function of the user's."""
    return {name: value for name, value in told.items() if not name.endswith("program")}


def _differs(told: dict[str, str], now: dict[str, str]) -> str:
    return differs(_apart(told), _apart(now))
