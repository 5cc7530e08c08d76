"""A folder of finished pieces, from which long work goes on after it was killed, whenever that was.

Whatever runs for long writes each piece as it is finished (a chunk of a sweep, a seed, a cell of a
tournament, a look of a certificate, the table of a figure) under a name that says which it is. A
piece is written whole or not at all, with its digest (:mod:`boostsim.files`). A later run with the
same arguments reads what is there and makes what is not; one with others is refused, and told what
differs. A piece that is damaged is reported by name, and made again.

After an upgrade (of JAX, say) every work goes on: a warning says once with what its pieces were
computed, and ``resumed``, among what the result says of itself, which of them. On another backend,
where other numbers are drawn, it is refused.
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
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from boostsim.arguments import refuse
from boostsim.files import Damaged, is_of, read_sealed, sweep, warn_once, write_sealed
from boostsim.versions import Function, changed, differs, facts, same_run

# What the work is: of all pieces of a folder.
WORK = "work.json"
ENDING = ".piece"
# The piece that says what functions of the user's do.
FUNCTIONS = "functions"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+=-]*")
ALLOWED = "one that holds whole files of its work"
AGAIN = "It is made again."
# Names of pieces that are told one by one.
TOLD = 3


class InUse(ValueError):
    """Another run holds the folder."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder for one run; the lock dies with the process, its file goes when it ends.

    What a run that was killed left half-written is swept. Where a file system has no locks, the
    run goes on without one, and says so: two runs in one folder are then nobody's to prevent.

    Raises:
        InUse: where another run holds it.
        ValueError: where it cannot be made.
    """
    path = folder / ".lock"
    handle, held = _taken(path)
    try:
        if held:
            # Nobody else writes here.
            sweep(folder, older=-math.inf)
        yield
    finally:
        # While it is held: whoever has opened it meanwhile gets no lock, or sees that it is gone.
        if held and is_of(handle, path):
            with suppress(OSError):
                path.unlink()
        os.close(handle)


def _taken(path: Path) -> tuple[int, bool]:
    """Open the file of a lock and take it, and return whether the file system has locks."""
    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(path, os.O_CREAT | os.O_RDWR, 0o666)
        except OSError as error:
            raise ValueError(
                f"folder must be one that can be made and written to; got {str(path.parent)!r} "
                f"({error.strerror})"
            ) from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                os.close(handle)
                told = f"folder must not be in use by another run; got {str(path.parent)!r}"
                raise InUse(told) from None
            warn_once(
                f"{str(path.parent)!r} cannot be locked ({error.strerror}): "
                "see to it that no other run uses it"
            )
            # It stays: another may have the lock that is refused here.
            return handle, False
        if is_of(handle, path):
            return handle, True
        # The run that had it has ended since it was opened, and its file is gone with it.
        os.close(handle)


class Piece(NamedTuple):
    """One finished part of a work.

    Attributes:
        told: what JSON can hold.
        arrays: by name.
        computed: with what it was: several facts, where it was made of pieces of other versions.
    """

    told: Any
    arrays: dict[str, np.ndarray]
    computed: tuple[Mapping[str, str], ...] = ()


class Store:
    """The pieces of one work; :func:`opened` makes it.

    Attributes:
        folder: where they are; None where nothing is kept.
        work: the digest of what the work is, which every piece carries.
        now: with what pieces are computed here, or None: that is not told.
        tells: whether the work tells itself what of it was computed otherwise.
    """

    def __init__(
        self,
        folder: Path | None,
        work: str,
        now: Mapping[str, str] | None = None,
        *,
        tells: bool = False,
    ) -> None:
        """Take a folder that is held."""
        self.folder, self.work, self.now, self.tells = folder, work, now, tells
        # With what each piece that was read or written was computed.
        self.computed: dict[str, tuple[Mapping[str, str], ...]] = {}
        self._said: set[str] = set()

    def path(self, name: str) -> Path | None:
        """Return the file of a piece, or None where nothing is kept."""
        if not NAME.fullmatch(name):
            raise refuse("name", "letters, digits and _.+=-, a letter or digit first", name)
        return None if self.folder is None else self.folder / f"{name}{ENDING}"

    def read(self, name: str, *, quietly: bool = False) -> Piece | None:
        """Return a piece, or None where it is not there, or was damaged, which a warning says.

        A damaged file is removed.

        Args:
            name: of the piece.
            quietly: whether nothing is said of one that was computed otherwise.

        Raises:
            ValueError: for one of another work, or that cannot be read.
        """
        path = self.path(name)
        if path is None or not path.exists():
            return None
        try:
            piece = read_piece(path, self.work)
        except Damaged as error:
            warnings.warn(str(error), RuntimeWarning, stacklevel=2)
            path.unlink(missing_ok=True)
            return None
        self.computed[name] = piece.computed
        for told in [] if quietly else self._others(name):
            self.warn_of_others("pieces", told)
        return piece

    def write(
        self,
        name: str,
        arrays: Mapping[str, np.ndarray] | None = None,
        told: Any = None,
        of: Iterable[str] = (),
    ) -> None:
        """Keep a piece, whole or not at all.

        Args:
            name: of the piece.
            arrays, told: what is in it.
            of: the pieces that it was made from.

        Raises:
            ValueError: where it cannot be written: on a full disk, say. What was finished before
                stays.
        """
        path = self.path(name)
        if path is not None:
            here = [] if self.now is None else [self.now]
            before = [each for one in of for each in self.computed.get(one, ())]
            made = [each for n, each in enumerate(before) if each not in (*before[:n], *here)]
            self.computed[name] = (*made, *here)
            kept = {"work": self.work, "told": told, "with": self.computed[name]}
            about = json.dumps(kept, sort_keys=True).encode()
            pieces: dict[str, Any] = {f"a_{each}": a for each, a in (arrays or {}).items()}
            pieces["about"] = np.frombuffer(about, np.uint8)
            write_sealed(path, lambda file: np.savez(file, **pieces), "folder")

    def names(self) -> list[str]:
        """Return the names of the pieces that are there, whole or not."""
        files = [] if self.folder is None else sorted(self.folder.glob(f"*{ENDING}"))
        return [file.stem for file in files if NAME.fullmatch(file.stem)]

    def remove(self, name: str) -> None:
        """Remove a piece that is needed no more, where it is there."""
        path = self.path(name)
        self.computed.pop(name, None)
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

    def warn_of_others(self, what: str, difference: str) -> None:
        """Warn, once, of what was computed otherwise than it would be now.

        Args:
            what: is in the folder.
            difference: see :func:`boostsim.versions.differs`.
        """
        if difference not in self._said:
            self._said.add(difference)
            warnings.warn(
                f"{str(self.folder)!r} has {what} computed with {difference}: numbers may differ "
                "in their last digits from those of one go, and 'resumed' in the result says which",
                RuntimeWarning,
                stacklevel=3,
            )

    def _others(self, name: str) -> list[str]:
        """Return what of a piece's versions is not so now, in words."""
        if self.now is None or self.tells:
            return []
        return [differs(each, self.now) for each in self.computed[name] if each != self.now]

    @property
    def resumed(self) -> dict[str, str]:
        """What the result says of pieces of other versions, as an attribute; none: nothing."""
        names: dict[str, list[str]] = {}
        for name in self.computed:
            for told in self._others(name):
                names.setdefault(told, []).append(name)
        words = [f"{_listed(sorted(each))} with {told}" for told, each in sorted(names.items())]
        return {"resumed": "; ".join(words)} if words else {}


