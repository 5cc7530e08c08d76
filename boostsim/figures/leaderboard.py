"""Selection criteria on the stress suite, at equal budget."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

import boostsim as bs
from boostsim.figures import Scale
from boostsim.tournament.compare import every_criterion
from boostsim.tournament.picture import draw_regrets

TITLE = (
    "Focus on failures is hard to beat, except where labels are wasted on what cannot be learned"
)
CLAIM = (
    "At equal budget labels for visits that failed (T1, T2) are beaten on few challenges, by "
    "little: where the labeler knows nothing of some prompts (T8) or is wrong on them for ever "
    "(T14), by a rule that remembers what its labels were worth. Labels for everybody (T10), and "
    "rules that follow disagreement or split verdicts, lose everywhere."
)
SIZE = (10.0, 5.4)

LABELS_PER_VISIT, ITERATIONS, VISITS, KEY = 0.005, 50, 10, 0


def tournament(
    scale: Scale,
    names: tuple[str, ...] | None = None,
    rules: tuple[bs.Criterion, ...] | None = None,
) -> bs.Tournament:
    """Return the tournament at a scale, of all rules on all challenges or of the named ones."""
    suite = bs.stress_suite(KEY, min(scale.prompts, 1000))
    # At smoke two rules and two challenges: each rule is a program of its own to compile.
    few = None if scale.stride == 1 else 2
    return bs.compare(
        rules or every_criterion()[:few],
        {name: suite[name] for name in names or tuple(suite)[:few]},
        LABELS_PER_VISIT,
        2 * scale.seeds,
        KEY,
        iterations=ITERATIONS,
        visits=VISITS,
    )


def data(scale: Scale) -> pd.DataFrame:
    """Return the leaderboards of all challenges together and of each."""
    played = tournament(scale)
    about = played.results.attrs
    return played.table().assign(
        prompts=min(scale.prompts, 1000), seeds=about["seeds"], confidence=played.confidence
    )


def draw(table: pd.DataFrame, figure: Figure) -> str:
    """Draw the regret of every criterion on every challenge."""
    draw_regrets(table, figure.subplots())
    first = table.iloc[0]
    return (
        f"Error averaged over {ITERATIONS} iterations, above that of the oracle, in hundredths "
        f"(below 0: better than it; it looks only one iteration ahead). Framed: none is known to "
        f"be better (paired differences, Student's intervals or wider ones, all together at "
        f"confidence {first.confidence:g}). {first.prompts:.0f} prompts, {VISITS} visits of 4 "
        f"attempts, {LABELS_PER_VISIT:g} labels per visit and iteration, {first.seeds:.0f} seeds, "
        f"the same draws for all. Challenges: bs.stress_suite()."
    )
