"""``bs.falsify``: look for a counterexample, and say how hard one looked.

First a property search over the domain (Hypothesis), then gradient ascent of the violation through
the recursion, then the counterexample is made as simple as it can be. Exact runs first: there a
counterexample is one beyond rounding. Then sampled runs, where it is one with a stated confidence.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import jax
import numpy as np

from boostsim.arguments import whole
from boostsim.certification.ascent import Trial, ascend, excess, try_exactly
from boostsim.certification.certify import LEVELS, both, chosen_levels
from boostsim.certification.clock import Clock
from boostsim.certification.exact import naming, seen_at
from boostsim.certification.falsification import Falsification
from boostsim.certification.intervals import between_0_and_1
from boostsim.certification.measurement import Measurement
from boostsim.certification.readings import Reading
from boostsim.certification.statistical import look_at, looks_for
from boostsim.extras import needed
from boostsim.keys import as_key, key_text
from boostsim.progress import announced
from boostsim.theory.box import Axis, Point, is_real, just_inside, steps
from boostsim.theory.claim import Claim

# A simpler point must keep so much of the excess of the first counterexample.
KEEP = 0.1
# Most points that are tried to make one simpler.
EXACT_SHRINKS, SAMPLED_SHRINKS = 200, 24
# What an interval may reach beyond the law; a search has no use for a verdict that it holds.
RESOLUTION = 0.0


def falsify(
    claim: Claim | str,
    measurement: Measurement | None = None,
    *,
    examples: int = 100,
    ascents: int = 4,
    samples: int = 2**13,
    confidence: float = 0.999,
    levels: Iterable[str] = LEVELS,
    key: jax.Array | int = 0,
    time_limit: float | None = None,
) -> Falsification:
    """Look for a point of the domain at which a claim is false.

    Exact runs (of a limit: as far as its values have settled): ``examples`` points by Hypothesis;
    from the nearest misses ``ascents`` times uphill, by the gradient of (measured - law) through
    the recursion; then the counterexample is made simpler, axis by axis, while it stays one. Where
    the claim is made for sampled runs, then an eighth as many points of those, without ascent; the
    error probability is divided over all looks, so that a true claim is called false with
    probability at most 1 - confidence.

    A search that finds nothing proves nothing: the summary says how hard it tried. Without a time
    limit the same key finds the same point.

    Args:
        claim: a :class:`Claim`, or the name of one of ``bs.claims``.
        measurement: how it is measured; known for ``bs.claims``.
        examples: points of the property search in exact runs.
        ascents: climbs from the nearest misses.
        samples: draws at one point of sampled runs.
        confidence: that of a counterexample in sampled runs.
        levels: ``"exact"``, ``"statistical"`` or both.
        key: of the search and of all draws.
        time_limit: seconds after which nothing new is begun.

    Returns:
        A :class:`Falsification`: false where nothing was found.

    Raises:
        ValueError: for whatever :func:`boostsim.certify` refuses.
        MissingExtra: an ImportError and a ValueError, where Hypothesis is not installed.

    Example:
        >>> import boostsim as bs
        >>> faster = bs.Claim(
        ...     name="faster",
        ...     statement="Half of what is wrong goes in each iteration, whatever beta is.",
        ...     formula="e_T <= 2^-T e_0",
        ...     kind="upper",
        ...     domain=bs.Box(beta=(0.0, 1.0), initial_error=(0.0, 1.0), iterations=range(1, 4)),
        ...     law=lambda initial_error, iterations: 0.5**iterations * initial_error,
        ... )
        >>> weak = bs.Measurement(lambda beta: bs.boosting(labeler=bs.WeakLabeler(beta)))
        >>> bs.falsify(faster, weak).counterexample
        {'beta': 0.0, 'initial_error': 1.0, 'iterations': 1}
    """
    claim, measurement = both(claim, measurement)
    levels = chosen_levels(levels)
    examples = whole("examples", examples, 1)
    ascents = whole("ascents", ascents, 0)
    samples = whole("samples", samples, 64)
    confidence = between_0_and_1("confidence", confidence)
    search = _Search(claim, measurement, as_key(key), Clock(time_limit))
    with announced(f"looking for a counterexample to {claim.name}"):
        found = None
        if "exact" in levels:
            found = search.exactly(examples, ascents)
        if found is None and "statistical" in levels:
            found = search.by_draws(max(1, examples // 8), samples, 1.0 - confidence)
    conditions = {
        "examples": examples,
        "ascents": ascents,
        "samples": samples,
        "confidence": confidence,
        "levels": list(levels),
        "ladder": seen_at(claim, measurement) if "exact" in levels else None,
        "key": key_text(search.key),
    }
    seconds = search.clock.seconds
    if found is None:
        nan = math.nan
        return Falsification(
            claim, None, None, nan, nan, nan, nan, None, search.effort(), conditions, seconds
        )
    reading = found.reading
    return Falsification(
        claim,
        found.point,
        "statistical" if found.draws else "exact",
        reading.measured,
        found.predicted,
        reading.low,
        reading.high,
        search.found_by,
        search.effort(),
        conditions,
        seconds,
    )


@dataclass
class _Search:
    """One search: what it looks at and what it has done so far."""

    claim: Claim
    measurement: Measurement
    key: jax.Array
    clock: Clock
    seen: dict[str, Trial] = field(default_factory=dict)
    found_by: str | None = None
    ascents: int = 0
    gradients: int = 0
    sampled_points: int = 0
    draws: int = 0
    shrinks: int = 0
    stopped: bool = False

    def effort(self) -> dict[str, Any]:
        nearest = max(self.seen.values(), key=lambda trial: trial.excess, default=None)
        return {
            "exact_points": len(self.seen),
            "ascents": self.ascents,
            "gradients": self.gradients,
            "sampled_points": self.sampled_points,
            "draws": self.draws,
            "shrinks": self.shrinks,
            "nearest": nearest and {"point": nearest.point, "excess": nearest.excess},
            "stopped": self.stopped,
        }

    def go_on(self) -> bool:
        self.stopped = self.stopped or not self.clock
        return not self.stopped

    def exactly(self, examples: int, ascents: int) -> Trial | None:
        """Look at exact runs."""
        if self.measurement.exact is False:
            return None
        found = self._property(examples, "exact", self._try_exactly)
        self.found_by = "search"
        if found is None:
            for start in self._starts(ascents):
                self.ascents += 1
                trial, gradients = ascend(
                    self.claim, self.measurement, start, self._try_exactly, self.go_on
                )
                self.gradients += gradients
                if trial.violated:
                    found, self.found_by = trial, "ascent"
                    break
        if found is None:
            self.found_by = None
            return None
        return self._simplest(found, "exact", self._try_exactly, EXACT_SHRINKS)

    def by_draws(self, examples: int, samples: int, alpha: float) -> Trial | None:
        """Look at sampled runs; every look has its part of the error probability."""
        measurement = self.measurement
        if measurement.sampled is False or (
            self.claim.along is not None and measurement.sampled_ladder is None
        ):
            return None
        most = examples + SAMPLED_SHRINKS
        level = alpha / most
        known: dict[str, Trial] = {}

        def attempt(point: Point) -> Trial:
            # The engine may come back to a point: it then has the same draws.
            if repr(point) not in known:
                if len(known) == most:
                    # The error probability is spent.
                    unseen = Reading(math.nan, math.nan, math.nan, "undecided")
                    return Trial(point, -math.inf, unseen, math.nan)
                known[repr(point)] = self._try_by_draws(point, samples, level, len(known))
            return known[repr(point)]

        found = self._property(examples, "sampled", attempt)
        if found is None:
            return None
        self.found_by = "search"
        return self._simplest(found, "sampled", attempt, SAMPLED_SHRINKS)

    def _try_exactly(self, point: Point) -> Trial:
        if repr(point) not in self.seen:
            self.seen[repr(point)] = try_exactly(self.claim, self.measurement, point)
        return self.seen[repr(point)]

    def _try_by_draws(self, point: Point, samples: int, level: float, number: int) -> Trial:
        with naming(self.claim, point):
            looks = looks_for(self.measurement, point, samples)
            reading, predicted, draws, _ = look_at(
                self.claim,
                self.measurement,
                point,
                looks,
                level / len(looks.runs),
                RESOLUTION,
                jax.random.fold_in(self.key, number),
                lambda size: True,
            )
        assert reading is not None
        self.sampled_points += 1
        self.draws += draws
        return Trial(point, excess(self.claim.kind, reading, predicted), reading, predicted, draws)

    def _property(
        self, examples: int, kind: str, attempt: Callable[[Point], Trial]
    ) -> Trial | None:
        """Let Hypothesis look for a counterexample among so many points."""
        needed("hypothesis", "testing", "bs.falsify")
        from hypothesis import HealthCheck, Phase, given, seed, settings

        from boostsim.certification.strategies import points

        suits = partial(self.measurement.applies, kind)
        if not self.claim.domain.sample(np.random.default_rng(0), 1, suits):
            return None

        @seed(int(np.ravel(jax.random.key_data(self.key))[-1]))
        @settings(
            max_examples=examples,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        )
        @given(points(self.claim, suits))
        def holds(point: Point) -> None:
            if not self.go_on():
                return
            trial = attempt(point)
            if trial.violated:
                raise _FoundError(trial)

        try:
            holds()
        except _FoundError as found:
            return found.trial
        return None

    def _starts(self, count: int) -> list[Trial]:
        """Return the nearest misses, one for each choice of what is not a real number first."""
        ranked = sorted(self.seen.values(), key=lambda trial: -trial.excess)
        reals = {name for name, axis in self.claim.domain.axes.items() if is_real(axis)}
        groups: dict[str, list[Trial]] = {}
        for trial in ranked:
            choices = {name: value for name, value in trial.point.items() if name not in reals}
            groups.setdefault(repr(choices), []).append(trial)
        firsts = [group[0] for group in groups.values()]
        rest = [trial for group in groups.values() for trial in group[1:]]
        return [*firsts, *rest][:count]

    def _simplest(
        self, found: Trial, kind: str, attempt: Callable[[Point], Trial], most: int
    ) -> Trial:
        """Make a counterexample simpler, axis by axis, while it stays one by a good part."""
        least, best, left = KEEP * found.excess, found, most
        improved = True
        while improved:
            improved = False
            for name, axis in self.claim.domain.axes.items():
                for value in _simpler(axis, best.point[name]):
                    point = {**best.point, name: value}
                    if not self.claim.domain.contains(point):
                        continue
                    if not self.measurement.applies(kind, point):
                        continue
                    if left == 0 or not self.go_on():
                        return best
                    left -= 1
                    self.shrinks += 1
                    trial = attempt(point)
                    if trial.violated and trial.excess >= least:
                        best, improved = trial, True
                        break
        return best


class _FoundError(Exception):
    """A counterexample, on its way out of the engine."""

    def __init__(self, trial: Trial) -> None:
        super().__init__("a counterexample")
        self.trial = trial


def _simpler(axis: Axis, value: Any) -> Iterator[Any]:
    """Yield simpler values than this one, the simplest first: ends, the middle, few digits."""
    if isinstance(axis, tuple):
        yield from axis[: axis.index(value)]
        return
    if axis.whole or axis.odd:
        first, _, step = steps(axis)
        behind = (value - first) // step
        yield from sorted({first + step * part for part in (0, behind // 2, behind - 1)} - {value})
        return
    low, high = just_inside(axis)
    values = [low, high, 0.5 * (low + high), *(round(value, digits) for digits in range(7))]
    for simple in values:
        if simple == value:
            # What follows has more digits.
            return
        if low <= simple <= high:
            yield simple
