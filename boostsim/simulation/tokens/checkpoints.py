"""Whether a folder's arrays are those of a run; and folders that were written before the store.

Then every file said itself of what run it was. It is read still, and a run that goes on takes it
over as a piece of the store.
"""

from __future__ import annotations

import io
import json
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from boostsim.arguments import refuse
from boostsim.files import Damaged, read_sealed
from boostsim.mode import KEYS
from boostsim.store import (
    AGAIN,
    ALLOWED,
    ENDING,
    WORK,
    Store,
    digest_of,
    look_into,
    read_piece,
    same_run,
)

FORMER = re.compile(r"(seed-(\d+)(-iteration-\d+)?)\.npz")


def former(folder: Path) -> dict[str, Path]:
    """Return the files of a folder that were written before the store, by their pieces' names."""
    entries = folder.iterdir() if folder.is_dir() else ()
    found = ((FORMER.fullmatch(entry.name), entry) for entry in entries)
    return {match[1]: entry for match, entry in found if match}


def _read_former(path: Path, remedy: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return of what run such a file says that it is, its key among it, and its arrays.

    Raises:
        Damaged: a ValueError, where it does not hold what was written.
    """
    content = read_sealed(path, "folder", ALLOWED, remedy)
    try:
        with np.load(io.BytesIO(content)) as file:
            arrays = {name: file[name] for name in file.files}
        return json.loads(arrays.pop("about").tobytes()), arrays
    except Exception as error:
        wrong = f"{str(path)!r} is of another kind ({type(error).__name__})"
        raise Damaged(f"folder must be {ALLOWED}; {wrong}. {remedy}", path) from None


def read_kept(path: Path, remedy: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return of what run a file is, with the key of its seed, and its arrays; it may be a former.

    Raises:
        Damaged: a ValueError, where it does not hold what was written; it ends with the remedy.
    """
    if path.suffix != ENDING:
        return _read_former(path, remedy)
    about = look_into(path.parent, remedy)
    if about is None:
        hint = f"It has no {WORK}, which says of what run {path.name} is."
        raise refuse("folder", "one that a run has written", str(path.parent), hint)
    arrays = read_piece(path, digest_of(about), remedy).arrays
    words = about.get("key")
    if isinstance(words, list):
        key = jax.random.wrap_key_data(jnp.array(words, jnp.uint32), impl=KEYS)
        seed = jax.random.fold_in(key, int(path.stem.split("-")[1]))
        about["key"] = np.ravel(jax.random.key_data(seed)).tolist()
    return about, arrays


def read_formers(
    folder: Path, about: Mapping[str, Any], key: Callable[[int], list[int]]
) -> dict[str, dict[str, np.ndarray]]:
    """Return the arrays of all such files of a run, by their pieces' names.

    Args:
        folder: of the run.
        about: what the run is, but its key.
        key: the words of that of a seed.

    Raises:
        ValueError: where one belongs to another run; it says what differs.
    """
    pieces = {}
    for name, path in former(folder).items():
        try:
            found, arrays = _read_former(path, AGAIN)
        except Damaged as error:
            warnings.warn(str(error), RuntimeWarning, stacklevel=2)
            continue
        same_run(path, {**about, "key": key(int(name.split("-")[1]))}, found)
        pieces[name] = arrays
    return pieces


def take_over(store: Store, pieces: Mapping[str, dict[str, np.ndarray]]) -> None:
    """Write such files as pieces of the store, where they are not yet, and remove them."""
    for name, arrays in pieces.items():
        path = store.path(name)
        if path is not None and not path.exists():
            store.write(name, arrays)
    if store.folder is not None:
        for path in former(store.folder).values():
            path.unlink(missing_ok=True)


def check_arrays(
    path: Path, arrays: Mapping[str, np.ndarray], weights: Mapping[str, Any], others: Sequence[str]
) -> None:
    """Refuse arrays that are not those of a run, though they are what was written.

    Args:
        path: their file.
        arrays: by name.
        weights: by name, whatever has the shape that an array must have, all of it finite.
        others: names of arrays that must be there besides; those of what was measured, which
            begin with ``m_``, have one entry an iteration.

    Raises:
        Damaged: a ValueError, with what they lack.
    """
    if wrong := _wrong(arrays, weights, others):
        remedy = "Delete it, and what it held is made again from the start."
        raise Damaged(f"folder must be {ALLOWED}; {str(path)!r} {wrong}. {remedy}", path)


def _wrong(
    arrays: Mapping[str, np.ndarray], weights: Mapping[str, Any], others: Sequence[str]
) -> str | None:
    """Return what arrays lack, or None."""
    for name in (*weights, *others):
        if name not in arrays:
            return f"lacks the array {name}"
    for name, like in weights.items():
        if arrays[name].shape != like.shape:
            return f"has {name} of shape {arrays[name].shape}, not {like.shape}"
        if not np.isfinite(arrays[name]).all():
            return f"has numbers in {name} that are not finite"
    if len({len(arrays[name]) for name in others if name.startswith("m_")}) > 1:
        return "has measured some things in more iterations than others"
    return None
