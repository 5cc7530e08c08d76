"""Which prompts to label next: by what a label is expected to change there, within a budget."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
import pandas as pd
from scipy.stats import chi2_contingency

from boostsim.arguments import Words, as_path, finite, number, probability, refuse, whole
from boostsim.curation.criteria import failed, uniform
from boostsim.curation.criterion import Criterion
from boostsim.curation.decorator import criterion as made_criterion
from boostsim.curation.loading import load_criterion
from boostsim.files import write_whole
from boostsim.fitting.buying import buying
from boostsim.fitting.histories import Histories
from boostsim.fitting.need import best_forgetting, need
from boostsim.fitting.outlook import settled
from boostsim.fitting.replay import priorities
from boostsim.fitting.sampling import inclusion, systematic
from boostsim.fitting.verdicts import TRUTH
from boostsim.fitting.world import World
from boostsim.keys import as_key, generator, key_text
from boostsim.objects import ByValue, as_json

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from boostsim.logs.log import Log

ADVISED = "advised"
# Labels that a stratum's own rate is mixed with, at the rate of all.
PRIOR_LABELS = 2.0
DIFFERS = 0.05
FORMATS = (".jsonl", ".csv")


@dataclass(frozen=True, eq=False)
class Advice(ByValue):
    """What :func:`advise` says: who is labelled next, with what chance, and what that is worth.

    Attributes:
        table: a row for each prompt, highest chance first: ``prompt``; ``labelled``, 1 where it is
            drawn and else 0; ``label_probability``, the chance of that, above 0; ``accuracy``, the
            expected correct probability of the model as it is now; ``failing``, the probability
            that none of its next attempts is accepted; ``beta``, how often a label is expected to
            be right there; ``gain``, the expected change of its correct probability by a label.
        beside: a row for each rule that might choose at the same budget: ``rule`` (``advised``
            first), ``labels`` expected, ``overlap`` (share of the advised labels, in expectation,
            that it buys too), and ``gain``, the expected change of the mean accuracy over all
            prompts by its labels, by the same model.
        budget: most labels.
        iteration: number of the iteration that is advised on, as the log counts.
        conditions: how it was made.
    """

    table: pd.DataFrame
    beside: pd.DataFrame
    budget: int
    iteration: int
    conditions: dict[str, Any]

    def records(self) -> list[dict[str, Any]]:
        """Return what is written: ``prompt, iteration, labelled, label_probability, gain``.

        Names and meaning are those of a log's records, for the iteration that comes.
        """
        columns = ["labelled", "label_probability", "gain"]
        return [
            {"prompt": row["prompt"], "iteration": self.iteration}
            | {name: row[name] for name in columns}
            for row in self.table.to_dict("records")
        ]

    def write(self, path: str | os.PathLike[str]) -> Path:
        """Write the records as JSON Lines (``.jsonl``) or CSV (``.csv``), whole or not at all.

        Raises:
            ValueError: for another ending, and where the file cannot be written.
        """
        target, records = as_path("path", path), self.records()
        if target.suffix not in FORMATS:
            raise refuse("path", f"a file that ends in {' or '.join(FORMATS)}", str(path))
        if target.suffix == ".csv":
            text = pd.DataFrame(records).to_csv(index=False)
        else:
            text = "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in records)
        return write_whole(target, text.encode())

    def summary(self) -> str:
        """Return a few plain sentences; first, where verdicts are taken for truth."""
        about, chosen = self.conditions, self.table[self.table.labelled == 1]
        lines = [TRUTH] if about["verdicts_taken_for_truth"] else []
        if about["beta"] == "unknown":
            lines.append(
                "The log does not say how often labels are right: every label is taken for right, "
                "so prompts are ranked by need alone. Give beta where it is known."
            )
        every = self.table.accuracy.mean()
        who = (
            f"{len(chosen):,} of {_prompts(len(self.table))} to label (budget {self.budget:,}), "
            f"whose expected correct probability is {chosen.accuracy.mean():.4f} against "
            f"{every:.4f} of all."
        )
        if not len(chosen):
            who = (
                f"no prompt of {len(self.table):,} is labelled (budget {self.budget:,}); the "
                f"expected correct probability of all is {every:.4f}."
            )
        lines.append(
            f"Iteration {self.iteration}: {who} Each prompt's chance is at least "
            f"{self.table.label_probability.min():.4g}."
        )
        for row in self.beside.itertuples(index=False):
            told = f"{row.rule}: expected gain in mean accuracy {row.gain:.3g}"
            if row.rule != ADVISED:
                told += f", {row.overlap:.0%} of the advised labels"
            lines.append(f"{told} ({row.labels:.1f} labels).")
        if (self.table.gain <= 0.0).any():
            count = int((self.table.gain <= 0.0).sum())
            lines.append(
                f"On {_prompts(count)} a label is expected to do harm: the model knows better. "
                f"{'They are' if count > 1 else 'It is'} labelled for exploration alone."
            )
        factor = about["forgetting"]
        lines.append(
            "All iterations of a prompt count alike."
            if factor == 1.0
            else f"An iteration counts {factor:g} times as much as the one after it."
        )
        return "\n".join(lines)

    def to_json(self) -> str:
        """Return everything as JSON."""
        names = "iteration", "budget", "conditions", "beside", "table"
        return as_json({name: getattr(self, name) for name in names})

    def plot(self) -> Figure:
        """Return a figure: the gain of a label against the accuracy, and who is drawn."""
        from boostsim.fitting.pictures import draw_advice

        return draw_advice(self.table)


def _prompts(count: int) -> str:
    return f"{count:,} prompt{'s' * (count != 1)}"


def advise(
    world: World,
    log: Log,
    counts: Histories,
    budget: int,
    *,
    key: jax.Array | int,
    forgetting: float | None = None,
    criterion: Criterion | str | None = None,
    exploration: float = 0.1,
    beta: float | tuple[float, float] | Mapping[str, float] | None = None,
    confidence: float = 0.95,
    trusting: bool = False,
) -> Advice:
    """Say which prompts to label next.

    A prompt's worth is gain_x = E[p'_x with a label - p'_x without | history of x], p' the correct
    probability after one more iteration of the fitted world: for odds w/(1 + w) E[beta - p'], w the
    weight of a label. So it joins need (the posterior, :mod:`boostsim.fitting.need`) and what the
    labeler knows there, net of what the model knows already. It looks one iteration ahead. The
    chance of each prompt, and who is drawn, are :mod:`boostsim.fitting.sampling`'s.

    Args:
        world: fitted to the log.
        log: the log.
        counts: the log's counts.
        budget: most labels, one a prompt.
        key: of the draw.
        forgetting: what an iteration counts for, relative to the one after it, in (0, 1]; None
            takes the factor that predicts the log best.
        criterion: another rule to be set beside it, a criterion or its name.
        exploration: share of the budget that is spread evenly over all prompts, in (0, 1].
        beta: how often labels are right: a number; one where nothing is accepted in an iteration
            and one elsewhere; or one for each stratum. None: as the log's labels are, by failing or
            not and by stratum where these are seen to differ.
        confidence: of the test whether the speed is constant.
        trusting: whether verdicts are taken for truth, which the summary then says first.

    Raises:
        ValueError: for arguments out of range.
    """
    budget = whole("budget", budget, 1)
    exploration = finite("exploration", exploration, 0.0, 1.0)
    if exploration == 0.0:
        hint = "Every prompt needs a chance, or nothing can be replayed."
        raise refuse("exploration", "above 0", exploration, hint)
    key = as_key(key)
    rule = load_criterion(criterion) if isinstance(criterion, str) else criterion
    if rule is not None and not isinstance(rule, Criterion):
        rule = made_criterion(rule)
    world, bought = settled(world, counts, confidence), buying(counts)
    if forgetting is None:
        forgetting = best_forgetting(world, counts, bought)
    failing_beta, other_beta, told = _betas(log, beta)
    wants = need(world, counts, bought, forgetting)
    place = counts.history
    failing = wants.failing[place]
    own = type(wants)(*(getattr(wants, name)[place] for name in vars(wants)))
    gain = own.gain(failing_beta, other_beta)
    chance = inclusion(gain, budget, exploration)
    drawn = systematic(chance, generator(key))
    table = pd.DataFrame(
        {
            "prompt": log.prompts,
            "labelled": drawn.astype(int),
            "label_probability": chance,
            "accuracy": own.accuracy,
            "failing": failing,
            "beta": failing * failing_beta + (1.0 - failing) * other_beta,
            "gain": gain,
        }
    )
    rivals = [failed, uniform]
    if rule is not None and rule not in rivals:
        rivals.append(rule)
    rows = [{"rule": ADVISED, "labels": chance.sum(), "overlap": 1.0, "gain": chance @ gain}]
    for each in rivals:
        other = inclusion(priorities(each, log, key), budget, exploration, each.allocation)
        shared = float(np.minimum(chance, other).sum() / chance.sum())
        rows.append(
            {"rule": each.name, "labels": other.sum(), "overlap": shared, "gain": other @ gain}
        )
    beside = pd.DataFrame(rows)
    beside["gain"] /= len(gain)
    order = np.argsort(-chance, kind="stable")
    return Advice(
        table=table.iloc[order].reset_index(drop=True),
        beside=beside,
        budget=budget,
        iteration=counts.first + counts.step * (counts.span + 1),
        conditions={
            "design": "systematic sampling in random order",
            "exploration": exploration,
            "forgetting": forgetting,
            "beta": told,
            "label_weight": world.dynamics.label_weight,
            "key": key_text(key),
            "verdicts_taken_for_truth": trusting,
        },
    )


def _betas(log: Log, beta: Any) -> tuple[np.ndarray, np.ndarray, Any]:
    """Return how often each prompt's label is right where nothing is accepted, and elsewhere.

    Returns:
        ``[prompts]`` twice, and what is told of them.
    """
    prompts = len(log.prompts)
    if beta is None:
        return _measured(log)
    if isinstance(beta, Mapping):
        stratum = _strata(log)
        if stratum is None or set(beta) != set(log.strata):
            allowed = f"one number for each stratum of the log: {', '.join(log.strata) or 'none'}"
            raise refuse("beta", allowed, dict(beta))
        values = np.array([probability("beta", beta[name]) for name in log.strata])
        if (stratum < 0).any():
            raise refuse("log", "one whose prompts all have a stratum", Words("one without"))
        return values[stratum], values[stratum], dict(beta)
    try:
        both = tuple(probability("beta", each) for each in beta)
    except TypeError:
        value = probability("beta", number(beta) if not isinstance(beta, str) else beta)
        return np.full(prompts, value), np.full(prompts, value), value
    if len(both) != 2:
        raise refuse("beta", "a number, two (failing, others), or one for each stratum", beta)
    return np.full(prompts, both[0]), np.full(prompts, both[1]), list(both)


def _measured(log: Log) -> tuple[np.ndarray, np.ndarray, Any]:
    """Return what the log's own labels say, of those whose truth is known."""
    prompts = len(log.prompts)
    if log.labelled is None or log.label_correct is None:
        return np.ones(prompts), np.ones(prompts), "unknown"
    known = (log.labelled > 0) & (log.label_correct >= 0)
    if not known.any():
        return np.ones(prompts), np.ones(prompts), "unknown"
    bought, right = log.labelled[known], log.label_correct[known]
    every = float(right.sum() / bought.sum())
    failing = log.accepted[known] == 0
    groups = [(failing, 0), (~failing, 1)]
    values = [every, every]
    if _differ([(right[of].sum(), bought[of].sum()) for of, _ in groups]):
        values = [float(right[of].sum() / bought[of].sum()) for of, _ in groups]
    found = [np.full(prompts, value) for value in values]
    told: dict[str, Any] = {"failing": values[0], "others": values[1]}
    stratum = _strata(log)
    if stratum is None:
        return found[0], found[1], told
    of = stratum[log.prompt[known]]
    sums = [(right[of == each].sum(), bought[of == each].sum()) for each in range(len(log.strata))]
    if _differ(sums):
        own = np.array([(hits + PRIOR_LABELS * every) / (n + PRIOR_LABELS) for hits, n in sums])
        # Odds times the stratum's: both groups of visits keep their difference.
        ratio = _odds(own) / _odds(np.array([every]))
        ratio = np.append(ratio, 1.0)[stratum]
        found = [_odds(value) * ratio / (1.0 + _odds(value) * ratio) for value in found]
        told["strata"] = dict(zip(log.strata, own.tolist(), strict=True))
    return found[0], found[1], told


def _odds(values: np.ndarray) -> np.ndarray:
    values = np.clip(values, 1e-9, 1.0 - 1e-9)
    return values / (1.0 - values)


def _differ(groups: list[tuple[float, float]]) -> bool:
    """Whether shares are seen to differ, by a chi-squared test."""
    held = np.array([[hits, n - hits] for hits, n in groups if n > 0])
    if len(held) < 2 or (held.sum(0) == 0).any():
        return False
    return bool(chi2_contingency(held, correction=False).pvalue < DIFFERS)


def _strata(log: Log) -> np.ndarray | None:
    """Return the stratum of each prompt's latest record, ``[prompts]``, or None."""
    if log.stratum is None:
        return None
    found = np.full(len(log.prompts), -1)
    found[log.prompt] = log.stratum
    return found
