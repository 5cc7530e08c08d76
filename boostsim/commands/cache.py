"""The persistent compilation cache: a second run compiles nothing that the first one did.

It belongs to the command, not to the library: ``import boostsim`` changes no setting of JAX.
"""

from __future__ import annotations

import contextlib
import glob
import os
import re
import warnings
from pathlib import Path
from typing import Any

from boostsim.files import NOTHING_KEPT, cache_folder
from boostsim.progress import tell

PROGRAM = re.compile(
    r"Error (reading|writing) persistent compilation cache entry for '(.*?)': (.*)"
)
FAILED = {
    "reading": "a compiled program in {folder!r} is damaged, and is compiled again",
    "writing": "compiled programs cannot be kept in {folder!r}",
}


def use_cache() -> None:
    """Keep compiled programs between runs; without a folder to write to, do without.

    Who has told JAX where to keep them, by JAX_COMPILATION_CACHE_DIR, has them there. Warnings are
    from now on told as the command tells everything: in one line, and once.
    """
    import jax

    if not isinstance(warnings.showwarning, _Told):
        warnings.showwarning = _Told()
    # Python itself would leave out the second program of a name.
    warnings.filterwarnings("always", "Error .* persistent compilation cache entry")
    if "JAX_COMPILATION_CACHE_DIR" in os.environ or programs_folder():
        return
    folder = cache_folder()
    if folder is None:
        return
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", 0)


def said_elsewhere() -> None:
    """Leave it to the process that started this one to say that there is no cache."""
    warnings.filterwarnings("ignore", NOTHING_KEPT)


def programs_folder() -> str | None:
    """Return where JAX keeps compiled programs, or None."""
    import jax

    return jax.config.jax_compilation_cache_dir  # type: ignore[attr-defined]


class _Told:
    """Shows a warning in one line, and of JAX's about its cache the first alone."""

    def __init__(self) -> None:
        self.told: set[str] = set()

    def __call__(self, message: Warning | str, *_: Any, **__: Any) -> None:
        text = kind = " ".join(str(message).split())
        found = PROGRAM.match(text)
        if found:
            kind, text = PROGRAM.pattern, self._of_a_program(*found.groups())
        if kind not in self.told:
            self.told.add(kind)
            tell(f"boostsim: {text}")

    def _of_a_program(self, doing: str, program: str, why: str) -> str:
        """Say what is wrong, and remove what is damaged or half-written: JAX writes over none."""
        folder = programs_folder() or "none"
        if folder == str(cache_folder()):
            for entry in Path(folder).glob(f"{glob.escape(program)}-*-cache"):
                with contextlib.suppress(OSError):
                    entry.unlink()
        return f"{FAILED[doing].format(folder=folder)} ({why})"
