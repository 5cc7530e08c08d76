"""Reading a log: JSON Lines or a frame, typed, a block at a time; nothing in it is ever run."""

from __future__ import annotations

import difflib
import gzip
import os
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import msgspec
import numpy as np

from boostsim.arguments import as_path, brief, first_line, refuse, whole
from boostsim.logs.columns import Records, Sights
from boostsim.logs.foreign import NEAR, REQUIRED, SEVERAL, said_of, said_of_lines, said_of_start
from boostsim.logs.log import Log
from boostsim.logs.looks import Looks
from boostsim.logs.records import KINDS
from boostsim.progress import announced

if TYPE_CHECKING:
    import pandas

# Bytes, and rows of a frame, that are decoded at once; and the longest line that is a record's.
BLOCK, ROWS, LONGEST = 2**17, 2**13, 2**24
# What decoding raises: in former versions of msgspec its errors are none of values.
UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError)
FIRST_BYTES = {
    b"\xff\xfe": "UTF-16 or UTF-32",
    b"\xfe\xff": "UTF-16",
    b"\x00\x00\xfe\xff": "UTF-32",
    b"PK\x03\x04": "a zip archive",
    b"PAR1": "a Parquet file",
    b"\x89HDF": "an HDF5 file",
}


def read_log(
    path: str | os.PathLike[str] | pandas.DataFrame, *, most_malformed: int = 100
) -> Log | Looks:
    """Read the log of a run: JSON Lines, one record a line, or a pandas frame, one a row.

    A record of attempts says what the model before training on an iteration's data did on one
    prompt: ``prompt`` (text or a whole number), ``iteration``, ``attempts``, ``accepted``; it may
    have ``correct``, ``audited``, ``audited_correct``, ``audited_accepted``,
    ``audited_accepted_correct``, ``visits`` (a list of [attempts, accepted]), ``stopping``
    (``"fixed"`` or ``"first_success"``), ``labelled``, ``label_probability``, ``label_accepted``,
    ``label_correct``, ``stratum`` and ``model``: see :class:`Log` for what each means. A record of
    looks has ``prompt``, ``verdicts`` (a list of true, false or null), and may have ``response``
    and ``correct``: see :class:`Looks`. A log has one kind. null, or NaN in a frame, stands for
    what is lacking; other fields are not read. A file may be compressed by gzip.

    A line that is no record (no JSON, a count below 0 or not whole, more accepted than attempts,
    ...) is left out, told by number in ``malformed`` and by a warning.

    Args:
        path: the file, in UTF-8; or a frame with the fields as columns.
        most_malformed: reading stops with an error beyond so many lines that are no records.

    Returns:
        A :class:`Log`, or :class:`Looks`.

    Raises:
        ValueError: for what is no such file or frame, for two kinds of record, no record at all,
            more than ``most_malformed`` malformed lines, and two records of a prompt in one
            iteration (or looks at one response).

    Example:
        >>> import pandas as pd
        >>> frame = pd.DataFrame({"prompt": ["a", "b"], "iteration": 0, "attempts": 4})
        >>> log = read_log(frame.assign(accepted=[1, 3]))
        >>> log.prompts.tolist(), log.accepted.tolist(), log.correct is None
        (['a', 'b'], [1, 3], True)
    """
    most_malformed = whole("most_malformed", most_malformed, 0)
    if hasattr(path, "columns") and hasattr(path, "to_dict"):
        return _read(_Frame(path), most_malformed)
    allowed = "an existing file of JSON Lines, or a pandas frame"
    if not isinstance(path, (str, os.PathLike)):
        raise refuse("path", allowed, path)
    file = as_path("path", path)
    if not file.is_file():
        raise refuse("path", allowed, str(file))
    with announced(f"reading {file.name}"):
        try:
            with open(file, "rb") as stream:
                start = stream.read(4)
                stream.seek(0)
                zipped = start.startswith(b"\x1f\x8b")
                opened: Any = gzip.GzipFile(fileobj=stream) if zipped else stream
                return _read(_Lines(file, opened), most_malformed)
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(
                f"path must be a file that can be read; got {str(file)!r} ({first_line(error)})"
            ) from None


