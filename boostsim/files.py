"""Nothing is ever half-written, and nothing damaged is read: one way to write, one way to read.

A file is written under another name in the same folder, brought to the disk and renamed, so it
appears whole or not at all. What is read back has the SHA-256 of its content behind the content,
and is parsed only if that fits: formats that hang or guess on damaged bytes never see any.
"""

from __future__ import annotations

import contextlib
import functools
import io
import os
import re
import secrets
import stat
import time
import warnings
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

from boostsim.arguments import as_path

# Behind the content: readers of HDF5 and of zip archives pass over what follows their end.
SEAL = b"\nboostsim sha256 "
SEAL_LENGTH = len(SEAL) + 64 + 1
TEMPORARY = re.compile(r"\.boostsim-[0-9a-f]{16}\.tmp")
# Writing takes seconds: what has lain for so long, its writer left behind when it was killed.
ABANDONED_SECONDS = 3600.0
NOTHING_KEPT = "nothing is kept between runs"


class Damaged(ValueError):
    """A file is not what was written to it.

    Attributes:
        path: the file.
    """

    def __init__(self, told: str, path: Path) -> None:
        """Keep both as arguments, so that it can be pickled."""
        super().__init__(told, path)
        self.path = path

    def __str__(self) -> str:
        """Return what is told."""
        return str(self.args[0])


@functools.cache
def warn_once(text: str) -> None:
    """Warn of something that is the same each time, in one line and once a process."""
    warnings.warn(text, RuntimeWarning, stacklevel=3)


