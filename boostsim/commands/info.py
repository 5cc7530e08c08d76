"""``boostsim info``: what it runs on."""

from __future__ import annotations

import json

from boostsim.commands.output import console, say


def info(as_json: bool) -> int:
    """Print versions, device, precision and cache."""
    import jax

    from boostsim.commands.cache import programs_folder, use_cache
    from boostsim.files import cache_folder
    from boostsim.learners.layers import compute_dtype
    from boostsim.processors import processors
    from boostsim.results import provenance

    facts = {name: value for name, value in provenance().items() if name != "format"}
    facts["devices"] = ", ".join(str(device) for device in jax.devices())
    facts["transformer_precision"] = (
        f"products in {compute_dtype().name}, state in float32; devices share seeds, then batches"
    )
    facts["processors"] = str(processors())
    facts["table_precision"] = "float64; JAX's switches are not touched, and change no number"
    use_cache()
    facts["cache"] = str(cache_folder() or "none")
    facts["compilation_cache"] = programs_folder() or "none"
    if as_json:
        say(json.dumps(facts, indent=2))
        return 0
    from rich.table import Table

    table = Table(show_header=False, box=None)
    for name, value in facts.items():
        table.add_row(name.replace("_", " "), value)
    console(80).print(table)
    return 0