class _Lines:
    """A file of lines, in blocks of bytes."""

    def __init__(self, path: Path, stream: IO[bytes]) -> None:
        self.source, self.stream = str(path), stream

    def blocks(self) -> Iterator[bytes]:
        """Return whole lines, a block at a time."""
        rest, begun = b"", False
        while data := self.stream.read(BLOCK):
            if not begun:
                self.begin(data)
                data, begun = data.removeprefix(b"\xef\xbb\xbf"), True
            data = rest + data
            end = data.rfind(b"\n") + 1
            if len(data) - end > LONGEST:
                raise ValueError(
                    f"path must have one record a line; got {self.source!r}, which has a line of "
                    f"over {LONGEST:,} bytes"
                )
            if end:
                yield data[:end]
            rest = data[end:]
        if rest:
            yield rest

    def begin(self, data: bytes) -> None:
        """Refuse what is plainly something else."""
        for start, what in FIRST_BYTES.items():
            if data.startswith(start):
                raise ValueError(
                    f"path must be JSON Lines in UTF-8; got {self.source!r}, which is {what}"
                )
        if told := said_of_start(data, self.source):
            raise ValueError(told)

    def lines(self, block: bytes) -> int:
        """Return how many lines a block has."""
        return block.count(b"\n") + (not block.endswith(b"\n"))

    def pieces(self, block: bytes) -> list[tuple[int, bytes]]:
        """Return each line that is not blank, and its place in the block."""
        return [(place, line) for place, line in enumerate(block.split(b"\n")) if line.strip()]

    def all(self, block: bytes, kind: type[Any]) -> list[Any]:
        """Return the records of a block without a malformed line."""
        return msgspec.json.Decoder(kind).decode_lines(block)

    def one(self, line: bytes, kind: Any) -> Any:
        """Return the record of a line."""
        return msgspec.json.decode(line, type=kind)

    def foreign(self, pieces: list[bytes]) -> str | None:
        """Return what the first lines are, where that is plain and no record of a log."""
        records = [found for piece in pieces if (found := _is(self, piece, dict)) is not None]
        if records:
            return said_of(records, self.source, frame=False)
        return said_of_lines(pieces, self.source)


class _Frame:
    """A frame, in blocks of rows that are taken for lines: the first row is line 1."""

    source = "frame"

    def __init__(self, frame: pandas.DataFrame) -> None:
        if not frame.columns.is_unique:
            raise refuse("path", "a frame with each column once", list(frame.columns))
        self.frame = frame

    def blocks(self) -> Iterator[list[dict[Any, Any]]]:
        """Return rows as mappings, a block at a time."""
        for start in range(0, len(self.frame), ROWS):
            part = self.frame.iloc[start : start + ROWS]
            columns = []
            for name in part.columns:
                held = zip(part[name].tolist(), part[name].isna().tolist(), strict=True)
                columns.append([None if lacking else _own(each) for each, lacking in held])
            names = list(part.columns)
            yield [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]

    def lines(self, block: list[Any]) -> int:
        """Return how many rows a block has."""
        return len(block)

    def pieces(self, block: list[Any]) -> list[tuple[int, Any]]:
        """Return each row, and its place in the block."""
        return list(enumerate(block))

    def all(self, block: list[Any], kind: type[Any]) -> list[Any]:
        """Return the records of a block without a malformed row."""
        return msgspec.convert(block, list[kind])  # type: ignore[valid-type]

    def one(self, row: Any, kind: Any) -> Any:
        """Return the record of a row."""
        return msgspec.convert(row, kind)

    def foreign(self, pieces: list[Any]) -> str | None:
        """Return what the first rows are, where that is plain and no record of a log."""
        index = [name for name in self.frame.index.names if name is not None]
        return said_of(pieces, self.source, frame=True, index=index)


def _own(each: Any) -> Any:
    """Return a value of a frame as Python's own; where one is missing, pandas keeps 7 as 7.0."""
    if isinstance(each, (np.generic, np.ndarray)):
        each = each.tolist()
    return int(each) if isinstance(each, float) and each.is_integer() else each


