"""Criteria by name: built in, from a file, or from an installed package's entry point."""

from __future__ import annotations

import ast
import inspect
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from boostsim.arguments import first_line, refuse, unknown
from boostsim.curation import criteria
from boostsim.curation.criterion import Criterion
from boostsim.curation.rule_files import is_file, loaded

ENTRY_POINTS = "boostsim.criteria"


def load_criterion(name: str) -> Criterion:
    """Return a criterion by its name.

    - ``failed``: built in (nothing else can have such a name); with its numbers where it has
      some, ``below(0.5)``.
    - ``mine.py:rule``: what a file calls ``rule``; the file is run. ``mine.py`` alone is enough
      where the file makes only one, and ``~`` is your home.
    - anything else: an entry point of that name in the group ``boostsim.criteria`` of an installed
      package.

    Args:
        name: as above.

    Raises:
        ValueError: where there is none of that name, where what is there is no criterion, and where
            it cannot be imported.

    Example:
        >>> load_criterion("below(0.5)").name
        'below(0.5)'
    """
    if not isinstance(name, str) or not name.strip():
        raise refuse("criterion", "a name", name)
    name = name.strip()
    # A path may have colons of its own.
    file, attribute = (name, "") if name.endswith(".py") else name.rpartition(":")[::2]
    if file.endswith(".py"):
        return _from_file(name, file, attribute)
    called, parenthesis, rest = name.partition("(")
    if called in criteria.__all__:
        return _built_in(name, called, parenthesis + rest)
    installed = {point.name: point for point in entry_points(group=ENTRY_POINTS)}
    if name in installed:
        return _from_entry_point(installed[name])
    if is_file(Path(f"{name.partition(':')[0]}.py")):
        where = f"{name.partition(':')[0]}.py:{name.rpartition(':')[2]}"
        raise refuse("criterion", f"written like {where} where it stands in a file", name)
    raise unknown("criterion", name, {*criteria.__all__, *installed})


def _built_in(name: str, called: str, rest: str) -> Criterion:
    found = getattr(criteria, called)
    if isinstance(found, Criterion):
        if rest:
            raise refuse("criterion", f"{called}, without numbers", name)
        return found
    signature = inspect.signature(found)
    try:
        if rest and not rest.endswith(")"):
            raise SyntaxError
        numbers: Any = ast.literal_eval(f"[{rest[1:-1]}]")
        signature.bind(*numbers)
    except (SyntaxError, TypeError, ValueError, RecursionError, MemoryError):
        arguments = ", ".join(signature.parameters)
        raise refuse("criterion", f"written like {called}({arguments})", name) from None
    made: Criterion = found(*numbers)
    return made


def _from_file(name: str, file: str, attribute: str) -> Criterion:
    module = loaded(name, file)
    if attribute:
        found = getattr(module, attribute, None)
        if found is None:
            made = ", ".join(_made_in(module)) or "none"
            raise refuse("criterion", f"one that {file} makes ({made})", name)
        return _checked(name, found)
    made_here = _made_in(module)
    if len(made_here) != 1:
        told = ", ".join(made_here) or "none"
        raise refuse("criterion", f"one of those that {file} makes ({told}), as FILE:NAME", name)
    return next(iter(made_here.values()))


def _made_in(module: ModuleType) -> dict[str, Criterion]:
    """Return the criteria of a module that are not the built-in ones."""
    known = {id(each) for each in vars(criteria).values()}
    return {
        name: each
        for name, each in vars(module).items()
        if isinstance(each, Criterion) and id(each) not in known
    }


def _from_entry_point(point: EntryPoint) -> Criterion:
    try:
        found = point.load()
    except (Exception, SystemExit) as error:
        raise ValueError(
            f"criterion {point.name!r} cannot be imported from {point.value}; it raised "
            f"{first_line(error)}"
        ) from error
    return _checked(point.name, found)


def _checked(name: str, found: Any) -> Criterion:
    if not isinstance(found, Criterion):
        raise refuse(
            f"criterion {name!r}", "made by @bs.criterion (or by bs.criterion(rule))", found
        )
    return found
