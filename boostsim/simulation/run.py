"""The door: what is asked for is checked, and handed on to the wing that simulates it.

Numbers are computed in the fixed mode of :mod:`boostsim.mode`, and traces hold NumPy arrays: JAX's
switches stay as the user set them, and change no number here.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from boostsim.arguments import finite, flag, refuse
from boostsim.curation.procedure import Procedure, checked
from boostsim.learners.tabular import Learner
from boostsim.prices import Prices, priced
from boostsim.said import RESPONSES
from boostsim.simulation.passing import checked_pass_at
from boostsim.simulation.seeing import ExactVisits, FreshPrompts, seeing
from boostsim.simulation.tables.finite_run import simulate_finite
from boostsim.simulation.tables.loop import simulate_table
from boostsim.simulation.tables.prepare import check
from boostsim.simulation.tables.recording import wanted_records
from boostsim.simulation.until import Until
from boostsim.statistics import Statistic, statistics_in
from boostsim.tasks.sequences import SequenceTask
from boostsim.tasks.table import TableTask

if TYPE_CHECKING:
    import xarray


def simulate(
    procedure: Procedure,
    task: TableTask | SequenceTask,
    iterations: int,
    *,
    visits: int | Sequence[int] | None = None,
    visited_share: float = 1.0,
    seeds: int | range = 1,
    key: jax.Array | int | None = None,
    record: Iterable[str | Statistic] | Statistic = (),
    pass_at: int | Iterable[int] = (),
    prices: Prices | None = None,
    learner: Learner | None = None,
    prompts_per_iteration: int | None = None,
    pool: int | None = None,
    exact: bool = False,
    until: Until | None = None,
    evaluate: int | None = None,
    devices: int | None = None,
    folder: str | os.PathLike[str] | None = None,
    keep_models: bool = False,
) -> xarray.Dataset:
    """Run a procedure on a task and return its trace.

    Exact without ``visits``: the population, infinitely many visits. With ``visits`` every
    iteration makes v visits to each prompt that is visited, and ``seeds`` independent runs differ
    only in their draws: seed i uses fold_in(key, i), its iteration t fold_in(., t). With both,
    ``visits=v, exact=True``, nothing is drawn: the trace has the expectation over all that v visits
    may show, to rounding (T21, docs/theory.md, section 5). That needs prompts that nothing ties
    together, and finitely many models that a prompt can have, or, where data accumulate, few enough
    sums of what it was shown.

    A persistent filter's verdicts are drawn once per seed, from the seed's key, in exact runs too:
    these are exact given the verdicts, need a key and may have several seeds. A persistent labeler
    splits each prompt of an exact run into its possible answers; sampled runs draw one per seed.
    With a budget the answers share it, as they do in the limit of many prompts.

    JAX does not survive a fork: many runs side by side want workers that are spawned,
    ``ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn"))``, in a program that
    begins with ``if __name__ == "__main__":``; docs/how-it-is-built.md shows one whole.

    Args:
        procedure: what an iteration does.
        task: a table task, or one in tokens, which needs a network.
        iterations: T, at least 0.
        visits: v, at least 1; on a table None is an exact run. Or one number for each iteration, as
            many as are run at least: costs stay per visit of their iteration.
        visited_share: probability in (0, 1] that a prompt is visited in an iteration.
        seeds: number of runs, at least 1; 1 where nothing is drawn. Or a range of their numbers,
            on tables: ``range(8, 16)`` are the eight that follow ``seeds=8``.
        key: a ``jax.random.key`` of implementation threefry2x32 or a whole number below 2^32;
            needed where anything is drawn.
        record: on request ``"diversity"``, 1 - sum_y f(y|x)^2, and ``"entropy"`` in nats, both
            averaged over prompts; ``"prompt"``: accuracy, error and pass_at_k with a prompt
            dimension instead of averaged, and besides ``labels_by_prompt`` and, where diversity is
            recorded, ``diversity_by_prompt``; ``"rows"``: the model itself, with the dimensions
            (prompt, response), for ``bs.collapse_measures``; ``"accuracy_quantiles"`` over prompts,
            with mu, with the dimension ``quantile``; ``"unfixed"``, the share of prompts on which
            more than one response has mass, ``"surviving"``, the number of those that have, and
            statistics of your own, see ``bs.statistic``. All these but quantiles, entropy, rows,
            and diversity in sampled runs, need every response and cost it. Exact at finite visits:
            ``"law"``, the probability of each accuracy that a prompt drawn from mu can have, with
            the dimension ``value``; ``"quantiles"`` of that law.
            In tokens ``"responses"``: of at most 32 visits of every iteration the prompt, the
            responses with their verdicts and the label, as text, which :func:`boostsim.responses`
            returns as a table; no other number changes.
        pass_at: the numbers of responses k for which ``pass_at_k``, the probability that one of k
            is right, is in the trace, with a dimension ``k``. On a table, and with ``bs.lookup``,
            it is the model's own, E[1 - (1 - p)^k], k up to 2^20; with another task in tokens it is
            estimated without bias from max k samples or more of each prompt, k up to 2^14.
        prices: what labels, generations, filter calls and iterations cost: then the trace has the
            total ``cost`` so far, see ``bs.priced``.
        learner: the procedure's, where it has none of its own: a ``bs.Transformer``, say, where the
            task is in tokens.
        prompts_per_iteration: prompts drawn in an iteration, one visit to each (default: 2048).
        pool: None draws fresh prompts in every iteration; a number draws so many once for all.
        exact: infinitely many visits to each prompt, as on a table where nothing else is said; on
            a table with ``visits``, the law of what these show. With ``bs.lookup``, whose prompts
            can be listed, the transformer is fitted to their law.
        until: a ``bs.Until``, on tables: the run ends as soon as it has come true, and
            ``iterations`` is the most that it may take. Up to there the numbers are those of the
            run without it. The trace ends with its last seed, and a seed that ended before stays
            as it was; ``ended`` has the iteration at which each did, NaN where it never came true.
        evaluate: prompts of each stratum on which models are measured (default: 100), the same for
            every seed and procedure. They are held out: training never meets one of them. (Of
            ``bs.lookup`` nothing is held out, for an entry cannot be known unless it was seen; all
            entries are measured, exactly, from the rows of the transformer.)
        devices: how many share the work, seeds first, then the batch; None is all that JAX has.
            More than one change the order of sums, so losses agree to rounding only.
        folder: where what is finished is kept, with the state after it: after every iteration in
            tokens, every few seconds and at the end on tables, each file whole or not at all. The
            same call, after a stop or for more iterations, goes on from there to the numbers of one
            go; one of another run, criterion or backend is refused. After an upgrade (of JAX, say)
            it goes on with a warning, for last digits may differ, and ``attrs["resumed"]`` of the
            trace says what was computed with what. A damaged file is told, and what was in it is
            made again. Exact at finite visits a seed is kept when it is whole. In tokens
            :func:`boostsim.load_run` looks into the folder.
        keep_models: whether the model after every iteration stays in the folder, not the latest
            alone: a file each, of four bytes a weight.

    Returns:
        An ``xarray.Dataset`` of float64 with dims (seed, iteration), iteration 0 the first model:
        accuracy, error, coverage, and labels, generations, filter_calls per visit, cumulative.
        Exact at finite visits all these are expectations, coverage that of the share of prompts,
        and there are besides ``accuracy_variance``, the variance between seeds of the accuracy
        averaged over prompts, ``solved``, P(p = 1), and ``lost``, P(p = 0), averaged over prompts.
        Where attempts stop at the first accepted one generations are those that were made. Of a
        labeler by rows, or of the first model as one, ``attrs`` has ``beta``, its correct mass on
        average over prompts, and ``beta_least``, that on the worst: on tables, and with
        ``bs.lookup``, there on average over all seeds' first models and on the worst of them.
        Procedure, task, key, versions and all else that decides numbers stand in ``attrs``; JAX's
        switches (``JAX_ENABLE_X64`` and its like) do not: see :mod:`boostsim.mode`. With a
        transformer: accuracy of one sampled response and greedy_accuracy, pass_at_k (one of 4
        samples is right, where ``pass_at`` says nothing), entropy of a response in nats, distinct
        (share of the 4 samples that differ), each also by stratum; the costs, tokens and seconds
        besides; of each iteration the examples made, the mean loss, and of its labels the share
        that was right and the share of right tokens; with ``bs.lookup`` the slack, the total
        variation distance of the model to what it was trained on.

    Raises:
        ValueError: for an argument that is out of range or does not fit the others, for what would
            be more than 2^28 numbers at once (2 GiB; recorded, in an iteration, or in training),
            and for a transformer whose training diverges.

    Example:
        >>> import boostsim as bs
        >>> task = bs.random_table(0, prompts=100, solvable=0.0)
        >>> trace = bs.simulate(bs.boosting(labeler=bs.WeakLabeler(0.5)), task, iterations=3)
        >>> trace.error.values.round(6)
        array([[1.   , 0.5  , 0.25 , 0.125]])
    """
    if isinstance(jnp.zeros(()), jax.core.Tracer):
        raise ValueError(
            "simulate must be called outside of jit; use bs.kernel there, whose step is a pure "
            "function"
        )
    if prices is not None and not isinstance(prices, Prices):
        raise refuse("prices", "a bs.Prices", prices)
    procedure = checked(procedure, learner)
    # What provenance cannot hold is refused before the run, not after it.
    procedure.describe()
    amount: dict[str, Any] = {
        "visits": visits,
        "visited_share": visited_share,
        "prompts_per_iteration": prompts_per_iteration,
        "pool": pool,
        "exact": exact,
    }
    others: dict[str, Any] = {"evaluate": evaluate, "devices": devices}
    keeps = flag("keep_models", keep_models)
    passed = checked_pass_at(pass_at)
    if isinstance(task, SequenceTask):
        # Each is seen to be one first: what is none has nothing to be compared with.
        share = finite("visited_share", visited_share, 0.0, 1.0)
        asked = wanted_records(record, (RESPONSES,))
        shown = (RESPONSES,) if RESPONSES in asked else ()
        _left_out("in tokens", visited_share=(share, 1.0), until=(until, None))
        how = seeing(**amount, otherwise=FreshPrompts())
        if isinstance(how, ExactVisits):
            raise refuse("visits", "None in an exact run where the task is in tokens", visits)
        from boostsim.simulation.tokens.loop import simulate_tokens

        others |= {"pass_at": passed, "record": shown, "folder": folder, "keep_models": keeps}
        others["statistics"] = statistics_in(asked)
        trace = simulate_tokens(procedure, task, how, iterations, seeds, key, **others)
    else:
        check(procedure, task)
        drawn = {"prompts_per_iteration": prompts_per_iteration, "pool": pool}
        _left_out("a table", **{name: (value, None) for name, value in (drawn | others).items()})
        _left_out("a table", keep_models=(keeps, False))
        seen = seeing(**amount)
        told = iterations, seeds, key, record, passed, until, folder
        if isinstance(seen, ExactVisits):
            trace = simulate_finite(procedure, task, seen, *told)
        else:
            trace = simulate_table(procedure, task, seen, *told)
    return trace if prices is None else priced(trace, prices)


def _left_out(kind: str, **given: tuple[Any, Any]) -> None:
    """Refuse what has no place with such a task; each argument comes with its default."""
    for name, (value, default) in given.items():
        if value is not default and (default is None or value != default):
            raise refuse(name, f"left out where the task is {kind}", value)
