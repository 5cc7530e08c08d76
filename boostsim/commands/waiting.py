"""How long figures take: in which order they are drawn, and about how long the rest will take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from boostsim.figures import NEURAL

# Seconds of a processor with nothing compiled before, measured on an AMD EPYC: at the quick scale
# tables while nobody else used it, networks from runs of one and two iterations, each figure after
# the ones before it, whose runs it shares.
SECONDS: dict[str, dict[str, float]] = {
    "smoke": {
        "convergence": 8.0,
        "procedures": 8.0,
        "neighbours": 10.0,
        "label_price": 11.0,
        "blind_spot": 11.0,
        "few_visits": 20.0,
        "regimes": 29.0,
        "limit_error": 8.0,
        "sharpening": 10.0,
        "freshness": 14.0,
        "updates": 14.0,
        "frontier": 12.0,
        "plane": 10.0,
        "schedules": 26.0,
        "labels_to_target": 24.0,
        "leaderboard": 5.0,
        "real_run": 39.0,
        "table_one": 59.0,
        "arithmetic": 24.0,
        "programs": 22.0,
        "strata": 1.0,
        "gap": 25.0,
        "verdict": 17.0,
    },
    "quick": {
        "blind_spot": 11.0,
        "convergence": 7.0,
        "procedures": 9.0,
        "neighbours": 10.0,
        "label_price": 12.0,
        "few_visits": 29.0,
        "regimes": 20.0,
        "limit_error": 12.0,
        "sharpening": 19.0,
        "freshness": 17.0,
        "updates": 24.0,
        "frontier": 53.0,
        "plane": 9.0,
        "schedules": 175.0,
        "labels_to_target": 52.0,
        "leaderboard": 179.0,
        "real_run": 56.0,
        "table_one": 380.0,
        "arithmetic": 900.0,
        "programs": 800.0,
        "strata": 10.0,
        "gap": 300.0,
        "verdict": 1600.0,
    },
}


def quickest_first(names: Sequence[str]) -> list[str]:
    """Return figures as they are drawn: the quickest first, those of networks last, as told.

    Those that take over 25 seconds come between them, the longest first: the last of these are
    short, so that no processor waits long for another at their end.

    Example:
        >>> quickest_first(["programs", "frontier", "leaderboard", "updates", "convergence"])
        ['convergence', 'updates', 'leaderboard', 'frontier', 'programs']
    """
    known = SECONDS["quick"]
    tables = sorted((name for name in names if name not in NEURAL), key=known.__getitem__)
    quick = [name for name in tables if known[name] <= 25.0]
    slow = [name for name in reversed(tables) if name not in quick]
    return [*quick, *slow, *(name for name in names if name in NEURAL)]


def left(
    names: Sequence[str],
    scale_name: str,
    took: Mapping[str, float],
    at_work: Mapping[str, float],
    workers: int,
) -> float | None:
    """Estimate the seconds until all figures are drawn, or None where nothing is known of them.

    What was measured before is held against what has been measured now; until a network's figure is
    done, these are taken for as slow as it was before, or as the others are now.

    Args:
        names: of the figures, in the order in which they are drawn.
        scale_name: at which.
        took: seconds of those that are done.
        at_work: seconds since those that are at work were begun.
        workers: how many are drawn at a time.

    Example:
        >>> left(["convergence", "programs"], "full", {"convergence": 5.0}, {}, workers=2)
    """
    known = SECONDS.get(scale_name, {})
    if not all(name in known for name in names if name not in took):
        return None

    def pace(network: bool) -> float | None:
        done = [name for name in took if name in known and (name in NEURAL) == network]
        return (
            sum(took[name] for name in done) / sum(known[name] for name in done) if done else None
        )

    tables, networks = pace(False), pace(True)
    paces = {
        False: tables or networks or 1.0,
        True: networks if networks is not None else max(tables or 1.0, 1.0),
    }
    until = [
        max(paces[name in NEURAL] * known[name] - since, 0.0) for name, since in at_work.items()
    ]
    until += [0.0] * (workers - len(until))
    for name in names:
        if name not in took and name not in at_work:
            until.sort()
            until[0] += paces[name in NEURAL] * known[name]
    return max(until)
