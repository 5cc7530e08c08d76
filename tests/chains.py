"""A prompt at finite visits, in fractions: every outcome of every attempt, verdict and label.

From section 1 of the theory, sharing nothing with the package; slow, and for tiny numbers only.
"""

import itertools
import math
from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction

ONE = Fraction(1)


@dataclass(frozen=True)
class World:
    """One prompt: ``labelled`` is the chance that a visit is, by how many were accepted."""

    attempts: int
    accept: tuple[Fraction, Fraction]  # of a correct response, of a wrong one
    beta: Fraction
    labelled: tuple[Fraction, ...]
    keep: str = "one"
    weight: Fraction = ONE
    each: int = 1
    share: Fraction = ONE
    slack: Fraction = Fraction(0)
    real: Fraction = Fraction(0)  # real examples a visit, all of them right


def one_visit(world, right):
    """The law of (correct, wrong) kept and (correct, wrong) labels."""
    law = defaultdict(Fraction)
    for tries in itertools.product(itertools.product((0, 1), (False, True)), repeat=world.attempts):
        chance, accepted = ONE, []
        for wrong, passed in tries:
            chance *= 1 - right if wrong else right
            chance *= world.accept[wrong] if passed else 1 - world.accept[wrong]
            accepted += [wrong] * passed
        kept = accepted if world.keep == "all" else accepted[:1]
        kept, buys = (kept.count(0), kept.count(1)), world.labelled[len(accepted)]
        law[*kept, 0, 0] += chance * (1 - buys)
        for labels in itertools.product((0, 1), repeat=world.each):
            said = math.prod((1 - world.beta if wrong else world.beta) for wrong in labels)
            law[*kept, labels.count(0), labels.count(1)] += chance * buys * said
    return law


def one_iteration(world, law, visits):
    """The law of the accuracy after one more iteration."""
    after = defaultdict(Fraction)
    for right, chance in law.items():
        sums, visit = {(0, 0, 0, 0): ONE}, one_visit(world, right)
        for _ in range(visits):
            more = defaultdict(Fraction)
            for before, p in sums.items():
                for given, q in visit.items():
                    if p and q:
                        more[tuple(a + b for a, b in zip(before, given, strict=True))] += p * q
            sums = more
        for (kept, wrong, good, bad), p in sums.items():
            kept += world.real * visits
            whole = kept + wrong + world.weight * (good + bad)
            row = right
            if whole:
                row = (1 - world.slack) * (kept + world.weight * good) / whole
            after[row] += world.share * chance * p
        after[right] += (1 - world.share) * chance
    return {right: chance for right, chance in after.items() if chance}


def law_of(worlds, right, visits, iterations):
    """The laws of the accuracy after 0, 1, ... iterations: of one world, or one for each."""
    laws = [{right: ONE}]
    for iteration in range(iterations):
        world = worlds if isinstance(worlds, World) else worlds[iteration]
        laws.append(one_iteration(world, laws[-1], visits))
    return laws


def accumulated_law_of(world, right, visits, iterations):
    """The same where data accumulate, f_0 with the weight of as many examples as visits."""
    data = {(right * visits, Fraction(visits)): ONE}
    laws = [{right: ONE}]
    for iteration in range(iterations):
        more, law = defaultdict(Fraction), defaultdict(Fraction)
        for (good, whole), chance in data.items():
            row = (1 - world.slack * (iteration > 0)) * good / whole
            sums = {(0, 0): ONE}
            for _ in range(visits):
                after = defaultdict(Fraction)
                for (before, size), p in sums.items():
                    for (kept, wrong, labels, bad), q in one_visit(world, row).items():
                        added = kept + wrong + labels + bad
                        after[before + kept + labels, size + added] += p * q
                sums = after
            for (added, size), p in sums.items():
                more[good + added, whole + size] += world.share * chance * p
            more[good, whole] += (1 - world.share) * chance
        data = {key: chance for key, chance in more.items() if chance}
        for (good, whole), chance in data.items():
            law[(1 - world.slack) * good / whole] += chance
        laws.append(dict(law))
    return laws


def expected_labels(world, law):
    """Labels that the next iteration buys per visit, on average."""
    return sum(
        chance * p * (good + bad)
        for right, chance in law.items()
        for (_, _, good, bad), p in one_visit(world, right).items()
    )
