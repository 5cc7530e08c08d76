"""The conformance kit for statistics: what one has to be, tried on rows of every kind."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from boostsim.arguments import refuse, whole
from boostsim.mode import fixed
from boostsim.statistics import Statistic

RESPONSES, ROWS = (2, 3, 8), 16
# Relative to the largest: sums in another order.
ROUNDING = 1e-9


def check_statistic(statistic: Statistic, key: int = 0) -> None:
    """Check that a statistic is one: the same number of a row, in whatever run it is recorded.

    - It is a pure function that JAX can trace, of rows of any number of responses.
    - It is no infinite number of any row, nor of one with all mass on one response; NaN, not
      defined there, is allowed.
    - In units of ``"probability"`` it is in [0, 1].
    - Compiled, and over many prompts at once, it says the same.

    Args:
        statistic: made by ``@bs.statistic``.
        key: of what is drawn, a whole number.

    Raises:
        AssertionError: that names the statistic, says what is wrong, and on which row.
        ValueError: for something that is no statistic.

    Example:
        >>> import boostsim as bs, jax.numpy as jnp
        >>> check_statistic(bs.statistic(lambda row: jnp.max(row), name="boldest"))
        >>> check_statistic(bs.statistic(lambda row: jnp.sum(jnp.log(row)), name="surprise"))
        Traceback (most recent call last):
        ...
        AssertionError: statistic 'surprise' must not be infinite; of the row [...] it says -inf
    """
    if not isinstance(statistic, Statistic):
        raise refuse("statistic", "made by @bs.statistic", statistic)
    rng = np.random.default_rng(whole("key", key, 0))
    for responses in RESPONSES:
        try:
            statistic.fingerprint(responses)
        except ValueError as error:
            raise AssertionError(str(error)) from None
        rows = rng.dirichlet(np.full(responses, 0.5), ROWS)
        rows[:2], rows[2] = np.eye(responses)[[0, -1]], 1.0 / responses
        quality = (rng.random(rows.shape) < 0.5) * 1.0
        with fixed(double=True):
            _try(statistic, rows, quality)


def _try(statistic: Statistic, rows: np.ndarray, quality: np.ndarray) -> None:
    told = f"statistic {statistic.name!r} must"
    alone = [float(statistic(jnp.asarray(r), jnp.asarray(q))) for r, q in zip(rows, quality)]
    at_once = np.asarray(jax.jit(statistic.of)(jnp.asarray(rows.T), jnp.asarray(quality.T)))
    for row, one, other in zip(rows, alone, at_once, strict=True):
        where = f"of the row {row.round(3).tolist()} it says"
        if np.isinf(one):
            raise AssertionError(f"{told} not be infinite; {where} {one}")
        if statistic.units == "probability" and not (-ROUNDING <= one <= 1.0 + ROUNDING):
            raise AssertionError(f"{told} be in [0, 1], as a probability is; {where} {one!r}")
        if not np.isclose(one, other, ROUNDING, ROUNDING, equal_nan=True):
            law = "say the same compiled, of many prompts at once"
            raise AssertionError(f"{told} {law}; {where} {one!r}, and {float(other)!r}")
