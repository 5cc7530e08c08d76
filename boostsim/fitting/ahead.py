"""What a fit says of what lies ahead: forecasts, how good they were, what to label next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import jax

from boostsim.curation.criterion import Criterion
from boostsim.curation.filters import Filter
from boostsim.curation.procedure import Procedure
from boostsim.fitting.advise import Advice, advise
from boostsim.fitting.backtest import DRAWS, Backtest, backtest
from boostsim.fitting.forecast import Forecast, forecast
from boostsim.fitting.histories import Histories
from boostsim.fitting.threads import one_thread
from boostsim.fitting.world import World

if TYPE_CHECKING:
    from boostsim.logs.log import Log


class Ahead:
    """Forecast, backtest and advice of a fit, which has what they are made from."""

    log: Log
    counts: Histories
    world: World
    filter: Filter
    confidence: float

    if TYPE_CHECKING:

        @property
        def _trusting(self) -> bool:
            """Whether verdicts are taken for truth."""

        @property
        def visits(self) -> int:
            """How many visits a prompt got in an iteration."""

        @property
        def attempts(self) -> int:
            """Attempts of a visit."""

        def procedure(self) -> Procedure:
            """Return what an iteration of the log does."""

    @one_thread()
    def forecast(
        self,
        iterations: int,
        *,
        visits: int | None = None,
        draws: int = DRAWS,
        key: jax.Array | int = 0,
    ) -> Forecast:
        """Forecast the iterations after the log, for its own prompts, with bands and a backtest.

        Each prompt x goes on from its posterior given all that it showed, by the fitted dynamics:
        accuracy_t = (1/n) sum_x E[p_t(x) | history of x]. Where the speed is not constant, at the
        last block's. Bands are bootstrapped over prompts; the band of a mean covers the error of
        what is fitted and what histories leave open, the predictive one the noise of the attempts
        to come as well; neither covers a speed that changes, nor other prompts than these: where
        prompts have speeds of their own, the bands of difficulty classes are too narrow. Beside it
        stand the literal theory (the strong learner, at finite visits), a straight line, no change.

        Args:
            iterations: T, how many ahead, in steps of the log.
            visits: of the literal theory to a prompt in an iteration (default: the log's own).
            draws: of the bootstrap over prompts.
            key: of all draws.

        Raises:
            ValueError: for arguments out of range.

        Example:
            >>> import boostsim as bs
            >>> log = bs.Log(["a", "b", "c"], [0, 1], [0, 0, 1, 1, 2, 2], [0, 1] * 3,
            ...              attempts=[8] * 6, accepted=[2, 4, 4, 6, 0, 1])
            >>> found = bs.fit(log).forecast(2, draws=20)
            >>> found.table.iteration.unique().tolist()
            [2, 3]
        """
        return forecast(
            self.world,
            self.counts,
            iterations,
            self._literal(),
            visits=self.visits if visits is None else visits,
            confidence=self.confidence,
            draws=draws,
            key=key,
            trusting=self._trusting,
        )

    @one_thread()
    def backtest(
        self,
        *,
        visits: int | None = None,
        draws: int = DRAWS,
        key: jax.Array | int = 0,
    ) -> Backtest:
        """Fit the first two thirds of the iterations again, forecast the rest, and score it.

        Beside the fitted speed the literal theory, a straight line and no change, by root mean
        square in the mean and in difficulty classes, and by the log predictive density of an
        attempt. What does better than the fitted speed stands first in the summary. The kind of
        learner and the filter's rates are those of the whole log.

        Args:
            visits: of the literal theory to a prompt in an iteration (default: the log's own).
            draws: of the bootstrap over prompts.
            key: of all draws.

        Raises:
            ValueError: for a log of fewer than three iterations, and arguments out of range.
        """
        return backtest(
            self.world,
            self.counts,
            self._literal(),
            visits=self.visits if visits is None else visits,
            confidence=self.confidence,
            draws=draws,
            key=key,
        )

    @one_thread()
    def advise(
        self,
        budget: int,
        *,
        key: jax.Array | int,
        forgetting: float | None = None,
        criterion: Criterion | str | None = None,
        exploration: float = 0.1,
        beta: float | tuple[float, float] | Mapping[str, float] | None = None,
    ) -> Advice:
        """Say which prompts to label next: where a label is expected to change most.

        A prompt's worth is the expected gain in its correct probability by a label, given all it
        showed: for odds w/(1 + w) E[beta - p'], w the weight of a label (1 where the log buys
        none), p' the model's own after the iteration. With chances pi_x in (0, 1] that make
        sum_x pi_x worth_x largest, given that the share ``exploration`` of the budget is spread
        evenly; drawn by systematic sampling, so that 1/pi_x replays any other plan without bias.

        Args:
            budget: most labels, one a prompt.
            key: of the draw.
            forgetting: what an iteration counts for, relative to the one after it, in (0, 1]; None
                takes the factor that predicts the log best.
            criterion: another rule to be set beside it, a criterion or its name.
            exploration: in (0, 1].
            beta: how often labels are right: a number; one where nothing is accepted in an
                iteration and one elsewhere; or one for each stratum. None: as the log's labels are.

        Raises:
            ValueError: for arguments out of range.

        Example:
            >>> import boostsim as bs
            >>> log = bs.Log(["a", "b"], [0], [0, 1], [0, 0], attempts=[8, 8], accepted=[0, 8])
            >>> bs.fit(log).advise(1, key=0, beta=0.5).table.prompt[0]
            'a'
        """
        return advise(
            self.world,
            self.log,
            self.counts,
            budget,
            key=key,
            forgetting=forgetting,
            criterion=criterion,
            exploration=exploration,
            beta=beta,
            confidence=self.confidence,
            trusting=self._trusting,
        )

    def _literal(self) -> Procedure:
        try:
            return self.procedure()
        except ValueError:
            # Odds that fall have no learner, and labels without truth no labeler: what is left of
            # an iteration is its attempts and its filter.
            return Procedure(attempts=self.attempts, filter=self.filter, keep="all")
