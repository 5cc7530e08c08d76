"""Selection criteria: who gets a label, judged by what the visits showed.

A criterion is a pure function of :class:`~boostsim.curation.visits.Visits` that returns one number
of at least zero for each cell; zero is never labelled. It is written once and runs in exact and in
sampled runs alike, because both hand it the same cells.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, overload

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from boostsim.curation.visits import Visits
from boostsim.types import choice, refuse

__all__ = ["Criterion", "criterion", "failed", "uniform"]

# What a criterion can read that is known before the run: the same in every iteration.
_KNOWN_BEFOREHAND = frozenset({"accepted", "attempts", "pass_rate"})


@dataclass(frozen=True)
class Criterion:
    """A priority for each cell of visits, and how a budget is shared by it.

    Attributes:
        function: ``visits -> priority``, a pure function into ``[cells]``, every entry >= 0.
        allocation: ``"ranked"`` or ``"proportional"``, see :mod:`boostsim.curation.allocation`.
    """

    function: Callable[[Visits], Float[Array, "cells"]]
    allocation: str = "ranked"

    def __post_init__(self) -> None:
        """Refuse what cannot be called, and unknown ways to share a budget."""
        if not callable(self.function):
            raise refuse("criterion", "a function of bs.Visits", self.function)
        choice("allocation", self.allocation, ("ranked", "proportional"))

    @property
    def name(self) -> str:
        """The function's name."""
        return getattr(self.function, "__name__", type(self.function).__name__)

    def __call__(self, visits: Visits) -> Float[Array, "cells"]:
        """Return the priorities, checked for their shape."""
        priority = jnp.asarray(self.function(visits))
        if priority.shape != visits.mass.shape:
            raise refuse(
                f"criterion {self.name!r}",
                f"one priority for each of {visits.mass.shape[0]} cells",
                f"shape {priority.shape}",
            )
        return priority.astype(visits.mass.dtype)

    def reads(self, attempts: int) -> frozenset[str]:
        """Return the names of the fields of ``Visits`` that the priority depends on.

        The traced program is walked backwards from its result, so the answer errs only towards
        naming too much.
        """
        return _reads(self, attempts)

    def priority_by_accepted(self, attempts: int) -> np.ndarray | None:
        """Return the priorities of J = 0..attempts when they depend on J alone, else None."""
        if not self.reads(attempts) <= _KNOWN_BEFOREHAND:
            return None
        with jax.enable_x64(True):
            priority = np.asarray(self(_example(attempts)))
        if not (np.isfinite(priority).all() and (priority >= 0.0).all()):
            bad = int(np.flatnonzero(~(np.isfinite(priority) & (priority >= 0.0)))[0])
            raise refuse(
                f"criterion {self.name!r}",
                "finite and at least 0 on every cell",
                float(priority[bad]),
                f"See the visits with {bad} of {attempts} accepted.",
            )
        return priority


def _example(attempts: int) -> Visits:
    """One prompt with every number of accepted responses: what a criterion is tried on."""
    accepted = jnp.arange(attempts + 1, dtype=jnp.int32)
    zero = jnp.zeros_like(accepted)
    share = jnp.full(attempts + 1, 1.0 / (attempts + 1))
    return Visits(
        prompt=zero,
        group=zero,
        accepted=accepted,
        attempts=zero + attempts,
        pass_rate=accepted / attempts,
        mass=share,
        disagreement=0.0 * share,
    )


@functools.lru_cache(maxsize=256)
def _reads(rule: Criterion, attempts: int) -> frozenset[str]:
    with jax.enable_x64(True):
        try:
            traced = jax.make_jaxpr(rule)(_example(attempts)).jaxpr
        except ValueError:
            raise
        except Exception as error:
            message = str(error).strip().splitlines()
            raise ValueError(
                f"criterion {rule.name!r} must be a pure function of bs.Visits that JAX can trace; "
                f"it raised {type(error).__name__}: {message[0] if message else ''}"
            ) from error
    needed = {id(variable) for variable in traced.outvars}
    for equation in reversed(traced.eqns):
        if any(id(variable) in needed for variable in equation.outvars):
            needed.update(id(variable) for variable in equation.invars)
    names = [field.name for field in fields(Visits)]
    return frozenset(
        name for name, variable in zip(names, traced.invars, strict=True) if id(variable) in needed
    )


@overload
def criterion(function: Callable[[Visits], Any]) -> Criterion: ...
@overload
def criterion(*, allocation: str = ...) -> Callable[[Callable[[Visits], Any]], Criterion]: ...
def criterion(
    function: Callable[[Visits], Any] | None = None, *, allocation: str = "ranked"
) -> Criterion | Callable[[Callable[[Visits], Any]], Criterion]:
    """Make a selection criterion of a function of the visits.

    Args:
        function: ``visits -> priority`` of shape ``[cells]``; 0 is never labelled.
        allocation: how a budget is shared: ``"ranked"`` (highest priorities first, ties share the
            rest) or ``"proportional"`` (probability min(1, c priority); needs a budget).

    Returns:
        A :class:`Criterion`; with ``allocation`` alone, a decorator.

    Raises:
        ValueError: for something that cannot be called, or an unknown allocation.

    Example:
        >>> import boostsim as bs
        >>> @bs.criterion
        ... def struggling(visits):
        ...     return (visits.pass_rate < 0.5) * (1.0 - visits.pass_rate)
        >>> struggling.priority_by_accepted(attempts=4)
        array([1.  , 0.75, 0.  , 0.  , 0.  ])
    """
    if function is None:
        return functools.partial(Criterion, allocation=allocation)
    return Criterion(function, allocation)


@criterion
def failed(visits: Visits) -> Float[Array, "cells"]:
    """Visits on which no response was accepted: the focus of arXiv 2502.08924."""
    return (visits.accepted == 0) * 1.0


@criterion
def uniform(visits: Visits) -> Float[Array, "cells"]:
    """Every visit alike, whatever it showed."""
    return jnp.ones_like(visits.mass)
