"""The objective: what is to be small, on which task, and what it may cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import jax
import jax.extend.core
import jax.numpy as jnp
from jaxtyping import Array, Float

from boostsim.arguments import Words, choice, finite, refuse, whole
from boostsim.curation.procedure import Procedure
from boostsim.keys import needed_key
from boostsim.mode import fixed
from boostsim.objects import ByValue, fingerprint
from boostsim.prices import Prices
from boostsim.simulation.tables.prepare import check
from boostsim.tasks.table import TableTask

SCORES = ("average_error", "final_error")
# What a run shows, by iteration 0..T: an array each.
SHOWN = ("error", "accuracy", "labels", "generations", "filter_calls", "cost")
Curves = Mapping[str, Array]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Costs:
    """What makes the cost of a run: numbers, which change no program, and how long it is.

    Attributes:
        label, generation, filter_call, iteration: the prices.
        generated: responses to a visit.
        looks: of the filter at one of them.
        judged: 1 where the criterion has every label judged, else 0.
        iterations: T.
    """

    label: float
    generation: float
    filter_call: float
    iteration: float
    generated: float
    looks: float
    judged: float
    iterations: int = field(metadata={"static": True})

    def before_labels(self, looks: Any) -> Any:
        """Return what a run costs but for its labels (and for judging them)."""
        made = self.iterations * self.generated
        tried = made * (self.generation + self.filter_call * looks)
        return tried + self.iteration * self.iterations

    def label_price(self, looks: Any) -> Any:
        """Return what one label costs, with the looks at it where the criterion wants them."""
        return self.label + self.filter_call * looks * self.judged


@dataclass(frozen=True)
class Score:
    """A score as a program is made for it: two that compute the same are equal.

    Attributes:
        told: a hash of what it computes.
        named: whether it is one of :data:`SCORES`.
        traced: what it computes, of columns in the order of their names.
    """

    told: str
    named: bool
    traced: Any = field(compare=False)

    @partial(jax.jit, static_argnums=0)
    def of(self, run: Curves) -> Float[Array, ""]:
        """Return the score of a run."""
        return jax.extend.core.jaxpr_as_fun(self.traced)(*jax.tree.leaves(dict(run)))[0]


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
            limit. It needs a budget to be designed: labels get what the rest leaves; so it is None
            where attempts stop at the first accepted one, for their cost is known only afterwards.
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
    score: str | Callable[[Curves], Float[Array, ""]] = "average_error"
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
            if self.procedure.until_accepted:
                hint = "What attempts will cost is known only when they were made."
                allowed = "None where attempts stop at the first accepted one"
                raise refuse("spend", allowed, self.spend, hint)
        if not isinstance(self.prices, Prices):
            raise refuse("prices", "a bs.Prices", self.prices)
        if self.key is not None:
            object.__setattr__(self, "key", needed_key(self.key, ""))

    def _try_score(self) -> None:
        """Refuse a score that JAX cannot follow, before anything is compiled."""
        with fixed(double=True):
            try:
                jax.eval_shape(self.of, self._columns())
            except Exception as error:
                if str(error).startswith("score "):
                    # Ours.
                    raise
                shown = ", ".join(SHOWN)
                raise refuse(
                    f"score {self.name!r}",
                    f"written with jax.numpy (jnp.log, jnp.where), of run[...] for {shown}",
                    Words(f"{type(error).__name__}: {str(error).splitlines()[0]}"),
                ) from None

    @property
    def name(self) -> str:
        """What is small, in words."""
        if isinstance(self.score, str):
            return self.score
        return getattr(self.score, "__name__", type(self.score).__name__)

    def of(self, run: Curves) -> Float[Array, ""]:
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

    @property
    def costs(self) -> Costs:
        """What makes the cost of a run."""
        filt = self.procedure.filter
        return Costs(
            **vars(self.prices),
            generated=float(self.procedure.most_attempts * filt.generates),
            looks=float(filt.looks),
            judged=float(self.procedure.criterion.asks_filter),
            iterations=self.iterations,
        )

    def program(self) -> Score:
        """Return the score as programs are made for it; call it with 64-bit types enabled."""
        traced = jax.make_jaxpr(self.of)(self._columns())
        return Score(fingerprint(traced), isinstance(self.score, str), traced)

    def _columns(self) -> dict[str, jax.ShapeDtypeStruct]:
        return dict.fromkeys(SHOWN, jax.ShapeDtypeStruct((self.iterations + 1,), jnp.float64))
