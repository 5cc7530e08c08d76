"""Collects the ratios and prints them as one table with their floors."""

import time

import pytest

RESULTS = []


@pytest.fixture
def best():
    """Best of several runs of each, interleaved, so that both meet the same machine."""

    def measure(*functions, rounds=7):
        for function in functions:
            function()
        seconds = [float("inf")] * len(functions)
        for _ in range(rounds):
            for index, function in enumerate(functions):
                began = time.perf_counter()
                function()
                seconds[index] = min(seconds[index], time.perf_counter() - began)
        return seconds

    return measure


@pytest.fixture
def report(benchmark):
    """Record a ratio beside what it should be: at least (>=) or at most (<=) a number."""

    def record(what, ratio, relation=None, wanted=None, note=""):
        met = None
        if wanted is not None:
            met = ratio >= wanted if relation == ">=" else ratio <= wanted
        RESULTS.append((what, ratio, relation, wanted, met, note))
        benchmark.extra_info[what] = ratio

    return record


def pytest_terminal_summary(terminalreporter):
    terminalreporter.write_sep("=", "ratios, measured side by side")
    for what, ratio, relation, wanted, met, note in RESULTS:
        aim = "" if wanted is None else f"{relation} {wanted:g}  {'met' if met else 'MISSED'}"
        terminalreporter.write_line(f"{what:<66} {ratio:>9.2f}  {aim:<14} {note}")
