"""Runs that can be killed at any moment: one file a seed, replaced whole after each iteration."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from boostsim.files import write_whole

__all__ = ["InUse", "load_state", "locked", "save_state"]


class InUse(ValueError):
    """Another run holds the folder."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder for one run; the lock dies with the process.

    Raises:
        InUse: where another run holds it.
        ValueError: where it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / ".lock", os.O_CREAT | os.O_RDWR)
    except OSError as error:
        raise ValueError(
            f"folder must be one that can be made and written to; got {str(folder)!r} "
            f"({error.strerror})"
        ) from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InUse(f"folder must not be in use by another run; got {str(folder)!r}") from None
        yield
    finally:
        os.close(handle)


def save_state(path: Path, about: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    """Write what a run needs to go on, whole or not at all."""
    told = np.frombuffer(json.dumps(about, sort_keys=True).encode(), np.uint8)

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.savez(file, about=told, **arrays)  # type: ignore[arg-type]
            file.flush()
            os.fsync(file.fileno())

    write_whole(path, write)


def load_state(path: Path, about: dict[str, Any]) -> dict[str, np.ndarray] | None:
    """Return the arrays of a run that was begun here, or None.

    Raises:
        ValueError: where the file belongs to another run; it says what differs.
    """
    if not path.exists():
        return None
    try:
        with np.load(path) as file:
            arrays = {name: file[name] for name in file.files}
        found = json.loads(arrays.pop("about").tobytes())
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(
            f"folder must hold runs that can be read; {str(path)!r} is damaged or of another kind "
            f"({type(error).__name__})"
        ) from None
    wanted = json.loads(json.dumps(about))
    for name in sorted({*found, *wanted}):
        if found.get(name) != wanted.get(name):
            where, before, now = _difference(name, found.get(name), wanted.get(name))
            raise ValueError(
                f"folder must hold this very run; {str(path)!r} was begun with {where} "
                f"{_short(before)}, not {_short(now)}"
            )
    return arrays


def _difference(name: str, before: Any, now: Any) -> tuple[str, Any, Any]:
    """Follow two descriptions down to the first entry in which they differ."""
    while isinstance(before, dict) and isinstance(now, dict):
        entry = next(key for key in sorted({*before, *now}) if before.get(key) != now.get(key))
        name, before, now = f"{name}.{entry}", before.get(entry), now.get(entry)
    return name, before, now


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."
