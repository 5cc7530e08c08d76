"""Tables of figures as jobs: what workers of a scheduler compute is drawn and written here."""

from __future__ import annotations

import json
import pickle
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from boostsim.commands.how import How
from boostsim.figures import figure_module, scale_named
from boostsim.jobs import Job, Unlike, take_jobs
from boostsim.report import record
from boostsim.store import Piece, Store, opened


def computed(name: str, how: How) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return the table of a figure, and what is to be known of how it was made."""
    began, worked = time.monotonic(), time.process_time()
    # Before it is read: what changes meanwhile is not what was drawn.
    told: dict[str, Any] = {"fingerprint": how.fingerprint(name)}
    table = figure_module(name).data(scale_named(how.scale))
    told["seconds"] = time.monotonic() - began
    told["processor_seconds"] = time.process_time() - worked
    return table, told | {"conditions": record.conditions()}


def keep_table(
    name: str, table: pd.DataFrame, told: dict[str, Any], folder: Path, how: How
) -> None:
    """Keep the table of a figure that could not be drawn in its folder, which is held.

    As text, for what lies in a folder is read by others: to read it must run nothing.
    """
    columns = {
        column: {"type": str(values.dtype), "values": values.tolist()}
        for column, values in table.items()
    }
    text = np.frombuffer(json.dumps(columns).encode(), np.uint8)
    Store(folder, how.of_table(name)).write(name, {"columns": text}, told)


def kept_table(name: str, folder: Path, how: How) -> tuple[pd.DataFrame, dict[str, Any]] | None:
    """Return what :func:`computed` would return, where it is kept; else None.

    One of other code or of another scale is removed.
    """
    store = Store(folder, how.of_table(name))
    try:
        piece = store.read(name)
    except ValueError:
        store.remove(name)
        return None
    if piece is None:
        return None
    columns = json.loads(piece.arrays["columns"].tobytes())
    table = pd.DataFrame(
        {column: pd.Series(each["values"], dtype=each["type"]) for column, each in columns.items()}
    )
    return table, {**piece.told, "fingerprint": how.fingerprint(name)}


def forget_table(name: str, folder: Path, how: How) -> None:
    """Remove the table of a figure that is drawn, where it was kept."""
    Store(folder, how.of_table(name)).remove(name)


def take_tables(
    names: Sequence[str],
    how: How,
    scheduler: Any,
    take: Callable[[str, pd.DataFrame, dict[str, Any]], None],
) -> None:
    """Hand over the table of each figure with its name, as it arrives from the workers.

    Raises:
        ValueError: see :func:`boostsim.jobs.take_jobs`; and for workers of other code or packages,
            whose figures would not stand as this code's.
    """

    def unpacked(name: str, piece: Piece) -> None:
        take(name, pickle.loads(piece.arrays["table"].tobytes()), piece.told)

    jobs = [Job(name, _packed, (name, how, how.fingerprint(name))) for name in names]
    with opened(None, {"kind": "figures"}) as store:
        take_jobs(
            jobs, unpacked, scheduler=scheduler, store=store, description="figures", kept=True
        )


def _packed(name: str, how: How, expected: str) -> Piece:
    """Compute the table of a figure on a worker."""
    if how.fingerprint(name) != expected:
        raise Unlike(
            "scheduler must have workers with the code and the package versions that are here; one "
            f"has others, and its table of {name} would not be this code's"
        )
    table, told = computed(name, how)
    # With its index, and columns of every type, to the bit.
    return Piece(told, {"table": np.frombuffer(pickle.dumps(table), np.uint8)})
