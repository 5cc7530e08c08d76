"""boostsim: a theory-first JAX simulation toolkit for training on synthetic and weak data.

    import boostsim as bs

    task = bs.random_table(0, prompts=1000, solvable=0.7)
    procedure = bs.boosting(attempts=4, filter=bs.NoisyFilter(0.1), labeler=bs.WeakLabeler(0.2))
    trace = bs.simulate(procedure, task, iterations=50)

Where to begin, each with ``help(bs.simulate)`` and the like:

- a world: random_table, table_task; in tokens arithmetic, programs, lookup, reasoning_gym
- a procedure: boosting, escaping_collapse, filter_only, random_labels, and others; NoisyFilter,
  ClassFilter, WeakLabeler, criteria, criterion, Sharpening, Replace, Accumulate, Anchor, Window,
  Subsample
- a run: simulate, which returns an xarray.Dataset; sweep; save, load, concat, kernel, population;
  learners StrongLearner, PolicyGradient, Transformer; of a transformer's run load_run, responses
- the theory: laws, claims, statements; certify, falsify, prove; a Claim and a Measurement of yours
- decisions: plan, fate, design, compare, race, stress_suite; gap_report, collapse_measures, priced
- a log of yours: read_log, fit, write_log
- a figure for a paper: figure; of a sweep plot_sweep

``dir(bs)`` has all names; below this ``help(bs)`` shows every one of them at length. JAX does not
survive a fork: start workers by spawn, as simulate says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from boostsim import testing as testing
    from boostsim.certification.boxes import Proof as Proof
    from boostsim.certification.boxes import prove as prove
    from boostsim.certification.boxes import prove_all as prove_all
    from boostsim.certification.certificate import Certificate as Certificate
    from boostsim.certification.certify import certify as certify
    from boostsim.certification.certify import certify_all as certify_all
    from boostsim.certification.falsification import Falsification as Falsification
    from boostsim.certification.falsify import falsify as falsify
    from boostsim.certification.fate import Fate as Fate
    from boostsim.certification.fate import fate as fate
    from boostsim.certification.measurement import Measurement as Measurement
    from boostsim.certification.planned import Plan as Plan
    from boostsim.certification.planning import plan as plan
    from boostsim.curation import criteria as criteria
    from boostsim.curation.class_filter import ClassFilter as ClassFilter
    from boostsim.curation.criterion import Criterion as Criterion
    from boostsim.curation.decorator import criterion as criterion
    from boostsim.curation.drifting import DriftingFilter as DriftingFilter
    from boostsim.curation.filters import AcceptAll as AcceptAll
    from boostsim.curation.filters import Filter as Filter
    from boostsim.curation.filters import NoisyFilter as NoisyFilter
    from boostsim.curation.filters import RejectAll as RejectAll
    from boostsim.curation.judging import TokenFilter as TokenFilter
    from boostsim.curation.labeler import Labeler as Labeler
    from boostsim.curation.labelers import DriftingLabeler as DriftingLabeler
    from boostsim.curation.labelers import FirstModel as FirstModel
    from boostsim.curation.labelers import WeakLabeler as WeakLabeler
    from boostsim.curation.loading import load_criterion as load_criterion
    from boostsim.curation.migration import migration as migration
    from boostsim.curation.presets import best_of_n as best_of_n
    from boostsim.curation.presets import boosting as boosting
    from boostsim.curation.presets import escaping_collapse as escaping_collapse
    from boostsim.curation.presets import filter_only as filter_only
    from boostsim.curation.presets import labels_only as labels_only
    from boostsim.curation.presets import raft as raft
    from boostsim.curation.presets import random_labels as random_labels
    from boostsim.curation.presets import rest_em as rest_em
    from boostsim.curation.presets import star as star
    from boostsim.curation.presets import uncurated as uncurated
    from boostsim.curation.procedure import Procedure as Procedure
    from boostsim.curation.regimes import Accumulate as Accumulate
    from boostsim.curation.regimes import Anchor as Anchor
    from boostsim.curation.regimes import Regime as Regime
    from boostsim.curation.regimes import Replace as Replace
    from boostsim.curation.regimes import Subsample as Subsample
    from boostsim.curation.regimes import Window as Window
    from boostsim.curation.sharpening import Sharpening as Sharpening
    from boostsim.curation.truth import Truth as Truth
    from boostsim.curation.visits import Visits as Visits
    from boostsim.designs.design import design as design
    from boostsim.designs.found import Design as Design
    from boostsim.designs.knobs import Knob as Knob
    from boostsim.designs.objective import Objective as Objective
    from boostsim.figures.figure import figure as figure
    from boostsim.figures.swept import plot_sweep as plot_sweep
    from boostsim.fitting.fit import fit as fit
    from boostsim.fitting.found import Fit as Fit
    from boostsim.gap import GapReport as GapReport
    from boostsim.gap import gap_report as gap_report
    from boostsim.learners.gradient import PolicyGradient as PolicyGradient
    from boostsim.learners.regression import SoftmaxRegression as SoftmaxRegression
    from boostsim.learners.strong import StrongLearner as StrongLearner
    from boostsim.learners.tabular import TabularLearner as TabularLearner
    from boostsim.learners.transformer import Transformer as Transformer
    from boostsim.logs.log import Log as Log
    from boostsim.logs.looks import Looks as Looks
    from boostsim.logs.reading import read_log as read_log
    from boostsim.logs.writing import write_log as write_log
    from boostsim.measures import collapse_measures as collapse_measures
    from boostsim.prices import Prices as Prices
    from boostsim.prices import priced as priced
    from boostsim.results import load as load
    from boostsim.results import save as save
    from boostsim.said import responses as responses
    from boostsim.simulation.run import simulate as simulate
    from boostsim.simulation.tables.differentiable import population as population
    from boostsim.simulation.tables.kernel import kernel as kernel
    from boostsim.simulation.tokens.looking import KeptRun as KeptRun
    from boostsim.simulation.tokens.looking import load_run as load_run
    from boostsim.simulation.until import Until as Until
    from boostsim.stacking import concat as concat
    from boostsim.statistics import Statistic as Statistic
    from boostsim.statistics import statistic as statistic
    from boostsim.sweeping.sweep import sweep as sweep
    from boostsim.tasks.arithmetic import arithmetic as arithmetic
    from boostsim.tasks.gym import reasoning_gym as reasoning_gym
    from boostsim.tasks.lookup import lookup as lookup
    from boostsim.tasks.programs import programs as programs
    from boostsim.tasks.sequences import SequenceTask as SequenceTask
    from boostsim.tasks.table import random_table as random_table
    from boostsim.tasks.table import table_task as table_task
    from boostsim.theory import laws as laws
    from boostsim.theory.box import Box as Box
    from boostsim.theory.claim import Claim as Claim
    from boostsim.theory.claims import CLAIMS
    from boostsim.theory.statement import Statement as Statement
    from boostsim.theory.statements import STATEMENTS
    from boostsim.tournament.challenge import Challenge as Challenge
    from boostsim.tournament.compare import compare as compare
    from boostsim.tournament.leaderboard import Tournament as Tournament
    from boostsim.tournament.race import Race as Race
    from boostsim.tournament.race import race as race
    from boostsim.tournament.suite import stress_suite as stress_suite

    claims = CLAIMS
    statements = STATEMENTS

# Where each public name lives; None stands for the module itself.
_HOMES: dict[str, tuple[str, str | None]] = {
    "criteria": ("boostsim.curation.criteria", None),
    "claims": ("boostsim.theory.claims", "CLAIMS"),
    "statements": ("boostsim.theory.statements", "STATEMENTS"),
    "laws": ("boostsim.theory.laws", None),
    "testing": ("boostsim.testing", None),
    **{
        name: (f"boostsim.{module}", name)
        for module, names in {
            "certification.boxes": ("Proof", "prove", "prove_all"),
            "certification.certificate": ("Certificate",),
            "certification.certify": ("certify", "certify_all"),
            "certification.falsification": ("Falsification",),
            "certification.falsify": ("falsify",),
            "certification.fate": ("Fate", "fate"),
            "certification.measurement": ("Measurement",),
            "certification.planned": ("Plan",),
            "certification.planning": ("plan",),
            "curation.class_filter": ("ClassFilter",),
            "curation.criterion": ("Criterion",),
            "curation.decorator": ("criterion",),
            "curation.drifting": ("DriftingFilter",),
            "curation.filters": ("AcceptAll", "Filter", "NoisyFilter", "RejectAll"),
            "curation.judging": ("TokenFilter",),
            "curation.labeler": ("Labeler",),
            "curation.labelers": ("DriftingLabeler", "FirstModel", "WeakLabeler"),
            "curation.loading": ("load_criterion",),
            "curation.migration": ("migration",),
            "curation.presets": (
                "best_of_n",
                "boosting",
                "escaping_collapse",
                "filter_only",
                "labels_only",
                "raft",
                "random_labels",
                "rest_em",
                "star",
                "uncurated",
            ),
            "curation.procedure": ("Procedure",),
            "curation.regimes": (
                "Accumulate",
                "Anchor",
                "Regime",
                "Replace",
                "Subsample",
                "Window",
            ),
            "curation.sharpening": ("Sharpening",),
            "curation.truth": ("Truth",),
            "curation.visits": ("Visits",),
            "designs.design": ("design",),
            "designs.found": ("Design",),
            "designs.knobs": ("Knob",),
            "designs.objective": ("Objective",),
            "figures.figure": ("figure",),
            "figures.swept": ("plot_sweep",),
            "fitting.fit": ("fit",),
            "fitting.found": ("Fit",),
            "gap": ("GapReport", "gap_report"),
            "learners.gradient": ("PolicyGradient",),
            "learners.regression": ("SoftmaxRegression",),
            "learners.strong": ("StrongLearner",),
            "learners.tabular": ("TabularLearner",),
            "learners.transformer": ("Transformer",),
            "logs.log": ("Log",),
            "logs.looks": ("Looks",),
            "logs.reading": ("read_log",),
            "logs.writing": ("write_log",),
            "measures": ("collapse_measures",),
            "prices": ("Prices", "priced"),
            "said": ("responses",),
            "results": ("load", "save"),
            "simulation.tables.differentiable": ("population",),
            "simulation.tables.kernel": ("kernel",),
            "simulation.run": ("simulate",),
            "simulation.tokens.looking": ("KeptRun", "load_run"),
            "simulation.until": ("Until",),
            "stacking": ("concat",),
            "statistics": ("Statistic", "statistic"),
            "sweeping.sweep": ("sweep",),
            "tasks.arithmetic": ("arithmetic",),
            "tasks.gym": ("reasoning_gym",),
            "tasks.lookup": ("lookup",),
            "tasks.programs": ("programs",),
            "tasks.sequences": ("SequenceTask",),
            "tasks.table": ("random_table", "table_task"),
            "theory.box": ("Box",),
            "theory.claim": ("Claim",),
            "theory.statement": ("Statement",),
            "tournament.challenge": ("Challenge",),
            "tournament.compare": ("compare",),
            "tournament.leaderboard": ("Tournament",),
            "tournament.race": ("Race", "race"),
            "tournament.suite": ("stress_suite",),
        }.items()
        for name in names
    },
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> object:
    """Import a public name on first use (PEP 562)."""
    from importlib import import_module

    if name not in _HOMES:
        from difflib import get_close_matches

        told = f"module 'boostsim' has no attribute {name!r}"
        near = [] if name.startswith("_") else get_close_matches(name, __all__, 1)
        if not near:
            raise AttributeError(told)
        # Of an object without near names: the interpreter would add its own guess to this one.
        raise AttributeError(f"{told}. Did you mean {near[0]!r}?", name=name, obj=None)
    module, attribute = _HOMES[name]
    home = import_module(module)
    value = home if attribute is None else getattr(home, attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names too, though they are not imported yet."""
    special = {name for name in globals() if name.startswith("__")}
    return sorted(special | set(_HOMES))
