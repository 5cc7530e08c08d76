"""``bs.fate``: how a prompt ends at finitely many visits, by solving its chain."""

from __future__ import annotations

from dataclasses import dataclass
from json import loads
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from boostsim.arguments import numbers, probability, refuse, whole
from boostsim.curation.procedure import Procedure, checked
from boostsim.curation.rates import alike, in_two_classes
from boostsim.html import Shown
from boostsim.objects import ByValue, as_json
from boostsim.simulation.tables.finite import Chain, chains
from boostsim.simulation.tables.untied import Tied
from boostsim.tasks.table import table_task
from boostsim.theory.chains import absorption, stationary

# More states than this are not solved in a laptop's patience.
MOST_SOLVED = 4000
ENDS = ("solved", "lost")
CASES = {
    "decided": "every prompt is solved or lost for ever in the end",
    "stationary": "nothing is for ever: the law of the accuracy tends to one that stays",
    "unchanged": "nothing changes: there is never an example",
    "mixed": "some prompts are decided and some are not, by where they begin or by luck",
}
MOST_TOLD = 4


@dataclass(frozen=True, eq=False)
class Fate(Shown, ByValue):
    """What :func:`fate` found: how prompts end, one number for each first accuracy.

    Attributes:
        case: ``"decided"``, ``"stationary"``, ``"unchanged"`` or ``"mixed"``.
        why: what it means.
        initial_accuracy: p_0, as it was given.
        solved, lost: probability that the prompt is all right, or all wrong, for ever in the end.
        time, deviation: mean and standard deviation of the iterations until either; NaN where a
            prompt may never be decided.
        time_solved, deviation_solved: of them given that it is solved in the end; NaN where that
            cannot be.
        time_lost, deviation_lost: given that it is lost.
        mean, variance: of the accuracy in the end: of the limit of its law (over time, where the
            law goes round and round).
        accuracies: what the accuracy of a prompt can be, ``[states]``, ascending.
        law: the probability of each in the end, ``[..., states]``.
        states: of the chain that was solved.
        question: the procedure and the visits, as JSON can hold them.
    """

    case: str
    why: str
    initial_accuracy: np.ndarray
    solved: np.ndarray
    lost: np.ndarray
    time: np.ndarray
    deviation: np.ndarray
    time_solved: np.ndarray
    deviation_solved: np.ndarray
    time_lost: np.ndarray
    deviation_lost: np.ndarray
    mean: np.ndarray
    variance: np.ndarray
    accuracies: np.ndarray
    law: np.ndarray
    states: int
    question: dict[str, Any]

    def quantile(self, level: float) -> np.ndarray:
        """Return the least accuracy that is not exceeded with this probability in the end.

        Raises:
            ValueError: for a level outside [0, 1].
        """
        # A sum that is one but for rounding reaches 1.
        below = np.cumsum(self.law, axis=-1) * (1.0 + 1e-12)
        reached = below >= probability("level", level)
        reached[..., -1] = True
        return np.asarray(self.accuracies[reached.argmax(-1)])

    @property
    def table(self) -> pd.DataFrame:
        """A row for each first accuracy."""
        told = [
            name
            for name in ("initial_accuracy", *RESULTS)
            if not np.isnan(getattr(self, name)).all()
        ]
        return pd.DataFrame({name: np.ravel(getattr(self, name)) for name in told})

    def summary(self) -> str:
        """Return a few plain sentences."""
        visits = self.question["visits"]
        lines = [f"At {visits} visit{'s' * (visits > 1)} {self.why}."]
        rows = self.table
        lines += [_sentence(row) for row in rows.head(MOST_TOLD).to_dict("records")]
        if len(rows) > MOST_TOLD:
            lines.append(f"({MOST_TOLD} of {len(rows)} first accuracies.)")
        lines.append(
            f"Exact at finite visits, by solving a chain of {self.states:,} states: fresh verdicts "
            "and labels, a learner that reproduces its data."
        )
        return "\n".join(lines)

    def __repr__(self) -> str:
        """Say how prompts end."""
        alone = self.initial_accuracy.ndim == 0
        told = f"{len(self.table)} first accuracies"
        if alone and self.case == "decided":
            told = f"solved {float(self.solved):.4g}, lost {float(self.lost):.4g}"
        elif alone:
            told = f"accuracy {float(self.mean):.4g} in the end"
        return f"<Fate: {self.case}, {told}>"

    def _more(self) -> dict[str, Any]:
        return {"table": self.table}

    def to_json(self) -> str:
        """Return everything but the whole law as JSON; what does not apply is null."""
        told = {name: getattr(self, name) for name in ("case", "why", "states", "question")}
        return as_json({**told, "table": self.table})


RESULTS = (
    *("solved", "lost", "time", "deviation"),
    *("time_solved", "deviation_solved", "time_lost", "deviation_lost", "mean", "variance"),
)


