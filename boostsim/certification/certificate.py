"""The certificate: what was checked of a claim, point by point, and the verdict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from boostsim.certification.readings import VERDICTS, against, read_at, shown
from boostsim.html import Shown
from boostsim.objects import ByValue, as_json
from boostsim.theory.claim import Claim
from boostsim.theory.typeset import latex

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = {
    "holds": "tab:blue",
    "violated": "tab:red",
    "undecided": "tab:orange",
    "inapplicable": "tab:gray",
}


@dataclass(frozen=True, eq=False)
class Certificate(Shown, ByValue):
    """What :func:`boostsim.certify` found.

    Attributes:
        claim: what was claimed.
        verdict: ``"violated"`` where any point is; else ``"undecided"`` where any is, leaving out
            points whose laws are too small for the draws, if another one holds; else ``"holds"``;
            ``"inapplicable"`` where the claim is made for no run that was looked at.
        table: a row for each point: ``level`` ("exact" or "statistical"), the point's values,
            ``measured``, ``law``, ``low`` and ``high`` (an exact value and its rounding or, of a
            limit, what is left to go; a confidence interval), ``samples`` (draws, 0 where exact),
            ``verdict``, ``why``.
        conditions: confidence, samples, points, key, versions; of a limit the ``ladder``, at which
            values of what grows its exact runs were read.
        stopped_at: at how many exact points and after how many draws of each statistical point the
            report stopped: ``bs.certify(..., stopped_at=certificate.stopped_at)`` is this report
            again, bit for bit, though time ran out in it.
    """

    claim: Claim
    verdict: str
    table: pd.DataFrame
    conditions: dict[str, Any]
    stopped_at: dict[str, Any]

    def __repr__(self) -> str:
        """Name the claim and the verdict."""
        return f"<Certificate of {self.claim.name}: {self.verdict}>"

    def summary(self) -> str:
        """Return a few plain sentences."""
        lines = [f"{self.claim.name} ({self.claim.kind}): {self.verdict}. {self.claim.formula}"]
        for level, rows in self.table.groupby("level", sort=False):
            counts = rows.verdict.value_counts()
            found = ", ".join(f"{counts[word]} {word}" for word in VERDICTS if word in counts)
            text = f"{str(level).capitalize()}: {found}"
            checked = rows[rows.verdict != "inapplicable"].dropna(subset=["measured"])
            ladder = self.conditions["ladder"]
            if level == "exact" and len(checked) and ladder is not None:
                text += f", {read_at(self.claim, ladder)}"
            if level == "statistical" and len(checked):
                half = 0.5 * (checked.high - checked.low)
                text += (
                    f", at points drawn inside the domain; confidence "
                    f"{self.conditions['confidence']:g} for the whole report, "
                    f"{int(checked.samples.sum()):,} draws, intervals of half-width "
                    f"{half.min():.2g} to {half.max():.2g}"
                )
            reasons = rows.why[rows.why != ""].unique()
            if len(reasons):
                text += f" ({'; '.join(reasons[:3])})"
            lines.append(text + ".")
        bad = self.table[self.table.verdict == "violated"]
        if len(bad):
            row = bad.iloc[0]
            point = shown({name: row[name] for name in self.claim.domain.axes})
            told = against(self.claim, "", row.measured, row.law, row.low, row.high)
            lines.append(f"For example at {point}: {told}.")
        sampled = self.table[self.table.level == "statistical"]
        if "holds" in set(sampled.verdict) and set(bad.level) == {"exact"}:
            lines.append(
                "Only exact runs contradict it: they have infinitely many visits. A claim about "
                "finitely many is measured with exact=False; else look for points at the edges."
            )
        if "undecided" in set(sampled.verdict):
            lines.append("More samples (samples=), or a wider resolution, may decide it.")
        if self.verdict == "holds" and "undecided" in set(sampled.verdict):
            small = sampled[sampled.verdict == "undecided"].law
            lines.append(
                f"So it holds where it could be told; of laws of {small.max():.2g} and below "
                "sampled runs say only that they do not contradict it."
            )
        return "\n".join(lines)

    def _more(self) -> dict[str, Any]:
        return {"formula": latex(self.claim.formula), "table": self.table}

    def to_json(self) -> str:
        """Return everything as JSON; what does not apply is null."""
        return as_json(
            {
                "claim": self.claim.name,
                "kind": self.claim.kind,
                "statement": self.claim.statement,
                "formula": self.claim.formula,
                "domain": repr(self.claim.domain),
                "reference": self.claim.reference,
                "verdict": self.verdict,
                "conditions": self.conditions,
                "stopped_at": self.stopped_at,
                "table": self.table,
            }
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw each point's measured value relative to the law, with its interval.

        Statistical points come first, below them the exact ones; a bar is the interval, the line
        what the law says. Equalities should straddle it, bounds lie on its side.

        Args:
            ax: where to draw; a new figure where None.
        """
        from matplotlib import pyplot

        if ax is None:
            _, ax = pyplot.subplots(figsize=(6.4, 4.8), layout="constrained")
        rows = self.table[self.table.verdict != "inapplicable"].dropna(subset=["measured"])
        rows = rows.sort_values("level", ascending=False, kind="stable").reset_index(drop=True)
        scale = rows.law.abs().clip(lower=0.05)
        for verdict, part in rows.groupby("verdict"):
            unit = scale[part.index]
            low, high = part.measured - part.low, part.high - part.measured
            ax.errorbar(
                (part.measured - part.law) / unit,
                -part.index,
                xerr=[(low / unit).clip(lower=0), (high / unit).clip(lower=0)],
                fmt="o",
                markersize=3,
                color=COLOURS[str(verdict)],
                label=f"{verdict} ({len(part)})",
            )
        sampled = int((rows.level == "statistical").sum())
        if 0 < sampled < len(rows):
            ax.axhline(0.5 - sampled, color="0.8", linewidth=0.8)
        word = {"upper": "at most", "lower": "at least"}.get(self.claim.kind, "equal to")
        ax.axvline(0.0, color="black", linewidth=0.8)
        ax.set_yticks([])
        ax.set_ylabel("points: statistical above, exact below")
        ax.set_xlabel(f"measured - law, in units of the law (claimed: {word} the line)")
        ax.set_title(f"{self.claim.name}: {self.verdict}")
        if len(rows):
            ax.legend(frameon=False)
        return ax
