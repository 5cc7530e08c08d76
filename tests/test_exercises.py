"""Notebooks say what they are for, and end with exercises whose answers are true."""

import contextlib
import io
from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))


def ends(path):
    """The cells with the exercises and with the answers, and what these have printed."""
    cells = nbformat.read(path, as_version=4).cells
    (printed,) = cells[-1].outputs
    return cells, cells[-2].source, cells[-1], printed.text


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_says_what_it_is_for_and_ends_with_exercises(path):
    cells, asked, answers, printed = ends(path)
    assert "\n**After it you can** " in cells[0].source
    assert asked.startswith("## Exercises\n\n1. ")
    assert answers.metadata.tags == ["answers"]
    assert answers.metadata.jupyter.source_hidden
    assert answers.source.count("assert ") >= 2
    questions = [line.split()[0] for line in asked.splitlines() if line[:1].isdigit()]
    assert list(dict.fromkeys(line.split()[0] for line in printed.splitlines())) == questions


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_answers_run_by_themselves_and_print_what_was_committed(path):
    """What else they say, they assert."""
    _, _, answers, printed = ends(path)
    told = io.StringIO()
    with contextlib.redirect_stdout(told):
        exec(compile(answers.source, path.name, "exec"), {"__name__": path.stem})
    assert told.getvalue() == printed
