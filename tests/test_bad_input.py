"""Bad input: one ValueError that names the argument, what it got, what is allowed."""

import itertools
import re
from decimal import Decimal
from fractions import Fraction
from types import SimpleNamespace

import jax
import numpy as np
import pytest

import boostsim as bs
from boostsim import arguments
from boostsim.theory.law import Domain

TASK = bs.random_table(0, prompts=4, responses=3)
BOOSTING = bs.boosting(labeler=bs.WeakLabeler(0.2))
NAN, INF = float("nan"), float("inf")
LIKING = bs.filter_only(filter=bs.NoisyFilter(0.1, persistent=True))
STUBBORN = bs.boosting(labeler=bs.WeakLabeler(0.2, persistent=True))
SAMPLED = {"visits": 3, "key": 0}
SLOWING = bs.boosting(attempts=[2, 1], labeler=bs.WeakLabeler(0.2))
TURNS = itertools.count()
ITS = bs.statistic(lambda row: row[0], name="it")


def simulate(**changes):
    arguments = {"procedure": BOOSTING, "task": TASK, "iterations": 1, **changes}
    return lambda: bs.simulate(
        arguments.pop("procedure"), arguments.pop("task"), arguments.pop("iterations"), **arguments
    )


@bs.criterion
def negative(visits):
    return visits.pass_rate * visits.mass - visits.mass


@bs.criterion
def static_negative(visits):
    return visits.pass_rate - 1.0


@bs.criterion
def turns_nan(visits):
    return visits.disagreement / (visits.mass - visits.mass)


@bs.criterion
def misshapen(visits):
    return visits.mass[:-1]


@bs.criterion
def impure(visits):
    return visits.mass if bool(visits.mass[0] > 0) else visits.pass_rate


@bs.criterion
def branching(visits):
    return 1.0 if visits.pass_rate < 0.5 else 0.0


@bs.criterion
def silent(visits):
    return None


@bs.criterion
def scalar(visits):
    return 1.0


@bs.criterion
def complex_valued(visits):
    return visits.pass_rate + 1j


@bs.criterion
def fixed_length(visits):
    return np.ones(2)


@bs.criterion
def misspelt(visits):
    return visits.pas_rate


def with_criterion(criterion, **changes):
    return simulate(
        procedure=bs.boosting(labeler=bs.WeakLabeler(0.2), criterion=criterion), **changes
    )


def weighing(**slots):
    return bs.boosting(labeler=bs.WeakLabeler(0.2), **slots)


HALF = np.full((2, 2), 0.5)
RIGHT = np.array([[1, 0], [0, 1]])

