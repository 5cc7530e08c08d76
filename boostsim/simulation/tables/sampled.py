"""The sampled step: v visits to each prompt, collapsed and lumped (docs/theory.md, section 5).

The counts of J over the visits are multinomial, the labelled ones binomial, and given these the
kept responses and the labels are multinomial over the classes: with two classes a handful of
binomials a prompt, whatever the number of visits, attempts and responses. The class masses are a
Markov chain by themselves, so they are the whole state. Where a quantity within the classes is
asked for (diversity, entropy, disagreement, sharpening) every response is a class of its own.
"""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from boostsim.curation.division import entrywise
from boostsim.hashing import fold_in
from boostsim.learners.tabular import Rows
from boostsim.simulation.tables.choosing import kept_gain_by_part
from boostsim.simulation.tables.gradient import drawn_advantage, updated
from boostsim.simulation.tables.learning import begun, first, learn
from boostsim.simulation.tables.population import (
    Attempts,
    attempt,
    focus,
    label_law,
    law_of,
    remember,
    sharpened,
    total,
    weighed,
)
from boostsim.simulation.tables.samplers import FEW, binomial, multinomial, thinned, uniforms
from boostsim.simulation.tables.state import Info, State, judged, masses, shown
from boostsim.simulation.tables.structure import Numbers, Structure

# One constant a draw site: a key is used once.
VISITED, ATTEMPTS, FOCUS, EXAMPLES, PRIORITY, JUDGED, TRIED, SAID, BEGUN, DRAWN = range(10)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Sampling:
    """How much is seen.

    Attributes:
        visits: to a prompt that is visited; ``[iterations]`` where that changes.
        visited_share: the chance that it is; None for 1.
        few: the most visits where they are at most ``FEW``, else None: what a program is made for.
    """

    visits: Float[Array, "*batch"] | Float[Array, "*batch iterations"]
    visited_share: Float[Array, "*batch"] | None
    few: int | None = dataclasses.field(default=None, metadata={"static": True})

    def most(self, each: int = 1) -> int | None:
        """Return the most that so many a visit can be, where they are few."""
        most = None if self.few is None else self.few * each
        return None if most is None or most > FEW else most

    def at(self, iteration: Array | int) -> Sampling:
        """Return what one iteration sees, counted from 0; after a schedule's end its last."""
        if self.visits.ndim == 0:
            return self
        last = self.visits.shape[0] - 1
        return dataclasses.replace(self, visits=self.visits[jnp.minimum(iteration, last)])


def init(structure: Structure, numbers: Numbers, sampling: Sampling) -> State:
    """Return the first model; where data accumulate it weighs as much as the visits to a prompt."""
    return first(structure, numbers, sampling.at(0).visits)


def step(
    structure: Structure,
    numbers: Numbers,
    sampling: Sampling,
    key: jax.Array,
    state: State,
) -> tuple[State, Info]:
    """Return the model after one iteration on finitely many visits."""
    sites = _sites(structure, sampling, key, state, numbers.weights.shape[-1])
    numbers = numbers.at(state.iteration)
    if structure.first_drawn:
        count = jnp.full_like(numbers.weights, sampling.visits)
        said = multinomial(sites[BEGUN], count, law_of(masses(state)), sampling.most())
        state = begun(state, structure, [said], sampling.visits)
    mass = sharpened(structure, numbers, masses(state))
    seen = attempt(structure, numbers, mass)
    visited = jnp.ones_like(seen.kept)
    if sampling.visited_share is not None:
        visited = binomial(sites[VISITED], visited, visited * sampling.visited_share, 1)
    visits = visited * sampling.visits

    counts, kept = _attempts(structure, sampling, sites[ATTEMPTS], visits, seen)
    # Masses are shares of the visits that were made: weights of the visited prompts, renormalised.
    made = jnp.sum(numbers.weights * visited)
    weight = numbers.weights / (sampling.visits * jnp.where(made > 0.0, made, 1.0))
    cells, told = weight * counts, shown(structure, numbers, state, mass)
    probability, invalid = focus(structure, numbers, cells, told, state.memory, sites[PRIORITY])
    labelled = counts * probability
    if structure.labeled and structure.budgeted:
        labelled = thinned(sites[FOCUS], counts, probability, sampling.most())
    each = structure.labels_each
    labels = total(labelled) if each == 1 else each * total(labelled)

    drawn, laws = [], []
    if structure.advantage is None:
        drawn, laws = [kept], [law_of(mass * numbers.accept)]
        if structure.choice is not None:
            # The more were accepted, the better the best of them: each part has a law of its own.
            gains = kept_gain_by_part(structure, numbers, mass)
            drawn = list(counts[1:])
            laws = [law_of(mass * numbers.accept * gain) for gain in gains[1:]]
    of_own = len(drawn)
    if structure.labeled:
        drawn.append(labels)
        laws.append(law_of(label_law(structure, numbers)))
    # [classes, kept or labels, prompts]
    most = _most_examples(structure, sampling)
    by_kind, examples = [], None
    if drawn:
        examples = multinomial(sites[EXAMPLES], jnp.stack(drawn), jnp.stack(laws, axis=1), most)
        by_kind = list(jnp.moveaxis(examples, 1, 0))
    if of_own > 1:
        by_kind = [total(by_kind[:of_own]), *by_kind[of_own:]]
    if structure.advantage is not None:
        most = sampling.most(structure.attempts)
        worth = drawn_advantage(structure, numbers, sites[SAID], counts, mass, most)
        by_kind = [visits * updated(structure, numbers, [mass], worth)[0], *by_kind]
    weigh = weighed(structure, numbers, kept, labels)
    if structure.weighing is not None:
        by_kind = [by_kind[0], weigh(by_kind[1])]
    batch = [total(by_kind)]
    memory = state.memory
    if memory is not None:
        # Fresh verdicts on the labels of each class, one for each label.
        assert examples is not None
        said = examples[:, -1]
        passed = thinned(sites[JUDGED], said, numbers.accept + 0.0 * said, sampling.most(each))
        share = total(passed) / jnp.where(labels > 0.0, labels, 1.0)
        chosen = labelled / jnp.where(counts > 0.0, counts, 1.0)
        memory = remember(structure, numbers, memory, cells, told, chosen, share)

    def draw(rows: Rows, some: Array) -> Rows:
        assert structure.draws is not None
        count = structure.draws * sampling.visits
        most = sampling.most(structure.draws)
        return [multinomial(sites[DRAWN], some * count, law_of(rows[0]), most) / count]

    subsample = None if structure.draws is None else draw
    state = learn(structure, numbers, state, batch, kept + weigh(labels), visits, subsample)
    state = dataclasses.replace(state, memory=memory)
    bought = jnp.sum(weight * labels)
    spent = bought, (made > 0.0) * 1.0, invalid
    by_prompt = labels / entrywise(jnp.full_like(labels, sampling.visits))
    generations = None
    if structure.until_accepted:
        tried = _tried(structure, sampling, sites[TRIED], seen, kept, visits - kept)
        generations = jnp.sum(weight * tried)
    return state, Info(*spent, by_prompt, judged(structure, bought), generations)


