"""``boostsim run``: one procedure on a random table, or with a transformer; by flags or TOML."""

from __future__ import annotations

import inspect
import math
import os
import tomllib
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from json import loads
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

import boostsim as bs
from boostsim.arguments import brief, choice, flag, refuse, unknown
from boostsim.commands.cache import use_cache
from boostsim.commands.device import use_device
from boostsim.commands.output import console, say
from boostsim.commands.run_flags import Run
from boostsim.curation.presets import preset
from boostsim.curation.procedure import Procedure
from boostsim.curation.regimes import REGIMES
from boostsim.files import try_to_write
from boostsim.objects import as_json, same
from boostsim.progress import note

if TYPE_CHECKING:
    import numpy as np
    import xarray

# What each task takes.
TASKS = {
    "table": ("prompts", "responses", "correct", "solvable"),
    "arithmetic": ("operations",),
    "programs": ("operations",),
    "lookup": ("entries", "answers", "solvable"),
    "reasoning-gym": ("dataset", "levels", "size"),
}
SIZES = tuple(dict.fromkeys(flag for flags in TASKS.values() for flag in flags))
RATES = ("gamma", "false_accept", "false_reject", "voters")
FILTER = (*RATES, "votes", "rule", "correlation", "persistent_filter")
WEAK = ("beta", "wrong", "persistent_labels")
FIRST_MODEL = ("labeler_temperature",)
LABELER = ("labeler", *WEAK, *FIRST_MODEL)
SHARPENING = ("temperature", "top_p", "top_k")
# Learners of tables.
STRONG = ("slack", "step", "step_mean")
GRADIENT = ("policy_rate", "advantage", "reference")
# What a regime that keeps examples takes, and which of it says which one it is.
IMPLIED = (("window", "window"), ("subsample", "draws"))
KEPT = ("window", "draws", "first")
GROUPS = (
    *(("filter", FILTER), ("labeler", LABELER), ("sharpening", SHARPENING)),
    ("regime", KEPT),
)
# Flags whose keyword in the library has another name, for there it is said by the class.
KEYWORDS = {
    **{"persistent_filter": "persistent", "persistent_labels": "persistent"},
    "labeler_temperature": "temperature",
    "policy_rate": "rate",
}
SLOTS = (
    *("attempts", "keep", "criterion", "budget", "rate", "regime", "real_share"),
    *("label_weight", "label_share", "labels_per_visit", "until_accepted", "scores"),
)
LOOP = (
    *("iterations", "visits", "visited_share", "exact", "seeds", "record", "pass_at", "key"),
    "folder",
)
# What only a task in tokens takes: the transformer, the loop.
TRANSFORMER = ("width", "layers", "heads", "steps")
TRAINING = ("prompts_per_iteration", "pool", "devices")
KEYS = (
    *("preset", "task", *SIZES, *FILTER, *LABELER, *SHARPENING, *SLOTS, *KEPT),
    *(*STRONG, *GRADIENT, *LOOP, "save"),
    *(*TRANSFORMER, *TRAINING, "device"),
)


def run(flags: dict[str, Any]) -> int:
    """Run what the flags and the file say; flags win."""
    json, config = flags.pop("json", False), flags.pop("config", None)
    options = single({**(read_config(config) if config is not None else {}), **flags})
    if "save" in options:
        try_to_write(options["save"], "save")
    use_device(options.get("device"))
    use_cache()
    name = options.get("preset", "boosting")
    procedure = build(name, options)
    loop: dict[str, Any] = {name: options[name] for name in LOOP[1:] if name in options}
    loop.setdefault("key", 0)
    task, more, iterations = world(options, loop["key"])
    trace = bs.simulate(procedure, task, options.get("iterations", iterations), **loop, **more)
    try:
        if "save" in options:
            note(f"saved {bs.save(trace, options['save'])}")
    finally:
        # Whatever became of the file: the run has been made.
        if json:
            say(as_json(_as_document(trace)))
        else:
            show(name, trace, told(procedure, task))
    return 0


