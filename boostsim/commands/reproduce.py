"""``boostsim reproduce``: simulate and draw the figures."""

from __future__ import annotations

import json
import time
from pathlib import Path

__all__ = ["reproduce"]


def reproduce(names: tuple[str, ...], scale_name: str, out: Path | None, as_json: bool) -> int:
    """Draw the named figures (all where none is named) at a scale into a folder.

    Raises:
        ValueError: for an unknown figure or scale, or a folder that cannot be written to.
    """
    from boostsim.figures import FIGURES, figure_module, scale_named

    scale = scale_named(scale_name)
    folder = out or Path("figures", *([] if scale.name == "quick" else [scale.name]))
    modules = {name: figure_module(name) for name in names or FIGURES}
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(
            f"out must be a folder that can be made and written to; got {str(folder)!r} "
            f"({error.strerror})"
        ) from None

    from boostsim.commands.cache import use_cache
    from boostsim.figures.output import write
    from boostsim.progress import announced

    use_cache()
    report = []
    for name, module in modules.items():
        began = time.monotonic()
        with announced(f"{name} ({scale.name})", quiet=as_json):
            paths = write(module, module.data(scale), folder, name)
        report.append(
            {
                "figure": name,
                "claim": module.CLAIM,
                "files": [str(path) for path in paths],
                "seconds": round(time.monotonic() - began, 1),
            }
        )
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
