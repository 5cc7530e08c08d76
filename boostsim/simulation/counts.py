"""Binomial and multinomial numbers that are the same whatever the version of NumPy.

NumPy keeps the bits of a bit generator and what ``RandomState``, frozen, makes of them; what its
``Generator`` makes of them changes from one minor version to the next. With p at most 1/2 (else
what is left is drawn):

* Where the variance n p (1 - p) is at most 40, ``RandomState.binomial`` draws, in C: up to a mean
  of 30 by inversion, cut off where less than 3e-13 is left, then by BTPE, which up to a variance
  of 42 multiplies out the mass function. (Above it BTPE would take a formula of Stirling's whose
  signs NumPy has wrong, for ever in ``RandomState``.)
* Elsewhere, Hörmann's transformed rejection with squeeze (BTRS; J. Stat. Comput. Simul. 46 (1993),
  101-110), for means from 10 on. With U uniform on (-1/2, 1/2), s = 1/2 - abs(U) and
  G(U) = (2a/s + b) U + n p + 1/2 the proposal is k = floor(G(U)); it is accepted if

      V A <= f(k) G'(U),    G'(U) = a/s^2 + b,    V uniform on (0, 1),

  which gives the law f itself, because A is nowhere below f(k) G'(U). Hörmann compares with
  f(k)/f(mode); here A bounds f(k) G'(U) itself, so no mode is needed. Where s >= 0.07 and V is
  within the squeeze the right side is known to be larger and is not computed. f is computed in
  Loader's form (Fast and Accurate Computation of Binomial Probabilities, 2000), free of differences
  of large numbers, so n may be anything up to 2^53.
* Where p is below 2^-20, and 1 - p no longer tells it well, and the mean below 10: inversion here,
  by log1p.

What rounding leaves: the law is that of a p within a few units in the last place of 1 - p or, below
2^-20, of p; uniform numbers are multiples of 2^-53, so what is rarer does not happen. Decisions
rest on + - * / and square roots, which are the same everywhere, and on one logarithm or power each,
whose last digit may differ between mathematical libraries: that decides about one draw in 10^15
otherwise.
"""

from __future__ import annotations

import itertools
import math
import threading
from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Float

# A stream for each row.
Streams = Sequence[np.random.BitGenerator]
Vector = Float[np.ndarray, "size"]

# Up to this variance, and from this probability on, ``RandomState.binomial`` is exact.
VARIANCE, TOLD = 40.0, 2.0**-20
# Otherwise, transformed rejection from this mean on, as Hörmann's constants want it.
REJECTION = 10.0
# The most steps of an inversion: Binomial(n, p) reaches it with probability below 1e-60.
STEPS = 110
# How many proposals an entry gets in each pass, the last number from then on. A pass costs the same
# up to some hundreds of proposals, so few entries take more at once.
FEW_ENTRIES, PROPOSALS_OF_FEW, PROPOSALS = 4096, (1, 4, 16), (1, 1, 4, 16)
# Threads would wait for one another's small steps: only one at a time rejects, others draw in C.
ONE = threading.Lock()
# So many entries at a time stay in a processor's cache.
CHUNK = 4096
# log(k!) - log(sqrt(2 pi k) (k/e)^k), with 1 in place of 2 pi k for k = 0; a series from here on.
TABLED = 64
TAIL = np.array(
    [0.0]
    + [
        math.fsum([*map(math.log, range(1, k + 1)), -(k + 0.5) * math.log(k), k])
        - 0.5 * math.log(2.0 * math.pi)
        for k in range(1, TABLED)
    ]
)
# f(mode) sqrt(2 pi n p (1 - p)) is at most this.
LARGER = 1.005
# Up to this ratio a series stands for the logarithm.
NEAR = 0.0625


def binomial(
    streams: Streams,
    n: Float[np.ndarray, "streams size"],
    p: Float[np.ndarray, "streams size"],
) -> Float[np.ndarray, "streams size"]:
    """Draw Binomial(n, p) for every entry; n are whole numbers up to 2^53, p lies in [0, 1].

    Each row has a stream of its own and is what it would be alone.
    """
    drawn = _rarer(streams, n, np.minimum(p, 1.0 - p))
    return np.where(p > 0.5, n - drawn, drawn)


