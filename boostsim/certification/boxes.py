"""Rigorous certificates: a statement proved over a whole box, in exact rational arithmetic.

First the two forms of the statement are compared at a random point of the box for each case:
different rational functions of a low degree agree there with a probability below one in a million
millions. Then the box is cut until on every piece the sum of products, evaluated on closed
intervals with exact ends, is certainly not negative. Nothing is rounded, so faces of the box are
proved like its inside, and what is proved is proved.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from boostsim.arguments import Words, refuse, several, unknown, whole
from boostsim.certification.clock import Clock
from boostsim.certification.enclosure import Enclosure, enclosure
from boostsim.html import Shown
from boostsim.objects import ByValue, as_json
from boostsim.progress import track
from boostsim.theory.statement import Statement
from boostsim.theory.statements import STATEMENTS

# A piece of a box: rational ends for each name.
Piece = dict[str, tuple[Fraction, Fraction]]
# Undecided pieces that are kept to be looked at.
KEPT = 100
# Ends are multiplied by whole numbers below this, over it, where the two forms are compared.
RANDOM = 2**61 - 1


@dataclass(frozen=True, eq=False)
class Proof(Shown, ByValue):
    """What :func:`prove` found: a rigorous certificate of every point of a box.

    Faces and corners are points of it, too; where a denominator is 0 a statement has no number and
    says nothing. It is about one iteration; :func:`boostsim.certify` is about whole runs at points.

    Attributes:
        statement: what was to be proved.
        verdict: ``"proved"`` where all of the box is, ``"refuted"`` where the statement is false
            somewhere, else ``"undecided"``.
        share: the share of the box's volume on which it is proved, exactly.
        counterexample: a rational point at which it is false, in exact arithmetic, or None.
        open_boxes: how many pieces were left undecided.
        undecided: the first of them.
        pieces: into how many the box was cut.
        halvings: how often an axis was halved at most.
        seconds: how long it took.
        kind: ``"rigorous"``, beside the exact and statistical levels of :func:`boostsim.certify`.
    """

    statement: Statement
    verdict: str
    share: Fraction
    counterexample: dict[str, Any] | None
    open_boxes: int
    undecided: tuple[dict[str, Any], ...]
    pieces: int
    halvings: int
    seconds: float
    kind: str = "rigorous"

    @property
    def percent(self) -> str:
        """The share that is proved, as text that is not rounded up to all."""
        return "100%" if self.share == 1 else f"{math.floor(self.share * 10**6) / 10**4:.4f}%"

    def __repr__(self) -> str:
        """Name the statement and the verdict."""
        return f"<Proof of {self.statement.name}: {self.verdict} on {self.percent} of its box>"

    def __bool__(self) -> bool:
        """Whether it is proved."""
        return self.verdict == "proved"

    def summary(self) -> str:
        """Return a few plain sentences."""
        name, sentence = self.statement.name, self.statement.sentence
        text = f"{name} ({self.kind}): {self.verdict}: {sentence}."
        text += (
            f" Proved on {self.percent} of the box {_box(self.statement)}; "
            f"{self.open_boxes:,} of {self.pieces:,} pieces undecided, {self.seconds:.1f} s."
        )
        if self.counterexample is not None:
            point = ", ".join(f"{name} = {value}" for name, value in self.counterexample.items())
            text += f" It is false at {point}."
        return text

    def to_json(self) -> str:
        """Return everything as JSON, rationals as text."""
        record = {
            "kind": self.kind,
            "statement": self.statement.name,
            "sentence": self.statement.sentence,
            "box": _shown(self.statement.box),
            "verdict": self.verdict,
            "share": str(self.share),
            "counterexample": self.counterexample and _shown(self.counterexample),
            "open_boxes": self.open_boxes,
            "undecided": [_shown(piece) for piece in self.undecided],
            "pieces": self.pieces,
            "halvings": self.halvings,
            "seconds": self.seconds,
        }
        return as_json(record)


def prove(
    statement: Statement | str, *, halvings: int = 14, time_limit: float | None = None
) -> Proof:
    """Prove a one-step statement over all of its box, or find where it is false.

    ``"proved"`` says that no point of the box is left out, ``"refuted"`` comes with a point at
    which the number is negative, in exact arithmetic; what is neither is ``"undecided"``.

    Args:
        statement: a :class:`Statement`, or the name of one of ``bs.statements``.
        halvings: how often an axis is halved at most.
        time_limit: seconds after which what is left counts as undecided.

    Returns:
        A :class:`Proof`.

    Raises:
        ValueError: for an unknown name, an argument out of range, or a statement whose two forms
            are not the same number, or that is no number at all.

    Example:
        >>> proof = prove("T3/contraction")
        >>> proof.verdict, proof.percent, proof.pieces
        ('proved', '100%', 1)
    """
    if isinstance(statement, str):
        if any(name.startswith(f"{statement}/") for name in STATEMENTS):
            raise refuse("statement", "one statement", statement, "All of a theorem: prove_all.")
        if statement not in STATEMENTS:
            raise unknown("statement", statement, STATEMENTS)
        statement = STATEMENTS[statement]
    if not isinstance(statement, Statement):
        raise refuse("statement", "a statement or its name", statement)
    halvings = whole("halvings", halvings, 0, 60)
    clock = Clock(time_limit)
    ends: Piece = {name: axis for name, axis in statement.box.items() if isinstance(axis, tuple)}
    lists = {name: list(axis) for name, axis in statement.box.items() if name not in ends}
    cases = [dict(zip(lists, case, strict=True)) for case in itertools.product(*lists.values())]
    proved, pieces, open_boxes = Fraction(0), 0, 0
    counterexample: dict[str, Any] | None = None
    undecided: list[dict[str, Any]] = []
    rng = random.Random(0)
    for case in track(cases, statement.name, len(cases)):
        _refuse_branches(statement, case, ends)
        _compare(statement, {**case, **_random_point(ends, rng)})
        stack = [(ends, dict.fromkeys(ends, 0))]
        while stack:
            if not clock:
                open_boxes += len(stack)
                pieces += len(stack)
                undecided.extend({**case, **piece} for piece, _ in stack[:KEPT])
                break
            piece, depth = stack.pop()
            pieces += 1
            number = _enclosed(statement, case, piece)
            if number is not None and number.low >= 0:
                proved += Fraction(1, len(cases) << sum(depth.values()))
                continue
            # The axis that was halved least; none is left where all were halved often enough.
            axis = min(depth, key=depth.__getitem__, default=None)
            if axis is None or depth[axis] == halvings or (number is not None and number.high < 0):
                counterexample = _false_point(statement, case, piece, rng)
                if counterexample is not None:
                    break
                open_boxes += 1
                undecided.append({**case, **piece})
                continue
            low, high = piece[axis]
            deeper = {**depth, axis: depth[axis] + 1}
            for half in ((low, (low + high) / 2), ((low + high) / 2, high)):
                stack.append(({**piece, axis: half}, deeper))
        if counterexample is not None:
            break
    verdict = "refuted" if counterexample else "proved" if proved == 1 else "undecided"
    return Proof(
        statement=statement,
        verdict=verdict,
        share=proved,
        counterexample=counterexample,
        open_boxes=open_boxes,
        undecided=tuple(undecided[:KEPT]),
        pieces=pieces,
        halvings=halvings,
        seconds=clock.seconds,
    )


def prove_all(
    names: Iterable[str] = (), *, halvings: int = 14, time_limit: float | None = None
) -> list[Proof]:
    """Prove several of ``bs.statements``: those named, or of the theorems named, or all.

    Args:
        names: ``"T3/side"`` is one statement, ``"T3"`` all of that theorem; none means all.
        halvings: how often an axis is halved at most.
        time_limit: seconds for all together.

    Raises:
        ValueError: for a name that no statement and no theorem has.

    Example:
        >>> [proof.verdict for proof in prove_all(["T5"])]
        ['proved', 'proved', 'proved']
    """
    clock = Clock(time_limit)
    theorems = {name.split("/")[0] for name in STATEMENTS}
    asked = several("names", "names of bs.statements or theorems", names)
    for name in asked:
        if not isinstance(name, str):
            raise refuse("names", "names of bs.statements or theorems", name, "One: bs.prove.")
        if name not in STATEMENTS and name not in theorems:
            raise unknown("statement", name, [*STATEMENTS, *theorems])
    chosen = [
        statement
        for name, statement in STATEMENTS.items()
        if not asked or name in asked or name.split("/")[0] in asked
    ]
    proofs: list[Proof] = []
    for statement in track(chosen, "statements", len(chosen)):
        proofs.append(prove(statement, halvings=halvings, time_limit=clock.left))
    return proofs


def _refuse_branches(statement: Statement, case: Mapping[str, Any], ends: Piece) -> None:
    """Refuse a statement that is no rational function of its names."""
    names = {name: Enclosure(*axis) for name, axis in ends.items()}
    for function in (statement.direct, statement.terms):
        try:
            function(**case, **names)
        except ZeroDivisionError:
            continue
        except (TypeError, AttributeError) as error:
            raise _inexact(statement, str(error)) from None


def _false_point(
    statement: Statement, case: Mapping[str, Any], piece: Piece, rng: random.Random
) -> dict[str, Any] | None:
    """Return a point of a piece at which the statement is false, if one is found.

    Its middle and its corners are tried, and a point at random: a number need not be one at them.
    """
    middle = [(low + high) / 2 for low, high in piece.values()]
    tried = (middle, *itertools.product(*piece.values()), _random_point(piece, rng).values())
    for values in tried:
        point = {**case, **dict(zip(piece, values, strict=True))}
        value = _exactly(statement, point)
        if value is not None and value < 0:
            return point
    return None


def _random_point(ends: Piece, rng: random.Random) -> dict[str, Fraction]:
    return {
        name: low + (high - low) * Fraction(rng.randrange(1, RANDOM), RANDOM)
        for name, (low, high) in ends.items()
    }


def _compare(statement: Statement, point: Mapping[str, Any]) -> None:
    """Refuse a statement whose sum of products is not the number that it stands for."""
    told = f"terms of statement {statement.name!r}"
    direct = _exactly(statement, point)
    try:
        slack = statement.slack(**point)
    except TypeError as error:
        allowed = "a function that returns a list of terms, each a list of factors"
        raise refuse(told, allowed, str(error)) from None
    except ZeroDivisionError:
        slack = None
    where = ", ".join(
        f"{name}={value if isinstance(value, int) else format(float(value), '.6g')}"
        for name, value in point.items()
    )
    if direct is None or slack is None:
        # At a point taken at random a denominator is 0 only where it is 0 everywhere.
        raise refuse(
            f"statement {statement.name!r}",
            "a number on its box",
            Words(f"a division by 0 at {where}"),
        )
    if not isinstance(slack, (int, Fraction)):
        raise _inexact(statement, f"the terms come to {slack!r}")
    if direct != slack:
        raise ValueError(
            f"{told} must add up to direct; at {where} they are {float(slack):.6g} and "
            f"{float(direct):.6g}"
        )


def _enclosed(statement: Statement, case: Mapping[str, Any], piece: Piece) -> Enclosure | None:
    """Return an interval that contains the number on all of a piece; None where there is none."""
    try:
        names = {name: Enclosure(*ends) for name, ends in piece.items()}
        return enclosure(statement.slack(**case, **names))
    except ZeroDivisionError:
        return None
    except TypeError as error:
        raise _inexact(statement, str(error)) from None


def _exactly(statement: Statement, point: Mapping[str, Any]) -> int | Fraction | None:
    """Return the number at a rational point, or None where a denominator is 0."""
    try:
        value = statement.direct(**point)
    except ZeroDivisionError:
        return None
    if not isinstance(value, (int, Fraction)):
        raise _inexact(statement, f"direct comes to {value!r}")
    return value


def _inexact(statement: Statement, got: str) -> ValueError:
    return refuse(
        f"statement {statement.name!r}",
        "made of the names, whole numbers, Fractions, + - * / and whole powers",
        got,
        "A float is rounded, and a whole number over a whole number is a float.",
    )


def _box(statement: Statement) -> str:
    def ends(axis: Any) -> str:
        if isinstance(axis, tuple):
            return f"[{axis[0]}, {axis[1]}]"
        return f"{{{', '.join(map(str, axis))}}}" if len(axis) < 4 else f"{axis[0]}..{axis[-1]}"

    return ", ".join(f"{name} in {ends(axis)}" for name, axis in statement.box.items())


def _shown(values: Mapping[str, Any]) -> dict[str, Any]:
    def text(value: Any) -> Any:
        if isinstance(value, Fraction):
            return str(value)
        if isinstance(value, Sequence) and not isinstance(value, str):
            return [text(part) for part in value]
        return value

    return {name: text(value) for name, value in values.items()}