def _most_examples(structure: Structure, sampling: Sampling) -> int | None:
    each = structure.attempts if structure.keep_all else 1
    return sampling.most(max(each, structure.labels_each))


def _sites(
    structure: Structure, sampling: Sampling, key: jax.Array, state: State, prompts: int
) -> list[jax.Array]:
    """Return what is drawn with at each site: a key, or numbers, drawn with it, for few visits."""
    keys = list(fold_in(key, jnp.arange(10)))
    if structure.advantage is not None or structure.choice is not None:
        return keys
    shapes = dict[int, tuple[int, ...]]()

    def drawn(site: int, most: int | None, *kinds: int) -> None:
        if most is not None:
            shapes[site] = most, *kinds, prompts

    if structure.labeled or not structure.keep_all:
        drawn(ATTEMPTS, sampling.most())
    if structure.labeled and structure.budgeted:
        drawn(FOCUS, sampling.most())
    drawn(EXAMPLES, _most_examples(structure, sampling), 1 + structure.labeled)
    if state.memory is not None:
        drawn(JUDGED, sampling.most(structure.labels_each))
    numbers = uniforms(dict(enumerate(keys)), shapes)
    return [numbers.get(site, key) for site, key in enumerate(keys)]


def _tried(
    structure: Structure,
    sampling: Sampling,
    key: jax.Array,
    seen: Attempts,
    succeeded: Float[Array, "prompts"],
    failed: Float[Array, "prompts"],
) -> Float[Array, "prompts"]:
    """Draw the attempts until the first accepted one: of a visit that fails k, else a geometric
    number, given that it is at most k."""
    first = jnp.ones_like(seen.rejected)[None]
    shape = (structure.attempts - 1, *seen.rejected.shape)
    later = jnp.cumprod(jnp.broadcast_to(seen.rejected, shape), axis=0)
    law = jnp.concatenate([first, later]) / seen.gain
    stopped = multinomial(key, succeeded, law, sampling.most())
    numbers = jnp.arange(1.0, structure.attempts + 1.0)
    return jnp.sum(numbers[:, None] * stopped, axis=0) + structure.attempts * failed


def _attempts(
    structure: Structure,
    sampling: Sampling,
    key: jax.Array,
    visits: Float[Array, "prompts"],
    seen: Attempts,
) -> tuple[Float[Array, "parts prompts"], Float[Array, "prompts"]]:
    """Draw how many visits had each part of J, and how many responses were kept.

    A policy gradient keeps a row of each visit.
    """
    if structure.advantage is not None:
        return multinomial(key, visits, seen.parts, sampling.most()), visits
    if structure.keep_all and not structure.labeled:
        most = sampling.most(structure.attempts)
        kept = binomial(key, visits * structure.attempts, seen.accepted, most)
        return jnp.zeros_like(seen.parts), kept
    counts = multinomial(key, visits, seen.parts, sampling.most())
    if structure.keep_all:
        # Each part is then one number of accepted responses.
        accepted = jnp.array([part[0] for part in structure.parts], counts.dtype)
        return counts, jnp.sum(accepted[:, None] * counts, axis=0)
    # The part that holds J = 0 holds nothing else.
    failing = next(i for i, part in enumerate(structure.parts) if part == (0,))
    return counts, visits - counts[failing]
