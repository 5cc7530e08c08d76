"""Scores: what the best, or the preferred, of a visit's attempts is told by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from boostsim.arguments import Words, first_line, numbers, real, refuse, shape_of
from boostsim.objects import ByValue, described

# Whoever keeps one of several by a score. The others never look at one.
CHOOSING = ("best", "preferred")
# Rewards of one prompt may differ by so much: e^100 draws of the least are worth one of the best.
LARGEST_SPREAD = 100.0
TABLE = "an array [responses] or [prompts, responses]"
FUNCTION = "a function of prompts [N, P] and responses [N, R], tokens both, with N numbers"


@dataclass(frozen=True, eq=False)
class Scores(ByValue):
    """What each response is worth, however it was given: the slot ``scores`` of a procedure.

    Attributes:
        given: numbers, ``[responses]`` or ``[prompts, responses]``; or, in tokens, a function.
    """

    given: Any

    def __repr__(self) -> str:
        """Show what was given."""
        return self.name if self.function is not None else repr(self.given.tolist())

    @property
    def function(self) -> Callable[..., Any] | None:
        """The function, or None where there is a table."""
        return None if isinstance(self.given, np.ndarray) else self.given

    def table(self, prompts: int, responses: int) -> np.ndarray:
        """Return the scores on a table, ``[prompts, responses]``.

        Raises:
            ValueError: for a function, and for numbers of another shape.
        """
        if self.function is not None:
            raise refuse("scores", f"{TABLE} where the task is a table", self.given)
        if self.given.shape not in ((responses,), (prompts, responses)):
            allowed = f"of shape ({responses},) or ({prompts}, {responses}), as the task is"
            raise refuse("scores", allowed, shape_of(self.given))
        return np.broadcast_to(self.given, (prompts, responses))

    def of(self, prompts: np.ndarray, responses: np.ndarray) -> np.ndarray:
        """Return the scores of responses ``[N, R]`` to prompts ``[N, P]``, in tokens: ``[N]``.

        Raises:
            ValueError: for a table, and where the function fails or returns something else.
        """
        if self.function is None:
            raise refuse("scores", f"{FUNCTION} where the task is in tokens", self.given)
        try:
            told = np.asarray(self.function(prompts, responses), np.float64)
        except Exception as error:
            hint = f"It raised {first_line(error)}."
            raise refuse("scores", FUNCTION, self.given, hint) from error
        if told.shape != (len(prompts),):
            raise refuse("scores", FUNCTION, Words(f"one that returns shape {told.shape}"))
        bad = np.flatnonzero(~np.isfinite(told))
        if len(bad):
            raise refuse("scores", "finite for every response", float(told[bad[0]]))
        return told

    def steady(self, prompts: np.ndarray, responses: np.ndarray) -> np.ndarray:
        """Return the same, of a function that says so twice.

        Raises:
            ValueError: also where it says something else when asked again.
        """
        told, again = (self.of(prompts, responses) for _ in range(2))
        if not np.array_equal(told, again):
            raise ValueError(
                f"scores must depend on prompts and responses alone: asked again {self.name!r} "
                "says something else"
            )
        return told

    @property
    def name(self) -> str:
        """The function's name."""
        return str(getattr(self.given, "__name__", type(self.given).__name__))

    def describe(self) -> Any:
        """Return the table, or a function by its name; a trace has a hash of what it says."""
        if self.function is None:
            return described(self.given)
        told = described(self.given)
        return {"name": self.name} if told is self.given else told


def checked_scores(keep: str, got: Any) -> Scores | None:
    """Return the scores that a way to keep responses goes by, or refuse what it cannot.

    Raises:
        ValueError: where they are missing, are given to who does not look at them, or are neither
            finite numbers nor a function; and for rewards too far from each other.
    """
    if keep not in CHOOSING:
        if got is not None:
            raise refuse("scores", f"None where keep is {keep!r}, which goes by verdicts", got)
        return None
    if isinstance(got, Scores):
        got = got.given
    if callable(got) and not hasattr(got, "__array__"):
        if isinstance(got, type):
            raise refuse("scores", FUNCTION, got)
        return Scores(got)
    if got is None:
        raise refuse("scores", f"{TABLE}, or in tokens {FUNCTION}, where keep is {keep!r}", None)
    table = numbers("scores", got, min(max(_dimensions(got), 1), 2)) + 0.0
    if keep == "preferred":
        with np.errstate(over="ignore"):
            spread = np.ptp(table, axis=-1).max()
        if spread > LARGEST_SPREAD:
            allowed = f"within {LARGEST_SPREAD:g} of each other on a prompt where keep is {keep!r}"
            raise refuse("scores", allowed, float(spread))
    table.setflags(write=False)
    return Scores(table)


def _dimensions(got: Any) -> int:
    try:
        return real(got).ndim
    except (TypeError, ValueError, OverflowError):
        return 2
