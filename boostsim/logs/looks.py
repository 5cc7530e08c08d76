"""Several looks of a verdict at one response: do its errors repeat?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from boostsim.arguments import refuse
from boostsim.logs.arrays import index, names, whole_numbers
from boostsim.logs.rules import LACKING
from boostsim.objects import ByValue


@dataclass(frozen=True, eq=False)
class Looks(ByValue):
    """What a verdict said each time it looked at one response, as :func:`boostsim.read_log` reads.

    Attributes:
        prompts: names, text or whole numbers, ``[prompts]``.
        prompt: index into ``prompts``, int32 ``[looks]``.
        responses: names likewise, ``[responses]``.
        response: index into ``responses``, int32 ``[looks]``; no prompt has a response twice.
        verdicts: 1 accepted, 0 rejected, -1 none given, int8 ``[looks, most verdicts]``.
        correct: 1 right, 0 wrong, -1 not known, int8 ``[looks]``.
        malformed: as in a :class:`Log`; so are
        ignored: and
        source: where it was read.

    Raises:
        ValueError: for arrays whose shapes, types or values do not fit together.

    Example:
        >>> Looks(["a"], [0], [7], [0], [[1, 0, -1]], [1]).verdicts.tolist()
        [[1, 0, -1]]
    """

    prompts: np.ndarray
    prompt: np.ndarray
    responses: np.ndarray
    response: np.ndarray
    verdicts: np.ndarray
    correct: np.ndarray
    malformed: tuple[tuple[int, str], ...] = ()
    ignored: tuple[str, ...] = ()
    source: str = "arrays"

    def __post_init__(self) -> None:
        """Refuse what are no looks."""
        looks = np.shape(self.prompt)
        if len(looks) != 1 or looks[0] == 0:
            raise refuse("prompt", "an array [looks] that is not empty", self.prompt)
        kept = {name: names(name, getattr(self, name)) for name in ("prompts", "responses")}
        for name, of in (("prompt", "prompts"), ("response", "responses")):
            kept[name] = index(name, getattr(self, name), looks, len(kept[of]))
        shape = (looks[0], np.shape(self.verdicts)[1] if np.ndim(self.verdicts) == 2 else 1)
        for name, wanted in (("verdicts", shape), ("correct", looks)):
            kept[name] = whole_numbers(name, getattr(self, name), np.int8, wanted, LACKING, 1)
        for name, held in kept.items():
            held.setflags(write=False)
            object.__setattr__(self, name, held)
        place = self.prompt.astype(np.int64) * len(self.responses) + self.response
        if len(np.unique(place)) < len(place):
            raise refuse(
                "response", "one look's each: no prompt has a response twice", self.response
            )
