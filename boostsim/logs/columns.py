"""Records put together into columns: a block at a time, for no more is in memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import chain, compress, count
from typing import Any

import numpy as np
from msgspec.structs import astuple

from boostsim.arguments import brief
from boostsim.logs.log import Log
from boostsim.logs.looks import Looks
from boostsim.logs.records import Look, Record
from boostsim.logs.rules import COUNTS, LACKING, faults

# Told of a line that is none of a record's: its number, and why.
Refused = Callable[[int, str], None]


class Named:
    """Names, and the index that each has: the order in which they came."""

    def __init__(self) -> None:
        """Hold none."""
        # A name that is not known gets the next number, without a step in Python.
        self.known: defaultdict[Any, int] = defaultdict(count().__next__)

    def indices(self, came: Sequence[Any]) -> np.ndarray:
        """Return the index of each, a new one for a new name, -1 for none."""
        if None not in came:
            return np.array(list(map(self.known.__getitem__, came)), np.int32)
        return np.array([LACKING if each is None else self.known[each] for each in came], np.int32)

    def names(self) -> np.ndarray:
        """Return them all, and let go of them."""
        held = np.empty(len(self.known), object)
        held[:] = list(self.known)
        self.known.clear()
        return held


class Records:
    """Columns of records that grow by blocks."""

    kind, called = Record, "attempts"

    def __init__(self) -> None:
        """Hold none."""
        self.prompts, self.strata, self.models = Named(), Named(), Named()
        self.blocks: list[dict[str, np.ndarray]] = []
        self.visits: list[dict[str, np.ndarray]] = []
        self.count = 0

    def add(self, lines: np.ndarray, rows: Sequence[Record], refused: Refused) -> None:
        """Take the records of a block; those that no run can have left are refused by line."""
        block: dict[str, np.ndarray] = {"line": lines}
        wrong: dict[int, str] = {}
        columns = zip(*map(astuple, rows), strict=True)
        came: dict[str, Sequence[Any]] = dict(zip(Record.__struct_fields__, columns, strict=True))
        for name in ("iteration", *COUNTS):
            column = _counts(name, came[name], wrong)
            if column is not None:
                block[name] = column
        chances = came["label_probability"]
        if chances.count(None) < len(rows):
            block["label_probability"] = np.array(chances, np.float64)
        block["first_success"] = np.array([rule == "first_success" for rule in came["stopping"]])
        visits = _visits(came["visits"], wrong)
        for record, reason in faults(block, visits).items():
            wrong.setdefault(record, reason)
        good = np.ones(len(rows), bool)
        for record in sorted(wrong):
            refused(int(lines[record]), wrong[record])
            good[record] = False
        if wrong:
            came = {name: list(compress(column, good)) for name, column in came.items()}
            block = {name: column[good] for name, column in block.items()}
            visits = {name: column[good[visits["record"]]] for name, column in visits.items()}
            if visits:
                visits["record"] = (np.cumsum(good) - 1)[visits["record"]]
        block["prompt"] = self.prompts.indices(came["prompt"])
        for name, known in (("stratum", self.strata), ("model", self.models)):
            if came[name].count(None) < len(came[name]):
                block[name] = known.indices(came[name])
        _grow(self.blocks, _narrow(block))
        if visits:
            visits["record"] = visits["record"] + self.count
            _grow(self.visits, _narrow(visits))
        self.count += len(block["prompt"])

    def made(self, **about: Any) -> Log:
        """Return the log, sorted.

        Raises:
            ValueError: where a prompt has an iteration twice.
        """
        columns: dict[str, Any] = _joined(self.blocks)
        line = columns.pop("line")
        iterations, columns["iteration"] = np.unique(columns["iteration"], return_inverse=True)
        order = np.lexsort((columns["iteration"], columns["prompt"]))
        prompts = self.prompts.names()
        same = np.ones(len(order) - 1, bool)
        for name in ("prompt", "iteration"):
            same &= np.diff(columns[name][order]) == 0
        if same.any():
            first, second = sorted(order[np.flatnonzero(same)[0] :][:2])
            told = f"{brief(prompts[columns['prompt'][first]])}"
            raise ValueError(
                f"path must have one record for a prompt and iteration; got iteration "
                f"{iterations[columns['iteration'][first]]} of prompt {told} twice, in lines "
                f"{line[first]} and {line[second]} of {about['source']!r}"
            )
        for name, column in columns.items():
            columns[name] = _kept(column[order])
        for name, many, known in (
            ("stratum", "strata", self.strata),
            ("model", "models", self.models),
        ):
            if name in columns:
                called = list(map(str, known.known))
                ranks = np.argsort(np.argsort(called)) if called else np.zeros(0, int)
                columns[name] = np.append(ranks, LACKING)[columns[name]]
                about[many] = tuple(sorted(called))
        if self.visits:
            about |= _placed(_joined(self.visits), order)
        return Log(prompts=prompts, iterations=iterations, **columns, **about)


class Sights:
    """Columns of looks that grow by blocks."""

    kind, called = Look, "verdicts"

    def __init__(self) -> None:
        """Hold none."""
        self.prompts, self.responses = Named(), Named()
        self.blocks: list[dict[str, np.ndarray]] = []
        self.count = 0

    def add(self, lines: np.ndarray, rows: Sequence[Look], refused: Refused) -> None:
        """Take the looks of a block."""
        widest = max((len(row.verdicts) for row in rows), default=1)
        verdicts = np.full((len(rows), widest), LACKING, np.int8)
        for look, row in enumerate(rows):
            verdicts[look, : len(row.verdicts)] = [_answer(each) for each in row.verdicts]
        self.blocks.append(
            {
                "line": lines,
                "prompt": self.prompts.indices([row.prompt for row in rows]),
                "response": self.responses.indices([row.response for row in rows]),
                "verdicts": verdicts,
                "correct": np.array([_answer(row.correct) for row in rows], np.int8),
            }
        )
        self.count += len(rows)

    def made(self, **about: Any) -> Looks:
        """Return the looks, in the order in which they came.

        Raises:
            ValueError: where a prompt has a response twice.
        """
        widest = max(block["verdicts"].shape[1] for block in self.blocks)
        for block in self.blocks:
            short = widest - block["verdicts"].shape[1]
            block["verdicts"] = np.pad(
                block["verdicts"], ((0, 0), (0, short)), constant_values=LACKING
            )
        columns: dict[str, Any] = _joined(self.blocks)
        line = columns.pop("line")
        prompts, responses = self.prompts.names(), self.responses.names()
        place = columns["prompt"].astype(np.int64) * len(responses) + columns["response"]
        order = np.argsort(place, kind="stable")
        same = np.flatnonzero(np.diff(place[order]) == 0)
        if same.size:
            first, second = order[same[0] :][:2]
            raise ValueError(
                f"path must have one record for a prompt and response; got response "
                f"{brief(responses[columns['response'][first]])} of prompt "
                f"{brief(prompts[columns['prompt'][first]])} twice, in lines {line[first]} and "
                f"{line[second]} of {about['source']!r}"
            )
        return Looks(prompts=prompts, responses=responses, **columns, **about)


def _answer(said: bool | int | None) -> int:
    return LACKING if said is None else int(said)


def _counts(name: str, came: Sequence[Any], wrong: dict[int, str]) -> np.ndarray | None:
    """Return a column of counts, or None where no record has one; fractions are wrong."""
    lacking = came.count(None)
    if lacking == len(came):
        return None
    if lacking:
        came = [LACKING if each is None else each for each in came]
    column = np.array(came)
    if column.dtype.kind == "f":
        for record in np.flatnonzero(column != np.floor(column)).tolist():
            wrong[record] = f"{name} must be a whole number; got {came[record]}"
    return column.astype(np.int64)


def _narrow(block: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return whole numbers in half the room, where they fit, until all blocks are there."""
    wide = (name for name, column in block.items() if column.dtype == np.int64)
    fits = [name for name in wide if block[name].max(initial=0) < 2**31]
    return block | {name: block[name].astype(np.int32) for name in fits}


