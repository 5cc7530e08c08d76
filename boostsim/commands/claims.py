"""``boostsim claims``: what is claimed, and why it is true."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from boostsim.arguments import unknown
from boostsim.commands.output import console, say
from boostsim.theory.claim import Claim
from boostsim.theory.claims import CLAIMS


def chosen(names: Sequence[str]) -> list[Claim]:
    """Return the claims of these names; "T4" stands for T4 with all its parts, none for all.

    Example:
        >>> [claim.name for claim in chosen(["T2", "T3.limit"])]
        ['T2', 'T2.optimal', 'T3.limit']
    """
    found: dict[str, Claim] = {}
    for name in names:
        parts = {key: claim for key, claim in CLAIMS.items() if name in (key, key.split(".")[0])}
        if not parts:
            raise unknown("claim", name, CLAIMS)
        found |= parts
    return list((found if names else CLAIMS).values())


def claims(flags: Mapping[str, Any]) -> int:
    """List claims, or print those that are named in full."""
    names = flags.get("names", ())
    listed = chosen(names)
    if flags.get("json"):
        say(json.dumps([_record(claim) for claim in listed], indent=2))
        return 0
    from rich.markup import escape
    from rich.table import Table

    screen = console()
    if not names:
        table = Table("claim", "kind", "what", "formula", box=None, padding=(0, 2, 0, 0))
        for claim in listed:
            table.add_row(claim.name, claim.kind, *map(escape, (claim.title, claim.formula)))
        screen.print(table, highlight=False)
        screen.print("boostsim claims T3 prints one in full, boostsim certify T3 checks it.")
        return 0
    for number, claim in enumerate(listed):
        if number:
            screen.print()
        title = escape(f"{claim.name}: {claim.title} ({claim.kind})")
        screen.print(title, style="bold", highlight=False)
        for heading, text in (
            ("Statement", claim.statement),
            ("Formula", claim.formula),
            ("Checked for", repr(claim.domain)),
            ("Proof", claim.proof),
            ("Reference", claim.reference),
        ):
            words = " ".join(text.split())
            screen.print(f"  {heading}: {words}", highlight=False, markup=False, soft_wrap=False)
    return 0


def _record(claim: Claim) -> dict[str, Any]:
    names = ("name", "title", "kind", "statement", "formula", "along", "direction", "proof")
    return {
        **{name: getattr(claim, name) for name in names},
        "domain": repr(claim.domain),
        "reference": claim.reference,
    }