CASES = {
    # filters
    "gamma above 1": (lambda: bs.NoisyFilter(1.5), "gamma", "1.5"),
    "gamma below 0": (lambda: bs.NoisyFilter(-0.1), "gamma", "-0.1"),
    "gamma NaN": (lambda: bs.NoisyFilter(NAN), "gamma", "nan"),
    "gamma a word": (lambda: bs.NoisyFilter("some"), "gamma", "some"),
    "gamma an array of arrays": (lambda: bs.NoisyFilter([[0.1], [0.2]]), "gamma", "dimension"),
    "gamma of a prompt": (lambda: bs.NoisyFilter([0.1, 1.2]), "gamma", "prompt 1"),
    "gamma for other prompts": (
        simulate(procedure=bs.filter_only(filter=bs.NoisyFilter([0.1, 0.2]))),
        "filter",
        "each of 4 prompts",
    ),
    "gamma a truth value": (lambda: bs.NoisyFilter(True), "gamma", "True"),
    "both kinds of rates": (lambda: bs.NoisyFilter(0.1, false_accept=0.1), "gamma", "false_accept"),
    "one rate missing": (lambda: bs.NoisyFilter(false_accept=0.1), "false_reject", "None"),
    "a rate out of range": (
        lambda: bs.NoisyFilter(false_accept=2, false_reject=0),
        "false_accept",
        "2",
    ),
    "filters that are rates": (lambda: bs.DriftingFilter([0.1]), "filter", "0.1"),
    "even votes": (lambda: bs.NoisyFilter(0.1, votes=2), "votes", "odd"),
    "no votes": (lambda: bs.NoisyFilter(0.1, votes=0), "votes", "0"),
    "a correlation above 1": (lambda: bs.NoisyFilter(0.1, correlation=1.5), "correlation", "1.5"),
    "a rule misspelt": (lambda: bs.NoisyFilter(0.1, rule="majorty"), "rule", "majority"),
    "a rule beyond the votes": (lambda: bs.NoisyFilter(0.1, votes=3, rule=4), "rule", "of 3 looks"),
    "a rule of nobody": (lambda: bs.NoisyFilter(0.1, votes=3, rule=0), "rule", "unanimity"),
    "a rule that is a flag": (lambda: bs.NoisyFilter(0.1, rule=True), "rule", "True"),
    "an even majority of voters": (lambda: bs.NoisyFilter(voters=[0.1, 0.2]), "votes", "odd"),
    "no voters": (lambda: bs.NoisyFilter(voters=[]), "voters", "empty"),
    "voters out of range": (lambda: bs.NoisyFilter(voters=[0.1, 1.2, 0]), "voters", "voter 1"),
    "a voter of two": (lambda: bs.NoisyFilter(voters=[0.1, (0.1, 0.2)]), "voters", "array"),
    "a voter of three": (lambda: bs.NoisyFilter(voters=[[0.1, 0.1, 0.1]]), "voters", r"\(1, 3\)"),
    "a word for voters": (lambda: bs.NoisyFilter(voters="ab"), "voters", "ab"),
    "voters and a rate": (lambda: bs.NoisyFilter(0.1, voters=[0.1]), "gamma", "voters"),
    "voters and votes": (lambda: bs.NoisyFilter(votes=5, voters=[0.1] * 3), "votes", "voters 3"),
    "a crowd": (lambda: bs.NoisyFilter(voters=np.zeros(1001)), "voters", "1,000"),
    # labelers
    "beta above 1": (lambda: bs.WeakLabeler(1.1), "beta", "1.1"),
    "beta NaN": (lambda: bs.WeakLabeler(NAN), "beta", "nan"),
    "beta missing": (lambda: bs.WeakLabeler(), "beta", "None"),
    "beta of a prompt out of range": (lambda: bs.WeakLabeler([0.1, 1.2]), "beta", "prompt 1"),
    "beta of a prompt NaN": (lambda: bs.WeakLabeler([0.1, NAN]), "beta", "nan"),
    "wrong misspelt": (lambda: bs.WeakLabeler(0.1, wrong="spred"), "wrong", "spread"),
    "rows negative": (lambda: bs.WeakLabeler(rows=[[1.5, -0.5]]), "rows", "1.5"),
    "rows NaN": (lambda: bs.WeakLabeler(rows=[[NAN, 1.0]]), "rows", "nan"),
    "rows that sum to 0.9": (lambda: bs.WeakLabeler(rows=[[0.5, 0.4]]), "rows", "row 0"),
    "rows below beta": (
        simulate(
            task=bs.table_task(RIGHT),
            procedure=bs.boosting(labeler=bs.WeakLabeler(rows=HALF, beta=0.6)),
        ),
        "rows",
        "0.6",
    ),
    "rows of another shape": (
        simulate(procedure=bs.boosting(labeler=bs.WeakLabeler(rows=HALF))),
        "rows",
        r"\(4, 3\)",
    ),
    "beta for other prompts": (
        simulate(procedure=bs.boosting(labeler=bs.WeakLabeler([0.1, 0.2]))),
        "beta",
        "4 prompts",
    ),
    "beta > 0 without a correct response": (
        simulate(task=bs.table_task([[1, 0], [0, 0]])),
        "beta",
        "prompt 1",
    ),
    "beta < 1 without a wrong response": (
        simulate(task=bs.table_task([[1, 1], [0, 1]])),
        "beta",
        "prompt 0",
    ),
    # tasks
    "an empty task": (lambda: bs.table_task(np.zeros((0, 3))), "quality", "empty"),
    "quality of 2": (lambda: bs.table_task([[2, 0]]), "quality", "2.0"),
    "quality in one dimension": (lambda: bs.table_task([1, 0]), "quality", "2 dimension"),
    "quality of words": (lambda: bs.table_task([["a", "b"]]), "quality", "numbers"),
    "weights that do not sum": (lambda: bs.table_task(RIGHT, [0.5, 0.6]), "prompt_weights", "one"),
    "weights of another length": (lambda: bs.table_task(RIGHT, [1.0]), "prompt_weights", "2"),
    "initial of another shape": (
        lambda: bs.table_task(RIGHT, initial=np.full((2, 4), 0.25)),
        "initial",
        "shape",
    ),
    "initial negative": (lambda: bs.table_task(RIGHT, initial=[[-1, 2], [0, 1]]), "initial", "-1"),
    "no prompts": (lambda: bs.random_table(0, prompts=0), "prompts", "0"),
    "half a prompt": (lambda: bs.random_table(0, prompts=2.5), "prompts", "2.5"),
    "no responses": (lambda: bs.random_table(0, responses=0), "responses", "0"),
    "more correct than responses": (
        lambda: bs.random_table(0, responses=3, correct=4),
        "correct",
        "3 responses",
    ),
    "solvable above 1": (lambda: bs.random_table(0, solvable=1.1), "solvable", "1.1"),
    "helpless where all is correct": (
        lambda: bs.random_table(0, responses=2, correct=2, solvable=0.5),
        "solvable",
        "0.5",
    ),
    "a key of 2^32": (lambda: bs.random_table(2**32), "key", "4294967296"),
    "a negative key": (lambda: bs.random_table(-1), "key", "-1"),
    "raw key bits": (lambda: bs.random_table(np.zeros(2, np.uint32)), "key", "wrap_key_data"),
    "two keys": (lambda: bs.random_table(jax.random.split(jax.random.key(0))), "key", "one key"),
    # procedures
    "no attempts": (lambda: bs.uncurated(attempts=0), "attempts", "0"),
    "1.5 attempts": (lambda: bs.uncurated(attempts=1.5), "attempts", "1.5"),
    "too many attempts": (lambda: bs.uncurated(attempts=10**6), "attempts", "at most 1000"),
    "a negative budget": (
        lambda: bs.boosting(labeler=bs.WeakLabeler(0.1), budget=-1),
        "budget",
        "-1",
    ),
    "an infinite budget": (
        lambda: bs.boosting(labeler=bs.WeakLabeler(0.1), budget=INF),
        "budget",
        "inf",
    ),
    "a budget without a labeler": (lambda: bs.Procedure(budget=0.1), "budget", "labeler"),
    "a rate above 1": (
        lambda: bs.random_labels(rate=2, labeler=bs.WeakLabeler(0.1)),
        "rate",
        "2",
    ),
    "a rate above the labels of a visit": (
        lambda: bs.random_labels(rate=8.5, labeler=bs.WeakLabeler(0.1), labels_per_visit=8),
        "rate",
        r"in \[0, 8\]; got 8.5",
    ),
    "keep some": (lambda: bs.Procedure(keep="some"), "keep", "one"),
    "a bare function": (lambda: bs.Procedure(criterion=lambda v: v.mass), "criterion", "@bs"),
    "a filter that is a number": (lambda: bs.Procedure(filter=0.1), "filter", "NoisyFilter"),
    "a weight of nothing": (lambda: weighing(label_weight=0), "label_weight", "1e-100"),
    "a weight below zero": (lambda: weighing(label_weight=-1.0), "label_weight", "-1"),
    "a weight that is no number": (lambda: weighing(label_weight=NAN), "label_weight", "nan"),
    "an endless weight": (lambda: weighing(label_weight=INF), "label_weight", "inf"),
    "a weight of nothing in one iteration": (
        lambda: weighing(label_weight=[1.0, 0.0]),
        "label_weight",
        "iteration 2",
    ),
    "a weight and a share": (
        lambda: weighing(label_weight=2.0, label_share=0.5),
        "label_share",
        "None where label_weight is given",
    ),
    "no share": (lambda: weighing(label_share=0), "label_share", "above 0 and below 1"),
    "a share that vanishes": (lambda: weighing(label_share=1e-308), "label_share", "1e-308"),
    "all of the share": (lambda: weighing(label_share=1.0), "label_share", "above 0 and below 1"),
    "more than the share": (lambda: weighing(label_share=1.5), "label_share", r"\[0, 1\]"),
    "a share that is no number": (lambda: weighing(label_share=NAN), "label_share", "nan"),
    "a share of all in one iteration": (
        lambda: weighing(label_share=[0.5, 1.0]),
        "label_share",
        "above 0 and below 1",
    ),
    "no labels to a visit": (
        lambda: weighing(labels_per_visit=0),
        "labels_per_visit",
        "at least 1",
    ),
    "half a label to a visit": (
        lambda: weighing(labels_per_visit=1.5),
        "labels_per_visit",
        "whole",
    ),
    "a weight without labels": (
        lambda: bs.Procedure(label_weight=2.0),
        "label_weight",
        "no labeler",
    ),
    "a share without labels": (lambda: bs.Procedure(label_share=0.5), "label_share", "no labeler"),
    "several labels without any": (
        lambda: bs.Procedure(labels_per_visit=2),
        "labels_per_visit",
        "no labeler",
    ),
    "all kept of the first accepted": (
        lambda: weighing(until_accepted=True, keep="all"),
        "keep",
        "until_accepted",
    ),
    "the best of the first accepted": (
        lambda: bs.Procedure(until_accepted=True, keep="best", scores=[0.0, 1.0]),
        "keep",
        "until_accepted",
    ),
    "the best by nothing": (lambda: bs.Procedure(keep="best"), "scores", "where keep is 'best'"),
    "scores that nobody looks at": (
        lambda: bs.Procedure(scores=[0.0, 1.0]),
        "scores",
        "None where keep is 'one'",
    ),
    "the better of two": (lambda: bs.Procedure(keep="better"), "keep", "Did you mean 'best'"),
    "scores without end": (
        lambda: bs.best_of_n(scores=[0.0, np.inf]),
        "scores",
        "finite everywhere",
    ),
    "scores of three dimensions": (
        lambda: bs.best_of_n(scores=np.zeros((2, 2, 2))),
        "scores",
        "2 dimension",
    ),
    "a score of nothing in particular": (
        lambda: bs.best_of_n(scores=1.0),
        "scores",
        "1 dimension",
    ),
    "rewards beyond what is computed with": (
        lambda: bs.Procedure(keep="preferred", scores=[0.0, 101.0]),
        "scores",
        "within 100 of each other",
    ),
    "scores of another task": (
        simulate(procedure=bs.best_of_n(scores=np.zeros(99))),
        "scores",
        "as the task is",
    ),
    "scores in tokens on a table": (
        simulate(procedure=bs.best_of_n(scores=lambda prompts, responses: prompts[:, 0])),
        "scores",
        "where the task is a table",
    ),
    "scores of a table in tokens": (
        simulate(
            procedure=bs.best_of_n(scores=[0.0, 1.0], learner=bs.SoftmaxRegression()),
            task=bs.lookup(4, 2),
        ),
        "scores",
        "where the task is in tokens",
    ),
    "perhaps until accepted": (
        lambda: weighing(until_accepted="yes"),
        "until_accepted",
        "True or False",
    ),
    "a first model below zero degrees": (
        lambda: bs.FirstModel(-1.0),
        "temperature",
        "at least 0",
    ),
    "a first model that promises too much": (lambda: bs.FirstModel(beta=1.5), "beta", "1.5"),
    "a first model that knows nothing": (
        simulate(
            procedure=bs.boosting(labeler=bs.FirstModel()),
            task=bs.random_table(0, prompts=3, solvable=0.0),
        ),
        "labeler",
        "no correct mass",
    ),
    "a first model below its promise": (
        simulate(
            procedure=bs.boosting(labeler=bs.FirstModel(beta=0.9)),
            task=bs.table_task(RIGHT, initial=HALF),
        ),
        "rows",
        "declared beta",
    ),
    "a labeler that is a number": (lambda: bs.Procedure(labeler=0.1), "labeler", "WeakLabeler"),
    "a learner that is a number": (lambda: bs.Procedure(learner=0.1), "learner", "StrongLearner"),
    "proportional without a budget": (
        lambda: bs.boosting(
            labeler=bs.WeakLabeler(0.1),
            criterion=bs.criterion(allocation="proportional")(lambda v: v.pass_rate),
        ),
        "budget",
        "proportional",
    ),
    "an unknown allocation": (
        lambda: bs.criterion(allocation="fair")(lambda v: v.mass),
        "allocation",
        "ranked",
    ),
    "slack above 1": (lambda: bs.StrongLearner(1.5), "slack", "1.5"),
    "an unknown noise": (lambda: bs.StrongLearner(0.1, noise="right"), "noise", "wrong"),
    "noise where nothing is wrong": (
        simulate(
            task=bs.table_task([[1, 1]]), procedure=bs.uncurated(learner=bs.StrongLearner(0.1))
        ),
        "noise",
        "prompt 0",
    ),
    # simulate
    "iterations below 0": (simulate(iterations=-1), "iterations", "-1"),
    "half an iteration": (simulate(iterations=0.5), "iterations", "0.5"),
    "no visits": (simulate(visits=0, key=0), "visits", "0"),
    "visits that overflow": (simulate(visits=2**60, key=0), "visits", "at most"),
    "half a visit": (simulate(visits=1.5, key=0), "visits", "1.5"),
    "no seeds": (simulate(seeds=0, **SAMPLED), "seeds", "0"),
    "seeds in an exact run": (simulate(seeds=2), "seeds", "visits"),
    "sampled without a key": (simulate(visits=3), "key", "None"),
    "a simulation key of 2^32": (simulate(visits=3, key=2**32), "key", "4294967296"),
    "an empty share": (simulate(visited_share=0.0, **SAMPLED), "visited_share", "0.0"),
    "a share in an exact run": (simulate(visited_share=0.5), "visited_share", "0.5"),
    "an unknown record": (simulate(record=("divresity",)), "record", "Did you mean 'diversity'"),
    "a function that is no statistic": (simulate(record=np.max), "record", "made by @bs.statistic"),
    "two statistics of one name": (
        simulate(record=[bs.statistic(lambda row: row[0], name="it"), ITS]),
        "record",
        "each a name of its own",
    ),
    "a statistic of two numbers": (
        simulate(record=bs.statistic(lambda row: row[:2], name="two")),
        "statistic 'two'",
        r"one real number for a row; got \(2,\)",
    ),
    "a statistic with branches": (
        simulate(record=bs.statistic(lambda row: 1 if row[0] > 0.5 else 0, name="it")),
        "statistic 'it'",
        "without branches",
    ),
    "a statistic that draws": (
        simulate(record=bs.statistic(lambda row: row[0] * next(TURNS), name="it")),
        "statistic 'it'",
        "pure function",
    ),
    "a complex statistic": (
        simulate(record=bs.statistic(lambda row: 1j * row[0], name="it")),
        "statistic 'it'",
        "real number",
    ),
    "a statistic named as another": (
        lambda: bs.statistic(lambda row: row[0], name="accuracy"),
        "name",
        "nothing else in a trace",
    ),
    "a statistic without a name": (lambda: bs.statistic(lambda row: row[0]), "name", "<lambda>"),
    "a statistic of three": (
        lambda: bs.statistic(lambda row, quality, more: row[0], name="it"),
        "statistic",
        "of a row, or of a row and its quality",
    ),
    "a statistic in tokens where rows are not known": (
        lambda: bs.simulate(BOOSTING, bs.arithmetic(2), 0, learner=bs.Transformer(), record=ITS),
        "record",
        "rows cannot be read off",
    ),
    "a word for a statistic in tokens": (
        lambda: bs.simulate(
            BOOSTING, bs.lookup(4), 0, learner=bs.Transformer(), record="surviving"
        ),
        "record",
        "responses",
    ),
    "quantiles over prompts at finite visits exactly": (
        simulate(record="accuracy_quantiles", visits=2, exact=True),
        "record",
        "'quantiles'",
    ),
    "a statistic where data accumulate, exactly": (
        lambda: bs.simulate(
            bs.uncurated(regime="accumulate"), TASK, 1, visits=2, exact=True, record=ITS
        ),
        "exact",
        "ever more states",
    ),
    "a statistic of too many states": (
        lambda: bs.simulate(
            bs.uncurated(),
            bs.random_table(0, prompts=1, responses=3),
            1,
            visits=200,
            exact=True,
            record=ITS,
        ),
        "visits",
        "at most",
    ),
    "attempts for too few iterations": (
        simulate(procedure=bs.boosting(attempts=[1, 2], labeler=bs.WeakLabeler(0.2)), iterations=3),
        "attempts",
        "one for each of 3 iterations; got 2",
    ),
    "no attempt in the second iteration": (
        lambda: bs.uncurated(attempts=[1, 0]),
        "attempts",
        "at least 1; got 0. See that of iteration 2",
    ),
    "attempts in no iteration": (lambda: bs.uncurated(attempts=[]), "attempts", "one for each"),
    "half an attempt": (lambda: bs.uncurated(attempts=[1, 1.5]), "attempts", "1.5"),
    "attempts in a table": (lambda: bs.uncurated(attempts=[[1], [2]]), "attempts", "whole number"),
    "visits for too few iterations": (
        simulate(visits=[2], key=0, iterations=2),
        "visits",
        "one for each of 2 iterations; got 1",
    ),
    "exact visits for too few iterations": (
        simulate(visits=[2], exact=True, iterations=2),
        "visits",
        "one for each of 2 iterations; got 1",
    ),
    "visits in tokens for too few iterations": (
        lambda: bs.simulate(
            BOOSTING, bs.lookup(4), 3, learner=bs.Transformer(), visits=[1, 2], key=0
        ),
        "visits",
        "one for each of 3 iterations",
    ),
    "no visit in an iteration": (simulate(visits=[2, 0], key=0), "visits", "of iteration 2"),
    "attempts that change where data accumulate, exactly": (
        lambda: bs.simulate(
            bs.uncurated(attempts=[1, 2], regime="accumulate"), TASK, 2, visits=2, exact=True
        ),
        "attempts",
        "one number where data accumulate",
    ),
    "visits that change where data accumulate, exactly": (
        lambda: bs.simulate(bs.uncurated(regime="accumulate"), TASK, 2, visits=[1, 2], exact=True),
        "visits",
        "one number where data accumulate",
    ),
    "visits of a kernel that change": (
        lambda: bs.kernel(BOOSTING, TASK, visits=[1, 2]),
        "visits",
        "whole number",
    ),
    "visits of a fate that change": (
        lambda: bs.fate(BOOSTING, visits=[1, 2], initial_accuracy=0.5),
        "visits",
        "whole number",
    ),
    "attempts of a fate that change": (
        lambda: bs.fate(bs.uncurated(attempts=[1, 2]), visits=1, initial_accuracy=0.5),
        "procedure",
        "",
    ),
    "a log of attempts that change": (
        lambda: bs.write_log(
            bs.simulate(SLOWING, TASK, 2, record="prompt"),
            "log.jsonl",
            procedure=SLOWING,
            task=TASK,
            key=0,
        ),
        "procedure",
        "attempts are one number",
    ),
    "responses where attempts change": (
        lambda: bs.simulate(
            SLOWING, bs.lookup(4), 2, learner=bs.Transformer(), key=0, record="responses"
        ),
        "record",
        "where attempts or visits change",
    ),
    "a rate that is no probability": (
        lambda: bs.migration(1.5, bs.WeakLabeler(0.2)),
        "rate",
        "1.5",
    ),
    "migration from nowhere": (lambda: bs.migration(0.5, "here"), "reference", "a labeler such as"),
    "migration from no rows": (lambda: bs.migration(0.5, [0.5, 0.5]), "reference", "dimension"),
    "an unknown regime": (lambda: bs.uncurated(regime="acumulate"), "regime", "Did you mean"),
    "anchor without a share": (lambda: bs.uncurated(regime="anchor"), "real_share", "above 0"),
    "a share below 0": (
        lambda: bs.uncurated(regime="anchor", real_share=-1),
        "real_share",
        "-1",
    ),
    "a share without anchor": (lambda: bs.uncurated(real_share=0.5), "real_share", "replace"),
    "no real data": (
        simulate(
            task=bs.table_task([[0, 0]]), procedure=bs.uncurated(regime="anchor", real_share=1)
        ),
        "reference",
        "prompt 0",
    ),
    "a reference of another shape": (
        lambda: bs.table_task(RIGHT, reference=[[1.0, 0.0]]),
        "reference",
        "shape",
    ),
    "no procedure": (simulate(procedure="boosting"), "procedure", "bs.Procedure"),
    "no task": (simulate(task=HALF), "task", "table_task"),
    # criteria
    "a criterion below 0": (with_criterion(negative), "'negative'", "prompt 0"),
    "a criterion below 0 beforehand": (with_criterion(static_negative), "'static_negative'", "-1"),
    "a criterion that is NaN": (with_criterion(turns_nan), "'turns_nan'", "iteration 1"),
    "a criterion of another shape": (with_criterion(misshapen), "'misshapen'", "shape"),
    "a criterion with branches": (with_criterion(impure), "'impure'", "TracerBool"),
    "a criterion with an if": (with_criterion(branching), "'branching'", "without branches"),
    "a criterion that returns nothing": (with_criterion(silent), "'silent'", "priority for each"),
    "a criterion that returns a number": (with_criterion(scalar), "'scalar'", "ones_like"),
    "a complex criterion": (with_criterion(complex_valued), "'complex_valued'", "complex"),
    "a criterion of a fixed length": (with_criterion(fixed_length), "'fixed_length'", "cells"),
    "a judge that is a word": (lambda: bs.TokenFilter("right"), "function", "right"),
    "looks of a judge below 0": (lambda: bs.TokenFilter(max, looks=-1), "looks", "-1"),
    "a judge that persists perhaps": (
        lambda: bs.TokenFilter(max, persistent="yes"),
        "persistent",
        "yes",
    ),
    "a filter that is a class": (lambda: bs.Procedure(filter=bs.NoisyFilter), "filter", "Noisy"),
    "an unknown allocation of a decorator": (
        lambda: bs.criterion(allocation="rank"),
        "allocation",
        "ranked",
    ),
    "verdicts that persist perhaps": (
        lambda: bs.NoisyFilter(0.1, persistent="yes"),
        "persistent",
        r"True or False, or a share in \[0, 1\]",
    ),
    "more than all verdicts persist": (
        lambda: bs.NoisyFilter(0.1, persistent=1.5),
        "persistent",
        r"a share in \[0, 1\]",
    ),
    "no probability of a response": (
        lambda: bs.ClassFilter([0.5, 1.5]),
        "accept",
        r"probabilities in \[0, 1\]",
    ),
    "a rejected response of another shape": (
        lambda: bs.ClassFilter([0.5, 0.5], reject=[0.5]),
        "reject",
        r"accept's shape, \(2,\)",
    ),
    "a response with half a verdict": (
        lambda: bs.ClassFilter([0.5, 0.5], reject=[0.5, 0.25]),
        r"accept \+ reject",
        "1: a verdict is one or the other",
    ),
    "calls of a filter that are no number": (
        lambda: bs.ClassFilter([0.5], looks=-1),
        "looks",
        "at least 0",
    ),
    "a filter of other responses": (
        lambda: bs.simulate(bs.filter_only(filter=bs.ClassFilter([0.5] * 9)), TASK, 1),
        "filter.accept",
        r"shape \(9,\)",
    ),
    "answers that persist perhaps": (
        lambda: bs.WeakLabeler(0.1, persistent="yes"),
        "persistent",
        "True or False",
    ),
    "verdicts without a key": (simulate(procedure=LIKING), "key", "where verdicts persist"),
    "a kernel's verdicts without a key": (lambda: bs.kernel(LIKING, TASK), "key", "persist"),
    "a kernel's answers without a key": (
        lambda: bs.kernel(STUBBORN, TASK, visits=2),
        "key",
        "persist",
    ),
    "several seeds of one answer each": (
        simulate(procedure=STUBBORN, seeds=2, key=0),
        "seeds",
        "1 in an exact run",
    ),
    "a filter that does not say": (
        lambda: bs.Procedure(filter=SimpleNamespace(accept=(1, 0), reject=(0, 1), looks=1)),
        "filter",
        "a filter such as",
    ),
    "a record that is a number": (simulate(record=3), "record", "diversity"),
    "a key that is a word, though none is needed": (simulate(key="a"), "key", "whole number"),
    "a temperature below zero": (lambda: bs.Sharpening(-0.1), "temperature", "at least 0"),
    "an endless temperature": (lambda: bs.Sharpening(INF), "temperature", "finite"),
    "a temperature that is no number": (lambda: bs.Sharpening(NAN), "temperature", "finite"),
    "no mass at all": (lambda: bs.Sharpening(top_p=0), "top_p", "at 0 nothing"),
    "more than all mass": (lambda: bs.Sharpening(top_p=1.1), "top_p", r"\(0, 1\]"),
    "no response": (lambda: bs.Sharpening(top_k=0), "top_k", "at least 1"),
    "half a response": (lambda: bs.Sharpening(top_k=1.5), "top_k", "whole"),
    "sharpening by a number": (lambda: bs.uncurated(sharpening=0.7), "sharpening", "bs.Sharp"),
    "a path that is a number": (lambda: bs.load(3), "path", "3"),
    "a trace saved under a number": (
        lambda: bs.save(bs.simulate(BOOSTING, TASK, 0), 3),
        "path",
        "got 3",
    ),
    "a path with NUL": (lambda: bs.load("run\0.nc"), "path", "without NUL"),
    "a folder with NUL": (
        lambda: bs.simulate(
            BOOSTING, bs.lookup(4, 3), 1, key=0, folder="a\0", learner=bs.Transformer()
        ),
        "folder",
        "without NUL",
    ),
    "prices of nothing": (lambda: bs.priced(None, bs.Prices()), "trace", "None"),
    "an uneven schedule": (
        lambda: bs.boosting(labeler=bs.WeakLabeler(0.1), budget=[[0.1], [0.1, 0.2]]),
        "budget",
        "one for each iteration",
    ),
    "a schedule of truth values": (
        lambda: bs.boosting(labeler=bs.WeakLabeler(0.1), budget=[True, False]),
        "budget",
        "True, False",
    ),
    "a masked schedule": (
        lambda: bs.boosting(
            labeler=bs.WeakLabeler(0.1), budget=np.ma.array([0.1, 0.2], mask=[0, 1])
        ),
        "budget",
        "masked",
    ),
    "a law's argument in a word": (
        lambda: bs.laws.label_cost(beta="0.5", initial_error=1.0, iterations=1),
        "beta",
        "'0.5'",
    ),
    "a law whose condition an array breaks": (
        lambda: bs.laws.pass_at_estimate(right=4, samples=np.ones((3, 3, 3)), attempts=1),
        "pass_at_estimate",
        "no more right responses than samples; got right=4, samples=array",
    ),
    "a law whose condition has no shape": (
        lambda: bs.laws.pass_at_estimate(right=[1, 2], samples=[3, 4, 5], attempts=1),
        "pass_at_estimate",
        r"broadcast; got right \(2,\), samples \(3,\)",
    ),
    "an array where a record is asked for in tokens": (
        lambda: bs.simulate(BOOSTING, bs.lookup(4), 0, learner=bs.Transformer(), record=np.ones(2)),
        "record",
        "must be one of responses; got",
    ),
    "an array for a share in tokens": (
        lambda: bs.simulate(
            BOOSTING, bs.lookup(4), 0, learner=bs.Transformer(), visited_share=np.ones(2)
        ),
        "visited_share",
        r"a number in \[0, 1\]",
    ),
    "an axis of words": (lambda: bs.Box(beta=("0.1", "0.5")), "beta", "low, high"),
    "more attempts than Python writes": (
        lambda: bs.uncurated(attempts=10**6000),
        "attempts",
        "at most 1000; got a value of type int",
    ),
    "a regime of 100,000 letters": (lambda: bs.uncurated(regime="x" * 10**5), "regime", "xx..."),
    "simulate in a compiled program": (
        lambda: jax.jit(lambda: bs.simulate(BOOSTING, TASK, 1).error.values)(),
        "simulate",
        "use bs.kernel",
    ),
    "a number that JAX traces": (
        lambda: jax.jit(lambda beta: bs.WeakLabeler(beta).beta)(0.5),
        "beta",
        "bs.kernel",
    ),
    "a criterion that misspells": (with_criterion(misspelt), "'misspelt'", "pas_rate"),
}


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_refused_in_words(case):
    call, name, told = CASES[case]
    with pytest.raises(ValueError, match=name) as refused:
        call()
    message = str(refused.value)
    assert re.search(told, message), message
    assert "\n" not in message
    assert len(message) < 400