def single(options: dict[str, Any]) -> dict[str, Any]:
    """Return options in which one number that is given alone is for every iteration."""
    alone = {
        name: options[name][0]
        for name in options.keys() & {"attempts", "visits"}
        if isinstance(options[name], tuple) and len(options[name]) == 1
    }
    return {**options, **alone}


def world(options: dict[str, Any], key: int) -> tuple[Any, dict[str, Any], int]:
    """Return the task, what a transformer needs besides, and the usual number of iterations."""
    name = options.get("task", "table")
    if name not in TASKS:
        raise unknown("task", name, TASKS)
    table = name == "table"
    others = [option for option in SIZES if option not in TASKS[name]]
    for option in (*others, *TRANSFORMER, *TRAINING) if table else (*others, *STRONG, *GRADIENT):
        if option in options:
            raise ValueError(f"{option} has no place in a run on task {name!r}")
    size = {option: options[option] for option in TASKS[name] if option in options}
    if table:
        return bs.random_table(key, **size), {}, 20
    make: Callable[..., Any] = getattr(bs, name.replace("-", "_"))
    task = make(**size, seed=key) if name == "reasoning-gym" else make(**size)
    shape = {option: options[option] for option in TRANSFORMER if option in options}
    loop = {option: options[option] for option in TRAINING if option in options}
    return task, {"learner": bs.Transformer(**shape), **loop}, 8


