"""``boostsim compare``: a tournament of selection criteria."""

from __future__ import annotations

from typing import Any

import boostsim as bs
from boostsim.arguments import refuse, unknown
from boostsim.commands.cache import use_cache
from boostsim.commands.output import console, say
from boostsim.commands.pictures import check_picture, write_picture
from boostsim.commands.settings import settings
from boostsim.tournament.compare import every_criterion


def compare(flags: dict[str, Any]) -> int:
    """Run a tournament and print its leaderboard, or a race; the exit code is 0, or 3.

    3 is a race that ends undecided: with its most seeds run, who is best is not known.

    Raises:
        ValueError: for whatever the library refuses, or a picture of another kind.
    """
    as_json, plot = flags.pop("json", False), flags.pop("plot", None)
    check_picture(plot)
    key = flags.setdefault("key", 0)
    if "budget" in flags:
        flags["labels_per_visit"] = flags.pop("budget")
    race, asked = flags.pop("race", False), dict(flags)
    suite = bs.stress_suite(key, **{name: flags.pop(name) for name in ["prompts"] if name in flags})
    chosen = flags.pop("tasks", ()) or tuple(suite)
    for name in chosen:
        if name not in suite:
            raise unknown("tasks", name, suite)
    use_cache()
    rules, challenges = _rules(flags.pop("names", ())), {name: suite[name] for name in chosen}
    if race:
        if plot is not None:
            raise refuse("plot", "left out of a race", str(plot))
        if "seeds" in flags:
            flags["most_seeds"] = asked["most_seeds"] = flags.pop("seeds")
            del asked["seeds"]
        found = bs.race(rules, challenges, **flags)
        told = settings(asked, bs.stress_suite, bs.race)
        say(found.to_json() if as_json else f"{told}\n{found.summary()}")
        return 3 if found.verdict == "undecided" else 0
    if "resolution" in flags:
        raise refuse("resolution", "given with --race alone", flags["resolution"])
    tournament = bs.compare(rules, challenges, **flags)
    try:
        write_picture(tournament.plot, plot)
    finally:
        # Whatever became of the picture: the tournament has been held.
        if as_json:
            say(tournament.to_json())
        else:
            _show(tournament, settings(asked, bs.stress_suite, bs.compare))
    return 0


def _show(tournament: bs.Tournament, told: str) -> None:
    from rich.markup import escape
    from rich.table import Table

    heads = ["rank", "criterion", tournament.score.replace("_", " "), "regret against the oracle"]
    title = "the leaderboard, over all challenges"
    table = Table(*heads, "labels", "cost", title=title, box=None, padding=(0, 2, 0, 0))
    for rank, row in enumerate(tournament.leaderboard(), start=1):
        regret = f"{row['regret']:+.4f} [{row['regret_low']:+.4f}, {row['regret_high']:+.4f}]"
        table.add_row(
            str(rank),
            escape(row["criterion"]),
            f"{row[tournament.score]:.4f}",
            regret,
            f"{row['labels']:.3f}",
            f"{row['cost']:.2f}",
            style="bold" if row["best"] else None,
        )
    screen = console()
    screen.print(told, highlight=False, markup=False)
    screen.print(table)
    screen.print("Bold: none is known to be better.", highlight=False)
    screen.print(tournament.summary(), highlight=False, markup=False)


def _rules(names: tuple[str, ...]) -> list[bs.Criterion] | None:
    """Return the named criteria; one alone meets all that are built in."""
    if not names:
        return None
    named = [bs.load_criterion(name) for name in names]
    if len(named) > 1:
        return named
    return [*named, *(rule for rule in every_criterion() if rule.name != named[0].name)]
