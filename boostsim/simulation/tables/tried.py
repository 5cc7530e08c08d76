"""A learner's rule of the user's own, tried once before a run on an example of its shapes."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from boostsim.arguments import first_line, refuse
from boostsim.learners.tabular import Rows
from boostsim.objects import fingerprint, untraceable
from boostsim.simulation.tables.learning import adder
from boostsim.simulation.tables.structure import Numbers, Structure

TOLD = "learner.rule"
# Roundings of one entry: what the exponential of a logarithm may lose, down to entries of 1e-300.
ROUNDINGS = 1000.0


def tried(structure: Structure, numbers: Numbers) -> None:
    """Refuse a rule that gives no rows: from the first model, taught the mean of all sources.

    Raises:
        ValueError: for what raises an error or cannot be traced, computes something else each time,
            and returns rows of other shapes, with masses that are negative or not finite, or that
            do not sum to one.
    """
    example = numbers.learner, *_example(structure, numbers)
    _traced(structure, numbers, example)
    rows = _said(structure, numbers, *example)
    row = np.sum([np.asarray(each, np.float64) for each in rows], axis=0)
    classes, prompts = row.shape
    rounding = ROUNDINGS * classes * np.finfo(np.float64).eps

    def where(column: np.integer) -> str:
        return f"It was tried on an example; see prompt {column % (prompts // structure.copies)}."

    bad = np.argwhere(~(np.isfinite(row) & (row >= -rounding)))
    if len(bad):
        allowed = "a function to rows with finite masses of at least 0"
        raise refuse(TOLD, allowed, float(row[tuple(bad[0])]), where(bad[0][1]))
    total = row.sum(axis=0)
    off = np.flatnonzero(np.abs(total - 1.0) > rounding)
    if len(off):
        allowed = "a function to rows that sum to one"
        raise refuse(TOLD, allowed, float(total[off[0]]), where(off[0]))


def _example(structure: Structure, numbers: Numbers) -> tuple[Rows, Rows]:
    """Return what is taught and the row before, a list for each as a run has them."""
    sources = numbers.source_mass
    if not structure.collides:
        return [sources.mean(axis=0)], [sources[0]]
    taught = [source / len(sources) for source in sources]
    return taught, [sources[0], *[jnp.zeros_like(sources[0])] * (len(sources) - 1)]


def _said(
    structure: Structure, numbers: Numbers, given: Any, taught: Rows, before: Rows
) -> list[jax.Array]:
    """Return what the rule says, as a list of arrays."""
    assert structure.learner is not None
    said = structure.learner(given, taught, before, adder(structure, numbers))
    return [] if said is None else [jnp.asarray(row) for row in said]


def _traced(structure: Structure, numbers: Numbers, example: tuple[Any, Rows, Rows]) -> None:
    """Refuse a rule that is no pure function to rows of the shapes that are taught."""
    shapes = [row.shape for row in example[1]]
    wanted = f"a function to rows of shapes {shapes}"
    programs = []
    for _ in range(2):
        try:
            # Through a fresh function each time, for JAX remembers what it has traced.
            programs.append(
                jax.make_jaxpr(lambda *each: _said(structure, numbers, *each))(*example)
            )
        except Exception as error:
            if isinstance(error, ValueError) and str(error).startswith("learner."):
                raise
            how = untraceable(error)
            must = f"be written {how}" if how else f"be {wanted}"
            raise ValueError(f"{TOLD} must {must}; it raised {first_line(error)}") from error
    if any(isinstance(array, jax.core.Tracer) for each in programs for array in each.consts):
        raise ValueError(f"{TOLD} must be a pure function: it keeps what it was asked with before")
    answers = programs[0].out_avals
    if [each.shape for each in answers] != shapes:
        raise refuse(TOLD, wanted, [each.shape for each in answers])
    if any(jnp.issubdtype(each.dtype, jnp.complexfloating) for each in answers):
        raise refuse(TOLD, "a function to rows of real numbers", str(answers[0].dtype))
    first, again = map(fingerprint, programs)
    if first != again:
        raise ValueError(f"{TOLD} must be a pure function: asked twice it computes something else")