def cache_folder() -> Path | None:
    """Return BOOSTSIM_CACHE, or a folder under the user's cache; it is made where it is missing.

    Where none can be written to it is None, said once: then nothing is kept between runs.
    """
    named = os.environ.get("BOOSTSIM_CACHE")
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    wanted = named or f"{home}/boostsim"
    try:
        folder = Path(wanted).expanduser()
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(0, "it cannot be written to")
    except (OSError, RuntimeError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        warn_once(
            f"{NOTHING_KEPT}: {wanted!r} is no folder to write to ({why}); "
            "BOOSTSIM_CACHE may name another"
        )
        return None
    return folder


def write_whole(path: str | os.PathLike[str], content: bytes, name: str = "path") -> Path:
    """Write a file: whole, or not at all, and then what was there before stays.

    The mode and, where that is allowed, the owner of a file that is replaced are kept; a link is
    followed. What writers that were killed left in the folder is swept.

    Args:
        path: the file.
        content: all of it.
        name: of the argument, for the error.

    Returns:
        The path.

    Raises:
        ValueError: for what is no path, for a folder, device or pipe, and where writing fails.
    """
    return _written(path, lambda file: file.write(content), name)


def _written(path: str | os.PathLike[str], fill: Callable[[BinaryIO], Any], name: str) -> Path:
    path = as_path(name, path)
    target = _target(path, name)
    with _temporary(target, name) as (temporary, handle):
        sweep(target.parent)
        with os.fdopen(handle, "wb", closefd=False) as file:
            fill(file)
        os.fsync(handle)
        os.replace(temporary, target)
        # The new name, too, is on the disk, as far as the file system can tell.
        with contextlib.suppress(OSError):
            folder = os.open(target.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
    return path


def try_to_write(path: str | os.PathLike[str], name: str = "path") -> None:
    """Refuse now what :func:`write_whole` would refuse later; nothing stays behind.

    Raises:
        ValueError: as :func:`write_whole` does.
    """
    with _temporary(_target(as_path(name, path), name), name):
        pass


class Sealing(io.RawIOBase):
    """What is written to it goes to a file, and into the digest that stands behind it."""

    def __init__(self, file: BinaryIO) -> None:
        """Begin."""
        self.file, self.digest = file, sha256()

    def writable(self) -> bool:
        """Return whether it is written to."""
        return True

    def write(self, content: Any) -> int:
        """Write some more."""
        self.digest.update(content)
        return self.file.write(content)


def write_sealed(
    path: str | os.PathLike[str],
    content: bytes | Callable[[Sealing], Any],
    name: str = "path",
) -> Path:
    """Write a file that :func:`read_sealed` reads: the content, and its digest behind it.

    Args:
        path: the file.
        content: all of it, or what writes it bit by bit, so that it is never there twice.
        name: of the argument, for the error.

    Raises:
        ValueError: as :func:`write_whole` does.
    """

    def fill(file: BinaryIO) -> None:
        sealing = Sealing(file)
        if callable(content):
            content(sealing)
        else:
            sealing.write(content)
        file.write(_seal(sealing.digest.hexdigest()))

    return _written(path, fill, name)


def read_sealed(path: str | os.PathLike[str], name: str, allowed: str, remedy: str) -> bytes:
    """Return the content that :func:`write_sealed` wrote, byte for byte.

    Args:
        path: the file.
        name: of the argument, for the error.
        allowed: what it must be, for the error.
        remedy: what to do where it is damaged, a sentence.

    Raises:
        Damaged: a ValueError, where the content is not what was written.
        ValueError: where there is no file, or none that can be read.
    """
    target = as_path(name, path)
    if not target.is_file():
        raise ValueError(f"{name} must be an existing file; got {str(path)!r}")
    try:
        whole = target.read_bytes()
    except OSError as error:
        raise ValueError(
            f"{name} must be {allowed}; got {str(path)!r}, which cannot be read ({error.strerror})"
        ) from None
    content, seal = whole[:-SEAL_LENGTH], whole[-SEAL_LENGTH:]
    if seal != _seal(sha256(content).hexdigest()):
        wrong = "whose content does not fit its digest: it is damaged"
        if not seal.startswith(SEAL):
            wrong = "which has no digest at its end: it is cut short, damaged or of another kind"
        told = f"{name} must be {allowed}; got {str(path)!r}, {wrong}. {remedy}"
        raise Damaged(told, target)
    return content


def sweep(folder: Path, older: float = ABANDONED_SECONDS) -> None:
    """Remove the temporary files in a folder whose writers are gone: older than so many seconds."""
    with contextlib.suppress(OSError):
        left = [entry for entry in os.scandir(folder) if TEMPORARY.fullmatch(entry.name)]
        for entry in left:
            with contextlib.suppress(OSError):
                if time.time() - entry.stat(follow_symlinks=False).st_mtime >= older:
                    os.unlink(entry.path)


def is_of(handle: int, path: Path) -> bool:
    """Return whether a file that is open is the one that has this name now."""
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except OSError:
        return False


def _seal(digest: str) -> bytes:
    return SEAL + digest.encode() + b"\n"


def _target(path: Path, name: str) -> Path:
    """Return where a file is to be written: what a link leads to, and nothing but a file."""
    target = Path(os.path.realpath(path))
    # Asked of the path itself: what a pipe's or a terminal's name leads to may have none.
    try:
        kind = os.stat(path).st_mode
    except FileNotFoundError:
        return target
    except OSError as error:
        raise _unwritable(path, name, error) from None
    if not stat.S_ISREG(kind):
        found = "folder" if stat.S_ISDIR(kind) else "device or pipe"
        raise ValueError(f"{name} must name a regular file; got the {found} {str(path)!r}")
    return target


@contextlib.contextmanager
def _temporary(target: Path, name: str) -> Iterator[tuple[Path, int]]:
    """Open a new file beside the target, with the mode that it is to have; it is gone at the end.

    Errors of the operating system in the block are told as errors of writing the target.
    """
    temporary = target.parent / f".boostsim-{secrets.token_hex(8)}.tmp"
    try:
        before = os.stat(target) if target.exists() else None
        # A new file has the mode that the user's mask leaves, which the system applies itself.
        mode = 0o666 if before is None else stat.S_IMODE(before.st_mode)
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode & 0o777)
    except OSError as error:
        raise _unwritable(target, name, error) from None
    try:
        if before is not None:
            with contextlib.suppress(OSError):
                os.fchown(handle, before.st_uid, before.st_gid)
            os.fchmod(handle, mode)
        yield temporary, handle
    except OSError as error:
        raise _unwritable(target, name, error) from None
    finally:
        os.close(handle)
        with contextlib.suppress(OSError):
            temporary.unlink()


def _unwritable(path: Path, name: str, error: OSError) -> ValueError:
    why = error.strerror or type(error).__name__
    return ValueError(
        f"{name} must lie in a folder that can be written to; got {str(path)!r} ({why})"
    )
