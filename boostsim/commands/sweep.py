"""``boostsim sweep``: a procedure on a table over a plane of its parameters; by flags or TOML."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boostsim as bs
from boostsim.arguments import Words, choice, finite, refuse
from boostsim.commands.cache import use_cache
from boostsim.commands.device import use_device
from boostsim.commands.output import console, say
from boostsim.commands.over import Over, asked
from boostsim.commands.pictures import check_picture, write_picture
from boostsim.commands.run import (
    FILTER,
    GROUPS,
    KEYS,
    SIZES,
    STRONG,
    TRANSFORMER,
    build,
    read_config,
    single,
    told,
    world,
)
from boostsim.commands.sweep_flags import Sweep
from boostsim.curation.procedure import Procedure
from boostsim.files import try_to_write
from boostsim.objects import as_json, same
from boostsim.progress import note
from boostsim.results import DESCRIPTIONS

if TYPE_CHECKING:
    import xarray

# Numbers that are the library's own, by the flag that says them: many points in one program.
NUMBERS = {
    **{name: name for name in ("beta", "gamma", "false_accept", "false_reject", "temperature")},
    **{name: name for name in ("budget", "label_weight", "label_share", "real_share")},
    **{name: name for name in ("slack", "step", "reference", "attempts", "votes", "visits")},
    "policy_rate": "rate",
}
# The slot that any other flag fills.
SLOT = {
    **{name: slot for slot, names in GROUPS for name in names},
    **dict.fromkeys((*STRONG, "policy_rate", "advantage", "reference"), "learner"),
    **dict.fromkeys(FILTER, "filter"),
    "rate": "budget",
}
OWN = ("over", "reduce", "memory", "scheduler", "dry_run", "value", "plot")
NOT_HERE = ("exact", "pass_at", *TRANSFORMER, "prompts_per_iteration", "pool")
SHARED = ("devices", "folder")
LOOP = (
    *("visits", "visited_share", "seeds", "key", "record", "memory", "scheduler", "dry_run"),
    *SHARED,
)
TAKEN = tuple(key for key in KEYS if key not in NOT_HERE)
# Rows of the table that a person is shown: of more points the best and the worst alone.
MOST_ROWS = 16


def sweep(flags: dict[str, Any]) -> int:
    """Run a sweep, and print a table; or say what it would take.

    Raises:
        ValueError: for whatever the library refuses.
    """
    as_document = flags.pop("json", False)
    options = single(_options(flags))
    over = options.pop("over", None)
    if over is None:
        raise ValueError("over must be given, such as --over beta=0:1:21 gamma=0.05,0.1")
    axes = asked(over)
    plot, value = options.pop("plot", None), options.pop("value", None)
    save, reduce = options.pop("save", None), _reduced(options.pop("reduce", "last"))
    if plot is not None:
        _drawable(axes, reduce)
    elif value is not None:
        raise refuse("value", "left out where nothing is drawn (plot)", value)
    value = choice(
        "value", value or "accuracy", sorted({*DESCRIPTIONS, *options.get("record", ())})
    )
    check_picture(plot)
    if save is not None:
        try_to_write(save, "save")
    use_device(options.pop("device", None))
    use_cache()
    base, task, places, names = _laid_out(axes, options)
    loop = {"key": 0, **{name: options[name] for name in LOOP if name in options}}
    iterations = options.get("iterations", 20)
    found: Any = bs.sweep(base, task, iterations, over=places, reduce=reduce, **loop)
    if loop.get("dry_run", False):
        say(as_json(asdict(found)) if as_document else str(found))
        return 0
    swept = _named(found, axes, names)
    try:
        if save is not None:
            note(f"saved {bs.save(swept, save)}")
        write_picture(lambda: bs.plot_sweep(swept, value), plot)
    finally:
        # Whatever became of the files: the sweep has been made.
        if as_document:
            say(as_json(_document(swept)))
        else:
            _show(options.get("preset", "boosting"), swept, axes, told(base, task))
    return 0


def _options(flags: dict[str, Any]) -> dict[str, Any]:
    """Return what the flags and the file say; flags win."""
    config = flags.pop("config", None)
    if str(flags.get("preset", "")).endswith(".toml"):
        if config is not None:
            told = Words(f"{flags['preset']} and {config}")
            raise refuse("config", "given once", told)
        config = Path(flags.pop("preset")).expanduser()
    if config is None:
        return dict(flags)
    return {**read_config(config, Sweep, (*TAKEN, *OWN), ("over",)), **flags}


def _reduced(got: str) -> Any:
    """Return what is kept of a run: a word, or until when it goes."""
    matched = re.fullmatch(r"(accuracy|error|change)\s*=\s*(\S+)", got)
    if matched is None:
        if "=" in got:
            raise refuse("reduce", "last, all, or accuracy=, error= or change= a number", got)
        return choice("reduce", got, ("last", "all"))
    try:
        number = float(matched[2])
    except ValueError:
        raise refuse("reduce", f"{matched[1]}= a number", got) from None
    until: Any = bs.Until
    return until(**{matched[1]: finite("reduce", number)})


def _drawable(axes: Over, reduce: Any) -> None:
    """Refuse, before anything is computed, what has too many dimensions for a picture."""
    shown = [",".join(names) for names, places in axes.items() if len(places) > 1]
    shown += ["iteration"] * (reduce == "all")
    if not 1 <= len(shown) <= 2:
        raise refuse(
            "plot", "given with one or two names that change", Words(", ".join(shown) or "none")
        )


def _laid_out(
    axes: Over, options: dict[str, Any]
) -> tuple[Procedure, Any, dict[Any, Any], dict[str, tuple[str, ...]]]:
    """Return the procedure and task of the first point, what the library goes over, and names.

    These say of each dimension which flags it is of. A flag that is no number of the library's is
    what it makes of a slot, of the procedure or of the task, labelled by its values.
    """
    for name in (name for names in axes for name in names):
        if name in options:
            raise ValueError(f"{name} must be given once: by --over, or alone")
    choice("task", options.pop("task", "table"), ("table",))
    first = {
        name: value
        for names, places in axes.items()
        for name, value in zip(names, places[0], strict=True)
    }
    base = {**options, **first}
    procedure, task = _made(base)
    over: dict[Any, Any] = {}
    named: dict[str, tuple[str, ...]] = {}
    for names, places in axes.items():
        if all(name in NUMBERS for name in names):
            own = tuple(NUMBERS[name] for name in names)
            name = ",".join(own)
            if any(each in held.split(",") for held in named for each in own):
                raise ValueError(f"over {','.join(names)} changes what another name does, too")
            over[own[0] if len(own) == 1 else own] = [
                place[0] if len(own) == 1 else place for place in places
            ]
        else:
            made = [_made({**base, **dict(zip(names, place, strict=True))}) for place in places]
            name = _changed(names, [each for each, _ in made])
            if name in named:
                other = ",".join(named[name])
                raise ValueError(
                    f"over {','.join(names)} and {other} both change the {name}: let them change "
                    f"together, {','.join((*named[name], *names))}=... with a / between their lists"
                )
            over[name] = {
                _label(place): task
                if name == "task"
                else one
                if name == "procedure"
                else getattr(one, name)
                for place, (one, task) in zip(places, made, strict=True)
            }
        named[name] = names
    return procedure, task, over, named


def _label(place: tuple[Any, ...]) -> Any:
    return place[0] if len(place) == 1 else ",".join(map(str, place))


def _made(options: dict[str, Any]) -> tuple[Procedure, Any]:
    """Return the procedure and the task that options say."""
    key = options.get("key", 0)
    told = {name: each for name, each in options.items() if name not in SHARED}
    return build(options.get("preset", "boosting"), told), world(told, key)[0]


def _changed(names: tuple[str, ...], made: list[Procedure]) -> str:
    """Return what of a run these names change: a slot, the procedure, or the task."""
    sizes = [name for name in names if name in SIZES]
    if len(sizes) == len(names):
        return "task"
    if sizes:
        told = Words(f"{sizes[0]} with {next(name for name in names if name not in sizes)}")
        raise refuse("over", "of names together that are all of the task, or none", told)
    slots = {SLOT.get(name, name) for name in names}
    others = [entry.name for entry in fields(made[0]) if entry.init and entry.name not in slots]
    alone = len(slots) == 1 and "preset" not in slots
    if alone and all(same(getattr(one, o), getattr(made[0], o)) for one in made for o in others):
        return slots.pop()
    return "procedure"


def _named(found: xarray.Dataset, axes: Over, names: dict[str, tuple[str, ...]]) -> xarray.Dataset:
    """Return what was found with its dimensions named as they were asked for."""
    import numpy as np

    renamed: dict[str, str] = {}
    for dimension, flags in names.items():
        renamed[dimension] = ",".join(flags)
        own = dimension.split(",")
        if len(own) == len(flags):
            renamed.update(zip(own, flags, strict=True))
    present = {*found.dims, *found.coords}
    swept = found.rename({a: b for a, b in renamed.items() if a in present and a != b})
    for flags in names.values():
        joined = ",".join(flags)
        for place, name in enumerate(flags):
            if len(flags) > 1 and name not in swept.coords:
                values = np.array([each[place] for each in axes[flags]])
                swept = swept.assign_coords({name: (joined, values)})
    return swept


def _document(swept: xarray.Dataset) -> dict[str, Any]:
    """Return a sweep as plain lists in the order of its dimensions, with its provenance."""
    return {
        "provenance": {
            name: json.loads(value) if str(value).startswith(("{", "[")) else value
            for name, value in swept.attrs.items()
        },
        "dimensions": {str(name): size for name, size in swept.sizes.items()},
        **{str(name): each.values.tolist() for name, each in swept.coords.items()},
        **{str(name): each.values.tolist() for name, each in swept.items()},
    }


def _show(name: str, swept: xarray.Dataset, axes: Over, settings: str) -> None:
    """Print the points, or where the error is lowest and where it is highest."""
    import numpy as np
    from rich.table import Table

    flags = [name for names in axes for name in names]
    columns = ["accuracy", "error", "labels", "generations", "filter_calls"]
    columns += ["ended"] * ("ended" in swept)
    last = swept.isel(iteration=-1) if "iteration" in swept.dims else swept
    shown = last[columns]
    shown = shown.mean([each for each in ("seed", "visited") if each in shown.dims])
    dimensions = [",".join(names) for names in axes]
    sizes = [swept.sizes[each] for each in dimensions]
    error = shown.error.transpose(*dimensions).values
    points = np.argsort(error, axis=None, kind="stable")
    marked: list[tuple[str, int]] = [("", place) for place in range(error.size)]
    if error.size > MOST_ROWS:
        marked = [("lowest error", int(points[0])), ("highest error", int(points[-1]))]
    shape = " x ".join(map(str, sizes))
    title = f"{'presets' if 'preset' in flags else name}, {swept.attrs['level']}, {shape} points"
    seeds = swept.sizes.get("seed", 1)
    title += f", mean of {seeds} seeds" * (seeds > 1)
    table = Table(*([""] * bool(marked[0][0])), *flags, *columns, title=title, box=None)
    for mark, place in marked:
        at = np.unravel_index(place, error.shape)
        where = dict(zip(dimensions, (int(i) for i in at), strict=True))
        point = shown.isel(where)
        held = dict(zip(axes, where.values(), strict=True))
        values = [_brief(each) for names, i in held.items() for each in axes[names][i]]
        cells = [_brief(float(point[each])) for each in columns]
        table.add_row(*([mark] if mark else []), *values, *cells)
    screen = console(160)
    screen.print(
        settings.replace("Settings:", "Settings at the first point:"), highlight=False, markup=False
    )
    screen.print(table)
    about = "Labels, generations and filter calls are per visit, so far."
    screen.print(about, highlight=False)


def _brief(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
