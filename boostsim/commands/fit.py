"""``boostsim fit``: what the log of a run says."""

from __future__ import annotations

from typing import Any

import boostsim as bs
from boostsim.commands.cache import use_cache
from boostsim.commands.logs import fitted
from boostsim.commands.output import say
from boostsim.commands.pictures import check_picture, write_picture
from boostsim.commands.settings import settings


def fit(flags: dict[str, Any]) -> int:
    """Read a log, fit it and print what was found; the exit code is 0.

    Raises:
        ValueError: for whatever the library refuses.
    """
    as_json, plot = flags.pop("json", False), flags.pop("plot", None)
    check_picture(plot)
    use_cache()
    told = settings(flags, bs.fit)
    found = fitted(flags)
    say(found.to_json() if as_json else f"{told}\n{found.summary()}")
    write_picture(found.plot, plot)
    return 0