def _sentence(row: dict[str, float]) -> str:
    start = f"From an accuracy of {row['initial_accuracy']:.4g}:"
    parts = []
    for end in ENDS:
        if row[end] > 0.0:
            part = f"{end} with probability {row[end]:.4g}"
            time, spread = row.get(f"time_{end}"), row.get(f"deviation_{end}")
            if time is not None and not np.isnan(time):
                part += f", after {time:.4g} iterations (standard deviation {spread:.4g})"
            parts.append(part)
    if row["solved"] + row["lost"] < 1.0 - 1e-9:
        spread = np.sqrt(row["variance"])
        parts.append(f"in the end {row['mean']:.4g} on average (standard deviation {spread:.4g})")
    return f"{start} {'; '.join(parts)}."


def fate(procedure: Procedure, *, visits: int, initial_accuracy: Any) -> Fate:
    """Return how a prompt ends at finitely many visits: solved or lost for ever, and when.

    At v visits the correct mass of a prompt is a Markov chain with finitely many states (T21,
    docs/theory.md, section 5), that of ``bs.simulate(..., visits=v, exact=True)``; what it comes to
    is solved for, with nothing that cancels. A prompt is solved (lost) where it is all right (all
    wrong) and no iteration can change that: without labels or a filter one of the two happens to
    each, with a perfect filter and labels that can be right all are solved; where labels and the
    filter both err nothing is for ever, and the law of the accuracy tends to a stationary one.
    What happens with a probability below 1e-300 counts as never.

    Args:
        procedure: what an iteration does: whatever is exact at finite visits. The labeler is right
            with probability beta on every prompt.
        visits: v, in each iteration.
        initial_accuracy: p_0 of a prompt, or a list of several.

    Returns:
        A :class:`Fate`, whose arrays have the shape of ``initial_accuracy``.

    Raises:
        ValueError: for what is not exact at finite visits; for verdicts or labels that persist, and
            what changes from one iteration to the next; for more than 4,000 states, and arguments
            out of range.

    Example:
        >>> import boostsim as bs
        >>> noisy = bs.filter_only(attempts=2, filter=bs.NoisyFilter(0.2))
        >>> found = bs.fate(noisy, visits=4, initial_accuracy=0.5)
        >>> found.case, float(found.solved.round(4)), float(found.time.round(4))
        ('decided', 0.9803, 1.9099)
    """
    procedure = checked(procedure)
    in_two_classes(procedure.filter, "where a prompt is known by its accuracy")
    alike(procedure.filter, "that one prompt's fate is asked of")
    visits = whole("visits", visits, 1)
    given, shape = _accuracies(initial_accuracy)
    _refuse_what_changes(procedure)
    different, where = np.unique(given, return_inverse=True)
    task = table_task(
        [[1, 0]] * len(different), initial=np.stack([different, 1.0 - different], axis=1)
    )
    try:
        alone = chains(procedure, task, visits)
    except Tied as error:
        allowed = "one of which each prompt is a Markov chain by itself"
        raise refuse("procedure", allowed, procedure, f"Not so: {error.reason}.") from None
    parts = [(chain, *_solved(chain, visits)) for chain in alone]
    values = np.unique(np.concatenate([np.asarray(ends["accuracies"]) for _, _, ends in parts]))
    law = np.zeros((len(different), len(values)))
    found = np.zeros((len(RESULTS), len(different)))
    for chain, _, ends in parts:
        columns = np.searchsorted(values, ends["accuracies"])
        for prompt, row in zip(chain.prompts, chain.entry, strict=True):
            np.add.at(law[prompt], columns, ends["law"][row])
            found[:, prompt] = [ends[name][row] for name in RESULTS]
    cases = {case for _, case, _ in parts}
    case = cases.pop() if len(cases) == 1 else "mixed"
    rows = where.ravel()
    arrays = {"initial_accuracy": given, "law": law[rows]}
    arrays |= {name: told[rows] for name, told in zip(RESULTS, found, strict=True)}
    arrays = {name: each.reshape((*shape, *each.shape[1:])) for name, each in arrays.items()}
    arrays["accuracies"] = values
    for array in arrays.values():
        array.setflags(write=False)
    return Fate(
        case=case,
        why=CASES[case],
        states=max(len(chain.accuracy) for chain, _, _ in parts),
        question={"procedure": loads(procedure.describe()), "visits": visits},
        **arrays,
    )


def _accuracies(got: Any) -> tuple[np.ndarray, tuple[int, ...]]:
    """Return first accuracies, and the shape in which they were given: () for a number."""
    alone = not isinstance(got, (list, tuple)) and getattr(got, "ndim", 0) == 0
    if alone:
        return np.array([probability("initial_accuracy", got)]), ()
    given = numbers("initial_accuracy", got, 1)
    for each in given:
        probability("initial_accuracy", each)
    return given, given.shape


