"""``boostsim reproduce``: simulate and draw the figures, several at a time."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

__all__ = ["reproduce"]


def reproduce(names: tuple[str, ...], scale_name: str, out: Path | None, as_json: bool) -> int:
    """Draw the named figures (all where none is named) at a scale into a folder.

    Raises:
        ValueError: for an unknown figure or scale, or a folder that cannot be written to.
    """
    from boostsim.figures import FIGURES, NEURAL, figure_module, scale_named

    scale = scale_named(scale_name)
    folder = out or Path("figures", *([] if scale.name == "quick" else [scale.name]))
    names = tuple(dict.fromkeys(names)) or FIGURES
    for name in names:
        figure_module(name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(
            f"out must be a folder that can be made and written to; got {str(folder)!r} "
            f"({error.strerror})"
        ) from None

    from boostsim.progress import announced

    report = []
    # Most of a small figure's time is compilation, on one core; a process each uses all of them.
    # Networks too are trained in one, for what waits for a compiled program cannot be interrupted.
    workers = min(len(names), os.cpu_count() or 1)
    with announced(f"{', '.join(names)} ({scale.name})", quiet=as_json):
        if workers == 1 and not set(names) & set(NEURAL):
            report = [_drawn(name, scale.name, folder) for name in names]
        else:
            spawn = multiprocessing.get_context("spawn")
            with ProcessPoolExecutor(workers, spawn, _deaf) as pool:
                started = [pool.submit(_drawn, name, scale.name, folder) for name in names]
                try:
                    report = [figure.result() for figure in started]
                except KeyboardInterrupt:
                    # Whatever they have written is whole, and is gone on from next time.
                    for child in multiprocessing.active_children():
                        child.terminate()
                    raise
    if as_json:
        print(json.dumps({"scale": scale.name, "figures": report}, indent=2))
        return 0
    from rich.console import Console
    from rich.table import Table

    table = Table("figure", "what it shows", "seconds", box=None, padding=(0, 2, 1, 0))
    for row in report:
        table.add_row(row["figure"], row["claim"], f"{row['seconds']:.1f}")
    console = Console()
    console.print(table)
    console.print(f"PNG, SVG and CSV are in {folder}/", highlight=False)
    return 0


def _deaf() -> None:
    """Leave an interrupt to the process that waits for this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _drawn(name: str, scale_name: str, folder: Path) -> dict[str, Any]:
    """Simulate, draw and write one figure, and report on it."""
    from boostsim.commands.cache import use_cache
    from boostsim.figures import figure_module, scale_named
    from boostsim.figures.output import write

    use_cache()
    began, module = time.monotonic(), figure_module(name)
    paths = write(module, module.data(scale_named(scale_name)), folder, name)
    return {
        "figure": name,
        "claim": module.CLAIM,
        "files": [str(path) for path in paths],
        "seconds": round(time.monotonic() - began, 1),
    }
