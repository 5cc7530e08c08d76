"""``boostsim prove``: one-step statements over whole boxes, as a table."""

from __future__ import annotations

from typing import Any

from boostsim.certification.boxes import prove_all
from boostsim.commands.output import console, say_all
from boostsim.commands.settings import settings

# 0 all proved, 1 one refuted, 3 one undecided; 2 is bad input.
CODES = {"refuted": 1, "undecided": 3}
STYLES = {"proved": "green", "refuted": "bold red", "undecided": "yellow"}


def prove(flags: dict[str, Any]) -> int:
    """Prove statements and print a table; the exit code says how it went.

    Raises:
        ValueError: for whatever the library refuses.
    """
    as_json = flags.pop("json", False)
    proofs = prove_all(flags.pop("names", ()), **flags)
    verdicts = {proof.verdict for proof in proofs}
    code = next((number for word, number in CODES.items() if word in verdicts), 0)
    if as_json:
        say_all(proofs)
        return code
    from rich.markup import escape
    from rich.table import Table

    table = Table("statement", "what", "proved", "boxes left", "seconds", "verdict", box=None)
    table.title = "rigorous: every point of the box"
    for proof in proofs:
        table.add_row(
            proof.statement.name,
            escape(proof.statement.sentence),
            proof.percent,
            f"{proof.open_boxes:,} of {proof.pieces:,}",
            f"{proof.seconds:.1f}",
            f"[{STYLES[proof.verdict]}]{proof.verdict}[/]",
        )
    screen = console()
    screen.print(settings(flags, prove_all), highlight=False, markup=False)
    screen.print(table, highlight=False)
    for proof in proofs:
        if proof.verdict != "proved":
            screen.print(proof.summary(), highlight=False, markup=False)
    return code
