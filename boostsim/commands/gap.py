"""``boostsim gap``: one procedure on a table and with a transformer, exact and sampled."""

from __future__ import annotations

import math
from typing import Any

import boostsim as bs
from boostsim.commands.cache import use_cache
from boostsim.commands.device import use_device
from boostsim.commands.output import console, say
from boostsim.commands.run import TRANSFORMER, build, told
from boostsim.gap import CELLS

LOOKUP = ("entries", "answers")
LOOP = ("visits", "seeds", "key", "folder")
PROCEDURE = (
    *("beta", "wrong", "gamma", "attempts"),
    *("label_weight", "label_share", "labels_per_visit", "until_accepted"),
)


def gap(flags: dict[str, Any]) -> int:
    """Make a gap report of boosting on a table to be looked up, and print it."""
    as_json = flags.pop("json", False)
    use_device(flags.pop("device", None))
    use_cache()
    procedure = build("boosting", {name: flags[name] for name in PROCEDURE if name in flags})
    task = bs.lookup(**{name: flags[name] for name in LOOKUP if name in flags})
    report = bs.gap_report(
        procedure,
        task,
        flags.get("iterations", 8),
        learner=bs.Transformer(**{name: flags[name] for name in TRANSFORMER if name in flags}),
        **{"key": 0, **{name: flags[name] for name in LOOP if name in flags}},
    )
    if as_json:
        say(report.to_json())
        return 0
    from rich.table import Table

    columns = [*CELLS, "slack", "bound"]
    heads = [column.replace("_", "\n") for column in columns]
    title = "the error in four cells, the slack, and what T6 allows"
    table = Table("iteration", *heads, title=title, box=None, padding=(0, 2, 0, 0))
    for iteration, row in report.table.groupby("iteration")[columns].mean().iterrows():
        cells = ["" if math.isnan(value) else f"{value:.4g}" for value in row]
        table.add_row(str(iteration), *cells)
    screen = console()
    screen.print(told(procedure, task), highlight=False, markup=False)
    screen.print(table)
    screen.print(report.summary(), highlight=False, markup=False)
    return 0
