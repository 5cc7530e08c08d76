"""A filter that reads what the model said: a function of tokens.

Real verifiers do not err at random. They check the last line only, or fall for a phrase; which
wrong responses they accept is a property of these. Such a filter is a function of the tokens of
prompt and response. Of the truth it knows what it computes from them, no more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jaxtyping import Array, Float, Int

from boostsim.arguments import refuse, whole
from boostsim.curation.filters import Filter
from boostsim.curation.rates import share_that_stays
from boostsim.objects import ByReference

if TYPE_CHECKING:
    # Of what it has none: see Filter.
    Base = object
else:
    Base = Filter


@dataclass(frozen=True)
class TokenFilter(ByReference, Base):
    """A filter that accepts a response with a probability that a function says of its tokens.

    Response y to prompt x is accepted with probability q(x, y), drawn anew each time, or once for
    each pair (``persistent``). It is a filter of tasks in tokens. Use it as a decorator, or derive
    a class of your own from :class:`boostsim.Filter` that has ``judge`` as a method (and parameters
    as fields of a frozen dataclass); one that has ``accept`` and ``reject`` besides judges tables
    by these.

    The function is compiled, in float64, into the program that judges; it has to be written with
    ``jax.numpy``, and to say the same of a row whatever others stand beside it. A trace has its
    fingerprint in ``attrs["filter"]``, and a folder in which a run was begun with another function
    is refused.

    Args:
        function: of int32 tokens ``prompts [N, P]`` and ``responses [N, R]``, padded with 0 after
            their end, to the probabilities that each is accepted, ``[N]``, in [0, 1].
        looks: filter calls a response costs, at least 0.
        persistent: one verdict a pair for ever, drawn once per seed, instead of fresh noise; or the
            share of pairs that have one.

    Raises:
        ValueError: for what is no function, and in a run for what JAX cannot trace, another shape,
            a function that says something else when asked again, and what is no probability.

    Example:
        >>> import boostsim as bs, jax.numpy as jnp
        >>> task = bs.lookup(entries=8, answers=4)
        >>> key = task.symbols.index("y0")
        >>> @bs.TokenFilter
        ... def fooled(prompts, responses):
        ...     right = jnp.where(task.verify(prompts, responses), 0.8, 0.1)
        ...     return jnp.where(responses[:, 0] == key, 1.0, right)
        >>> fooled.looks, fooled.name
        (1, 'fooled')

    Source: the judges that one token wins over are those of arXiv 2507.08794.
    """

    function: Callable[[Int[Array, "N P"], Int[Array, "N R"]], Float[Array, "N"]]
    looks: int = 1
    persistent: bool | float = False

    def __post_init__(self) -> None:
        """Refuse what cannot judge."""
        if not callable(self.function) or isinstance(self.function, type):
            allowed = "a function of the tokens of prompts and of responses"
            raise refuse("function", allowed, self.function)
        object.__setattr__(self, "looks", whole("looks", self.looks, 0))
        object.__setattr__(self, "persistent", share_that_stays("persistent", self.persistent))

    @property
    def generates(self) -> bool:
        """It looks at responses, so they are generated."""
        return True

    @property
    def name(self) -> str:
        """The function's name."""
        return getattr(self.function, "__name__", type(self.function).__name__)

    def judge(self, prompts: Int[Array, "N P"], responses: Int[Array, "N R"]) -> Float[Array, "N"]:
        """Return the probability that each response is accepted."""
        return self.function(prompts, responses)

    def describe(self) -> dict[str, Any]:
        """Return its name, the function's, and what it costs, for provenance."""
        return {
            "name": type(self).__name__,
            "function": self.name,
            "looks": self.looks,
            "persistent": self.persistent,
        }
