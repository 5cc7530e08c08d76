"""``boostsim plan``: the cheapest way to an error."""

from __future__ import annotations

from typing import Any

import boostsim as bs
from boostsim.commands.cache import use_cache
from boostsim.commands.output import console, say
from boostsim.commands.settings import settings


def plan(flags: dict[str, Any]) -> int:
    """Plan and print; exit code 0: reachable, 1: not.

    Raises:
        ValueError: for whatever the library refuses.
    """
    as_json = flags.pop("json", False)
    use_cache()
    found = bs.plan(**flags)
    if as_json:
        say(found.to_json())
    else:
        from rich.table import Table

        screen = console(160)
        screen.print(settings(_asked(found)), highlight=False, markup=False)
        screen.print(found.summary(), highlight=False, markup=False)
        if found.reachable and found.iterations:
            for told in (found.alternatives, found.at_visits, found.sensitivity):
                table = Table(*told.columns, box=None, padding=(0, 2, 0, 0))
                for row in told.itertuples(index=False):
                    table.add_row(*map(_shown, row))
                screen.print()
                screen.print(table, highlight=False)
    return 0 if found.reachable else 1


def _asked(found: bs.Plan) -> dict[str, Any]:
    """Return what the plan was asked, each price by its flag's name."""
    asked = dict(found.question)
    prices = asked.pop("prices")
    return {**asked, **{f"price_{name}": price for name, price in prices.items()}}


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
