"""Packages that a base installation does not have: whatever needs one says how to get it."""

from __future__ import annotations

from importlib import import_module
from typing import Any

# What a package that is imported under this name is called where it is installed.
CALLED = {
    "distributed": "Dask distributed",
    "hypothesis": "Hypothesis",
    "reasoning_gym": "reasoning-gym",
}


class MissingExtra(ModuleNotFoundError, ValueError):
    """Something was asked for that needs a package which is not here."""


def needed(module: str, extra: str, what: str) -> Any:
    """Import a module of an optional package.

    Args:
        module: its name.
        extra: the extra of boostsim that installs it.
        what: what it is needed for, as the subject of a sentence.

    Raises:
        MissingExtra: an ImportError and a ValueError, where it cannot be imported.

    Example:
        >>> needed("json", "none", "This example").dumps([1])
        '[1]'
    """
    try:
        return import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        absent = isinstance(error, ModuleNotFoundError) and error.name == package
        why = "which is not installed" if absent else f"which cannot be imported ({error})"
        raise MissingExtra(
            f"{what} needs {CALLED[package]}, {why}; install it with: "
            f"pip install 'boostsim[{extra}]'"
        ) from None
