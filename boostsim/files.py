"""Nothing is ever half-written: a file appears whole, under its name, or not at all."""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

__all__ = ["bounded", "cache_folder", "write_whole"]


def bounded(told: Any) -> Any:
    """Return it with None for every number that is not finite: JSON has none.

    Example:
        >>> bounded({"low": float("-inf"), "high": [1.0]})
        {'low': None, 'high': [1.0]}
    """
    if isinstance(told, Mapping):
        return {name: bounded(each) for name, each in told.items()}
    if isinstance(told, list):
        return [bounded(each) for each in told]
    return None if isinstance(told, float) and not math.isfinite(told) else told


def cache_folder() -> Path:
    """Return BOOSTSIM_CACHE, or a folder under the user's cache; it need not exist."""
    named = os.environ.get("BOOSTSIM_CACHE")
    if named:
        return Path(named)
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "boostsim"


def write_whole(path: str | os.PathLike[str], write: Callable[[Path], object]) -> Path:
    """Let ``write`` fill a temporary file beside ``path``, then rename it into place.

    Raises:
        ValueError: where the folder does not exist or cannot be written to.
    """
    target = Path(path)
    try:
        handle, name = tempfile.mkstemp(
            prefix=f".{target.name}.", suffix=target.suffix, dir=target.parent
        )
    except OSError as error:
        raise ValueError(
            f"path must lie in a folder that can be written to; got {str(target)!r} "
            f"({error.strerror})"
        ) from None
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)
        os.replace(temporary, target)
    except IsADirectoryError:
        raise ValueError(f"path must name a file; got the folder {str(target)!r}") from None
    finally:
        temporary.unlink(missing_ok=True)
    return target
