"""The two kinds of record that a log has, one a line: what was counted, and what was looked at."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

BOUNDS = Meta(ge=0, le=2**53)
# 3.0 is a count too, as frames write one beside a missing one; 3.5 is refused with the columns.
Count = Annotated[int, BOUNDS] | Annotated[float, BOUNDS]
Name = str | int


class Record(Struct, gc=False):
    """What the model before training on an iteration's data did on one prompt; null is lacking."""

    prompt: Name
    iteration: Count
    attempts: Count
    accepted: Count
    correct: Count | None = None
    audited: Count | None = None
    audited_correct: Count | None = None
    audited_accepted: Count | None = None
    audited_accepted_correct: Count | None = None
    visits: list[tuple[Count, Count]] | None = None
    stopping: Literal["fixed", "first_success"] | None = None
    labelled: Count | bool | None = None
    label_probability: float | None = None
    label_accepted: Count | bool | None = None
    label_correct: Count | bool | None = None
    stratum: Name | None = None
    model: Name | None = None


class Look(Struct, gc=False):
    """What a verdict said of one response, each time that it looked; null where it said nothing."""

    prompt: Name
    verdicts: Annotated[list[bool | Literal[0, 1] | None], Meta(min_length=1, max_length=2**16)]
    response: Name = 0
    correct: bool | Literal[0, 1] | None = None


KINDS: dict[str, type[Any]] = {"attempts": Record, "verdicts": Look}
