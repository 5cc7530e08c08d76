"""The objective: what is to be small, on which task, and what it may cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from boostsim.curation.procedure import Procedure
from boostsim.mode import fixed
from boostsim.objects import ByValue
from boostsim.prices import Prices
from boostsim.simulation.prepare import check
from boostsim.simulation.run import advance, begin
from boostsim.simulation.structure import Parameters, Structure
from boostsim.tasks.table import TableTask
from boostsim.types import choice, finite, needed_key, refuse, whole

__all__ = ["SCORES", "SHOWN", "Objective", "Run"]

SCORES = ("average_error", "final_error")
# What a run shows, by iteration 0..T: an array each.
SHOWN = ("error", "accuracy", "labels", "generations", "filter_calls", "cost")
Run = Mapping[str, Array]


@dataclass(frozen=True, eq=False)
class Objective(ByValue):
    """What :func:`boostsim.design` makes small: a score of an exact run, at a total price.

    Args:
        procedure: what an iteration does; the designed slots are replaced.
        task: a table task.
        iterations: T, at least 1.
        score: ``"average_error"``, the error averaged over iterations 1..T; ``"final_error"``, that
            of the last model; or a function of a run that returns one number, written with JAX. It
            is given a mapping from ``error``, ``accuracy``, ``labels``, ``generations``,
            ``filter_calls`` and ``cost`` to arrays ``[T + 1]``; costs are cumulative, per visit. It
            needs a slope: a sum of sigmoids says "iterations above 20%", a count does not.
        spend: the most that the run may cost, at these prices, in currency per visit; None is no
            limit. It needs a budget to be designed: labels get what the rest leaves.
        prices: what labels, generations and the rest cost; default ``bs.Prices()``.
        key: where verdicts persist or the criterion draws; else it is not used.

    Raises:
        ValueError: for an argument that is out of range.

    Example:
        >>> import boostsim as bs
        >>> task = bs.random_table(0, prompts=20, solvable=0.0)
        >>> goal = Objective(bs.boosting(labeler=bs.WeakLabeler(0.5)), task, 3)
        >>> goal.score
        'average_error'
    """

    procedure: Procedure
    task: TableTask
    iterations: int
    score: str | Callable[[Run], Float[Array, ""]] = "average_error"
    spend: float | None = None
    prices: Prices = field(default_factory=Prices)
    key: jax.Array | int | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be designed."""
        if not isinstance(self.task, TableTask):
            hint = "A design follows the exact run of a table."
            raise refuse("task", "made by bs.table_task or bs.random_table", self.task, hint)
        check(self.procedure, self.task)
        object.__setattr__(self, "iterations", whole("iterations", self.iterations, 1))
        self.procedure.lasting(self.iterations)
        if callable(self.score):
            self._try_score()
        else:
            choice("score", self.score, SCORES)
        if self.spend is not None:
            object.__setattr__(self, "spend", finite("spend", self.spend, 0.0))
        if not isinstance(self.prices, Prices):
            raise refuse("prices", "a bs.Prices", self.prices)
        if self.key is not None:
            object.__setattr__(self, "key", needed_key(self.key, ""))

    def _try_score(self) -> None:
        """Refuse a score that JAX cannot follow, before anything is compiled."""
        with fixed(double=True):
            column = jax.ShapeDtypeStruct((self.iterations + 1,), jnp.float64)
            try:
                jax.eval_shape(self.of, dict.fromkeys(SHOWN, column))
            except Exception as error:
                if str(error).startswith("score "):
                    # Ours.
                    raise
                shown = ", ".join(SHOWN)
                raise refuse(
                    f"score {self.name!r}",
                    f"written with jax.numpy (jnp.log, jnp.where), of run[...] for {shown}",
                    f"{type(error).__name__}: {str(error).splitlines()[0]}",
                ) from None

    @property
    def name(self) -> str:
        """What is small, in words."""
        if isinstance(self.score, str):
            return self.score
        return getattr(self.score, "__name__", type(self.score).__name__)

    def of(self, run: Run) -> Float[Array, ""]:
        """Return the score of a run."""
        if self.score == "average_error":
            return jnp.mean(run["error"][1:])
        if self.score == "final_error":
            return run["error"][-1]
        assert callable(self.score)
        value = jnp.asarray(self.score(run))
        if value.shape != () or not jnp.issubdtype(value.dtype, jnp.floating):
            got = f"an array of shape {value.shape} and type {value.dtype}"
            raise refuse(f"score {self.name!r}", "one real number", got)
        return value

    def before_labels(self, looks: Any) -> Any:
        """Return what a run costs but for its labels (and for judging them)."""
        filt, prices = self.procedure.filter, self.prices
        made = self.iterations * self.procedure.attempts * filt.generates
        answers = made * (prices.generation + prices.filter_call * looks)
        return answers + prices.iteration * self.iterations

    def label_price(self, looks: Any) -> Any:
        """Return what one label costs, with the looks at it where the criterion wants them."""
        judged = self.procedure.criterion.asks_filter
        return self.prices.label + self.prices.filter_call * looks * judged

    def run(
        self,
        structure: Structure,
        parameters: Parameters,
        key: jax.Array | None,
        looks: Float[Array, ""] | float,
    ) -> dict[str, Array]:
        """Return what an exact run of so many iterations shows, by iteration."""
        state, start = begin(structure, frozenset(), parameters, None)
        _, rows = advance(structure, frozenset(), self.iterations, parameters, None, key, 0, state)
        shown = {name: jnp.concatenate([start[name][None], rows[name]]) for name in start}
        prices, filt = self.prices, self.procedure.filter
        labels = jnp.cumsum(shown["labels"])
        generations = self.procedure.attempts * filt.generates * jnp.cumsum(shown["visited"])
        calls = looks * (generations + jnp.cumsum(shown["judged"]))
        steps = jnp.arange(self.iterations + 1)
        return {
            "error": shown["error"],
            "accuracy": shown["accuracy"],
            "labels": labels,
            "generations": generations,
            "filter_calls": calls,
            "cost": prices.label * labels
            + prices.generation * generations
            + prices.filter_call * calls
            + prices.iteration * steps,
        }