def _read(source: Any, most_malformed: int) -> Log | Looks:
    """Return what a source holds."""
    malformed: list[tuple[int, str]] = []
    opening: list[Any] = []

    def plainly() -> None:
        if told := source.foreign(opening):
            raise ValueError(told)

    def refused(line: int, reason: str) -> None:
        malformed.append((line, reason))
        if len(malformed) > most_malformed:
            plainly()
            first = sorted(malformed)[0]
            raise ValueError(
                f"path must have at most {most_malformed} malformed lines (most_malformed); got "
                f"more in {source.source!r}, the first line {first[0]}: {first[1]}"
            )

    columns: Records | Sights | None = None
    ignored: tuple[str, ...] = ()
    seen = 0
    for block in source.blocks():
        if columns is None:
            columns, ignored = _begun(source, block)
        if len(opening) < SEVERAL:
            opening += [piece for _, piece in source.pieces(block)[: SEVERAL - len(opening)]]
        count = source.lines(block)
        lines, rows = _decoded(source, block, count, columns, seen, refused)
        if rows:
            columns.add(lines + seen + 1, rows, refused)
        seen += count
    malformed.sort()
    if columns is None or not columns.count:
        plainly()
        why = f": line {malformed[0][0]}: {malformed[0][1]}" if malformed else ""
        raise ValueError(
            f"path must have at least one record, one a line; got none in {source.source!r}{why}"
        )
    if malformed:
        warnings.warn(
            f"{len(malformed)} of {seen} lines of {source.source!r} are no records and are left "
            f"out (see malformed), the first line {malformed[0][0]}: {malformed[0][1]}",
            RuntimeWarning,
            stacklevel=3,
        )
    return columns.made(malformed=tuple(malformed), ignored=ignored, source=source.source)


def _decoded(
    source: Any, block: Any, count: int, columns: Records | Sights, seen: int, refused: Any
) -> tuple[np.ndarray, list[Any]]:
    """Return the records of a block, and the place of each in it."""
    try:
        rows = source.all(block, columns.kind)
    except UNREADABLE:
        rows = []
    if len(rows) == count:
        return np.arange(count), rows
    # Some line is malformed or blank.
    rows, places = [], []
    for place, piece in source.pieces(block):
        try:
            rows.append(source.one(piece, columns.kind))
            places.append(place)
        except UNREADABLE as error:
            for name, other in KINDS.items():
                if other is not columns.kind and _is(source, piece, other):
                    raise ValueError(
                        f"path must have one kind of record; got {source.source!r}, whose line "
                        f"{seen + place + 1} has {name} and those before have {columns.called}"
                    ) from None
            refused(seen + place + 1, _why(error))
    return np.array(places, np.int64), rows


def _begun(source: Any, block: Any) -> tuple[Records | Sights, tuple[str, ...]]:
    """Return the columns for the kind of the first record, and its fields that are not read."""
    for place, piece in source.pieces(block):
        found = _is(source, piece, dict)
        kinds = [name for name in KINDS if name in (found or ())]
        if len(kinds) > 1:
            raise ValueError(
                f"path must have records of attempts or of verdicts; got {source.source!r}, whose "
                f"line {place + 1} has both"
            )
        if kinds:
            columns = Records() if kinds == ["attempts"] else Sights()
            known = KINDS[kinds[0]].__struct_fields__
            ignored = tuple(str(name) for name in found if name not in known)
            # Of one that is required, the error or the malformed line tells.
            absent = [name for name in known if name not in (*found, *REQUIRED[kinds[0]])]
            for name in ignored:
                near = difflib.get_close_matches(name, absent, n=1, cutoff=NEAR)
                if near:
                    warnings.warn(
                        f"the field {brief(name)} of {source.source!r} is not read; is it "
                        f"{near[0]!r}?",
                        RuntimeWarning,
                        stacklevel=4,
                    )
            return columns, ignored
    return Records(), ()


def _is(source: Any, piece: Any, kind: type[Any]) -> Any:
    """Return a piece as something of a kind, or None where it is not."""
    try:
        return source.one(piece, kind)
    except UNREADABLE:
        return None


def _why(error: Exception) -> str:
    """Return why a line is no record."""
    if isinstance(error, UnicodeDecodeError):
        return "it is not in UTF-8"
    return "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
