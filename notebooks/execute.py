"""Run the notebooks in place and keep their outputs; BOOSTSIM_SCALE says at which scale.

Usage: python notebooks/execute.py [notebook ...]
"""

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from boostsim.files import write_whole

HERE = Path(__file__).parent


def execute(path: Path) -> nbformat.NotebookNode:
    """Return the notebook with fresh outputs; raise where a cell does."""
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": HERE}}
    ).execute()
    for cell in notebook.cells:
        # When a cell ran is no result: a rerun that changes nothing should change no line.
        cell.metadata.pop("execution", None)
    notebook.metadata.pop("language_info", None)
    return notebook


if __name__ == "__main__":
    named = [Path(name) for name in sys.argv[1:]]
    for path in named or sorted(HERE.glob("*.ipynb")):
        print(f"running {path.name}", flush=True)
        write_whole(path, f"{nbformat.writes(execute(path))}\n".encode())
