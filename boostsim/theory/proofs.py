"""Claims that rest on laws: their proofs and references are read from the laws' docstrings.

``python -OO`` keeps no docstrings in memory: then they are read from the source.
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from typing import Any

from boostsim.theory.claim import Claim
from boostsim.theory.law import Law


def part(law: Law, heading: str) -> str:
    """Return one part of a law's docstring ("Statement", "Domain", "Proof", "Reference")."""
    try:
        text = inspect.getdoc(law) or _written(law)
    except OSError:
        # Neither docstrings nor the source are here; a claim can be checked without.
        return ""
    found = re.search(rf"^{heading}: (.*?)(?=^[A-Z]\w+:|\Z)", text, re.MULTILINE | re.DOTALL)
    if found is None:
        raise LookupError(f"the docstring of {law.__name__} has no {heading!r}")
    return inspect.cleandoc(found[1]).strip()


def _written(law: Law) -> str:
    """Return a law's docstring from its source."""
    (function,) = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(law)))).body
    assert isinstance(function, ast.FunctionDef)
    return ast.get_docstring(function) or ""


def claim(name: str, source: Law | None = None, /, **fields: Any) -> Claim:
    """Make a claim; what is not said comes from the law that it rests on."""
    if source is not None:
        fields.setdefault("law", source)
        fields.setdefault("proof", part(source, "Proof"))
        fields.setdefault("reference", part(source, "Reference"))
    fields.setdefault("reference", "derived here")
    return Claim(name=name, **fields)


def limit(name: str, source: Law | None = None, /, **fields: Any) -> Claim:
    """Make a claim of what is tended to, as iterations go on unless said otherwise."""
    return claim(name, source, kind="limit", **{"along": "iterations", **fields})
