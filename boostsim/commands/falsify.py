"""``boostsim falsify``: look for counterexamples, and say how hard one looked."""

from __future__ import annotations

import json
import sys
from typing import Any

import boostsim as bs
from boostsim.commands.cache import use_cache
from boostsim.commands.claims import chosen
from boostsim.progress import track

__all__ = ["falsify"]


def falsify(flags: dict[str, Any]) -> int:
    """Look for counterexamples to claims; exit code 1 where one is found.

    Raises:
        ValueError: for whatever the library refuses.
    """
    as_json = flags.pop("json", False)
    claims = chosen(flags.pop("names", ()))
    use_cache()
    try:
        found = [bs.falsify(claim, **flags) for claim in track(claims, "claims", len(claims))]
    except ModuleNotFoundError as error:
        raise ValueError(str(error)) from None
    code = int(any(found))
    if as_json:
        print(json.dumps([json.loads(each.to_json()) for each in found], indent=2))
        return code
    from rich.console import Console

    console = Console(width=None if sys.stdout.isatty() else 110)
    for each in found:
        style = "bold red" if each else None
        console.print(each.summary(), style=style, highlight=False, markup=False)
    return code
