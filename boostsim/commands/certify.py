"""``boostsim certify``: claims against the simulator, as a table."""

from __future__ import annotations

from typing import Any

import pandas as pd

import boostsim as bs
from boostsim.certification.readings import overall
from boostsim.commands.cache import use_cache
from boostsim.commands.claims import chosen
from boostsim.commands.output import console, say_all
from boostsim.commands.settings import settings

# 0 all hold, 1 one is violated, 3 one is undecided or none could be checked; 2 is bad input.
CODES = {"holds": 0, "inapplicable": 3, "violated": 1, "undecided": 3}
STYLES = {"holds": "green", "violated": "bold red", "undecided": "yellow", "inapplicable": "dim"}


def certify(flags: dict[str, Any]) -> int:
    """Check claims and print a table; the exit code says how it went.

    Raises:
        ValueError: for whatever the library refuses.
    """
    as_json = flags.pop("json", False)
    claims = chosen(flags.pop("names", ()))
    use_cache()
    certificates = bs.certify_all(claims, **flags)
    code = CODES[overall([certificate.verdict for certificate in certificates])]
    if as_json:
        say_all(certificates)
        return code
    from rich.markup import escape
    from rich.table import Table

    confidence = flags.get("confidence", 0.999)
    table = Table("claim", "kind", "what", "exact", "statistical", "draws", "verdict", box=None)
    table.title = f"confidence {confidence:g} for all of it together"
    for certificate in certificates:
        rows = certificate.table
        verdict = certificate.verdict
        table.add_row(
            certificate.claim.name,
            certificate.claim.kind,
            escape(certificate.claim.title),
            _points(rows[rows.level == "exact"]),
            _points(rows[rows.level == "statistical"]),
            f"{int(rows.samples.sum()):,}",
            f"[{STYLES[verdict]}]{verdict}[/]",
        )
    screen = console()
    told = settings(flags, bs.certify_all, bs.certify)
    screen.print(told, highlight=False, markup=False)
    screen.print(table, highlight=False)
    if any(
        each.verdict == "holds" and "undecided" in set(each.table.verdict) for each in certificates
    ):
        screen.print(
            "Where fewer points hold than were looked at, the laws of the others are too small to "
            "be told by so many draws."
        )
    for certificate in certificates:
        if certificate.verdict == "violated" or (
            certificate.verdict in ("undecided", "inapplicable") and len(certificates) == 1
        ):
            screen.print(certificate.summary(), highlight=False, markup=False)
    if len(certificates) > 1 and "undecided" in {each.verdict for each in certificates}:
        screen.print(
            "undecided: more samples (--samples), a wider --resolution or more time may decide."
        )
    return code


def _points(rows: pd.DataFrame) -> str:
    """Say how many points hold, of how many."""
    if not len(rows) or (rows.verdict == "inapplicable").all():
        return "-"
    held = int((rows.verdict == "holds").sum())
    return f"{held} of {len(rows)}"
