"""The gap between the theory's learner and a network: one procedure in all four cells.

A table learns exactly what it is shown; a transformer as far as its steps carry. Exact cells have
infinitely many visits, sampled ones a finite number. So one difference is the sampling error,
another the learning error, what is left is their interaction (a network learns less well from few
examples), and T6 says what learning may cost at most.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
import pandas as pd

from boostsim.arguments import Words, as_path, refuse, whole
from boostsim.curation.criteria import failed
from boostsim.curation.filters import drifts, judges
from boostsim.curation.labeler import of_ones_own
from boostsim.curation.labelers import FirstModel, WeakLabeler
from boostsim.curation.procedure import Procedure, checked
from boostsim.curation.rates import prompts_of
from boostsim.curation.regimes import Replace
from boostsim.html import Shown
from boostsim.keys import needed_key
from boostsim.learners.network import Trained
from boostsim.objects import ByValue, as_json
from boostsim.simulation.seeing import Population, Seeing, VisitsEach
from boostsim.simulation.tables.loop import simulate_table
from boostsim.simulation.tokens.iteration import Seed
from boostsim.simulation.tokens.listed import tabular
from boostsim.simulation.tokens.loop import make_run, simulate_tokens
from boostsim.tasks.sequences import SequenceTask
from boostsim.theory.laws import slack_bound
from boostsim.theory.step import boosting_step

# Runs of a sampled table, which cost next to nothing.
DRAWS = 64
CELLS = ("table_exact", "table_sampled", "transformer_exact", "transformer_sampled")


@dataclass(frozen=True, eq=False)
class GapReport(Shown, ByValue):
    """What :func:`gap_report` measured. It measures; it does not certify anything.

    Attributes:
        table: a row for each seed and iteration. The error in each of the four cells (that of the
            sampled table is the mean of 64 runs, ``table_sampled_spread`` the standard deviation of
            one); ``sampling_error`` (the sampled table's minus the exact one's; for one attempt its
            expectation is 0), ``learning_error`` (the fitted transformer's minus the exact table's)
            and ``interaction`` (what the sampled transformer has on top of both). ``slack``, the
            total variation distance of the fitted transformer to its training law, averaged over
            prompts, ``slack_worst_prompt`` on the worst one, ``slack_sampled`` of the sampled
            transformer to its examples, averaged. ``bound``: T6 step by step, with the average
            slack of each iteration; ``bound_constant``: T6 as it stands, with the largest average
            slack so far (docs/theory.md, section 3). NaN where T6 does not apply.
        fitted: for each seed and cell the beta and gamma with which boosting comes nearest to the
            errors by iteration, and ``rest``, the root mean square of what is left: where that is
            not small, the curve is no boosting curve. NaN where there is nothing to fit.
        conditions: what was run.
        why_not: why T6 or the fit does not apply, or None.
    """

    table: pd.DataFrame
    fitted: pd.DataFrame
    conditions: dict[str, Any]
    why_not: dict[str, str | None]

    def __repr__(self) -> str:
        """Say how many iterations it compares."""
        return f"<GapReport of {int(self.table.iteration.max())} iterations in four cells>"

    def summary(self) -> str:
        """Return a few plain sentences."""
        last = self.table[self.table.iteration == self.table.iteration.max()].mean()
        lines = [
            f"After {int(last.iteration)} iterations the error is {last.table_exact:.4f} on the "
            f"exact table, {last.table_sampled:.4f} on a sampled one, {last.transformer_exact:.4f} "
            f"with the transformer fitted to the exact law, {last.transformer_sampled:.4f} with "
            f"the transformer trained on samples.",
            f"So sampling alone moves it by {last.sampling_error:+.4f} (the mean of {DRAWS} runs; "
            f"one varies by {last.table_sampled_spread:.4f}), learning alone by "
            f"{last.learning_error:+.4f}, and both together by {last.interaction:+.4f} more.",
            f"The slack of the fitted transformer is {self.table.slack.mean():.4f} on average over "
            f"iterations and {self.table.slack.max():.4f} at its largest.",
        ]
        if self.why_not["T6"] is None:
            lines.append(
                f"With the slack of each iteration T6 allows an error of at most {last.bound:.4f}."
            )
        else:
            lines.append(f"T6 says nothing here: {self.why_not['T6']}.")
        if self.why_not["fit"] is None:
            fitted = self.fitted.groupby("cell", sort=False)[["beta", "gamma", "rest"]].mean()
            for cell, row in fitted.iterrows():
                lines.append(
                    f"The curve of {str(cell).replace('_', ', ')} is nearest to boosting with beta "
                    f"{row.beta:.3f} and gamma {row.gamma:.4f}, off by {row.rest:.4f}"
                    f"{' (the edge of what is searched)' if row.gamma > 0.49 else ''}."
                )
        else:
            lines.append(f"No beta and gamma are fitted: {self.why_not['fit']}.")
        return "\n".join(lines)

    def to_json(self) -> str:
        """Return everything as JSON; what does not apply is null."""
        names = "conditions", "why_not", "table", "fitted"
        return as_json({name: getattr(self, name) for name in names})


def gap_report(
    procedure: Procedure,
    task: SequenceTask,
    iterations: int,
    *,
    learner: Trained | None = None,
    visits: int = 8,
    seeds: int = 1,
    key: jax.Array | int,
    folder: str | os.PathLike[str] | None = None,
) -> GapReport:
    """Run one procedure in all four cells from one first model, and set the errors side by side.

    The first model is the transformer's: its rows are read off and are the tables' first model too.
    T6 (docs/theory.md, section 3), for boosting with one attempt and a perfect filter:
    e_t <= (1 - beta) e_{t-1} + eta_t; for on every prompt the training law has error
    (1 - beta) e_{t-1}, and the probability of an event differs by at most the total variation
    distance eta_t.

    Args:
        procedure: what an iteration does, the same in all cells.
        task: one whose prompts can be listed: ``bs.lookup(...)``.
        iterations: T, at least 1.
        learner: the transformer, unless the procedure has it.
        visits: visits to each prompt in the sampled cells.
        seeds: first models, and runs from each.
        key: a ``jax.random.key`` or a whole number below 2^32.
        folder: where the transformer's runs are kept, to be resumed.

    Raises:
        ValueError: for an argument that is out of range or does not fit the others.

    Example:
        >>> import boostsim as bs
        >>> small = bs.Transformer(width=16, heads=2, layers=1, steps=64)
        >>> report = bs.gap_report(
        ...     bs.boosting(labeler=bs.WeakLabeler(0.5)), bs.lookup(16, 4), 2, learner=small, key=0
        ... )
        >>> bool((report.table.transformer_exact <= report.table.bound + 1e-6).all())
        True
    """
    iterations, seeds = whole("iterations", iterations, 1), whole("seeds", seeds, 1)
    procedure = checked(procedure, learner)
    exact, sampled = Population(), VisitsEach(visits)
    run = make_run(procedure, task, exact)
    place = None if folder is None else as_path("folder", folder)
    for name in ("filter", "labeler"):
        if getattr(getattr(procedure, name), "persistent", False):
            # Each cell would meet other verdicts, and the difference would not be the learner's.
            raise refuse(name, "fresh in a gap report, not persistent", Words("persistent=True"))
    cells: dict[str, Seeing] = {"exact": exact, "sampled": sampled}
    fitted, trained = (
        simulate_tokens(procedure, task, how, iterations, seeds, key, folder=place and place / name)
        for name, how in cells.items()
    )
    why_not = {"T6": why_no_bound(procedure), "fit": why_no_fit(procedure, iterations)}
    parts, fits = [], []
    for number in range(seeds):
        seed = Seed(run, jax.random.fold_in(needed_key(key, "in a gap report"), number))
        rule, table = tabular(procedure, run.listing, seed.first_rows)
        draws = simulate_table(rule, table, sampled, iterations, DRAWS, seed.key).error
        errors = {
            "table_exact": simulate_table(rule, table, exact, iterations).error.values[0],
            "table_sampled": draws.values.mean(0),
            "transformer_exact": fitted.error.values[number],
            "transformer_sampled": trained.error.values[number],
        }
        slack = fitted.slack.values[number]
        bound = bounds(procedure, errors["transformer_exact"][0], slack, why_not["T6"] is None)
        sampling = errors["table_sampled"] - errors["table_exact"]
        learning = errors["transformer_exact"] - errors["table_exact"]
        both = errors["transformer_sampled"] - errors["table_exact"]
        part = {
            "seed": number,
            "iteration": np.arange(iterations + 1),
            **errors,
            "table_sampled_spread": draws.values.std(0, ddof=1),
            "sampling_error": sampling,
            "learning_error": learning,
            "interaction": both - sampling - learning,
            "slack": slack,
            "slack_worst_prompt": fitted.slack_worst_prompt.values[number],
            "slack_sampled": trained.slack.values[number],
            **bound,
        }
        parts.append(pd.DataFrame(part))
        first = 1.0 - (seed.first_rows * run.listing.quality).sum(1)
        for cell, error in errors.items():
            beta = gamma = rest = np.nan
            if why_not["fit"] is None:
                beta, gamma, rest = fit_boosting(
                    error, first, run.listing.weights, procedure.most_attempts, _own(procedure)
                )
            one = {"seed": number, "cell": cell, "beta": beta, "gamma": gamma, "rest": rest}
            fits.append(pd.DataFrame([one]))
    conditions = {name: fitted.attrs[name] for name in ("procedure", "task", "learner", "key")}
    conditions |= {"visits": sampled.visits, "seeds": seeds, "iterations": iterations}
    traces = {"exact": fitted, "sampled": trained}
    told = [f"{name}: {each.resumed}" for name, each in traces.items() if "resumed" in each.attrs]
    conditions |= {"resumed": "; ".join(told)} if told else {}
    return GapReport(
        pd.concat(parts, ignore_index=True), pd.concat(fits, ignore_index=True), conditions, why_not
    )


def bounds(
    procedure: Procedure, first: float, slack: np.ndarray, applies: bool
) -> dict[str, np.ndarray]:
    """Return T6's bound by iteration: with the slack of each, and with the largest so far."""
    if not applies:
        return dict.fromkeys(("bound", "bound_constant"), np.full(len(slack), np.nan))
    beta, _ = _own(procedure)
    step_by_step = [first]
    for eta in slack[1:]:
        step_by_step.append(min(1.0, (1.0 - beta) * step_by_step[-1] + eta))
    largest = np.maximum.accumulate(np.where(np.isnan(slack), 0.0, slack))
    law = slack_bound(
        beta=beta, slack=largest, initial_error=first, iterations=np.arange(len(slack))
    )
    return {"bound": np.array(step_by_step), "bound_constant": law}


