"""What a file or a frame is that is no log but nearly one, and how it becomes a log: one sentence.

Records and lines are asked about only where reading has failed, so what can be read is read.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from boostsim.arguments import brief

# So many records, the first ones, are looked at; and so many of their fields are told.
SEVERAL, MOST_FIELDS = 5, 12
# How like another a name is that is taken for it.
NEAR = 0.85
REQUIRED = {
    "attempts": ("prompt", "iteration", "attempts", "accepted"),
    "verdicts": ("prompt", "verdicts"),
}
# What others call the same, in small letters.
GUESSES = {
    "prompt": ("prompt_id", "id"),
    "iteration": ("step", "round", "epoch"),
    "attempts": ("n", "samples", "num_samples"),
    "accepted": ("accepted_count", "n_accepted", "passed"),
}
# The name of a column in the first line of a CSV file: pandas leaves that of its index empty.
COLUMN = re.compile(r'"?[A-Za-z_][\w .-]*"?')
ARRAY = re.compile(rb"\s*\[\s*\{")
HOW = "JSON Lines, one record a line"


def said_of(
    records: Sequence[dict[Any, Any]], source: str, frame: bool, index: Sequence[Any] = ()
) -> str | None:
    """Return what to say of records that all lack a field or are responses; else None.

    Args:
        records: the first ones, at most :data:`SEVERAL`.
        source: a file, by name.
        frame: whether it is a frame.
        index: names of the frame's index.
    """
    kinds = [name for name in REQUIRED if any(name in record for record in records)]
    if not records or len(kinds) > 1:
        return None
    required = REQUIRED[kinds[0] if kinds else "attempts"]
    lacking = [name for name in required if not any(name in record for record in records)]
    has = (*index, *records[0])
    names = {name: _guess(name, has, records[0]) for name in lacking}
    whole = "frame" if frame else "pd.read_json(path, lines=True, dtype=False)"
    if any(name in index for name in names.values()):
        whole += ".reset_index()"
    who, record = ("frame", "row") if frame else ("path", "record")
    first = f"first {len(records)} records have" if len(records) > 1 else "first record has"
    verdict = names.get("accepted", "accepted")
    if "accepted" in required and all(type(each.get(verdict)) is bool for each in records):
        got = "one whose rows have" if frame else f"{source!r}, whose {first}"
        return (
            f"{who} must have one {record} for one prompt in one iteration, with accepted a count; "
            f"got {got} {brief(verdict)} true or false, so each is one response. "
            f"Count them: {_used(_counted(whole, names), frame)}"
        )
    if not lacking:
        return None
    told = _fields(records[0])
    got = f"{source!r}, whose {first} no {', '.join(lacking)} (fields of the first: {told})"
    if frame:
        got = f"one without columns {', '.join(lacking)} (it has {told})"
    rename = _renamed(names)
    return (
        f"{who} must have {', '.join(required)} in every {record}; got {got}. "
        f"{'Rename them' if rename else 'Make them columns'}{_about(names)}: "
        f"{_used(whole + rename, frame)}"
    )


def said_of_lines(lines: Sequence[bytes], source: str) -> str | None:
    """Return what to say of the first lines of a file of which none is a record."""
    header = lines[0].decode("utf-8", "replace") if lines else ""
    separator = max(",;\t", key=header.count)
    columns = [name.strip() for name in header.split(separator)]
    named = [COLUMN.fullmatch(name) or (name == "" and not at) for at, name in enumerate(columns)]
    if not {".csv", ".tsv"} & set(Path(source).suffixes) and (len(columns) < 2 or not all(named)):
        return None
    other = "" if separator == "," else f", sep={separator!r}"
    return (
        f"path must be {HOW}; got {source!r}, which looks like CSV. Read it as a frame: "
        + _used(f"pd.read_csv(path{other})", False)
    )


def said_of_start(data: bytes, source: str) -> str | None:
    """Return what to say of a file by its first bytes, where it is one JSON array of objects.

    One line that is an array by itself, among others, is a malformed line.
    """
    data = data.removeprefix(b"\xef\xbb\xbf").strip()
    line, _, rest = data.partition(b"\n")
    if not ARRAY.match(data) or (line.rstrip().endswith(b"]") and rest):
        return None
    return (
        f"path must be {HOW}; got {source!r}, which is one JSON array. Read it as a frame: "
        + _used("pd.read_json(path, dtype=False)", False)
    )


def _used(made: str, frame: bool) -> str:
    """Return how what is made is read: from a frame, or from a file, for the command too."""
    if frame:
        return f"bs.read_log({made})"
    return (
        f"frame = {made}; bs.read_log(frame), or for the command "
        "frame.to_json('log.jsonl', orient='records', lines=True)"
    )


def _guess(name: str, has: Sequence[Any], record: dict[Any, Any]) -> Any:
    """Return what a field seems to be called here, or words for the reader to fill in."""
    own = {each.lower(): each for each in reversed(has) if isinstance(each, str)}
    if name in has:
        return name
    near = difflib.get_close_matches(name, own, n=1, cutoff=NEAR)
    for guess in (*GUESSES.get(name, ()), *near):
        held = record.get(own.get(guess), 0)
        kinds = (str, int) if name == "prompt" else (int, float)
        # A list of samples is no number of them; a truth value is the verdict on one response.
        fits = isinstance(held, kinds) and (name == "accepted" or not isinstance(held, bool))
        if guess in own and fits:
            return own[guess]
    return f"your name for {name}"


def _counted(whole: str, names: dict[str, Any]) -> str:
    """Return how responses become records: those of a prompt in an iteration are counted."""
    by = {name: names.get(name, name) for name in ("prompt", "iteration")}
    verdict = brief(names.get("accepted", "accepted"))
    return (
        f"{whole}.groupby([{', '.join(map(brief, by.values()))}], as_index=False)"
        f".agg(attempts=({verdict}, 'size'), accepted=({verdict}, 'sum')){_renamed(by)}"
    )


def _renamed(names: dict[str, Any]) -> str:
    pairs = [f"{brief(own)}: {name!r}" for name, own in names.items() if own != name]
    return f".rename(columns={{{', '.join(pairs)}}})" if pairs else ""


def _fields(record: dict[Any, Any]) -> str:
    """Return the names of a record's fields, the first ones where they are many."""
    fields = [brief(name) for name in record]
    more = f" and {len(fields) - MOST_FIELDS} more" if len(fields) > MOST_FIELDS else ""
    return ", ".join(fields[:MOST_FIELDS]) + more or "none"


def _about(names: dict[str, Any]) -> str:
    """Return what a record is, where nothing seems to count attempts."""
    if not names.get("attempts", "").startswith("your name"):
        return ""
    return " (one record is one prompt in one iteration, with the number of its attempts)"
