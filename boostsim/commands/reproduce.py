"""``boostsim reproduce``: simulate and draw the figures, several at a time, and report on them.

What is drawn as this code draws it is left as it is; the quickest come first, and whatever is
drawn stands, with a report of it, when the rest is interrupted.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import shlex
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict
from functools import partial
from multiprocessing import connection
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from boostsim.commands.cache import said_elsewhere, use_cache
from boostsim.commands.how import How
from boostsim.commands.output import console, say
from boostsim.commands.waiting import left, quickest_first
from boostsim.figures import Look
from boostsim.files import cache_folder
from boostsim.processors import processors
from boostsim.progress import Update, counted, in_words, note, silenced, tell

if TYPE_CHECKING:
    import pandas as pd

Done = Callable[[str, dict[str, Any], float | None], None]


def reproduce(
    names: tuple[str, ...],
    scale_name: str,
    into: Path | None,
    as_json: bool,
    size: str | None = None,
    plain: bool = False,
    pdf: bool = False,
    again: bool = False,
    scheduler: str | None = None,
) -> int:
    """Draw the named figures (all where none is named) at a scale into a folder."""
    from boostsim.figures import FIGURES, figure_module, scale_named
    from boostsim.files import try_to_write
    from boostsim.store import locked

    scale = scale_named(scale_name)
    look = Look(_sides(size), not plain and scale.finds, not plain)
    how = How(scale.name, look, ("png", "svg", *(["pdf"] if pdf else [])))
    folder = into or _usual(scale.name)
    asked, names = bool(names), tuple(dict.fromkeys(names)) or FIGURES
    for name in names:
        # One that is not known is refused before a folder is made.
        figure_module(name)
    absent = {name: told for name in FIGURES if (told := _missing(figure_module(name)))}
    left_out = {name: told for name, told in absent.items() if name in names}
    if left_out and asked:
        raise ValueError(next(iter(left_out.values())))
    names = tuple(name for name in names if name not in left_out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(
            f"folder must be a folder that can be made and written to; got {str(folder)!r} "
            f"({error.strerror})"
        ) from None
    try_to_write(folder / f"{names[0]}.csv", "folder")
    with locked(folder):
        more = (again, as_json, left_out, absent, scheduler)
        return _reproduced(names, asked, how, folder, into, *more)


def _reproduced(
    names: tuple[str, ...],
    asked: bool,
    how: How,
    folder: Path,
    into: Path | None,
    again: bool,
    as_json: bool,
    left_out: Mapping[str, str],
    absent: Mapping[str, str],
    scheduler: str | None,
) -> int:
    """Draw figures into a folder that is held; the arguments of :func:`reproduce`."""
    from boostsim.figures import NEURAL
    from boostsim.report import record

    for name, told in left_out.items():
        tell(f"{name} is left out: {told}")
    use_cache()
    # Asked for here, so that it is said once, and not by each worker, where there is none.
    cache_folder()

    known, standing = record.read(folder, told=tell), dict[str, dict[str, Any]]()
    for name in () if again else names:
        entry, expected = known.get(name), how.fingerprint(name)
        if entry is not None and record.stands(folder, entry, expected):
            standing[name] = entry
        elif entry is not None and entry["fingerprint"] == expected:
            wrong = ", ".join(record.changed(folder, entry))
            tell(f"{name} is drawn again: {wrong} gone, damaged or changed")
    order = quickest_first([name for name in names if name not in standing])
    if how.look.size is not None:
        _check_size(order, known, folder, how)
    if standing:
        note(
            f"{len(standing)} of {len(names)} figures stand in {folder}/ as this code draws them "
            "(--again draws them again)"
        )

    def done(name: str, entry: dict[str, Any], remaining: float | None) -> None:
        standing[name] = entry
        record.keep(folder, name, entry)
        _page(folder, absent)
        path = folder / entry["files"][0]
        more = f" ({in_words(remaining)} left)" if remaining else ""
        note(f"figure {len(standing)} of {len(names)}: {name}, {path}{more}")

    try:
        if scheduler is not None:
            order = _sent(order, folder, how, scheduler, done)
        draw = partial(_drawn, folder=folder, how=how)
        _draw(order, draw, how.scale, _workers(tuple(order), NEURAL), done)
    except KeyboardInterrupt:
        words = how.words(names if asked else (), into)
        command = shlex.join([*words, *(["--scheduler", scheduler] if scheduler else [])])
        raise KeyboardInterrupt(
            f"interrupted; {len(standing)} of {len(names)} figures are drawn, and `{command}` "
            "goes on with the others"
        ) from None
    page = _page(folder, absent)

    report = [
        {
            "figure": name,
            "claim": standing[name]["claim"],
            "files": [str(folder / file) for file in standing[name]["files"]],
            "seconds": standing[name]["seconds"],
        }
        for name in names
    ]
    if as_json:
        summary = {"scale": how.scale, "figures": report, "report": str(page)}
        say(json.dumps(summary, indent=2))
        return 0
    from rich.table import Table

    table = Table("figure", "what it shows", "seconds", box=None, padding=(0, 2, 1, 0))
    for row in report:
        table.add_row(row["figure"], row["claim"], f"{row['seconds']:.1f}")
    screen = console(80)
    screen.print(table)
    written = "PNG, SVG, PDF and CSV" if "pdf" in how.kinds else "PNG, SVG and CSV"
    if how.scale == "smoke":
        from boostsim.figures import SMOKE

        say(SMOKE)
    say(f"{written} are in {folder}/; all of it on one page: {page}")
    return 0


def _page(folder: Path, absent: Mapping[str, str]) -> Path:
    """Write the report of what is drawn."""
    import boostsim as bs
    from boostsim.report.page import write_page

    return write_page(folder, absent, {name: claim.title for name, claim in bs.claims.items()})


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


def _usual(scale: str) -> Path:
    """Return the folder into which figures of a scale are drawn where none is named."""
    return Path("figures", *([] if scale == "quick" else [scale]))


def _check_size(
    names: list[str], known: Mapping[str, dict[str, Any]], folder: Path, how: How
) -> None:
    """Refuse a size in which the text of a figure does not fit, where its table is at hand.

    That is one that was kept for it, or that of the same figure as it stands in another size.
    """
    import pandas as pd

    from boostsim.commands.tables import kept_table
    from boostsim.figures import figure_module
    from boostsim.figures.output import drawn
    from boostsim.report import record

    for name in names:
        path, entry, found = folder / f"{name}.csv", known.get(name), kept_table(name, folder, how)
        stands = entry is not None and entry.get("table") == how.of_table(name)
        if found is not None:
            drawn(figure_module(name), found[0], how.look)
        elif entry is not None and stands and path.name not in record.changed(folder, entry):
            # What a stratum is called looks like a number.
            table = pd.read_csv(path, dtype={"stratum": str})
            drawn(figure_module(name), table, how.look)


def _elsewhere(folder: Path, scale: str) -> Path | None:
    """Return the folder where it is another one."""
    return None if folder == _usual(scale) else folder


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


def _draw(
    names: list[str],
    draw: Callable[[str], dict[str, Any]],
    scale_name: str,
    workers: int,
    done: Done,
) -> None:
    """Draw the figures in this order, and say of each that it is done, and what time is left."""
    if not names:
        return
    took: dict[str, float] = {}
    began: dict[str, float] = {}

    def remaining() -> float | None:
        at_work = {each: time.monotonic() - at for each, at in began.items() if each not in took}
        return left(names, scale_name, took, at_work, max(workers, 1))

    def begun(name: str, update: Update) -> None:
        began[name] = time.monotonic()
        drawing = ", ".join(each for each in began if each not in took)
        update(len(took), f"drawing {drawing}", remaining())

    def ended(name: str, entry: dict[str, Any], update: Update) -> None:
        took[name] = entry["seconds"]
        update(len(took), f"{name} is drawn", remaining())
        done(name, entry, remaining())

    with counted("figures" if len(names) > 1 else names[0], len(names)) as update:
        if not workers:
            for name in names:
                begun(name, update)
                ended(name, draw(name), update)
            return
        spawn = multiprocessing.get_context("spawn")
        with _safe_path(), ProcessPoolExecutor(workers, spawn, _begin) as pool:
            waiting, running = list(names), dict[Future[dict[str, Any]], str]()
            try:
                while waiting or running:
                    while waiting and len(running) < workers:
                        name = waiting.pop(0)
                        begun(name, update)
                        running[pool.submit(draw, name)] = name
                    for figure in wait(running, return_when=FIRST_COMPLETED).done:
                        ended(running[figure], figure.result(), update)
                        del running[figure]
            except BrokenProcessPool as error:
                lost = [name for name in names if name not in took]
                raise RuntimeError(
                    f"a worker was killed, or there was not enough memory for it; "
                    f"{', '.join(lost)} {'is' if len(lost) == 1 else 'are'} not drawn. What was "
                    "begun is gone on from when you run it again; one figure at a time needs the "
                    "least memory"
                ) from error
            except BaseException:
                # Whatever they have written is whole, and is gone on from next time.
                pool.shutdown(wait=False, cancel_futures=True)
                for child in multiprocessing.active_children():
                    child.terminate()
                raise


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


def _sent(names: list[str], folder: Path, how: How, scheduler: str, done: Done) -> list[str]:
    """Let the workers of a scheduler compute tables, draw each here as it arrives, return the rest.

    The rest reads files of others, which lie here.
    """
    from boostsim.commands.tables import kept_table, take_tables
    from boostsim.figures import figure_module

    here = [name for name in names if hasattr(figure_module(name), "sources")]
    if here:
        tell(f"{', '.join(here)}: computed here, where the files are that it reads")
    here += [name for name in names if name not in here and kept_table(name, folder, how)]

    def take(name: str, table: pd.DataFrame, told: dict[str, Any]) -> None:
        done(name, _written(name, table, told, folder, how), None)

    take_tables([name for name in names if name not in here], how, scheduler, take)
    return here


def _drawn(name: str, folder: Path, how: How) -> dict[str, Any]:
    """Simulate, draw and write one figure, and return what is to be known of it."""
    from boostsim.commands.tables import computed, kept_table

    use_cache()
    found = kept_table(name, folder, how) or computed(name, how)
    return _written(name, *found, folder, how)


def _written(
    name: str, table: pd.DataFrame, told: dict[str, Any], folder: Path, how: How
) -> dict[str, Any]:
    """Draw and write the figure of a table, and return what is to be known of it.

    Where its text does not fit the size that is asked for, the table is kept for a larger one.
    """
    from boostsim.commands.tables import forget_table, keep_table
    from boostsim.figures import figure_module, scale_named
    from boostsim.figures.output import drawn, save
    from boostsim.report import record

    began, worked = time.monotonic(), time.process_time()
    module, scale = figure_module(name), scale_named(how.scale)
    try:
        picture = drawn(module, table, how.look)
    except ValueError as error:
        if how.look.size is None:
            raise
        keep_table(name, table, told, folder, how)
        raise ValueError(f"{error}: its table is kept, and is not simulated again") from None
    paths = save(picture, table, folder, name, how.kinds)
    # Whether or not it stands in the picture.
    whole = picture if how.look.caption else drawn(module, table)
    caption = " ".join(whole.get_supxlabel().split())
    forget_table(name, folder, how)
    seconds = told["seconds"] + time.monotonic() - began
    processor = told["processor_seconds"] + time.process_time() - worked
    return {
        **told,
        "table": how.of_table(name),
        "claim": module.CLAIM,
        "title": module.TITLE if scale.finds else "",
        "caption": caption,
        "command": shlex.join([*how.words((name,), _elsewhere(folder, how.scale)), "--again"]),
        "scale": asdict(scale),
        "runs": record.runs(table),
        "files": [path.name for path in paths],
        "sha256": record.digests(paths),
        "seconds": round(seconds, 1),
        "processor_seconds": round(processor, 1),
        "drawn": record.now(),
    }
