"""``boostsim advise``: which prompts of a run to label next."""

from __future__ import annotations

from typing import Any

import boostsim as bs
from boostsim.arguments import refuse
from boostsim.commands.cache import use_cache
from boostsim.commands.logs import fitted
from boostsim.commands.output import console, say
from boostsim.commands.pictures import check_picture, write_picture
from boostsim.commands.settings import settings
from boostsim.files import try_to_write
from boostsim.fitting.advise import FORMATS
from boostsim.fitting.found import Fit

SHOWN = 20


def advise(flags: dict[str, Any]) -> int:
    """Advise, write and print; the exit code is 0.

    Raises:
        ValueError: for whatever the library refuses.
    """
    as_json, plot, out = flags.pop("json", False), flags.pop("plot", None), flags.pop("out", None)
    check_picture(plot)
    if out is not None:
        if out.suffix not in FORMATS:
            raise refuse("out", f"a file that ends in {' or '.join(FORMATS)}", str(out))
        try_to_write(out, "out")
    use_cache()
    flags.setdefault("key", 0)
    told = settings(flags, bs.fit, Fit.advise)
    found = fitted(flags).advise(flags.pop("budget"), **flags)
    if out is not None:
        found.write(out)
    if as_json:
        say(found.to_json())
    else:
        _show(found, told)
    write_picture(found.plot, plot)
    return 0


def _show(found: Any, told: str) -> None:
    from rich.markup import escape
    from rich.table import Table

    chosen = found.table[found.table.labelled == 1]
    heads = ("chance", "accuracy", "failing", "beta", "gain")
    title = f"to label next, {min(SHOWN, len(chosen))} of {len(chosen)}"
    table = Table("prompt", *heads, title=title, box=None, padding=(0, 2, 0, 0))
    for row in chosen.head(SHOWN).itertuples(index=False):
        numbers = (row.label_probability, row.accuracy, row.failing, row.beta, row.gain)
        table.add_row(escape(str(row.prompt)), *(f"{value:.4f}" for value in numbers))
    screen = console()
    screen.print(told, highlight=False, markup=False)
    screen.print(table)
    screen.print(found.summary(), highlight=False, markup=False)