def _visits(came: Sequence[Any], wrong: dict[int, str]) -> dict[str, np.ndarray]:
    """Return whose each visit is, its attempts and those accepted; empty where none are told."""
    if came.count(None) == len(came):
        return {}
    flat = chain.from_iterable(chain.from_iterable(filter(None, came)))
    pairs = np.array(list(flat)).reshape(-1, 2)
    lengths = [0 if each is None else len(each) for each in came]
    record = np.repeat(np.arange(len(came), dtype=np.int32), lengths)
    if pairs.dtype.kind == "f":
        for each in record[(pairs != np.floor(pairs)).any(1)].tolist():
            wrong[each] = "visits must be of whole numbers"
    for each in [each for each, visits in enumerate(came) if visits == []]:
        wrong[each] = "visits must be a list of at least one"
    pairs = pairs.astype(np.int64)
    return {"record": record, "attempts": pairs[:, 0], "accepted": pairs[:, 1]}


def _grow(blocks: list[dict[str, np.ndarray]], block: dict[str, np.ndarray]) -> None:
    """Put a block behind others, joined to those before it that are no longer.

    So few blocks are left, and long: room for many short ones would not be given back.
    """
    while blocks and _length(blocks[-1]) <= _length(block):
        block = _joined([blocks.pop(), block])
    blocks.append(block)


def _length(block: dict[str, np.ndarray]) -> int:
    return len(next(iter(block.values())))


def _joined(blocks: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Return the columns of all blocks; what a block lacks is filled, and blocks are let go."""
    every = {name: column.dtype for block in blocks for name, column in block.items()}
    lengths = [_length(block) for block in blocks]
    joined = {}
    for name, dtype in every.items():
        lacking = np.nan if dtype.kind == "f" else LACKING
        parts = []
        for block, length in zip(blocks, lengths, strict=True):
            parts.append(block.pop(name) if name in block else np.full(length, lacking, dtype))
        joined[name] = np.concatenate(parts)
    return joined


def _placed(visits: dict[str, np.ndarray], order: np.ndarray) -> dict[str, np.ndarray]:
    """Return visits by the place of their records among the sorted ones."""
    places = np.empty_like(order)
    places[order] = np.arange(len(order))
    record = places[visits["record"]]
    by_record = np.argsort(record, kind="stable")
    kept = {"visit_record": record[by_record].astype(np.int32)}
    for name in ("attempts", "accepted"):
        kept[f"visit_{name}"] = _kept(visits.pop(name)[by_record])
    return kept


def _kept(column: np.ndarray) -> np.ndarray:
    """Return a column as a log has it, which then takes no copy."""
    column = column.astype(np.int64) if column.dtype == np.int32 else column
    column.setflags(write=False)
    return column
