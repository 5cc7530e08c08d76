"""How objects show themselves in a notebook: a card of HTML, with a formula that it typesets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

# Rows of a table that a card shows; whoever wants all of them asks the object.
MOST_ROWS = 20


def card(
    title: str,
    text: str = "",
    *,
    formula: str | None = None,
    facts: Mapping[str, Any] | None = None,
    table: pd.DataFrame | Sequence[pd.DataFrame] = (),
) -> str:
    """Return one object as HTML.

    Args:
        title: what it is.
        text: of one or several lines.
        formula: LaTeX without dollar signs.
        facts: shown in two columns.
        table: one or several, each shown with at most 20 rows, and how many there are.

    Example:
        >>> card("A < B", "So it is.")
        '<div><p><b>A &lt; B</b></p><p>So it is.</p></div>'
    """
    parts = [f"<p><b>{escape(title)}</b></p>"]
    if formula is not None:
        parts.append(f"<p>${escape(formula, quote=False)}$</p>")
    parts += [f"<p>{escape(line)}</p>" for line in text.splitlines() if line]
    if facts:
        rows = "".join(
            f'<tr><th style="text-align: left">{escape(str(name))}</th>'
            f'<td style="text-align: left">{escape(str(value))}</td></tr>'
            for name, value in facts.items()
        )
        parts.append(f"<table>{rows}</table>")
    for each in table if isinstance(table, Sequence) else [table]:
        shown = each.head(MOST_ROWS)
        parts.append(shown.to_html(index=False, float_format="{:.4g}".format, border=0, na_rep=""))
        if len(each) > len(shown):
            parts.append(f"<p>{len(shown)} of {len(each)} rows.</p>")
    return "<div>" + "".join(parts) + "</div>"


class Shown:
    """An object with a summary, which a notebook shows as a card."""

    def summary(self) -> str:
        """Return a few plain sentences."""
        raise NotImplementedError

    def _more(self) -> dict[str, Any]:
        """Return what stands on the card beside the summary."""
        return {}

    def _repr_html_(self) -> str:
        return card(repr(self).strip("<>"), self.summary(), **self._more())