def _own(procedure: Procedure) -> tuple[float, float]:
    """Return the procedure's own beta and gamma."""
    assert procedure.labeler is not None
    assert isinstance(procedure.labeler, WeakLabeler)
    return float(procedure.labeler.beta), float(procedure.filter.accept[1])


def boosting_curve(
    beta: float,
    gamma: float,
    attempts: int,
    first: np.ndarray,
    weights: np.ndarray,
    iterations: int,
) -> np.ndarray:
    """Return the mean error of boosting by iteration (T4's map), ``[iterations + 1]``.

    Args:
        beta, gamma: of the labeler and of the filter.
        attempts: k.
        first: the first model's error on each prompt, ``[N]``.
        weights: of the prompts, sums to one.
        iterations: T.
    """
    error, curve = np.asarray(first, np.float64), []
    for _ in range(iterations):
        curve.append(weights @ error)
        error = boosting_step(beta, gamma, attempts, error)
    return np.array([*curve, weights @ error])


def fit_boosting(
    error: np.ndarray,
    first: np.ndarray,
    weights: np.ndarray,
    attempts: int,
    near: tuple[float, float],
) -> tuple[float, float, float]:
    """Return beta and gamma whose boosting curve is nearest to an error curve, by least squares.

    For one attempt a curve does not tell (beta, gamma) from (1 - gamma, 1 - beta): of the two the
    one nearer to ``near`` is returned. Nor does a curve that is flat or short say what either is.

    Args:
        error: by iteration, ``[iterations + 1]``.
        first, weights, attempts: see :func:`boosting_curve`.
        near: the procedure's own beta and gamma.

    Returns:
        beta, gamma, and the root mean square of what is left.
    """
    from scipy.optimize import least_squares

    def rest(pair: np.ndarray) -> np.ndarray:
        beta, gamma = pair
        return boosting_curve(beta, gamma, attempts, first, weights, len(error) - 1) - error

    starts = [(beta, gamma) for beta in (0.05, 0.3, 0.8) for gamma in (0.001, 0.1)]
    found = [
        least_squares(rest, start, bounds=([0.0, 0.0], [1.0, 0.5]), method="dogbox", xtol=1e-12)
        for start in starts
    ]
    best = min(found, key=lambda one: one.cost)
    beta, gamma = best.x
    if attempts == 1:
        pairs = ((beta, gamma), (1.0 - gamma, 1.0 - beta))
        beta, gamma = min(pairs, key=lambda pair: math.dist(pair, near))
    return float(beta), float(gamma), float(np.sqrt(np.mean(best.fun**2)))


