"""What the commands that read the log of a run have in common."""

from __future__ import annotations

from typing import Any

import boostsim as bs
from boostsim.arguments import refuse
from boostsim.fitting.found import Fit

RATES = ("gamma", "false_accept", "false_reject")


def fitted(flags: dict[str, Any]) -> Fit:
    """Return the fit of the log that the flags name; what is the fit's is taken out of them.

    Raises:
        ValueError: for a file that is no log of attempts, and whatever ``bs.fit`` refuses.
    """
    path = flags.pop("log")
    how: dict[str, Any] = {}
    log = bs.read_log(path)
    if isinstance(log, bs.Looks):
        raise refuse("log", "a log of attempts, not of looks", str(path))
    if "looks" in flags:
        how["looks"] = bs.read_log(flags.pop("looks"))
    rates = {name: flags.pop(name) for name in RATES if name in flags}
    if rates:
        how["filter"] = bs.NoisyFilter(**rates)
    if "confidence" in flags:
        how["confidence"] = flags.pop("confidence")
    return bs.fit(log, **how)
