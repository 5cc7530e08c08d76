"""Rigorous certificates: a statement proved over a whole box, by ball arithmetic.

First the two forms of the statement are compared in exact rational arithmetic, at a random point of
the box for each case: different rational functions of a low degree agree there with a probability
below one in a million millions. Then the box is cut until on every piece each factor, evaluated on
balls that contain the piece, is certainly not negative. Ends are exact rationals and balls are
rounded outward, so what is proved is proved, up to the correctness of python-flint. Where a factor
is 0 on a face of the box a thin layer along it stays undecided: no rounded ball lies on one side of
a point that it touches.
"""

from __future__ import annotations

import itertools
import json
import math
import random
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from boostsim.progress import track
from boostsim.theory.statements import STATEMENTS, Statement
from boostsim.types import finite, refuse, unknown, whole

__all__ = ["Proof", "prove", "prove_all"]

# A piece of a box: rational ends for each name.
Piece = dict[str, tuple[Fraction, Fraction]]
# A box counts as proved when so much of it is.
ENOUGH = Fraction(999, 1000)
# Undecided pieces that are kept to be looked at.
KEPT = 100
# Ends are multiplied by whole numbers below this, over it, where the two forms are compared.
RANDOM = 2**61 - 1


@dataclass(frozen=True)
class Proof:
    """What :func:`prove` found: a rigorous certificate of every point of what it covers.

    That is ``share`` of the box; of the thin rest it says nothing. It is about one iteration;
    :func:`boostsim.certify` is about whole runs, at points.

    Attributes:
        statement: what was to be proved.
        verdict: ``"proved"`` where at least 99.9% of the box is and what is left touches its faces
            and is true at its corners and in its middle, ``"refuted"`` where it is false somewhere,
            else ``"undecided"``.
        share: the share of the box's volume on which it is proved, exactly.
        counterexample: a rational point at which it is false, in exact arithmetic, or None.
        open_boxes: how many pieces were left undecided.
        undecided: the first of them.
        pieces: how many pieces were looked at.
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
    seconds: float
    kind: str = "rigorous"

    @property
    def percent(self) -> str:
        """The share that is proved, as text that is not rounded up to all."""
        return f"{math.floor(self.share * 10**6) / 10**4:.4f}%"

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
            "seconds": self.seconds,
        }
        return json.dumps(record, indent=2)


def prove(
    statement: Statement | str, *, halvings: int = 14, time_limit: float | None = None
) -> Proof:
    """Prove a one-step statement over all of its box but thin layers, or find where it is false.

    ``"proved"`` speaks of the share of the box that the proof reports, at least 99.9% of it. Of the
    layers that are left it says only that they touch faces and that no corner or middle of their
    pieces is a counterexample.

    Args:
        statement: a :class:`Statement`, or the name of one of ``bs.statements``.
        halvings: how often an axis is halved at most.
        time_limit: seconds after which what is left counts as undecided.

    Returns:
        A :class:`Proof`.

    Raises:
        ValueError: for an unknown name, an argument out of range, or a statement whose two forms
            are not the same number.
        ModuleNotFoundError: where python-flint is not installed.

    Example:
        >>> proof = prove("T3/contraction")
        >>> proof.verdict, proof.share > 0.999
        ('proved', True)
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
    if time_limit is not None:
        time_limit = finite("time_limit", time_limit, 0.0)
    began = time.monotonic()
    _needs_flint()
    ends: Piece = {name: axis for name, axis in statement.box.items() if isinstance(axis, tuple)}
    lists = {name: list(axis) for name, axis in statement.box.items() if name not in ends}
    cases = [dict(zip(lists, case, strict=True)) for case in itertools.product(*lists.values())]
    proved, pieces, open_boxes = Fraction(0), 0, 0
    counterexample: dict[str, Any] | None = None
    undecided: list[dict[str, Any]] = []
    rng, inside = random.Random(0), False
    for case in track(cases, statement.name, len(cases)):
        _refuse_branches(statement, case, ends)
        known: dict[tuple[Fraction, ...], bool] = {}
        _compare(statement, {**case, **_random_point(ends, rng)})
        stack = [(ends, dict.fromkeys(ends, 0))]
        while stack:
            if time_limit is not None and time.monotonic() - began > time_limit:
                open_boxes += len(stack)
                undecided.extend({**case, **piece} for piece, _ in stack[:KEPT])
                break
            piece, depth = stack.pop()
            pieces += 1
            sign = _sign(statement, case, piece)
            if sign > 0:
                proved += Fraction(1, len(cases) << sum(depth.values()))
                continue
            if sign < 0:
                middle = {name: (low + high) / 2 for name, (low, high) in piece.items()}
                assert _exactly(statement, {**case, **middle}) < 0
                counterexample = {**case, **middle}
                break
            axis = _longest(piece, ends, depth, halvings)
            if axis is None:
                point = _false_point(statement, case, piece, known)
                if point is not None:
                    counterexample = point
                    break
                inside |= not _touches(piece, ends)
                open_boxes += 1
                undecided.append({**case, **piece})
                continue
            low, high = piece[axis]
            deeper = {**depth, axis: depth[axis] + 1}
            for half in ((low, (low + high) / 2), ((low + high) / 2, high)):
                stack.append(({**piece, axis: half}, deeper))
        if counterexample is not None:
            break
    verdict = "proved" if proved >= ENOUGH and not inside else "undecided"
    if counterexample is not None:
        verdict = "refuted"
    seconds = time.monotonic() - began
    left = tuple(undecided[:KEPT])
    return Proof(statement, verdict, proved, counterexample, open_boxes, left, pieces, seconds)


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
        ['proved', 'proved']
    """
    theorems = {name.split("/")[0] for name in STATEMENTS}
    asked = [names] if isinstance(names, str) else list(names)
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
        spent = sum(proof.seconds for proof in proofs)
        left = None if time_limit is None else max(time_limit - spent, 0.0)
        proofs.append(prove(statement, halvings=halvings, time_limit=left))
    return proofs


class _Name:
    """What a name of a statement may be used for: + - * / and whole powers, and nothing else.

    A comparison of balls has one answer for a whole piece, a comparison of numbers one for each
    point: a statement that branches would not be the same function of both.
    """

    def _made(self, other: Any = 0) -> _Name:
        if not isinstance(other, (_Name, int, Fraction)):
            raise TypeError(f"a name with {other!r}")
        return self

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _made
    __truediv__ = __rtruediv__ = __neg__ = __pos__ = _made

    def __pow__(self, power: Any) -> _Name:
        if not isinstance(power, int):
            raise TypeError(f"a power of {power!r}")
        return self

    def _refused(self, *_: Any) -> Any:
        raise TypeError("a comparison, a branch, or a rounding")

    __lt__ = __le__ = __gt__ = __ge__ = __bool__ = __float__ = __int__ = __abs__ = _refused
    __floordiv__ = __mod__ = __round__ = __floor__ = __ceil__ = _refused
    __eq__ = __ne__ = _refused


def _refuse_branches(statement: Statement, case: Mapping[str, Any], ends: Piece) -> None:
    """Refuse a statement that is no rational function of its names."""
    names = {name: _Name() for name in ends}
    for function in (statement.direct, statement.terms):
        try:
            function(**case, **names)
        except ZeroDivisionError:
            continue
        except (TypeError, AttributeError) as error:
            raise _inexact(statement, str(error)) from None


def _false_point(
    statement: Statement,
    case: Mapping[str, Any],
    piece: Piece,
    known: dict[tuple[Fraction, ...], bool],
) -> dict[str, Any] | None:
    """Return a corner of a piece, or its middle, at which the statement is false, if any is."""
    corners = itertools.product(*piece.values())
    middle = tuple((low + high) / 2 for low, high in piece.values())
    for values in (middle, *corners):
        point = {**case, **dict(zip(piece, values, strict=True))}
        # Neighbouring pieces share corners.
        if values not in known:
            known[values] = _exactly(statement, point) < 0
        if known[values]:
            return point
    return None


def _random_point(ends: Piece, rng: random.Random) -> dict[str, Fraction]:
    return {
        name: low + (high - low) * Fraction(rng.randrange(1, RANDOM), RANDOM)
        for name, (low, high) in ends.items()
    }


def _compare(statement: Statement, point: Mapping[str, Any]) -> None:
    """Refuse a statement whose sum of products is not the number that it stands for."""
    try:
        direct, slack = _exactly(statement, point), statement.slack(**point)
    except TypeError as error:
        allowed = "a function that returns a list of terms, each a list of factors"
        raise refuse(f"terms of statement {statement.name!r}", allowed, str(error)) from None
    if not isinstance(slack, (int, Fraction)):
        raise _inexact(statement, f"the terms come to {slack!r}")
    if direct != slack:
        raise ValueError(
            f"terms of statement {statement.name!r} must add up to direct; at "
            f"{', '.join(f'{name}={float(value):.6g}' for name, value in point.items())} they are "
            f"{float(slack):.6g} and {float(direct):.6g}"
        )


def _sign(statement: Statement, case: Mapping[str, Any], piece: Piece) -> int:
    """Return 1 where no factor is negative on a piece, -1 where the slack is below 0, else 0."""
    balls = {name: _ball(*ends) for name, ends in piece.items()}
    try:
        terms = [list(factors) for factors in statement.terms(**case, **balls)]
        distinct = {id(factor): factor for factors in terms for factor in factors}
        if all(factor >= 0 for factor in distinct.values()):
            return 1
        return -1 if sum(math.prod(factors) for factors in terms) < 0 else 0
    except TypeError as error:
        raise _inexact(statement, str(error)) from None


def _exactly(statement: Statement, point: Mapping[str, Any]) -> Any:
    """Return the number at a rational point, in exact arithmetic."""
    try:
        value = statement.direct(**point)
    except ZeroDivisionError:
        return Fraction(0)
    if not isinstance(value, (int, Fraction)):
        raise _inexact(statement, f"direct comes to {value!r}")
    return value


def _inexact(statement: Statement, got: str) -> ValueError:
    return refuse(
        f"statement {statement.name!r}",
        "made of the names, whole numbers, + - * / and whole powers",
        got,
        "Balls know no Fractions and a float is rounded: write (3 * x - 1) / 3 for x - 1/3. A "
        "whole number over a whole number is a float, too.",
    )


def _touches(piece: Piece, ends: Piece) -> bool:
    """Whether a piece touches a face of the box."""
    return any(low == ends[name][0] or high == ends[name][1] for name, (low, high) in piece.items())


def _needs_flint() -> None:
    try:
        import flint  # noqa: F401
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "prove needs python-flint; install it with: pip install 'boostsim[proof]'"
        ) from None


def _ball(low: Fraction, high: Fraction) -> Any:
    """Return a ball that contains [low, high]."""
    from flint import arb, fmpq

    left, right = (arb(fmpq(end.numerator, end.denominator)) for end in (low, high))
    return left.union(right)


def _longest(piece: Piece, ends: Piece, depth: Mapping[str, int], halvings: int) -> str | None:
    """Return the axis to cut: long for its distance from the box's faces, where factors vanish.

    None where it may not be cut further: it touches a face, and cutting elsewhere does not help.
    """

    if not piece:
        return None

    def length(name: str) -> Fraction:
        (low, high), (first, last) = piece[name], ends[name]
        middle = (low + high) / 2
        return (high - low) / min(middle - first, last - middle)

    axis = max(piece, key=length)
    return axis if depth[axis] < halvings else None


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
