"""Criteria with a memory: what an iteration showed counts in the next.

A rule is an object with three pure functions, all written with jax.numpy:

- ``init(groups)``: the memory before the first iteration, a pytree of arrays;
- ``priority(memory, visits, key)``: one number of at least 0 for each cell;
- ``update(memory, visits, labelled_mass, accepted_label_mass)``: the memory after the iteration.

``labelled_mass`` is each cell's share of all visits that was labelled. Where the rule has
``asks_filter = True`` the filter judges every label, at its price, and ``accepted_label_mass`` is
the part that it accepted (of a prompt's labels as a whole, for cells do not tell them apart); else
it is 0. In exact runs both are expectations: the memory follows the mean field.

What ``visits`` hold is in :class:`boostsim.Visits`, one entry a cell. On a table a group is a
prompt, so a memory by group has one entry a prompt, ``memory[visits.group]`` has one a cell, and
``jnp.zeros(groups).at[visits.group].add(...)`` adds cells up by group. ``key`` is one key of JAX,
another in each iteration. ``bs.criterion(rule)`` makes a criterion of a rule object:

    >>> import boostsim as bs
    >>> class Patience:  # a label for who fails after having failed before
    ...     def init(self, groups):
    ...         return jnp.zeros(groups)
    ...     def priority(self, memory, visits, key):
    ...         return memory[visits.group] * (visits.accepted == 0)
    ...     def update(self, memory, visits, labelled_mass, accepted_label_mass):
    ...         passed = jnp.zeros_like(memory).at[visits.group].add(visits.mass * visits.pass_rate)
    ...         return (passed == 0.0) * 1.0
    >>> patient = bs.boosting(criterion=bs.criterion(Patience()), labeler=bs.WeakLabeler(1.0))
    >>> task = bs.table_task([[1, 0]] * 2, initial=[[0, 1], [1, 0]])
    >>> bs.simulate(patient, task, 2).labels.values.tolist()
    [[0.0, 0.0, 0.5]]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from boostsim.arguments import choice, first_line, refuse
from boostsim.curation.criterion import Criterion
from boostsim.curation.truth import Truth
from boostsim.curation.visits import Visits
from boostsim.keys import as_key

FUNCTIONS = ("init", "priority", "update")


def is_remembering(rule: Any) -> bool:
    """Whether an object has what a rule with a memory needs."""
    missing = [name for name in FUNCTIONS if not callable(getattr(rule, name, None))]
    if missing and len(missing) < len(FUNCTIONS) and not callable(rule):
        raise refuse("criterion", f"an object that has {', '.join(missing)} as well", rule)
    return not missing


@dataclass(frozen=True)
class Remembering(Criterion):
    """A criterion with a memory; ``function`` is the rule object, which must be hashable.

    Raises:
        ValueError: for a class instead of an object of it, or one that cannot be hashed.
    """

    function: Any
    allocation: str = "ranked"

    remembers = True

    def __post_init__(self) -> None:
        """Refuse what is no rule object."""
        if isinstance(self.function, type):
            raise refuse("criterion", "an object, not its class", self.function, "Call it: mine().")
        try:
            hash(self.function)
        except TypeError:
            raise refuse(
                "criterion",
                "hashable",
                self.function,
                "A frozen dataclass is; what changes belongs in the memory.",
            ) from None
        choice("allocation", self.allocation, ("ranked", "proportional"))
        object.__setattr__(self, "__doc__", getattr(self.function, "__doc__", None))

    @property
    def name(self) -> str:
        """The rule's own name, or its class's."""
        return getattr(self.function, "name", type(self.function).__name__)

    @property
    def asks_filter(self) -> bool:
        """Whether the filter judges every label."""
        return bool(getattr(self.function, "asks_filter", False))

    def init(self, groups: int) -> Any:
        """Return the memory before the first iteration."""
        try:
            return jax.tree.map(jnp.asarray, self.function.init(groups))
        except Exception as error:
            raise ValueError(
                f"criterion {self.name!r}: init(groups) must return a memory, a pytree of arrays; "
                f"it raised {first_line(error)}"
            ) from error

    def ask(
        self, memory: Any, visits: Visits, key: jax.Array | None, truth: Truth | None = None
    ) -> Float[Array, "cells"]:
        """Return the priorities, checked for their shape."""
        return self.checked(lambda seen: self.function.priority(memory, seen, key), visits)

    def learned(
        self,
        memory: Any,
        visits: Visits,
        labelled_mass: Float[Array, "cells"],
        accepted_label_mass: Float[Array, "cells"],
    ) -> Any:
        """Return the memory after an iteration, of the same kind as before.

        Raises:
            ValueError: where its shapes or types are others.
        """
        try:
            after = self.function.update(memory, visits, labelled_mass, accepted_label_mass)
            kept = jax.tree.map(lambda old, new: _holds(old, jnp.asarray(new)), memory, after)
            if all(jax.tree.leaves(kept)):
                after = jax.tree.map(lambda old, new: jnp.asarray(new, old.dtype), memory, after)
        except Exception as error:
            raise ValueError(
                f"criterion {self.name!r}: update must be a pure function that returns a memory "
                f"like that of init; it raised {first_line(error)}"
            ) from error
        if not all(jax.tree.leaves(kept)):
            types = [
                [str(jnp.asarray(leaf).dtype) for leaf in jax.tree.leaves(each)]
                for each in (memory, after)
            ]
            raise refuse(
                f"criterion {self.name!r}",
                f"one whose memory keeps its types {types[0]}",
                types[1],
                "What init returns must hold what update does: zeros of floats, for shares.",
            )
        shapes = [[np.shape(leaf) for leaf in jax.tree.leaves(each)] for each in (memory, after)]
        if shapes[0] != shapes[1]:
            raise refuse(
                f"criterion {self.name!r}",
                f"one whose memory keeps its shapes {shapes[0]}",
                shapes[1],
            )
        return after

    def __call__(self, visits: Visits, truth: Truth | None = None) -> Float[Array, "cells"]:
        """Return the priorities before anything was learned."""
        return self.ask(self.init(int(visits.mass.shape[0])), visits, as_key(0))

    def tried(self, visits: Visits) -> Any:
        """Ask and learn once: all that the rule may read is read here."""
        memory = self.init(int(visits.mass.shape[0]))
        zero = jnp.zeros_like(visits.mass)
        return (
            self.ask(memory, visits, as_key(0)),
            self.learned(memory, visits, zero, zero),
        )


def _holds(old: Array, new: Array) -> bool:
    """Return whether an array's kind of number (bool, whole, real, complex) can hold another's."""
    kinds = (jnp.bool_, jnp.integer, jnp.floating, jnp.complexfloating)
    of_old, of_new = (
        [jnp.issubdtype(each.dtype, kind) for kind in kinds].index(True) for each in (old, new)
    )
    return of_new <= of_old
