"""The kinds of flags that commands have, as a user is shown them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import tyro


def shown(metavar: str) -> Any:
    """Show an optional flag by its kind; its help text says what happens without it."""
    return tyro.conf.arg(metavar=metavar, help_behavior_hint="")


Number = Annotated[float | None, shown("NUMBER")]
Numbers = Annotated[tuple[float, ...] | None, shown("NUMBER...")]
Whole = Annotated[int | None, shown("N")]
Wholes = Annotated[tuple[int, ...] | None, shown("N...")]
Word = Annotated[str | None, shown("WORD")]
Rule = Annotated[int | str | None, shown("WORD")]
Words = Annotated[tuple[str, ...] | None, shown("WORD...")]
File = Annotated[Path | None, shown("FILE")]
Folder = Annotated[Path | None, shown("FOLDER")]
# Where what was found is written.
Out = Annotated[
    Path | None, tyro.conf.arg(metavar="FILE", help_behavior_hint="", aliases=("--out",))
]
