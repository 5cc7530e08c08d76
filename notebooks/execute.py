"""Run the notebooks in place and keep their outputs; BOOSTSIM_SCALE says at which scale.

Usage: python notebooks/execute.py [notebook ...]
"""

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from boostsim.files import write_whole

HERE = Path(__file__).parent


def joined(outputs: list[nbformat.NotebookNode]) -> list[nbformat.NotebookNode]:
    """Return outputs, what was printed in one piece: how a kernel cuts it depends on the moment."""
    found: list[nbformat.NotebookNode] = []
    for output in outputs:
        last = found[-1] if found else {}
        if output.output_type == "stream" and last.get("name") == output.name:
            last.text += output.text
        else:
            found.append(output)
    return found


def execute(path: Path) -> nbformat.NotebookNode:
    """Return the notebook with fresh outputs; raise where a cell does."""
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": HERE}}
    ).execute()
    for cell in notebook.cells:
        # When a cell ran is no result: a rerun that changes nothing should change no line.
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = joined(cell.outputs)
    notebook.metadata.pop("language_info", None)
    return notebook


if __name__ == "__main__":
    named = [Path(name) for name in sys.argv[1:]]
    for path in named or sorted(HERE.glob("*.ipynb")):
        print(f"running {path.name}", flush=True)
        write_whole(path, f"{nbformat.writes(execute(path))}\n".encode())
