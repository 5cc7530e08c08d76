"""``boostsim reproduce``: simulate and draw the figures, several at a time."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import connection
from pathlib import Path
from types import ModuleType
from typing import Any

from boostsim.commands.cache import said_elsewhere, use_cache
from boostsim.commands.output import console, say
from boostsim.figures import Look
from boostsim.files import cache_folder
from boostsim.processors import processors
from boostsim.progress import announced, silenced, tell, track


def reproduce(
    names: tuple[str, ...],
    scale_name: str,
    into: Path | None,
    as_json: bool,
    size: str | None = None,
    plain: bool = False,
    pdf: bool = False,
) -> int:
    """Draw the named figures (all where none is named) at a scale into a folder."""
    from boostsim.figures import FIGURES, NEURAL, figure_module, scale_named
    from boostsim.files import try_to_write

    scale, look = scale_named(scale_name), Look(_sides(size), not plain, not plain)
    kinds = ("png", "svg", *(["pdf"] if pdf else []))
    folder = into or Path("figures", *([] if scale.name == "quick" else [scale.name]))
    asked, names = bool(names), tuple(dict.fromkeys(names)) or FIGURES
    left = {name: told for name in names if (told := _missing(figure_module(name)))}
    if left and asked:
        raise ValueError(next(iter(left.values())))
    names = tuple(name for name in names if name not in left)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(
            f"folder must be a folder that can be made and written to; got {str(folder)!r} "
            f"({error.strerror})"
        ) from None
    try_to_write(folder / f"{names[0]}.csv", "folder")
    for name, told in left.items():
        tell(f"{name} is left out: {told}")
    use_cache()
    # Asked for here, so that it is said once, and not by each worker, where there is none.
    cache_folder()

    draw = partial(_drawn, scale_name=scale.name, folder=folder, look=look, kinds=kinds)
    report = _report(names, draw, workers=_workers(names, NEURAL))
    if as_json:
        say(json.dumps({"scale": scale.name, "figures": report}, indent=2))
        return 0
    from rich.table import Table

    table = Table("figure", "what it shows", "seconds", box=None, padding=(0, 2, 1, 0))
    for row in report:
        table.add_row(row["figure"], row["claim"], f"{row['seconds']:.1f}")
    screen = console(None)
    screen.print(table)
    written = "PNG, SVG, PDF and CSV" if pdf else "PNG, SVG and CSV"
    screen.print(f"{written} are in {folder}/", highlight=False, markup=False)
    return 0


def _missing(module: ModuleType) -> str | None:
    """Say what a figure needs that is not at hand, or None."""
    told: str | None = getattr(module, "missing", lambda: None)()
    return told


def _workers(names: tuple[str, ...], neural: tuple[str, ...]) -> int:
    """Return how many processes draw these figures; 0 stands for this one."""
    # Most of a small figure's time is compilation, on one core; a process each uses all of them.
    workers = min(len(names), processors())
    # Networks too are trained in one, for what waits for a compiled program cannot be interrupted.
    return workers if workers > 1 or set(names) & set(neural) else 0


def _sides(size: str | None) -> tuple[float, float] | None:
    """Return width and height from "5.5x2.2"."""
    from boostsim.arguments import refuse
    from boostsim.figures.output import sides

    if size is None:
        return None
    try:
        width, height = map(float, size.lower().split("x"))
    except ValueError:
        raise refuse("size", "width x height in inches, as 5.5x2.2", size) from None
    return sides((width, height))


def _report(
    names: tuple[str, ...], draw: Callable[[str], dict[str, Any]], workers: int
) -> list[dict[str, Any]]:
    """Draw the figures, and return what is reported of each, in order."""
    if not workers:
        drawn = map(draw, names)
        return list(track(drawn, "figures", len(names)))
    spawn = multiprocessing.get_context("spawn")
    with _safe_path(), ProcessPoolExecutor(workers, spawn, _begin) as pool:
        started = [pool.submit(draw, name) for name in names]
        try:
            if len(started) == 1:
                with announced(names[0]):
                    return [started[0].result()]
            for _ in track(as_completed(started), "figures", len(names)):
                pass
            return [figure.result() for figure in started]
        except BrokenProcessPool as error:
            lost = [n for n, figure in zip(names, started, strict=True) if not _finished(figure)]
            raise RuntimeError(
                f"a worker was killed, or there was not enough memory for it; {', '.join(lost)} "
                f"{'is' if len(lost) == 1 else 'are'} not drawn. What was begun is gone on from "
                "when you run it again; one figure at a time needs the least memory"
            ) from error
        except BaseException:
            # Whatever they have written is whole, and is gone on from next time.
            pool.shutdown(wait=False, cancel_futures=True)
            for child in multiprocessing.active_children():
                child.terminate()
            raise


def _finished(figure: Future[Any]) -> bool:
    return figure.done() and not figure.cancelled() and figure.exception() is None


@contextlib.contextmanager
def _safe_path() -> Iterator[None]:
    """Keep the working folder from the path of what is started: a signal.py there is no module."""
    before = os.environ.get("PYTHONSAFEPATH")
    os.environ["PYTHONSAFEPATH"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONSAFEPATH"]
        else:
            os.environ["PYTHONSAFEPATH"] = before


def _begin() -> None:
    """Leave interrupts and progress to the process that waits for this one, and end with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    silenced()
    said_elsewhere()
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=[parent.sentinel], daemon=True).start()


def _end_with(sentinel: int) -> None:
    """End this process as soon as its parent's end of a pipe is closed, however that ended."""
    connection.wait([sentinel])
    os._exit(1)


def _drawn(
    name: str, scale_name: str, folder: Path, look: Look, kinds: tuple[str, ...]
) -> dict[str, Any]:
    """Simulate, draw and write one figure, and report on it."""
    from boostsim.figures import figure_module, scale_named
    from boostsim.figures.output import write

    use_cache()
    began, module = time.monotonic(), figure_module(name)
    paths = write(module, module.data(scale_named(scale_name)), folder, name, look, kinds)
    return {
        "figure": name,
        "claim": module.CLAIM,
        "files": [str(path) for path in paths],
        "seconds": round(time.monotonic() - began, 1),
    }
