"""Benchmarks run seldom: what they name of the library is there."""

import ast
import importlib
from pathlib import Path

import pytest

from boostsim.simulation.tokens import iteration

FILES = sorted((Path(__file__).parent / "bench").glob("*.py"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_what_is_imported_is_there(file):
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("boostsim"):
            module = importlib.import_module(node.module)
            for name in (each.name for each in node.names):
                if not hasattr(module, name):
                    importlib.import_module(f"{node.module}.{name}")


def test_what_is_timed_of_an_iteration_is_there():
    tree = ast.parse((Path(__file__).parent / "bench" / "bench_neural.py").read_text())
    [named] = [
        ast.literal_eval(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "inside"
    ]
    assert len(named) == 7
    assert all(hasattr(iteration, name) for name in named)