def store_of(folder: Path | None, about: Mapping[str, Any], *, tells: bool = False) -> Store:
    """Return the store of a folder that is held, or that another process of this work holds.

    Args:
        folder, about, tells: see :func:`opened`.
    """
    now = None if folder is None else facts()
    return Store(folder, digest_of(_here(about)), now, tells=tells)


def _here(about: Mapping[str, Any]) -> dict[str, Any]:
    import jax

    return {"backend": jax.default_backend(), **about}


def _listed(names: list[str]) -> str:
    shown = names[:TOLD] if len(names) > TOLD + 1 else names
    more = f" and {len(names) - len(shown)} others" if len(names) > len(shown) else ""
    return f"{', '.join(shown)}{more}"


@contextmanager
def opened(
    folder: Path | None,
    about: Mapping[str, Any],
    functions: Mapping[str, Function] | None = None,
    *,
    tells: bool = False,
) -> Iterator[Store]:
    """Hold a folder for one work while the block runs, and give its store.

    Args:
        folder: where pieces are kept; None keeps nothing.
        about: what decides the pieces, as JSON can hold it, and under "kind" of what kind the work
            is, where it is no run. How many of them there are to be is no
            part of it: so a work may become longer.
        functions: what decides them besides, but for its text: after an upgrade they are told by
            what they say, where they are asked.
        tells: whether the work tells itself what of it was computed with what.

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
    store = store_of(folder, about, tells=tells)
    if folder is None:
        yield store
        return
    with locked(folder):
        path, told = folder / WORK, json.loads(json.dumps(_here(about), sort_keys=True))
        if not _same_work(path, told):
            write_sealed(path, json.dumps(told, sort_keys=True).encode(), "folder")
        if functions:
            _check(store, functions)
        yield store


def _check(store: Store, functions: Mapping[str, Function]) -> None:
    """Refuse a folder in which functions were others of the same names; else it has these now."""
    # It has no numbers of the result.
    before, same = store.read(FUNCTIONS, quietly=True), False
    if before is not None:
        same = before.computed == (store.now,)
        found = [before.arrays[f"said-{number}"] for number in range(len(before.told))]
        said = dict(zip(before.told, found, strict=True))
        what = changed(functions, before.told, said, upgraded=not same)
        if what is not None:
            raise ValueError(
                f"folder must hold this very run; {str(store.folder)!r} was begun with {what}"
            )
    if not same:
        programs = {name: each.program for name, each in sorted(functions.items())}
        said = {f"said-{n}": functions[name].behaviour for n, name in enumerate(programs)}
        store.write(FUNCTIONS, said, programs)


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
        found, told, computed = about["work"], about["told"], tuple(about.get("with", ()))
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
    named = {name.removeprefix("a_"): values for name, values in arrays.items()}
    return Piece(told, named, computed)


def _same_work(path: Path, about: dict[str, Any]) -> bool:
    """Return whether a folder says that it holds this work; a damaged word is none, and said."""
    try:
        found = look_into(path.parent, AGAIN)
    except Damaged as error:
        # Pieces carry the digest of their work: those of another are not taken for this one's.
        warnings.warn(str(error), RuntimeWarning, stacklevel=2)
        return False
    if found is not None and "backend" not in found:
        # Which all have had since pieces say with what they were computed.
        raise ValueError(
            f"folder must be one that this version of boostsim can go on in; {str(path.parent)!r} "
            "was begun by an earlier one, which keeps other files: go on there with that one, or "
            "give another folder"
        )
    if found is not None:
        same_run(path, about, found)
    return found is not None
