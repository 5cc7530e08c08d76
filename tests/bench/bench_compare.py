"""How long a tournament takes: `make bench`."""

import time

import boostsim as bs
from boostsim.tournament.compare import every_criterion


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
