"""How figures are drawn: what of the command decides them, and the words that say it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from boostsim.figures import Look


@dataclass(frozen=True)
class How:
    """How figures are drawn.

    Attributes:
        scale: its name.
        look: size, title, caption.
        kinds: of files, beside the table.
    """

    scale: str
    look: Look
    kinds: tuple[str, ...]

    def words(self, names: tuple[str, ...], into: Path | None = None) -> list[str]:
        """Return the command that draws figures so."""
        words = ["boostsim", "reproduce", *names]
        if self.scale != "quick":
            words += ["--scale", self.scale]
        if self.look.size is not None:
            words += ["--size", "{:g}x{:g}".format(*self.look.size)]
        words += ["--plain"] * (not self.look.caption) + ["--pdf"] * ("pdf" in self.kinds)
        return [*words, "--folder", str(into)] if into is not None else words

    def fingerprint(self, name: str) -> str:
        """Return a hash of all that decides a figure, but the device."""
        return self._hashed(name, asdict(self))

    def of_table(self, name: str) -> str:
        """Return a hash of all that decides a figure's table, however it is drawn."""
        return self._hashed(name, {})

    def _hashed(self, name: str, look: dict[str, Any]) -> str:
        from boostsim.figures import figure_module, scale_named
        from boostsim.report.record import fingerprint

        sources: tuple[Path, ...] = getattr(figure_module(name), "sources", tuple)()
        asked = {"figure": name, **look, "scale": asdict(scale_named(self.scale))}
        return fingerprint(asked, sources)
