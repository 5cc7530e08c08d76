"""Policy gradient on verdicts: the model's own attempts, weighed by how they did (T18)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from boostsim.arguments import choice, finite, probability
from boostsim.learners.tabular import Rule, TabularLearner
from boostsim.objects import Described

ADVANTAGES = ("verdict", "leave_one_out", "group_mean", "group_normalised")
# Products with advantages stay far from the ends of what floats hold.
FASTEST = 1e100


def advantages(advantage: str, attempts: int) -> np.ndarray:
    """Return what an accepted and what a rejected attempt count in a visit, ``[2, k + 1]``.

    By J, the accepted ones of its k attempts, among which an accepted one counts itself; so the
    entries of an accepted one at J = 0 and of a rejected one at J = k say nothing.

    Example:
        >>> advantages("leave_one_out", 3).tolist()
        [[1.5, 1.0, 0.5, 0.0], [0.0, -0.5, -1.0, -1.5]]
    """
    accepted = np.arange(attempts + 1.0)
    centred = np.stack([1.0 - accepted / attempts, 0.0 - accepted / attempts])
    if advantage == "verdict":
        return np.stack([np.ones(attempts + 1), np.zeros(attempts + 1)])
    if advantage == "leave_one_out":
        return centred * (attempts / (attempts - 1.0))
    if advantage == "group_mean":
        return centred
    spread = np.sqrt(accepted / attempts * (1.0 - accepted / attempts))
    return np.where(spread > 0.0, centred / np.where(spread > 0.0, spread, 1.0), 0.0)


@dataclass(frozen=True)
class PolicyGradient(Described, TabularLearner):
    """A learner of tables: a natural policy gradient whose rewards are the filter's verdicts.

    It trains on the model's own attempts, accepted or not, and multiplies,

        f'(y|x) proportional to f(y|x)^(1 - lambda) f_0(y|x)^lambda e^(rate adv(y)),

    which is a step of mirror descent: f' makes rate E adv - (1 - lambda) KL(f' || f)
    - lambda KL(f' || f_0) as large as it can be. The advantage adv(y) is the average over the
    attempts that said y, of what one counts among the k attempts of its visit, J of them accepted:

    - ``"verdict"``: 1 if accepted, else 0. In the population filtering alone with the odds ratio
      R = e^(rate (a1 - a0)), a1 and a0 the filter's chances to accept a right and a wrong response;
    - ``"leave_one_out"`` (RLOO): the verdict less the mean of the others' in the visit; k >= 2;
    - ``"group_mean"``: the verdict less J/k, which is (1 - 1/k) times that; k >= 2;
    - ``"group_normalised"`` (GRPO): that over sqrt((J/k)(1 - J/k)), and 0 where all verdicts agree;
      k >= 2.

    Its fate is the sign of a1 - a0: above 0 every p_0 > 0 goes to 1, below 0 every p_0 < 1 to 0; a
    reference keeps it from either end.

    Labels: a visit counts one unit of the row f' above, a label w, its weight:
    (f' + w L W)/(1 + w L), whichever responses the procedure keeps.

    In a sampled run a response that no attempt said has the advantage 0. So on average log f(y)
    moves, up to what normalising adds, not as in the population: with N = v k attempts a
    ``"verdict"`` counts 1 - (1 - f(y))^N of what it does there, ``"leave_one_out"`` and
    ``"group_mean"`` N/(N - 1) (1 - (1 - f(y))^(N - 1)): less for a rare response, and up to
    N/(N - 1) times as much for a frequent one, f(y) > 1 - N^(-1/(N - 1)). A rare right response is
    learned at the population's speed only once it is said. As v grows the run tends to the
    population's.

    It is on-policy: it goes with the regime ``"replace"`` only, with attempts drawn from the model
    as it is, and with visits that make all k of them (so not with ``bs.labels_only``, which makes
    none). It is for tables.

    Args:
        rate: of an iteration, the learning rate, from 0 to 1e100.
        advantage: see above.
        reference: lambda, how far an iteration pulls towards f_0, in [0, 1].

    Raises:
        ValueError: for a number out of range or an unknown advantage; by the procedure, for slots
            that do not go with it.

    Example:
        >>> import boostsim as bs
        >>> task = bs.table_task([[1, 0]], initial=[[0.5, 0.5]])
        >>> grpo = PolicyGradient(0.5, advantage="group_normalised")
        >>> rule = bs.filter_only(attempts=8, filter=bs.NoisyFilter(0.1), learner=grpo)
        >>> bs.simulate(rule, task, 3).accuracy.values.round(3)
        array([[0.5  , 0.677, 0.818, 0.91 ]])

    Source: T18 (docs/theory.md, section 7).
    """

    rate: float
    advantage: str = "verdict"
    reference: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what no learner can be."""
        object.__setattr__(self, "rate", finite("rate", self.rate, 0.0, FASTEST))
        choice("advantage", self.advantage, ADVANTAGES)
        object.__setattr__(self, "reference", probability("reference", self.reference))

    @property
    def rule(self) -> Rule | None:
        """None: what a visit gives is the next row itself."""
        return None

    @property
    def numbers(self) -> Any:
        """The rate, and the pull where there is one."""
        pull = {"reference": self.reference} if self.reference > 0.0 else {}
        return {"rate": self.rate, **pull}

    @property
    def least_attempts(self) -> int:
        """The least k: of one attempt alone there is no mean to compare it with."""
        return 1 if self.advantage == "verdict" else 2

    def tells_apart(self, *, sampled: bool, alone: bool) -> bool:
        """Whether responses of a class move apart: each by its draws, or each to where it was."""
        return sampled or (self.reference > 0.0 and not alone)

    def noise_rows_for(self, quality: np.ndarray) -> None:
        """It has no rows of its own."""
        return