def read_config(
    path: Path, flags: type = Run, keys: tuple[str, ...] = KEYS, free: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Return the keys of a TOML file, all known; those that are free may be of any kind."""
    try:
        # Some editors put a byte-order mark in front.
        options = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ValueError(
            f"config must be a TOML file that can be read; got {str(path)!r} ({error.strerror})"
        ) from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ValueError(f"config must be a TOML file; got {str(path)!r} ({error})") from None
    except RecursionError:
        raise ValueError(
            f"config must be a TOML file; got {str(path)!r} (it is nested too deeply)"
        ) from None
    kinds = get_type_hints(flags)
    for key in options:
        if key not in keys:
            raise unknown(f"key in {path.name}", key, keys)
        if key not in free:
            options[key] = _of_kind(kinds.get(key), key, options[key])
    return options


def _of_kind(kind: Any, key: str, got: Any) -> Any:
    """Return a value of a file as the flag of that name would have it; numbers are left as are."""
    if kind is bool:
        return flag(key, got)
    if kind == tuple[str, ...] | None:
        several = isinstance(got, list) and all(isinstance(each, str) for each in got)
        if not (several or isinstance(got, str)):
            raise refuse(key, "a word or a list of words", got)
        return tuple(got) if several else (got,)
    if kind in (str | None, Path | None):
        if not isinstance(got, str):
            raise refuse(key, "a word" if kind == str | None else "a path", got)
        return got if kind == str | None else Path(os.path.expanduser(got))
    return got


def build(name: str, options: dict[str, Any]) -> Procedure:
    """Return the preset with the slots that the options fill."""
    make: Callable[..., Procedure] = preset(name)
    takes = inspect.signature(make).parameters
    slots: dict[str, Any] = {slot: options[slot] for slot in SLOTS if slot in options}
    for slot, names in (*GROUPS, *((s, (s,)) for s in SLOTS)):
        asked = [option for option in names if option in options]
        if asked and slot not in takes:
            allowed = ", ".join(sorted(set(takes) - {"criterion"}))
            raise ValueError(
                f"{asked[0]} has no place in preset {name!r}, whose slots are {allowed}"
            )
    given = {KEYWORDS.get(name, name): options[name] for name in FILTER if name in options}
    if given:
        alone = len(given["voters"]) if "voters" in given else given.get("votes", 1)
        if given.get("correlation") and alone == 1:
            allowed = "0 where a verdict is one look, for there is nothing to agree with"
            raise refuse("correlation", allowed, given["correlation"], "Give --votes as well.")
        if not set(RATES) & set(given):
            given["gamma"] = 0.0
        slots["filter"] = bs.NoisyFilter(**given)
    if "criterion" in slots:
        slots["criterion"] = bs.load_criterion(slots["criterion"])
    needs_labeler = "labeler" in takes and takes["labeler"].default is inspect.Parameter.empty
    if needs_labeler or any(name in options for name in LABELER):
        usual = bs.FirstModel if make is bs.escaping_collapse else bs.WeakLabeler
        slots["labeler"] = _labeler(options, usual)
    given = {name: options[name] for name in SHARPENING if name in options}
    if given:
        slots["sharpening"] = bs.Sharpening(**given)
    learner = _learner(options)
    if learner is not None:
        slots["learner"] = learner
    regime = _regime(options)
    if regime is not None:
        slots["regime"] = regime
        slots.pop("real_share", None)
    if "rate" in takes:
        slots.setdefault("rate", 0.1)
    return make(**slots)


def _regime(options: dict[str, Any]) -> Any:
    """Return the regime that keeps examples as the options say, None where a word says it all."""
    given = {name: options[name] for name in (*KEPT, "real_share") if name in options}
    implied = next((word for word, name in IMPLIED if name in given), "replace")
    # Here a word is enough for each: the numbers are flags.
    word = choice("regime", options.get("regime", implied), REGIMES)
    kinds = {"accumulate": bs.Accumulate, "window": bs.Window, "subsample": bs.Subsample}
    takes = [entry.name for entry in fields(kinds[word])] if word in kinds else ["real_share"]
    for name in given:
        if name not in takes:
            raise ValueError(f"{name} has no place where regime is {word!r}")
    if word == "window" and "window" not in given:
        raise ValueError("window must be given where regime is 'window'")
    return kinds[word](**given) if word in kinds and (given or word != "accumulate") else None


def _learner(options: dict[str, Any]) -> Any:
    """Return the learner of tables that the options say, None where they say none."""
    strong, gradient = (
        {KEYWORDS.get(name, name): options[name] for name in names if name in options}
        for names in (STRONG, GRADIENT)
    )
    if strong and gradient:
        raise ValueError(
            f"{next(iter(strong))} has no place where the learner is a policy gradient"
        )
    if gradient and "rate" not in gradient:
        raise ValueError(f"{next(iter(gradient))} has no place without policy_rate")
    if gradient:
        return bs.PolicyGradient(**gradient)
    return bs.StrongLearner(**strong) if strong else None


def _labeler(options: dict[str, Any], usual: type) -> Any:
    """Return the labeler that the options say, of the usual kind where they name none."""
    first = usual is bs.FirstModel or any(name in options for name in FIRST_MODEL)
    implied = "first_model" if first else "weak"
    kind = choice("labeler", options.get("labeler", implied), ("weak", "first_model"))
    own, others = (WEAK, FIRST_MODEL) if kind == "weak" else (FIRST_MODEL, WEAK)
    for name in others:
        if name in options:
            raise ValueError(f"{name} has no place where labeler is {kind!r}")
    given = {KEYWORDS.get(name, name): options[name] for name in own if name in options}
    return bs.WeakLabeler(**{"beta": 0.2, **given}) if kind == "weak" else bs.FirstModel(**given)


def _as_document(trace: xarray.Dataset) -> dict[str, Any]:
    """Return a trace as plain lists, ``[seed][iteration]``, with its provenance.

    Behind them stand prompts or strata where a variable has them, and last its ``k``.
    """
    return {
        "provenance": {name: _nested(value) for name, value in trace.attrs.items()},
        **{
            name: trace[name].values.tolist() for name in ("iteration", "k") if name in trace.coords
        },
        **{str(name): variable.values.tolist() for name, variable in trace.items()},
    }


def _nested(value: Any) -> Any:
    """Return what an attribute of a trace holds: netCDF knows no nesting, so some are JSON."""
    return loads(value) if isinstance(value, str) and value.startswith(("{", "[")) else value


def told(procedure: Procedure, task: Any) -> str:
    """Return what decides a run in a few words: the slots, and the task.

    A slot that most procedures leave alone is told where this one does not.
    """
    usual = bs.Procedure()
    always = ("attempts", "filter", "keep", "criterion", "budget", "labeler")
    slots = {entry.name: getattr(procedure, entry.name) for entry in fields(usual) if entry.init}
    words = [
        f"{name.replace('_', ' ')} {slot.name if name == 'criterion' else _short(slot)}"
        for name, slot in slots.items()
        if name in always or slot != getattr(usual, name)
    ]
    made = task.describe()
    kind = made.pop("task", "Table")
    size = ", ".join(
        f"{name.replace('_', ' ')} {each}" for name, each in made.items() if len(str(each)) <= 40
    )
    return f"Settings: {'; '.join(words)}. Task: {kind}, {size}."


def _short(slot: Any) -> str:
    """Return what fills a slot as one would write it: without what is as usual."""
    if isinstance(slot, float):
        return f"{slot:.6g}"
    if not is_dataclass(slot) or isinstance(slot, type):
        return str(slot).lower() if slot is None else str(slot)
    given = [
        f"{entry.name}={brief(getattr(slot, entry.name))}"
        for entry in fields(slot)
        if entry.init and not same(getattr(slot, entry.name), entry.default)
    ]
    return f"{type(slot).__name__}({', '.join(given)})"


def averaged(variable: xarray.DataArray) -> np.ndarray:
    """Return a variable as ``[seed, iteration]``, averaged over prompts where it has them."""
    if "prompt" in variable.dims:
        variable = variable.weighted(variable.prompt_weight).mean("prompt")
    return variable.values


def show(name: str, trace: xarray.Dataset, settings: str) -> None:
    """Print what was run, and about a dozen iterations of its trace as a table."""
    from rich.table import Table

    seeds, iterations = trace.sizes["seed"], trace.sizes["iteration"]
    level = trace.attrs["level"]
    passed = {}
    if "k" in trace.dims:
        passed = {f"pass@{k}": trace.pass_at_k.sel(k=k) for k in trace.k.values}
    columns = ["accuracy", "error", "coverage", "labels", "generations", "filter_calls"]
    columns[3:3] = [
        column for column in ("solved", "lost", "diversity", "entropy") if column in trace
    ]
    if level.startswith("neural"):
        columns = ["accuracy", "greedy_accuracy", "pass_at_k", "distinct", "labels", "tokens"]
        columns += ["label_accuracy", *(["slack"] if "slack" in trace else []), "seconds"]
    if passed:
        columns[2:3] = [column for column in (columns[2], *passed) if column != "pass_at_k"]
    runs = "1 run" if seeds == 1 else f"{seeds} runs"
    kind = level if seeds == 1 and level.startswith("exact") else f"{runs}, {level}"
    table = Table("iteration", *columns, title=f"{name}, {kind}", box=None, padding=(0, 2, 0, 0))
    every = math.ceil(max(1, iterations - 1) / 12)
    for row in sorted({*range(0, iterations, every), iterations - 1}):
        cells = []
        for column in columns:
            values = averaged(passed[column] if column in passed else trace[column])[:, row]
            cell = f"{values.mean():.4g}"
            if seeds > 1 and values.std() > 1e-12:
                cell += f"±{values.std(ddof=1):.1g}"
            cells.append(cell)
        table.add_row(str(row), *cells)
    screen = console(160)
    screen.print(settings, highlight=False, markup=False)
    screen.print(table)
    about = "Labels, generations and filter calls are per visit, so far."
    if "solved" in trace:
        about += " Solved, lost: the share of prompts whose row is all right, all wrong."
    if level.startswith("neural"):
        about = "Accuracy is that of one sample, greedily, "
        about += f"{'' if passed else 'of any of 4 samples, '}on held-out prompts"
        about += " (lookup: on all). Labels and tokens are per visit, so far."
    screen.print(about + (" ± is the spread of runs." if seeds > 1 else ""), highlight=False)
