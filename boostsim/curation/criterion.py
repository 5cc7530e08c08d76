"""What a selection criterion is: who gets a label, judged by what the visits showed.

A criterion is a pure function of :class:`~boostsim.curation.visits.Visits` that returns one number
of at least zero for each cell; zero is never labelled. It is written once and runs in exact and in
sampled runs alike, because both hand it the same cells.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from boostsim.arguments import choice, first_line, flag, refuse, unknown
from boostsim.curation.rule_files import FROM_FILE, restored
from boostsim.curation.truth import Truth
from boostsim.curation.visits import Visits, pass_rates
from boostsim.mode import fixed
from boostsim.objects import ByReference, fingerprint, is_own, renewed, untraceable

# What a criterion can read that is known before the run: the same in every iteration.
_KNOWN_BEFOREHAND = frozenset({"accepted", "attempts", "pass_rate"})


@dataclass(frozen=True)
class Criterion(ByReference):
    """A priority for each cell of visits, and how a budget is shared by it.

    Attributes:
        function: ``visits -> priority``, a pure function into ``[cells]``, every entry >= 0.
        allocation: ``"ranked"`` or ``"proportional"``, see :mod:`boostsim.curation.allocation`.
        sees_truth: whether it is a yardstick: ``(visits, truth) -> priority``, see
            :class:`boostsim.Truth`.
    """

    function: Callable[..., Float[Array, "cells"]]
    allocation: str = "ranked"
    sees_truth: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be called, and unknown ways to share a budget."""
        if not callable(self.function):
            raise refuse("criterion", "a function of bs.Visits", self.function)
        choice("allocation", self.allocation, ("ranked", "proportional"))
        object.__setattr__(self, "sees_truth", flag("sees_truth", self.sees_truth))
        # What help() shows of a rule is what the rule says of itself.
        object.__setattr__(self, "__doc__", getattr(self.function, "__doc__", None))

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Say where it stands, a file where that is no module that can be imported."""
        place = self._place()
        if place is not None and place[0].startswith(FROM_FILE):
            file = os.path.abspath(str(sys.modules[place[0]].__file__))
            return restored, (place[0], file, *place[1])
        return super().__reduce_ex__(protocol)

    @property
    def name(self) -> str:
        """The function's name."""
        return getattr(self.function, "__name__", type(self.function).__name__)

    def describe(self) -> dict[str, str]:
        """Return its name and how a budget is shared out, for provenance."""
        return {"criterion": self.name, "allocation": self.allocation}

    # Whether what an iteration showed counts in the next; see boostsim.curation.remembering.
    remembers = False

    @property
    def asks_filter(self) -> bool:
        """Whether the filter judges every label for it."""
        return False

    def __call__(self, visits: Visits, truth: Truth | None = None) -> Float[Array, "cells"]:
        """Return the priorities, checked for their shape; a yardstick needs the truth as well."""
        if not self.sees_truth:
            return self.checked(self.function, visits)
        if truth is None:
            raise refuse(f"criterion {self.name!r}", "given the truth, which it sees", None)
        return self.checked(lambda seen: self.function(seen, truth), visits)

    def init(self, groups: int) -> Any:
        """Return the memory before the first iteration; None where there is none."""
        return None

    def ask(
        self, memory: Any, visits: Visits, key: jax.Array | None, truth: Truth | None = None
    ) -> Float[Array, "cells"]:
        """Return the priorities of an iteration; the truth is for a yardstick alone."""
        return self(visits, truth)

    def learned(
        self,
        memory: Any,
        visits: Visits,
        labelled_mass: Float[Array, "cells"],
        accepted_label_mass: Float[Array, "cells"],
    ) -> Any:
        """Return the memory after an iteration."""
        return memory

    def tried(self, visits: Visits) -> Any:
        """Return all that it computes; a yardstick is told that it is even whether a model errs."""
        if not self.sees_truth:
            return self(visits)
        half = jnp.full_like(visits.mass, 0.5)
        return self(visits, Truth(half, half))

    def checked(self, function: Callable[[Visits], Any], visits: Visits) -> Float[Array, "cells"]:
        """Return what a function of the visits says, one number for each cell.

        Raises:
            ValueError: for another shape, for complex numbers, for what JAX cannot trace.
        """
        wanted = f"an array with one real priority for each of {visits.mass.shape[0]} cells"
        told = f"criterion {self.name!r}"
        try:
            answer = function(visits)
            if answer is None:
                raise refuse(
                    told, f"a function that returns {wanted}", None, "Is a return missing?"
                )
            priority = jnp.asarray(answer)
        except Exception as error:
            told_why = complaint(self.name, error, f"that returns {wanted}")
            if told_why is error:
                raise
            raise told_why from error
        if priority.shape != visits.mass.shape:
            hint = "Multiply by jnp.ones_like(visits.pass_rate)." if priority.ndim == 0 else ""
            raise refuse(told, wanted, priority.shape, hint)
        if jnp.iscomplexobj(priority):
            raise refuse(told, wanted, str(priority.dtype))
        return priority.astype(visits.mass.dtype)

    def reads(self, attempts: int) -> frozenset[str]:
        """Return the names of the fields of ``Visits`` that priority and memory depend on.

        The traced program is walked backwards from its result, so the answer errs only towards
        naming too much.
        """
        # One that reads something outside may depend on something else than when it was asked last.
        now = renewed(self, self.fingerprint(1)) if is_own_rule(self) else ""
        return _reads_of(self.name, self.tried, attempts, now)

    def fingerprint(self, attempts: int) -> str:
        """Return a hash of what the rule computes: two bodies under one name differ.

        It is taken of the traced program and of the arrays in it, so comments and names in the
        source do not count; and whether the filter judges labels for it, for then it is told more.
        """
        with fixed(double=True):
            traced = _traced(self.name, self.tried, attempts)
        return fingerprint(traced) + ("+" if self.asks_filter else "")

    def priority_by_accepted(self, attempts: int) -> np.ndarray | None:
        """Return the priorities of J = 0..attempts when they depend on J alone, else None.

        It must read nothing else, and it must not look from one cell to another: so it is tried on
        one prompt and on three in another order, and the answers compared cell by cell.
        """
        if self.sees_truth or self.remembers or not self.reads(attempts) <= _KNOWN_BEFOREHAND:
            return None
        # One of one's own may read something outside, so it is asked each time.
        ask = _priority_of.__wrapped__ if is_own_rule(self) else _priority_of
        priority = ask(self, attempts)
        return None if priority is None else priority.copy()


