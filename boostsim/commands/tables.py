"""Tables of figures as jobs: what workers of a scheduler compute is drawn and written here."""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from boostsim.commands.how import How
from boostsim.figures import figure_module, scale_named
from boostsim.jobs import Job, Unlike, take_jobs
from boostsim.report import record
from boostsim.store import Piece, opened


def computed(name: str, how: How) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return the table of a figure, and what is to be known of how it was made."""
    began, worked = time.monotonic(), time.process_time()
    # Before it is read: what changes meanwhile is not what was drawn.
    told: dict[str, Any] = {"fingerprint": how.fingerprint(name)}
    table = figure_module(name).data(scale_named(how.scale))
    told["seconds"] = time.monotonic() - began
    told["processor_seconds"] = time.process_time() - worked
    return table, told | {"conditions": record.conditions()}


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
