"""The conformance kit: what a selection criterion has to be, tried on drawn visits and small runs.

Every rule is tried on visits of several prompts whose masses are drawn. Where it breaks a law of
criteria it is told in words which, on which visit, and what to do.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from boostsim.arguments import refuse, whole
from boostsim.curation.criterion import Criterion, complaint
from boostsim.curation.filters import NoisyFilter
from boostsim.curation.labelers import WeakLabeler
from boostsim.curation.presets import boosting
from boostsim.curation.procedure import Procedure
from boostsim.curation.visits import Visits, pass_rates
from boostsim.keys import as_key
from boostsim.mode import fixed
from boostsim.simulation.run import simulate
from boostsim.tasks.table import TableTask, random_table, table_task

PROMPTS, TRIALS = 6, 4
# Relative to the largest priority: sums in another order, and single precision.
ROUNDING, SINGLE = 1e-9, 1e-3
# Sampled runs near the exact one like v^(-1/2); the slope may be this far from -1/2 at most.
VISITS, SEEDS, FLATTEST = (16, 64, 256, 1024), 8, -0.25
NEGLIGIBLE = 1e-9


def check_criterion(rule: Criterion, attempts: int = 4, key: int = 0) -> None:
    """Check that a criterion is one: the same rule, whatever cell of the design it runs in.

    - It is a pure function that JAX can trace, without effects.
    - Its priorities are finite and not negative.
    - Splitting a cell in two, or adding a cell without mass, changes nothing.
    - Renaming the prompts only renames the answer.
    - Compiled, over a batch, and in single precision it says the same.
    - The labels of sampled runs tend to those of the exact run as visits grow, as fast as noise.
    - Where the truth changes and the visits do not, the answer does not.

    A rule with a memory is asked after it has learned from the same visits once; of one that draws
    neither renaming nor single precision is tried, for other numbers are drawn there. Its sampled
    runs need not tend to the exact one.

    Args:
        rule: made by ``@bs.criterion``.
        attempts: k of the visits it is tried on.
        key: of what is drawn, a whole number.

    Raises:
        AssertionError: that names the criterion, says what is wrong, and where.
        ValueError: for something that is no criterion, or one that sees the truth.

    Example:
        >>> import boostsim as bs
        >>> check_criterion(bs.criteria.failed)
        >>> @bs.criterion
        ... def by_name(visits):
        ...     return visits.prompt + 1.0
        >>> check_criterion(by_name)
        Traceback (most recent call last):
        ...
        AssertionError: criterion 'by_name': renaming the prompts must only rename the answer...
    """
    if not isinstance(rule, Criterion):
        raise refuse("rule", "made by @bs.criterion, or in bs.criteria", rule)
    if rule.sees_truth:
        raise ValueError(
            f"criterion {rule.name!r} sees the truth, so it is no rule but a yardstick: there is "
            "nothing to check"
        )
    attempts = whole("attempts", attempts, 1, 1000)
    rng = np.random.default_rng(whole("key", key, 0))
    asked: Criterion = _Once(rule) if rule.remembers else rule
    with fixed(double=True):
        for _ in range(TRIALS):
            visits = _visits(rng, attempts)
            for check in CHECKS:
                by_name = check in (_renames, _survives_single_precision)
                if by_name and isinstance(asked, _Once) and asked.draws(visits):
                    continue
                check(asked, visits, rng)
    if asked is rule:
        _agrees_as_visits_grow(rule, attempts, key)
    _is_blind_to_the_truth(rule, attempts)


class _Once(Criterion):
    """A rule with a memory, asked after it has learned once: a function of the visits again."""

    rule: Criterion

    def __init__(self, rule: Criterion) -> None:
        object.__setattr__(self, "rule", rule)
        super().__init__(self._once, rule.allocation)

    @property
    def name(self) -> str:
        return self.rule.name

    def _once(self, visits: Visits, key: int = 0) -> Any:
        rule = self.rule
        memory = rule.init(PROMPTS)
        # Half of what was seen is labelled, a quarter of all passes.
        memory = rule.learned(memory, visits, 0.5 * visits.mass, 0.25 * visits.mass)
        return rule.ask(memory, visits, as_key(key))

    def draws(self, visits: Visits) -> bool:
        """Whether what it says depends on the key."""
        return not np.array_equal(self._once(visits, 0), self._once(visits, 1))


def _visits(rng: np.random.Generator, attempts: int) -> Visits:
    """Draw visits: every count of several prompts, some without mass."""
    counts = np.tile(np.arange(attempts + 1), PROMPTS)
    prompt = np.repeat(np.arange(PROMPTS), attempts + 1)
    mass = rng.dirichlet(np.full(len(counts), 0.5))
    mass[rng.random(len(counts)) < 0.2] = 0.0
    mass = mass / mass.sum()
    order = rng.permutation(len(counts))
    return Visits(
        prompt=jnp.asarray(prompt[order], jnp.int32),
        group=jnp.asarray(prompt[order], jnp.int32),
        accepted=jnp.asarray(counts[order], jnp.int32),
        attempts=jnp.full(len(counts), attempts, jnp.int32),
        pass_rate=jnp.asarray(pass_rates(attempts)[counts[order]]),
        mass=jnp.asarray(mass),
        disagreement=jnp.asarray(rng.random(PROMPTS)[prompt[order]]),
    )


def _taken(visits: Visits, cells: Any, **changed: Any) -> Visits:
    """Return some of the cells, in that order."""
    taken = {
        field.name: getattr(visits, field.name)[jnp.asarray(cells)]
        for field in dataclasses.fields(visits)
    }
    return Visits(**{**taken, **changed})


def _where(visits: Visits, cell: int) -> str:
    return (
        f"on the visits to prompt {int(visits.prompt[cell])} with {int(visits.accepted[cell])} of "
        f"{int(visits.attempts[cell])} accepted it says"
    )


def _alike(
    rule: Criterion, law: str, visits: Visits, got: Any, wanted: Any, tolerance: float = ROUNDING
) -> None:
    got, wanted = np.asarray(got, np.float64), np.asarray(wanted, np.float64)
    with np.errstate(invalid="ignore"):
        off = np.abs(got - wanted) > tolerance * max(float(np.abs(wanted).max()), 1e-300)
    # What is never labelled must stay so.
    off |= (got > 0.0) != (wanted > 0.0)
    if off.any():
        cell = int(np.argmax(off))
        raise AssertionError(
            f"criterion {rule.name!r}: {law}; {_where(visits, cell)} {float(got[cell]):.6g}, not "
            f"{float(wanted[cell]):.6g}"
        )


def _is_pure(rule: Criterion, visits: Visits, rng: np.random.Generator) -> None:
    before, said = _remembered(rule), io.StringIO()
    try:
        with contextlib.redirect_stdout(said):
            traced = jax.make_jaxpr(rule)(visits)
    except ValueError as error:
        raise AssertionError(str(error)) from None
    except Exception as error:
        raise AssertionError(str(complaint(rule.name, error))) from None
    if said.getvalue():
        raise AssertionError(f"criterion {rule.name!r}: it must have no effects; it prints")
    if traced.effects:
        effects = ", ".join(sorted(map(str, traced.effects)))
        raise AssertionError(f"criterion {rule.name!r}: it must have no effects; it has {effects}")
    answers = rule(visits), rule(visits)
    if _remembered(rule) != before:
        raise AssertionError(
            f"criterion {rule.name!r}: it must remember nothing; what it refers to has changed"
        )
    _alike(rule, "asked twice it must say the same", visits, answers[1], answers[0], 0.0)


def _remembered(rule: Criterion) -> str:
    """What a function, or a rule object, holds on to, as text."""
    if isinstance(rule, _Once):
        return repr(getattr(rule.rule.function, "__dict__", None))
    cells = getattr(rule.function, "__closure__", None) or ()
    held = [repr(cell.cell_contents) for cell in cells]
    names = getattr(getattr(rule.function, "__code__", None), "co_names", ())
    known = getattr(rule.function, "__globals__", {})
    held += [
        repr(known[name])
        for name in names
        if isinstance(known.get(name), (int, float, str, list, dict, set))
    ]
    return repr([*held, getattr(rule.function, "__defaults__", None)])


def _is_a_priority(rule: Criterion, visits: Visits, rng: np.random.Generator) -> None:
    priority = np.asarray(rule(visits))
    bad = ~(np.isfinite(priority) & (priority >= 0.0))
    if bad.any():
        cell = int(np.argmax(bad))
        raise AssertionError(
            f"criterion {rule.name!r}: priorities must be finite and at least 0; "
            f"{_where(visits, cell)} {priority[cell]}"
        )


def _splits(rule: Criterion, visits: Visits, rng: np.random.Generator) -> None:
    cell, share = int(rng.integers(len(visits.mass))), float(rng.uniform(0.1, 0.9))
    cells = [*range(len(visits.mass)), cell]
    mass = visits.mass[jnp.asarray(cells)]
    mass = mass.at[cell].multiply(share).at[-1].multiply(1.0 - share)
    split = _taken(visits, cells, mass=mass)
    law = "splitting a cell's mass in two must change nothing"
    _alike(rule, law, split, rule(split), rule(visits)[jnp.asarray(cells)])


def _pads(rule: Criterion, visits: Visits, rng: np.random.Generator) -> None:
    count = len(visits.mass)
    cells = [*range(count), int(rng.integers(count))]
    mass = visits.mass[jnp.asarray(cells)].at[-1].set(0.0)
    padded = _taken(visits, cells, mass=mass)
    law = "adding a cell without mass must change nothing"
    _alike(rule, law, visits, rule(padded)[:-1], rule(visits))


def _renames(rule: Criterion, visits: Visits, rng: np.random.Generator) -> None:
    name = jnp.asarray(rng.permutation(PROMPTS), jnp.int32)
    order = rng.permutation(len(visits.mass))
    renamed = _taken(
        visits, order, prompt=name[visits.prompt[order]], group=name[visits.group[order]]
    )
    law = "renaming the prompts must only rename the answer"
    _alike(rule, law, renamed, rule(renamed), rule(visits)[jnp.asarray(order)])


def _compiles(rule: Criterion, visits: Visits, rng: np.random.Generator) -> None:
    plain = rule(visits)
    _alike(rule, "compiled it must say the same", visits, jax.jit(rule)(visits), plain)
    other = _taken(visits, np.arange(len(visits.mass)), mass=visits.mass[::-1])
    both = jax.tree.map(lambda a, b: jnp.stack([a, b]), visits, other)
    batch = jax.vmap(rule)(both)
    law = "over a batch (vmap) it must say the same"
    _alike(rule, law, visits, batch[0], plain)
    _alike(rule, law, other, batch[1], rule(other))


def _survives_single_precision(rule: Criterion, visits: Visits, rng: np.random.Generator) -> None:
    single = jax.tree.map(
        lambda leaf: leaf.astype(jnp.float32) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf,
        visits,
    )
    law = "in single precision it must say the same to three digits"
    _alike(rule, law, visits, rule(single), rule(visits), SINGLE)


Check = Callable[[Criterion, Visits, np.random.Generator], None]
CHECKS: tuple[Check, ...] = (
    _is_pure,
    _is_a_priority,
    _splits,
    _pads,
    _renames,
    _compiles,
    _survives_single_precision,
)


def _procedure(rule: Criterion, attempts: int, **slots: Any) -> Procedure:
    budget = 0.3 if rule.allocation == "proportional" else None
    return boosting(attempts=attempts, criterion=rule, budget=budget, **slots)


def _agrees_as_visits_grow(rule: Criterion, attempts: int, key: int) -> None:
    task = random_table(key, prompts=32, responses=6, solvable=0.5)
    procedure = _procedure(rule, attempts, filter=NoisyFilter(0.15), labeler=WeakLabeler(0.3))
    exact = _labels(procedure, task)
    distances = []
    for visits in VISITS:
        sampled = _labels(procedure, task, visits=visits, seeds=SEEDS, key=key)
        distances.append(float(np.sqrt(np.mean((sampled - exact) ** 2))))
    if max(distances) < NEGLIGIBLE or distances[-1] < NEGLIGIBLE:
        return
    slope = float(np.polyfit(np.log(VISITS), np.log(np.maximum(distances, NEGLIGIBLE)), 1)[0])
    if slope > FLATTEST:
        shown = ", ".join(f"{each:.3g} at {v}" for v, each in zip(VISITS, distances, strict=True))
        raise AssertionError(
            f"criterion {rule.name!r}: the labels of sampled runs must tend to those of the exact "
            f"run as visits grow, like v^(-1/2); they are off by {shown} visits (slope {slope:.2f})"
        )


def _labels(procedure: Procedure, task: TableTask, **sampled: Any) -> np.ndarray:
    """Labels bought in the first iteration, by seed and prompt."""
    trace = simulate(procedure, task, 1, record="prompt", **sampled)
    return np.asarray(trace.labels_by_prompt.isel(iteration=1).values)


def _is_blind_to_the_truth(rule: Criterion, attempts: int) -> None:
    """Run two worlds that look alike: what is right in one is wrong in the other."""
    rows = np.array([[0.1, 0.9], [0.5, 0.5], [0.8, 0.2], [1.0, 0.0]])
    quality = np.tile([1.0, 0.0], (4, 1))
    answers = WeakLabeler(rows=np.full((4, 2), 0.5))
    seen = []
    for right, accept, reject in ((quality, 0.1, 0.2), (1.0 - quality, 0.8, 0.9)):
        procedure = _procedure(
            rule,
            attempts,
            filter=NoisyFilter(false_accept=accept, false_reject=reject),
            labeler=answers,
        )
        seen.append(_labels(procedure, table_task(right, initial=rows)))
    if not np.allclose(seen[0], seen[1], rtol=1e-9, atol=1e-12):
        raise AssertionError(
            f"criterion {rule.name!r}: where the truth changes and the visits do not, the answer "
            f"must not change; labels by prompt are {seen[0][0]} and {seen[1][0]}"
        )
