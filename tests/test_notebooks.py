"""Notebooks run end to end at the smoke scale, and are committed with their outputs."""

import importlib.util
import warnings
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from matplotlib.figure import Figure

from boostsim.figures import FIGURES, figure_module, output

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"
PATHS = sorted(NOTEBOOKS.glob("*.ipynb"))


def executing():
    spec = importlib.util.spec_from_file_location("execute", NOTEBOOKS / "execute.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_notebook_was_committed_run(path):
    """In order and to its end, without errors, complaints or paths of the machine that ran it."""
    code = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    for cell in code:
        assert "error" not in [output.output_type for output in cell.outputs]
        told = str([output for output in cell.outputs if "data" not in output])
        assert not any(word in told for word in ("/home/", "site-packages", "Warning"))


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_notebook_runs(path, monkeypatch):
    monkeypatch.setenv("BOOSTSIM_SCALE", "smoke")
    monkeypatch.delenv("MPLBACKEND", raising=False)
    with warnings.catch_warnings():
        # The kernel's transport warns about itself.
        warnings.simplefilter("ignore")
        fresh = executing().execute(path)
    committed = nbformat.read(path, as_version=4)
    assert len(fresh.cells) == len(committed.cells)
    for ran, kept in zip(fresh.cells, committed.cells, strict=True):
        if kept.cell_type == "code":
            assert bool(kept.outputs) == bool(ran.outputs)


def test_the_notebook_of_figures_reads_the_committed_tables(monkeypatch):
    """Its code at the quick scale, by day: tables are read from figures/, not simulated again."""
    (path,) = (path for path in PATHS if path.stem == "02_reproduce_figures")
    shown = []
    for name in FIGURES:
        table = pd.read_csv(NOTEBOOKS.parent / "figures" / f"{name}.csv")
        monkeypatch.setattr(figure_module(name), "data", lambda scale, table=table: table)
    monkeypatch.setattr(output, "drawn", lambda module, table: Figure())
    monkeypatch.chdir(NOTEBOOKS)
    monkeypatch.setenv("BOOSTSIM_SCALE", "quick")
    plt = "import matplotlib.pyplot as plt"
    space = {"display": lambda *things: shown.extend(things), "__name__": "notebook"}
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code":
            lines = [line for line in cell.source.splitlines() if not line.startswith("%")]
            source = "\n".join(lines).replace(
                plt, plt + "\nplt = type('plt', (), {'rcParams': {}})"
            )
            exec(compile(source, path.name, "exec"), space)
    assert sum(isinstance(thing, Figure) for thing in shown) >= 6
    assert space["focus"].index.max() == figure_module("procedures").ITERATIONS


def test_what_is_printed_is_one_output_however_the_kernel_cuts_it():
    def printed(name, text):
        return nbformat.v4.new_output("stream", name=name, text=text)

    shown = nbformat.v4.new_output("display_data")
    cut = [printed("stdout", "a\n"), printed("stdout", "b\n"), shown, printed("stdout", "c\n")]
    cut += [printed("stderr", "d\n"), printed("stderr", "e\n")]
    told = [(each.get("name"), each.get("text")) for each in executing().joined(cut)]
    assert told == [("stdout", "a\nb\n"), (None, None), ("stdout", "c\n"), ("stderr", "d\ne\n")]
