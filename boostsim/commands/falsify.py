"""``boostsim falsify``: look for counterexamples, and say how hard one looked."""

from __future__ import annotations

import os
import tempfile
from typing import Any

import boostsim as bs
from boostsim.commands.cache import use_cache
from boostsim.commands.claims import chosen
from boostsim.commands.output import console, say_all
from boostsim.commands.settings import settings
from boostsim.files import cache_folder
from boostsim.progress import track


def falsify(flags: dict[str, Any]) -> int:
    """Look for counterexamples to claims; the exit code says how it went.

    1: one was found; 3: none was, but time ran out before all was tried, or nothing could be
    tried; 0: none was found.

    Raises:
        ValueError: for whatever the library refuses.
    """
    as_json = flags.pop("json", False)
    claims = chosen(flags.pop("names", ()))
    use_cache()
    # Hypothesis notes what it has read of programs, else in the working folder.
    notes = str(cache_folder() or tempfile.gettempdir()) + "/hypothesis"
    os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", notes)
    found = [bs.falsify(claim, **flags) for claim in track(claims, "claims", len(claims))]
    code = 1 if any(found) else 3 if not all(each.finished for each in found) else 0
    if as_json:
        say_all(found)
        return code

    screen = console()
    screen.print(settings(flags, bs.falsify), highlight=False, markup=False)
    for each in found:
        style = "bold red" if each else None
        screen.print(each.summary(), style=style, highlight=False, markup=False)
    return code
