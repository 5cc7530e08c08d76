"""What decides an answer, in a line above its table: what was given, and else the library's own."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

# Where something is kept, run or drawn decides no number.
ELSEWHERE = ("folder", "scheduler", "plot", "out", "names")


def settings(given: Mapping[str, Any], *functions: Callable[..., Any]) -> str:
    """Return the settings of an answer, in the form of those of a run.

    What is None, off or empty is left out: it decides nothing, or what it does is told below.

    Args:
        given: by name, such as flags.
        functions: that are called with them; of these defaults are told where nothing is given.

    Example:
        >>> from boostsim.certification.boxes import prove_all
        >>> settings({"time_limit": 0.5, "folder": "here"}, prove_all)
        'Settings: halvings 14; time limit 0.5.'
        >>> settings({"log": "run.jsonl", "levels": ("exact", "statistical"), "plot": "x.png"})
        'Settings: log run.jsonl; levels exact, statistical.'
    """
    defaults = {
        name: parameter.default
        for function in functions
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.default is not inspect.Parameter.empty
    }
    own = {name: value for name, value in given.items() if name not in defaults}
    words = [
        f"{name.replace('_', ' ')} {_shown(value)}"
        for name, value in {**own, **defaults, **given}.items()
        if name not in ELSEWHERE and value is not None and value is not False and value != ()
    ]
    return f"Settings: {'; '.join(words)}."


def _shown(value: Any) -> str:
    """Return a value in a few words."""
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    if value is True:
        return "yes"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
