"""What certificates say, in words and as a table: those that ``boostsim certify --json`` prints."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

# Where ``make certificates`` leaves them.
KEPT = Path("build", "certificates.json")
HOW = "boostsim certify --json > build/certificates.json"
LEVELS = {"exact": "exactly", "statistical": "by sampled runs"}
SIGNS = {"holds": "✓", "violated": "✗", "undecided": "?", "inapplicable": "–"}


def certificates(path: Path) -> list[dict[str, Any]]:
    """Return the certificates of a file; none where it has none, or is not one of them."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return (
            found
            if all({"claim", "verdict", "table", "conditions"} <= set(c) for c in found)
            else []
        )
    except (OSError, ValueError, TypeError):
        return []


def held(certificate: dict[str, Any], level: str) -> tuple[int, int]:
    """Return at how many points a claim held at a level, and how many were looked at."""
    rows = [row for row in certificate["table"] if row["level"] == level]
    rows = [row for row in rows if row["verdict"] != "inapplicable"]
    return sum(row["verdict"] == "holds" for row in rows), len(rows)


def draws(certificate: dict[str, Any]) -> int:
    """Return how many draws a certificate took."""
    return sum(row["samples"] for row in certificate["table"])


def verdict(certificate: dict[str, Any]) -> str:
    """Return a certificate in a sentence."""
    parts = []
    for level, measured in LEVELS.items():
        good, looked_at = held(certificate, level)
        if looked_at:
            parts.append(f"{measured} at {good} of {looked_at} points")
    how = certificate["conditions"]
    return (
        f"{certificate['verdict']}: {', '.join(parts) or 'no point could be looked at'}; "
        f"{draws(certificate):,} draws, confidence {how['confidence']:g} (boostsim "
        f"{how['boostsim_version']}, jax {how['jax_version']}, {how['device']})."
    )


def shown(found: Sequence[dict[str, Any]], titles: dict[str, str]) -> str:
    """Return certificates as HTML; where there are none, how to make them.

    Args:
        found: the certificates.
        titles: what each claim is about, by its name.
    """
    if not found:
        return (
            "<p>Every theorem is a claim that is held against exact and sampled runs, with one "
            "stated error probability for all of them. None is at hand here. Three minutes make "
            f"them, in the folder in which you reproduce: <code>make certificates</code>, or "
            f"<code>{escape(HOW)}</code>. The next <code>boostsim reproduce</code> shows them, and "
            "draws nothing again.</p>"
        )
    how = found[0]["conditions"]
    # Each has its share of one error probability.
    alarm = sum(1.0 - each["conditions"]["confidence"] for each in found)
    counts = {word: sum(each["verdict"] == word for each in found) for word in SIGNS}
    verdicts = ", ".join(
        f"{count} {'hold' if word == 'holds' and count > 1 else word}"
        for word, count in counts.items()
        if count
    )
    rows = []
    for each in found:
        word = str(each["verdict"])
        points = []
        for level in LEVELS:
            good, looked_at = held(each, level)
            points.append(f"<td>{good} of {looked_at}</td>" if looked_at else "<td>–</td>")
        name = str(each["claim"])
        rows.append(
            f'<tr><th scope="row">{escape(name)}</th><td class="verdict {escape(word)}">'
            f"{SIGNS.get(word, '')} {escape(word)}</td><td>{escape(titles.get(name, ''))}</td>"
            f"{''.join(points)}<td>{draws(each):,}</td></tr>"
        )
    columns = ("claim", "verdict", "what", "exact points", "sampled points", "draws")
    heads = "".join(f'<th scope="col">{told}</th>' for told in columns)
    return (
        f"<p>{len(found)} claims: {verdicts}. Each was held against the exact dynamics and against "
        f"sampled runs; the probability that any true one is called violated is at most "
        f"{alarm:.2g}. boostsim {escape(str(how['boostsim_version']))}, jax "
        f"{escape(str(how['jax_version']))}, {escape(str(how['device']))}. Again: "
        f"<code>{escape(HOW)}</code>; one alone, with what was measured: <code>boostsim certify "
        f"{escape(str(found[0]['claim']))}</code>; with its proof: <code>boostsim claims "
        f"{escape(str(found[0]['claim']))}</code>.</p>"
        '<div class="wide" tabindex="0" role="region" aria-label="Certificates"><table><thead><tr>'
        f"{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )
