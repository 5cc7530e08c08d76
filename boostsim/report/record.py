"""What is known of figures that are drawn, kept beside them: how, by what, when, in what time.

A figure stands where the code that it hangs on, the versions below that, its scale and the files of
others that it reads are what they were, and its own files are what was written. It need not be
drawn again. The device is not asked for: of what hangs on it the record says which it was.
"""

from __future__ import annotations

import functools
import json
import os
import platform
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from boostsim.files import write_whole
from boostsim.processors import processors

if TYPE_CHECKING:
    import pandas as pd

RECORD = "drawn.json"
PACKAGES = ("jax", "jaxlib", "numpy", "scipy", "pandas", "xarray", "optax", "matplotlib", "msgspec")
# Rooms that no figure can know: they come after it (tests/test_imports.py).
LATER = ("report", "commands", "cli.py", "__main__.py")
# What each entry says.
HELD = {
    *("claim", "title", "caption", "command", "scale", "runs", "files", "sha256", "fingerprint"),
    *("seconds", "processor_seconds", "drawn", "conditions"),
}
Entry = dict[str, Any]


def fingerprint(asked: dict[str, Any], sources: Sequence[Path] = ()) -> str:
    """Return a hash of all that decides a figure's numbers and looks, but the device.

    Args:
        asked: which figure, how much is simulated, and whatever else is asked for.
        sources: files of others that the figure reads.
    """
    held = [_code(), json.dumps(asked, sort_keys=True), *map(_digest, sources)]
    return sha256("\n".join(held).encode()).hexdigest()[:16]


def read(folder: Path, told: Callable[[str], None] = lambda line: None) -> dict[str, Entry]:
    """Return what is known of the figures of a folder, by name; what is damaged is not known.

    Args:
        folder: of the figures.
        told: is told of what is damaged.
    """
    path = folder / RECORD
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        found = kept["figures"]
        # Written before there was a digest in it, it has none.
        if kept.get("sha256", _sum(found)) != _sum(found):
            raise ValueError("its content does not fit its digest")
        known = {
            name: entry
            for name, entry in found.items()
            if isinstance(entry, dict) and set(entry) >= HELD
        }
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        told(f"{path} is damaged: the figures that it was about are drawn again")
        return {}
    for name in sorted(set(found) - set(known)):
        told(f"{path} is damaged: {name} is drawn again")
    return known


def stands(folder: Path, entry: Entry | None, expected: str) -> bool:
    """Return whether a figure is drawn as it would be now, and its files are what was written."""
    return entry is not None and entry["fingerprint"] == expected and not changed(folder, entry)


def changed(folder: Path, entry: Entry) -> list[str]:
    """Return the files of a figure that are not what was written, or are gone."""
    files = entry["sha256"].items()
    return [name for name, digest in files if _digest(folder / name) != digest]


def keep(folder: Path, name: str, entry: Entry) -> None:
    """Add what is known of a figure to its folder."""
    figures = read(folder) | {name: entry}
    held = {each: figures[each] for each in sorted(figures)}
    told = {"figures": held, "sha256": _sum(held)}
    write_whole(folder / RECORD, (json.dumps(told, indent=1) + "\n").encode())


def digests(paths: Sequence[Path]) -> dict[str, str]:
    """Return the digest of each file, by its name."""
    return {path.name: _digest(path) for path in paths}


def runs(table: pd.DataFrame) -> str:
    """Say how many seeds the rows of a figure's table are of."""
    if "seed" in table:
        return f"{table.seed.nunique()} in its table"
    if "seeds" in table:
        counts = sorted({int(count) for count in table.seeds.dropna()} - {0})
        return f"{' or '.join(map(str, counts))} to each sampled row" if counts else "none"
    return "none in its table"


def now() -> str:
    """Return the time, to the minute."""
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")


def conditions() -> dict[str, str]:
    """Return versions and hardware: what a figure is made with."""
    import jax

    from boostsim import __version__

    memory = ""
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        memory = f", {os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GiB"
    return {
        "boostsim": __version__,
        "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
        "system": f"{platform.system()} {platform.machine()}",
        "processor": f"{_processor()}, {processors()} in use{memory}",
        "device": f"{jax.default_backend()}: {jax.devices()[0].device_kind}",
    }


@functools.cache
def _code() -> str:
    """Return a hash of the code that figures can hang on, and of the versions below it."""
    package = Path(__file__).parents[1]
    told = [f"python {sys.version_info[:2]}", *(f"{name} {version(name)}" for name in PACKAGES)]
    for path in sorted(package.rglob("*.py")):
        place = path.relative_to(package)
        if place.parts[0] not in LATER:
            told.append(f"{place.as_posix()} {_digest(path)}")
    return sha256("\n".join(told).encode()).hexdigest()


def _sum(figures: Any) -> str:
    return sha256(json.dumps(figures, sort_keys=True).encode()).hexdigest()


def _digest(path: Path) -> str:
    """Return the digest of a file; of one that is not there an empty one."""
    try:
        return sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


def _processor() -> str:
    """Return the name of the processor, as far as the system tells."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"
