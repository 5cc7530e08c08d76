"""``boostsim forecast``: what the log of a run says of its next iterations."""

from __future__ import annotations

from typing import Any

import boostsim as bs
from boostsim.commands.cache import use_cache
from boostsim.commands.logs import fitted
from boostsim.commands.output import console, say
from boostsim.commands.pictures import check_picture, write_picture
from boostsim.commands.settings import settings
from boostsim.fitting.found import Fit

COLUMNS = ("accuracy", "literal_theory", "straight_line", "no_change")


def forecast(flags: dict[str, Any]) -> int:
    """Forecast and print, the backtest first; the exit code is 0.

    Raises:
        ValueError: for whatever the library refuses.
    """
    as_json, plot = flags.pop("json", False), flags.pop("plot", None)
    check_picture(plot)
    use_cache()
    told = settings(flags, bs.fit, Fit.forecast)
    found = fitted(flags).forecast(flags.pop("iterations"), **flags)
    if as_json:
        say(found.to_json())
    else:
        _show(found, told)
    write_picture(found.plot, plot)
    return 0


def _show(found: Any, told: str) -> None:
    from rich.table import Table

    screen = console()
    screen.print(told, highlight=False, markup=False)
    if found.test is not None:
        screen.print(found.test.summary(), highlight=False, markup=False)
        screen.print()
    heads = ["accuracy", "observed between", "literal\ntheory", "straight\nline", "no\nchange"]
    table = Table("iteration", "prompts", *heads, box=None, padding=(0, 2, 0, 0))
    for row in found.table.itertuples(index=False):
        name = row[1] if row[1] == "all" else f"  {row[1]}"
        table.add_row(
            str(row.iteration),
            name,
            f"{row.accuracy:.4f} [{row.accuracy_low:.4f}, {row.accuracy_high:.4f}]",
            f"[{row.observed_low:.4f}, {row.observed_high:.4f}]",
            *(f"{getattr(row, column):.4f}" for column in COLUMNS[1:]),
        )
    screen.print(table)
    # What the backtest holds against it has been said.
    said = 0 if found.test is None else max(1, len(found.test.warnings()))
    rest = "\n".join(found.summary().splitlines()[said:])
    screen.print(rest, highlight=False, markup=False)
