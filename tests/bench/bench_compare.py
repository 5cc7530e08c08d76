"""How long a tournament takes: `make bench`."""

import itertools
import time

import numpy as np
from scipy.stats import t as student

import boostsim as bs
from boostsim.tournament.compare import every_criterion

# Differences of the average error that do not matter.
RESOLUTION = 0.002


def test_a_tournament(report, benchmark):
    """Ten criteria and the oracle, eight challenges, 32 seeds, 50 iterations, after compilation."""
    ten = [rule for rule in every_criterion() if not rule.name.startswith("thompson")]
    suite = bs.stress_suite(0, prompts=1000)
    bs.compare(ten, suite, seeds=2, key=1)
    began = time.perf_counter()
    bs.compare(ten, suite, seeds=32, key=0, iterations=50, visits=10)
    seconds = time.perf_counter() - began
    report("ten criteria on the stress suite, seconds", seconds, "<=", 120)
    benchmark.pedantic(lambda: None, rounds=1)


def test_a_race(report, benchmark):
    """All criteria on the suite until one is selected, against a design that fixes its seeds.

    The same error: with probability 0.95 the selected one is at most the resolution worse than the
    best. A fixed design has to have (t s/resolution)^2 seeds for all, t at alpha over the criteria
    that are not the best, s that of the pair that scatters most: it knows neither beforehand, and
    is given s here. Both are for normal differences; the race is wider where they are not.
    """
    found = bs.race(resolution=RESOLUTION)
    scores = bs.compare(seeds=32).scores()
    rules = [scores[name] for name in found.scores]
    spread = max(np.std(a - b, ddof=1) for a, b in itertools.combinations(rules, 2))
    seeds = 2
    while seeds < (student.isf(0.05 / (len(rules) - 1), seeds - 1) * spread / RESOLUTION) ** 2:
        seeds += 1
    fixed = seeds * len(rules) * 8
    note = f"{fixed:,} and {found.runs:,}, {found.verdict}"
    report("runs of a fixed design / of a race, stress suite", fixed / found.runs, ">=", 2.5, note)
    benchmark.pedantic(lambda: None, rounds=1)


def test_few_visits(report, benchmark, best):
    """Ten visits drawn trial by trial, twenty as counts on the host: the same step otherwise."""
    task = bs.random_table(0, prompts=1000, solvable=0.5)
    procedure = bs.boosting(
        attempts=4,
        filter=bs.NoisyFilter(0.05),
        labeler=bs.WeakLabeler(0.3),
        criterion=bs.criteria.below(0.5),
        budget=0.01,
    )

    def run(visits):
        bs.simulate(procedure, task, 50, visits=visits, seeds=4, key=0)

    few, many = best(lambda: run(10), lambda: run(20), rounds=5)
    report("a run of twenty visits / of ten, 1,000 prompts", many / few, ">=", 1.5)
    benchmark.pedantic(lambda: None, rounds=1)


def test_a_plan_at_ten_visits(report, benchmark, best):
    """2,048 settings as chains of eleven states, against as many errors in the limit."""

    def plan(visits):
        bs.plan(beta=0.2, gamma=0.1, error=0.7, target=0.01, visits=visits)

    limit, few = best(lambda: plan(None), lambda: plan(10), rounds=3)
    report("a plan at ten visits / in the limit", few / limit, "<=", 1.5)
    benchmark.pedantic(lambda: None, rounds=1)
