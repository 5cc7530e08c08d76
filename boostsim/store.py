"""A folder of finished pieces, from which long work goes on after it was killed, whenever that was.

Whatever runs for long writes each piece as it is finished (a chunk of a sweep, a seed, a cell of a
tournament, a look of a certificate, the table of a figure) under a name that says which it is. A
piece is written whole or not at all, with its digest (:mod:`boostsim.files`). A later run with the
same arguments reads what is there and makes what is not; one with others is refused, and told what
differs. A piece that is damaged is reported by name, and made again.
"""

from __future__ import annotations

import errno
import fcntl
import io
import json
import math
import os
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from boostsim.arguments import refuse
from boostsim.files import Damaged, read_sealed, sweep, warn_once, write_sealed

# What the work is: of all pieces of a folder.
WORK = "work.json"
ENDING = ".piece"
# Of what kind a work is that says no "kind".
RUN = "run"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+=-]*")
ALLOWED = "one that holds whole files of its work"
AGAIN = "It is made again."


class InUse(ValueError):
    """Another run holds the folder."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder for one run; the lock dies with the process.

    What a run that was killed left half-written is swept. Where a file system has no locks, the
    run goes on without one, and says so: two runs in one folder are then nobody's to prevent.

    Raises:
        InUse: where another run holds it.
        ValueError: where it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / ".lock", os.O_CREAT | os.O_RDWR, 0o666)
    except OSError as error:
        raise ValueError(
            f"folder must be one that can be made and written to; got {str(folder)!r} "
            f"({error.strerror})"
        ) from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                told = f"folder must not be in use by another run; got {str(folder)!r}"
                raise InUse(told) from None
            warn_once(
                f"{str(folder)!r} cannot be locked ({error.strerror}): "
                "see to it that no other run uses it"
            )
        else:
            # Nobody else writes here.
            sweep(folder, older=-math.inf)
        yield
    finally:
        os.close(handle)


class Piece(NamedTuple):
    """One finished part of a work.

    Attributes:
        told: what JSON can hold.
        arrays: by name.
    """

    told: Any
    arrays: dict[str, np.ndarray]


class Store:
    """The pieces of one work; :func:`opened` makes it.

    Attributes:
        folder: where they are; None where nothing is kept.
        work: the digest of what the work is, which every piece carries.
    """

    def __init__(self, folder: Path | None, work: str) -> None:
        """Take a folder that is held."""
        self.folder, self.work = folder, work

    def path(self, name: str) -> Path | None:
        """Return the file of a piece, or None where nothing is kept."""
        if not NAME.fullmatch(name):
            raise refuse("name", "letters, digits and _.+=-, a letter or digit first", name)
        return None if self.folder is None else self.folder / f"{name}{ENDING}"

    def read(self, name: str) -> Piece | None:
        """Return a piece, or None where it is not there, or was damaged, which a warning says.

        A damaged file is removed.

        Raises:
            ValueError: for one of another work, or that cannot be read.
        """
        path = self.path(name)
        if path is None or not path.exists():
            return None
        try:
            return read_piece(path, self.work)
        except Damaged as error:
            warnings.warn(str(error), RuntimeWarning, stacklevel=2)
            path.unlink(missing_ok=True)
            return None

    def write(
        self, name: str, arrays: Mapping[str, np.ndarray] | None = None, told: Any = None
    ) -> None:
        """Keep a piece, whole or not at all.

        Raises:
            ValueError: where it cannot be written: on a full disk, say. What was finished before
                stays.
        """
        path = self.path(name)
        if path is not None:
            about = json.dumps({"work": self.work, "told": told}, sort_keys=True).encode()
            archive = io.BytesIO()
            pieces = {f"a_{each}": values for each, values in (arrays or {}).items()}
            np.savez(archive, about=np.frombuffer(about, np.uint8), **pieces)  # type: ignore[arg-type]
            write_sealed(path, archive.getvalue(), "folder")

    def names(self) -> list[str]:
        """Return the names of the pieces that are there, whole or not."""
        files = [] if self.folder is None else sorted(self.folder.glob(f"*{ENDING}"))
        return [file.stem for file in files if NAME.fullmatch(file.stem)]

    def remove(self, name: str) -> None:
        """Remove a piece that is needed no more, where it is there."""
        path = self.path(name)
        if path is not None:
            with suppress(OSError):
                path.unlink()

    def made(self, name: str, make: Callable[[], Piece]) -> Piece:
        """Return a piece: that which is there, or else that which ``make`` makes, then kept."""
        found = self.read(name)
        if found is None:
            found = make()
            self.write(name, found.arrays, found.told)
        return found


@contextmanager
def opened(folder: Path | None, about: Mapping[str, Any]) -> Iterator[Store]:
    """Hold a folder for one work while the block runs, and give its store.

    Args:
        folder: where pieces are kept; None keeps nothing.
        about: what decides the pieces, as JSON can hold it, and under "kind" of what kind the work
            is, where it is no run. How many of them there are to be is no
            part of it: so a work may become longer.

    Raises:
        InUse: a ValueError, where another run holds the folder.
        ValueError: where it cannot be made, or holds another work: what differs is named.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> folder = Path(tempfile.mkdtemp())
        >>> for length in (2, 3):
        ...     with opened(folder, {"of": "squares"}) as store:
        ...         for n in range(length):
        ...             def make(n=n):
        ...                 print("making", n)
        ...                 return Piece({"n": n}, {"square": np.array(n * n)})
        ...             piece = store.made(f"number-{n}", make)
        making 0
        making 1
        making 2
    """
    told, digest = json.loads(json.dumps(about, sort_keys=True)), digest_of(about)
    if folder is None:
        yield Store(None, digest)
        return
    with locked(folder):
        path = folder / WORK
        if not _same_work(path, told):
            write_sealed(path, json.dumps(told, sort_keys=True).encode(), "folder")
        yield Store(folder, digest)


def digest_of(about: Mapping[str, Any]) -> str:
    """Return the digest of what a work is, which its pieces carry."""
    return sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()


def look_into(folder: Path, remedy: str) -> dict[str, Any] | None:
    """Return what work a folder says that it holds, or None; nothing is held or changed.

    Raises:
        Damaged: a ValueError, where that is not what was written; it ends with the remedy.
    """
    path = folder / WORK
    if not path.exists():
        return None
    told: dict[str, Any] = json.loads(read_sealed(path, "folder", ALLOWED, remedy))
    return told


def read_piece(path: Path, work: str, remedy: str = AGAIN) -> Piece:
    """Return the piece in a file, of the work with this digest.

    Raises:
        Damaged: a ValueError, where it is not what was written; it ends with the remedy.
        ValueError: for one of another work, or of another kind.
    """
    content = read_sealed(path, "folder", ALLOWED, remedy)
    try:
        with np.load(io.BytesIO(content)) as file:
            arrays = {name: file[name] for name in file.files}
        about = json.loads(arrays.pop("about").tobytes())
        found, told = about["work"], about["told"]
    except Exception as error:
        # With a digest that fits: it was not written by this program, or by another version.
        raise ValueError(
            f"folder must be {ALLOWED}; {str(path)!r} is of another kind ({type(error).__name__}). "
            "Delete it, and it is made again."
        ) from None
    if found != work:
        raise ValueError(
            f"folder must hold this very run; {str(path)!r} is a piece of another. Delete it, and "
            "it is made again."
        )
    return Piece(told, {name.removeprefix("a_"): values for name, values in arrays.items()})


def same_run(path: Path, about: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    """Refuse a file of another run, and say what differs.

    Raises:
        ValueError: where anything does.
    """
    wanted = json.loads(json.dumps(about))
    before, now = (each.get("kind", RUN) for each in (found, wanted))
    if before != now:
        raise ValueError(
            f"folder must hold this very run; {str(path)!r} is of another kind of work: "
            f"a {before}, not a {now}"
        )
    for name in sorted({*found, *wanted}):
        if found.get(name) != wanted.get(name):
            where, before, now = _difference(name, found.get(name), wanted.get(name))
            raise ValueError(
                f"folder must hold this very run; {str(path)!r} was begun with {where} "
                f"{_short(before)}, not {_short(now)}"
            )


def _same_work(path: Path, about: dict[str, Any]) -> bool:
    """Return whether a folder says that it holds this work; a damaged word is none, and said."""
    try:
        found = look_into(path.parent, AGAIN)
    except Damaged as error:
        # Pieces carry the digest of their work: those of another are not taken for this one's.
        warnings.warn(str(error), RuntimeWarning, stacklevel=2)
        return False
    if found is not None:
        same_run(path, about, found)
    return found is not None


def _difference(name: str, before: Any, now: Any) -> tuple[str, Any, Any]:
    """Follow two descriptions down to the first entry in which they differ."""
    while True:
        if isinstance(before, dict) and isinstance(now, dict):
            entry = next(key for key in sorted({*before, *now}) if before.get(key) != now.get(key))
            name, before, now = f"{name}.{entry}", before.get(entry), now.get(entry)
        elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
            place = next(i for i, each in enumerate(before) if each != now[i])
            name, before, now = f"{name}[{place}]", before[place], now[place]
        else:
            return name, before, now


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."