def is_own_rule(rule: Criterion) -> bool:
    """Whether a rule's function was written outside of this package, or is such a rule."""
    inner = rule.function
    return is_own_rule(inner) if isinstance(inner, Criterion) else is_own(inner)


def example(accepted: np.ndarray, attempts: int) -> Visits:
    """Return visits with the stated numbers of accepted responses: what a criterion is tried on."""
    counts = np.asarray(accepted, np.int32)
    share = jnp.full(len(accepted), 1.0 / len(accepted))
    prompt = np.arange(len(accepted), dtype=np.int32) // np.int32(attempts + 1)
    # Put there, which takes no program: asked for an array, JAX compiles one for each shape.
    prompt, counts, tried, rate = jax.device_put(
        (prompt, counts, np.full_like(counts, attempts), pass_rates(attempts)[accepted])
    )
    return Visits(
        prompt=prompt,
        group=prompt,
        accepted=counts,
        attempts=tried,
        pass_rate=rate,
        mass=share,
        disagreement=0.0 * share,
    )


def complaint(name: str, error: Exception, wanted: str = "") -> ValueError:
    """Return what is wrong with a rule that raised an error, in a sentence that names the rule."""
    told = f"criterion {name!r}"
    if isinstance(error, ValueError) and str(error).startswith(told):
        return error
    if isinstance(error, AttributeError) and isinstance(error.obj, (Visits, Truth)):
        known = [field.name for field in fields(error.obj)]
        return unknown(f"{told}: a field of {type(error.obj).__name__}", str(error.name), known)
    how = untraceable(error)
    must = f"must be a pure function of bs.Visits {wanted}".rstrip()
    if how:
        must = f"must be written {how}"
    return ValueError(f"{told} {must}; it raised {first_line(error)}")


def _traced(name: str, rule: Callable[[Visits], Any], attempts: int) -> Any:
    """Return the rule as a program of JAX, or refuse what is none or another each time."""
    visits = example(np.arange(attempts + 1), attempts)
    programs = []
    for _ in range(2):
        try:
            # Through a fresh function each time, for JAX remembers what it has traced.
            programs.append(jax.make_jaxpr(lambda seen: rule(seen))(visits))
        except Exception as error:
            told_why = complaint(name, error)
            if told_why is error:
                raise
            raise told_why from error
    if any(isinstance(array, jax.core.Tracer) for each in programs for array in each.consts):
        raise ValueError(
            f"criterion {name!r} must be a pure function of bs.Visits: it keeps what it was asked "
            "with before"
        )
    first, again = (
        (str(each.jaxpr), [np.asarray(array).tobytes() for array in each.consts])
        for each in programs
    )
    if first != again:
        raise ValueError(
            f"criterion {name!r} must be a pure function of bs.Visits: asked twice it computes "
            "something else (draw from a memory's key, if at all)"
        )
    return programs[0]


@functools.lru_cache(maxsize=256)
def _reads_of(
    name: str, rule: Callable[[Visits], Any], attempts: int, program: str
) -> frozenset[str]:
    """Return the names of the fields of ``Visits`` that a function of them depends on.

    The answer is remembered by what the function computes.
    """
    with fixed(double=True):
        traced = _traced(name, rule, attempts).jaxpr
    needed = {id(variable) for variable in traced.outvars}
    for equation in reversed(traced.eqns):
        if any(id(variable) in needed for variable in equation.outvars):
            needed.update(id(variable) for variable in equation.invars)
    names = [field.name for field in fields(Visits)]
    return frozenset(
        name for name, variable in zip(names, traced.invars, strict=True) if id(variable) in needed
    )


@functools.lru_cache(maxsize=256)
def _priority_of(rule: Criterion, attempts: int) -> np.ndarray | None:
    """Return the priorities of J = 0..attempts where they depend on J alone, else None."""
    one = np.arange(attempts + 1)
    several = np.concatenate([one[::-1], one, np.roll(one, 1)])
    with fixed(double=True):
        priority = np.asarray(rule(example(one, attempts)))
        again = np.asarray(rule(example(several, attempts)))
    if not np.array_equal(again, priority[several], equal_nan=True):
        return None
    bad = np.flatnonzero(~(np.isfinite(priority) & (priority >= 0.0)))
    if bad.size:
        raise refuse(
            f"criterion {rule.name!r}",
            "finite and at least 0 on every cell",
            float(priority[bad[0]]),
            f"See the visits with {bad[0]} of {attempts} accepted.",
        )
    return priority