NO_NUMBERS = {
    "text": "0.5",
    "bytes": b"0.5",
    "a truth value": True,
    "NumPy's truth value": np.True_,
    "text in an array": np.array("0.5"),
    "an object array": np.array(0.5, dtype=object),
    "masked": np.ma.masked,
    "a masked array": np.ma.array(0.5, mask=False),
    "complex": 0.5 + 0j,
    "a complex array": np.array(0.5 + 0j),
    "a date": np.datetime64("2020"),
    "a length of time": np.timedelta64(1, "D"),
    "beyond all floats": 10**400,
    "a key": jax.random.key(0),
    "a class": np.float64,
    "a truth value of JAX": jax.numpy.array(True),
}
TAKE_NUMBERS = {
    "finite": arguments.finite,
    "whole": lambda name, got: arguments.whole(name, got, 0),
    "schedule": arguments.schedule,
    "a schedule's entry": lambda name, got: arguments.schedule(name, [0.5, got]),
    "an entry": lambda name, got: arguments.numbers(name, [0.5, got], 1),
    "an entry of a row": lambda name, got: arguments.distribution(name, [[0.5, got]], 2),
    "a law's argument": Domain(high=np.inf).check,
    "entries of a law's argument": lambda name, got: Domain(high=np.inf).check(name, [0.5, got]),
}