def multinomial(
    streams: Streams,
    n: Float[np.ndarray, "streams size"],
    mass: Float[np.ndarray, "streams cells size"],
) -> Float[np.ndarray, "streams cells size"]:
    """Split each count over the cells in proportion to their mass.

    Over halves first, then over their halves; of each pair the rarer side is drawn, so that nothing
    is rounded away.
    """
    levels = [mass]
    while (cells := levels[-1].shape[1]) > 1:
        below, even = levels[-1], cells - cells % 2
        paired = below[:, 0:even:2] + below[:, 1:even:2]
        levels.append(np.concatenate([paired, below[:, even:]], axis=1))
    counts = n[:, None]
    for level in reversed(levels[:-1]):
        even = level.shape[1] - level.shape[1] % 2
        first, second = level[:, 0:even:2], level[:, 1:even:2]
        whole, split = first + second, counts[:, : even // 2]
        share = np.minimum(first, second) / np.where(whole > 0.0, whole, 1.0)
        rows = len(streams), -1
        rarer = _rarer(streams, split.reshape(rows), share.reshape(rows)).reshape(split.shape)
        common = split - rarer
        new = np.empty_like(level)
        new[:, 0:even:2] = np.where(first <= second, rarer, common)
        new[:, 1:even:2] = np.where(first <= second, common, rarer)
        new[:, even:] = counts[:, even // 2 :]
        counts = new
    return counts


def _rarer(
    streams: Streams,
    n: Float[np.ndarray, "streams size"],
    p: Float[np.ndarray, "streams size"],
) -> Float[np.ndarray, "streams size"]:
    """Draw Binomial(n, p), p at most 1/2."""
    size = n.shape[1]
    shape, n, p = n.shape, n.ravel(), p.ravel()
    drawn, mean = np.zeros(n.shape), n * p
    random, told = mean > 0.0, (p >= TOLD) & (mean * (1.0 - p) <= VARIANCE)
    inside = np.flatnonzero(random & told)
    # One conversion for all streams: a call each has little more to do than to draw.
    whole, chance = n[inside].astype(np.int64), p[inside]
    made = np.empty(inside.size)
    for stream, some in _by_stream(streams, size, inside):
        made[some] = np.random.RandomState(stream).binomial(whole[some], chance[some])
    drawn[inside] = made
    random &= ~told
    many = random & (mean >= REJECTION)
    few = np.flatnonzero(random & ~many)
    if few.size:
        (level,) = _uniforms(streams, size, few, 1)
        drawn[few] = _inverted(level, n[few], p[few])
    left = np.flatnonzero(many)
    if left.size:
        with ONE:
            _reject(streams, size, left, n, p, mean, drawn)
    return drawn.reshape(shape)


def _by_stream(
    streams: Streams, size: int, where: np.ndarray
) -> Iterator[tuple[np.random.BitGenerator, slice]]:
    """Split entries by the rows in which they are: which of them are in one."""
    ends = np.searchsorted(where, size * np.arange(len(streams) + 1)).tolist()
    for stream, (start, end) in zip(streams, itertools.pairwise(ends)):
        if start < end:
            yield stream, slice(start, end)


def _reject(
    streams: Streams,
    size: int,
    left: np.ndarray,
    n: Vector,
    p: Vector,
    mean: Vector,
    drawn: Vector,
) -> None:
    """Propose until every entry that is left has a count."""
    passes = list(PROPOSALS_OF_FEW if size < FEW_ENTRIES else PROPOSALS)
    while left.size:
        proposals = passes.pop(0) if len(passes) > 1 else passes[0]
        uv = _uniforms(streams, size, left, 2 * proposals)
        accepted = np.zeros(left.size, bool)
        for start in range(0, left.size, CHUNK):
            some = left[start : start + CHUNK]
            k, good = _proposed(uv[:, start : start + CHUNK], n[some], p[some], mean[some])
            # The first that is accepted, if any.
            choice = good.argmax(axis=0)
            entry = np.arange(some.size)
            drawn[some] = k[choice, entry]
            accepted[start : start + CHUNK] = good[choice, entry]
        left = left[~accepted]


def _uniforms(
    streams: Streams, size: int, where: np.ndarray, each: int
) -> Float[np.ndarray, "each entries"]:
    """Return odd multiples of 2^-53 in (0, 1), so many for each entry, from its row's stream."""
    parts = [
        stream.random_raw(each * (some.stop - some.start)).reshape(each, -1)
        for stream, some in _by_stream(streams, size, where)
    ]
    bits = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
    # The upper 52 bits become the fraction of a number in [1, 2).
    bits >>= np.uint64(12)
    bits |= np.uint64(0x3FF0000000000000)
    values: np.ndarray = bits.view(np.float64)
    values -= 1.0 - 2.0**-53
    return values


def _inverted(level: Vector, n: Vector, p: Vector) -> Vector:
    """Sum the mass function from 0 on until it exceeds the level."""
    drawn = np.zeros(len(n))
    mass = np.exp(n * np.log1p(-p))
    odds, sums = p / (1.0 - p), mass.copy()
    for step in range(1, STEPS):
        beyond = level >= sums
        if not beyond.any():
            break
        drawn += beyond
        mass *= (n - (step - 1)) * odds / step
        sums += mass
    # Sums that round to less than one end at n, where the mass is zero from then on.
    return np.minimum(drawn, n)


def _constants(mean: Vector, p: Vector) -> tuple[Vector, Vector]:
    """Return Hörmann's a and b."""
    b = 1.0 - p
    b *= mean
    np.sqrt(b, out=b)
    b *= 2.53
    b += 1.15
    a = 0.0248 * b
    a += 0.01 * p
    a -= 0.0873
    return a, b


def _proposed(
    uv: Float[np.ndarray, "twice size"], n: Vector, p: Vector, mean: Vector
) -> tuple[Float[np.ndarray, "proposals size"], np.ndarray]:
    """Return proposals for each entry, and which of them are accepted."""
    u, v = np.split(uv, 2)
    u -= 0.5
    s = np.abs(u)
    np.subtract(0.5, s, out=s)
    a, b = _constants(mean, p)
    k = 2.0 * a / s
    k += b
    k *= u
    # From the whole number below the mean, so that nothing is lost where the mean is large.
    base = np.floor(mean)
    k += mean - base + 0.5
    np.floor(k, out=k)
    k += base
    accepted = v <= (0.92 - 4.2 / b) / LARGER
    accepted &= s >= 0.07
    asked = np.flatnonzero(~accepted)
    if not asked.size:
        return k, accepted
    s, v, proposed = s.ravel()[asked], v.ravel()[asked], k.ravel()[asked]
    whose = asked if len(k) == 1 else asked % len(n)
    n, mean, a, b = n[whose], mean[whose], a[whose], b[whose]
    # V A / G'(U) for Hörmann's A, which bounds f(k) G'(U) / f(mode).
    v *= 2.83 + 5.1 / b
    v *= LARGER / math.sqrt(2.0 * math.pi)
    s *= s
    a /= s
    a += b
    v /= a
    inside = np.clip(proposed, 0.0, n)
    accepted.ravel()[asked] = _at_most_the_mass(v, inside, n, mean) & (inside == proposed)
    return k, accepted


def _at_most_the_mass(level: Vector, k: Vector, n: Vector, mean: Vector) -> np.ndarray:
    """Whether level <= f(k), where

    f(k) = sqrt(n / (2 pi k (n - k))) exp(t(n) - t(k) - t(n - k) - d(k, n p) - d(n - k, n q)),

    t what Stirling's formula leaves and d(x, y) = x log(x/y) + y - x.
    """
    size = len(k)
    counts = np.concatenate([k, n - k, n])
    some, rest, _ = np.maximum(counts, 0.5 / math.pi).reshape(3, -1)
    some *= rest
    some /= n
    some *= 2.0 * math.pi
    np.sqrt(some, out=some)
    some *= level
    right = np.log(some)
    gap = k - mean
    both = _deviance(
        counts[: 2 * size], np.concatenate([mean, n - mean]), np.concatenate([gap, -gap])
    )
    tails = _tails(counts)
    both += tails[: 2 * size]
    right += both[:size]
    right += both[size:]
    return right <= tails[2 * size :]


def _tails(k: Vector) -> Vector:
    inverse = 1.0 / np.maximum(k, TABLED)
    square = inverse * inverse
    tail = square * (1.0 / 1260.0)
    np.subtract(1.0 / 360.0, tail, out=tail)
    tail *= square
    np.subtract(1.0 / 12.0, tail, out=tail)
    tail *= inverse
    few = np.flatnonzero(k < TABLED)
    tail[few] = TAIL[k[few].astype(np.intp)]
    return tail


def _deviance(x: Vector, y: Vector, gap: Vector) -> Vector:
    """Return x log(x/y) - gap for gap = x - y.

    With v = gap / (x + y), log(x/y) = 2 atanh(v), and the terms without difference are left:
    gap v + 2 x v^3 (1/3 + v^2/5 + v^4/7 + ...).
    """
    v = gap / (x + y)
    square = v * v
    series = square * (1.0 / 13.0)
    for odd in (11.0, 9.0, 7.0, 5.0, 3.0):
        series += 1.0 / odd
        if odd > 3.0:
            series *= square
    series *= x
    series *= 2.0 * square
    series += gap
    series *= v
    far = np.flatnonzero(np.abs(v) > NEAR)
    some = x[far]
    series[far] = some * np.log(np.maximum(some, 0.5) / y[far]) - gap[far]
    return series