def why_no_fit(procedure: Procedure, iterations: int = 3) -> str | None:
    """Return why a run is not one of plain boosting that says what beta and gamma are, or None."""
    filt, labeler = procedure.filter, procedure.labeler
    weak = labeler if isinstance(labeler, WeakLabeler) else None
    plain = {
        "the criterion is not 'failed'": procedure.criterion is failed,
        "there is a budget": procedure.budget is None,
        "there is no labeler": labeler is not None,
        "the labeler is the first model": not isinstance(labeler, FirstModel),
        "the labeler is one's own": not of_ones_own(labeler),
        "labels weigh otherwise than accepted responses": (
            procedure.label_weight == 1.0 and procedure.label_share is None
        ),
        "a labelled visit gets more than one label": procedure.labels_per_visit == 1,
        "beta is not one number": weak is None or np.ndim(weak.beta) == 0,
        "labels persist": labeler is None or not labeler.persistent,
        "the labeler drifts": labeler is None or not labeler.drift,
        "verdicts persist": not filt.persistent,
        "the filter judges tokens": not judges(filt),
        "the filter drifts": not drifts(filt),
        "the filter's rates differ from prompt to prompt": prompts_of(filt) is None,
        "the filter's two rates differ": judges(filt)
        or drifts(filt)
        or bool(np.allclose(filt.accept[0], filt.reject[1], 1e-9, 0.0)),
        "attempts change from one iteration to the next": not isinstance(procedure.attempts, tuple),
        "every accepted response is kept": procedure.keep != "all",
        "the kept response is chosen by a score": procedure.scores is None,
        f"the regime is {procedure.trained_on.name!r}": procedure.trained_on == Replace(),
        "attempts are sharpened": procedure.sharpening is None,
        "fewer than three iterations do not tell beta from gamma": iterations > 2,
    }
    return next((reason for reason, holds in plain.items() if not holds), None)


def why_no_bound(procedure: Procedure) -> str | None:
    """Return why T6 says nothing about a procedure, or None where it does."""
    if procedure.attempts != 1:
        return "it is for one attempt"
    filt = procedure.filter
    if judges(filt) or drifts(filt) or np.any(filt.accept[1]) or np.any(filt.reject[0]):
        return "it is for a perfect filter"
    return why_no_fit(procedure)