def _refuse_what_changes(procedure: Procedure) -> None:
    """Refuse what has no one chain of its own."""
    instead = "bs.simulate(..., visits=v, exact=True) follows it, iteration by iteration."
    labeler = procedure.labeler
    if procedure.filter.persistent or getattr(labeler, "persistent", False):
        allowed = "with fresh verdicts and labels: where they persist a prompt's end is theirs"
        raise refuse("procedure", allowed, procedure, instead)
    if procedure.schedules or (labeler is not None and labeler.drift):
        allowed = "the same in every iteration, for it is asked what it comes to in the end"
        raise refuse("procedure", allowed, procedure, instead)


def _whole_chain(chain: Chain) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return steps, accuracy and error of the states and of first rows that are none of them.

    And where each first row stands among them.
    """
    states = len(chain.accuracy)
    known = {pair: i for i, pair in enumerate(zip(chain.accuracy, chain.error, strict=True))}
    first = list(zip(chain.initial_accuracy, chain.initial_error, strict=True))
    new = [row for row, pair in enumerate(first) if pair not in known]
    steps = np.zeros((states + len(new),) * 2)
    steps[:states, :states] = chain.transition
    steps[states:, :states] = chain.start[new]
    steps[range(states, len(steps)), range(states, len(steps))] = chain.stay[new]
    place = np.array([known.get(pair, -1) for pair in first])
    place[new] = np.arange(states, len(steps))
    accuracy = np.append(chain.accuracy, chain.initial_accuracy[new])
    return steps, accuracy, np.append(chain.error, chain.initial_error[new]), place


def _solved(chain: Chain, visits: int) -> tuple[str, dict[str, np.ndarray]]:
    """Return the case, and what each first row comes to."""
    steps, accuracy, error, place = _whole_chain(chain)
    if len(steps) > MOST_SOLVED:
        allowed = (
            f"so few that the chain has at most {MOST_SOLVED:,} states (it has {len(steps):,})"
        )
        raise refuse("visits", allowed, visits)
    met = _met(steps, place)
    steps, accuracy, error = steps[np.ix_(met, met)], accuracy[met], error[met]
    place = np.searchsorted(met, place)
    count, group = connected_components(csr_array(steps > 0.0), connection="strong")
    stays = np.ones(count, bool)
    left, entered = np.nonzero(steps)
    stays[group[left][group[left] != group[entered]]] = False
    closed = [np.flatnonzero(group == number) for number in np.flatnonzero(stays)]
    inside = np.flatnonzero(~stays[group])
    # Which end a closed class is: all right, all wrong, or neither.
    kind = [
        0 if (error[some] == 0.0).all() else 1 if (accuracy[some] == 0.0).all() else 2
        for some in closed
    ]
    exits = np.stack([steps[np.ix_(inside, some)].sum(1) for some in closed], axis=1)
    by_end = np.stack([exits[:, np.array(kind) == end].sum(1) for end in range(3)], axis=1)
    ends = absorption(steps[np.ix_(inside, inside)], by_end)
    reach = absorption(steps[np.ix_(inside, inside)], exits).probability
    law = np.zeros((len(steps), len(steps)))
    parts = np.zeros((len(RESULTS), len(steps)))
    told = dict(zip(RESULTS, parts, strict=True))
    for number, some in enumerate(closed):
        rest = stationary(steps[np.ix_(some, some)])
        law[np.ix_(some, some)] = rest
        law[np.ix_(inside, some)] = reach[:, [number]] * rest
        for end, name in enumerate(ENDS):
            told[name][some] = kind[number] == end
            if kind[number] != end:
                told[f"time_{name}"][some] = told[f"deviation_{name}"][some] = np.nan
        if kind[number] == 2:
            told["time"][some] = told["deviation"][some] = np.nan
    for end, name in enumerate(ENDS):
        told[name][inside] = ends.probability[:, end]
        told[f"time_{name}"][inside] = ends.time_given[:, end]
        told[f"deviation_{name}"][inside] = np.sqrt(ends.variance_given[:, end])
    decided = ends.probability[:, 2] == 0.0
    told["time"][inside] = np.where(decided, ends.time, np.nan)
    told["deviation"][inside] = np.where(decided, np.sqrt(ends.variance), np.nan)
    order = np.argsort(accuracy, kind="stable")
    law, values = law[:, order], accuracy[order]
    told["mean"][:] = law @ values
    told["variance"][:] = np.sum(law * (values - told["mean"][:, None]) ** 2, axis=1)
    case = "decided" if 2 not in kind else "stationary" if len(closed) == 1 else "mixed"
    # Not by how likely it is to stay, which may round to one.
    if (
        2 in kind
        and ((steps[place] > 0.0).sum(axis=1) == 1).all()
        and (steps[place, place] > 0.0).all()
    ):
        case = "unchanged"
    found = {name: each[place] for name, each in told.items()}
    return case, {**found, "law": law[place], "accuracies": values}


def _met(steps: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Return the states that are ever met from the start, in order."""
    leads = csr_array(steps > 0.0)
    met = np.zeros(len(steps), bool)
    met[start] = True
    while True:
        more = met | (leads.T @ met > 0)
        if (more == met).all():
            return np.flatnonzero(met)
        met = more