@pytest.mark.parametrize("kind", NO_NUMBERS)
@pytest.mark.parametrize("taker", TAKE_NUMBERS)
def test_what_is_no_number_is_never_taken_for_one(kind, taker):
    with pytest.raises(ValueError, match="number must be") as refused:
        TAKE_NUMBERS[taker]("number", NO_NUMBERS[kind])
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "half",
    [0.5, np.float16(0.5), jax.numpy.bfloat16(0.5), np.array(0.5), Fraction(1, 2), Decimal("0.5")],
    ids=lambda half: type(half).__name__,
)
@pytest.mark.parametrize("taker", sorted(set(TAKE_NUMBERS) - {"whole"}))
def test_every_kind_of_number_is_one(half, taker):
    if "row" in taker:
        assert arguments.distribution("number", [[0.5, half]], 2).tolist() == [[0.5, 0.5]]
    else:
        assert np.all(np.asarray(TAKE_NUMBERS[taker]("number", half)) == 0.5)


def test_an_array_of_truth_values_says_what_is_right():
    assert (bs.table_task(RIGHT == 1).quality == RIGHT).all()


def test_the_kernel_asks_for_64_bits_a_key_and_a_state():
    loop = bs.kernel(BOOSTING, TASK, visits=3)
    with pytest.raises(ValueError, match="enable_x64"):
        loop.init()
    with jax.enable_x64(True):
        state = loop.init()
        with pytest.raises(ValueError, match="key"):
            loop.step(None, state)
        with pytest.raises(ValueError, match="state must be"):
            loop.step(state, jax.random.key(0))
        # Traced, which is enough to see that a number is a key.
        jax.eval_shape(lambda: loop.step(0, state)[0].mass)


def test_good_input_in_other_clothes():
    """NumPy scalars, whole floats and float32 rows are what they look like."""
    assert bs.NoisyFilter(np.float32(0.5)).accept == (0.5, 0.5)
    third = np.full((1, 3), 1 / 3, np.float32)
    task = bs.table_task(np.array([[True, False, False]]), initial=third)
    assert task.initial.sum() == pytest.approx(1.0, abs=1e-15)
    trace = bs.simulate(
        bs.uncurated(attempts=np.int64(2)), task, 3.0, visits=np.int32(4), key=np.uint32(7)
    )
    again = bs.simulate(bs.uncurated(attempts=2), task, 3, visits=4, key=jax.random.key(7))
    assert trace.identical(again)


def test_rows_that_sum_to_one_are_left_alone():
    tiny = bs.table_task([[1, 0]], initial=[[1e-200, 1.0]])
    assert tiny.initial[0, 0] == 1e-200
