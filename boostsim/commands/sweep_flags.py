"""The flags of a sweep: those of a run on a table, and what it goes over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import tyro

from boostsim.commands.kinds import File, Folder, Out, Whole, Word, Words, shown
from boostsim.commands.run_flags import Run

Hidden = Annotated[Any, tyro.conf.SuppressFixed, tyro.conf.Fixed]


@dataclass
class Sweep(Run):
    """Run a procedure on a table at every point of a plane of its parameters, in one call."""

    preset: Annotated[tyro.conf.Positional[str | None], shown("PRESET|FILE.toml")] = None
    """A preset of boostsim run, or a TOML file whose keys are these flags' names (over a table)."""
    over: Words = None
    """What changes: --over beta=0:1:21 gamma=0.05,0.1 is every beta (21 from 0 to 1) at every
    gamma. Any flag that says one thing of procedure or task, visits, and preset. Several that
    change together: beta,gamma=0:1:21/0.1:0.3:21."""
    reduce: Word = None
    """last (default: what is reached in the last iteration), all (every iteration), or until when:
    accuracy=0.99, error=0.01 or change=1e-6."""
    memory: Word = None
    """Most memory that blocks under way take, as 2GB (default: a quarter of what is free)."""
    devices: Whole = None
    """Devices that share the points (default: all)."""
    scheduler: Word = None
    """Address of a Dask scheduler whose workers share the pieces (extra dask; default: none)."""
    folder: Folder = None
    """Where finished pieces are kept, to be gone on from after a stop."""
    dry_run: bool = False
    """Say what it would take instead: points, compiled programs, memory, time."""
    value: Word = None
    """What --plot shows (default: accuracy)."""
    plot: File = None
    """Write a picture to this file (.png, .svg or .pdf): a heat map of two names, a line of one."""
    save: Out = None
    """Write what was found to this netCDF file."""
    json: bool = False
    """Print what was found for programs."""
    # What a run on a table has no place for, or a sweep: refused where given, and not told of.
    task: Hidden = None
    exact: Hidden = None
    pass_at: Hidden = None
    operations: Hidden = None
    entries: Hidden = None
    answers: Hidden = None
    dataset: Hidden = None
    size: Hidden = None
    width: Hidden = None
    layers: Hidden = None
    heads: Hidden = None
    steps: Hidden = None
    prompts_per_iteration: Hidden = None
    pool: Hidden = None
