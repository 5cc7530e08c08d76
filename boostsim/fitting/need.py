"""How much a prompt needs a label, and how far back its counts still tell.

A prompt's need is what its whole history says of the model as it is now, not one iteration's count:
the posterior under the fitted world, in which an iteration counts lambda times as much as the one
after it. lambda is that factor, of a few, under which each iteration of the log is best predicted
by those before it: 1 where prompts move as the world says, below where they have ways of their own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from boostsim.fitting.bands import averages, by_history, itself, paths
from boostsim.fitting.buying import Buying
from boostsim.fitting.dynamics import Dynamics
from boostsim.fitting.histories import Histories
from boostsim.fitting.mixture import slices
from boostsim.fitting.world import World

FACTORS = (1.0, 0.98, 0.95, 0.9, 0.8, 0.6)


@dataclass(frozen=True)
class Need:
    """What is expected of each history's prompts in the next iteration, ``[histories]`` each.

    Attributes:
        accuracy: correct probability of the model as it is now.
        failing: that none of its attempts is accepted.
        wrong_label, right_label: by how much a label that is wrong, or right, changes the correct
            probability after the iteration, on average.
        failing_right: the same of failing times (right minus wrong): with it a label's worth may
            depend on whether the prompt fails.
    """

    accuracy: np.ndarray
    failing: np.ndarray
    wrong_label: np.ndarray
    right_label: np.ndarray
    failing_right: np.ndarray

    def gain(self, failing_beta: np.ndarray, other_beta: np.ndarray) -> np.ndarray:
        """Return the expected gain in correct probability by one label.

        With D(b) what a label that is right with probability b changes, which is linear in b,
        E[F D(b_failing) + (1 - F) D(b_other)], F the probability that the prompt fails.

        Args:
            failing_beta: how often a label is right where nothing is accepted.
            other_beta: and elsewhere.
        """
        spread = self.right_label - self.wrong_label
        failing = self.failing_right
        return self.wrong_label + failing_beta * failing + other_beta * (spread - failing)


def need(world: World, counts: Histories, bought: Buying, forgetting: float | None) -> Need:
    """Return the need of each history's prompts.

    Args:
        world: fitted to the counts.
        counts: the log's.
        bought: see :func:`boostsim.fitting.bands.paths`.
        forgetting: lambda, in (0, 1]; None is 1.
    """
    posterior = by_history(world, counts, forgetting)
    moving, step = world.dynamics, counts.span + 1
    one, other = moving.accept
    sure, lost = replace(moving, beta=1.0), replace(moving, beta=0.0)

    def failing(right: np.ndarray) -> np.ndarray:
        return (1.0 - other - (one - other) * right) ** counts.usual_attempts

    def moved(right: np.ndarray, by: Dynamics) -> np.ndarray:
        after = by.advance(right, 1.0 - right, step, 1.0)[0]
        return after - moving.advance(right, 1.0 - right, step)[0]

    found = averages(
        world,
        counts,
        posterior,
        np.array([1]),
        bought,
        itself,
        failing,
        lambda right: moved(right, lost),
        lambda right: moved(right, sure),
        lambda right: failing(right) * (moved(right, sure) - moved(right, lost)),
    )
    return Need(*(each[0] for each in found))


def best_forgetting(
    world: World,
    counts: Histories,
    bought: Buying,
    factors: tuple[float, ...] = FACTORS,
) -> float:
    """Return the factor under which the log's iterations are best predicted by those before.

    The score is the log predictive density of all attempts from the second iteration on, each given
    its prompt's earlier ones.
    """
    ahead = counts.times - counts.span
    one, other = world.dynamics.accept
    prompts = counts.weights()
    scores = dict.fromkeys(factors, 0.0)
    with np.errstate(divide="ignore"):
        prior = np.log(world.weights)
    for part in slices(len(prompts), len(prior) * (len(ahead) if counts.labels is not None else 1)):
        rate = np.clip(
            other + (one - other) * paths(world, counts, ahead, bought, part), 1e-12, 1 - 1e-12
        )
        yes, no = np.log(rate), np.log1p(-rate)
        accepted = counts.accepted[part]
        rejected = counts.attempts[part] - accepted
        for factor in factors:
            held = np.zeros((len(accepted), len(prior)))
            for step in range(len(ahead)):
                if step:
                    held *= factor ** float(counts.times[step] - counts.times[step - 1])
                    joint = held + prior
                    joint = np.exp(joint - joint.max(1, keepdims=True))
                    mean = (joint * rate[step]).sum(1) / joint.sum(1)
                    told = accepted[:, step] * np.log(mean) + rejected[:, step] * np.log1p(-mean)
                    scores[factor] += float(prompts[part] @ told)
                held += accepted[:, step, None] * yes[step] + rejected[:, step, None] * no[step]
    return max(factors, key=lambda factor: (scores[factor], factor))
