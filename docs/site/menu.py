"""The menu: stars in mkdocs.yml stand for pages, most of which are made."""

from collections import defaultdict
from typing import Any

# A part of a menu: a page, a list of parts, or a part with a title.
Part = Any


def filled(menu: list[Part], uris: list[str]) -> list[Part]:
    """Return a menu with its stars replaced.

    ``folder/*`` stands for all pages of a folder, those of ``reference/*`` by package; ``*`` for
    the pages that neither stand in such a folder nor are named.
    """
    named = set(_leaves(menu))
    folders = tuple(leaf[:-1] for leaf in named if leaf.endswith("/*"))
    left = [uri for uri in uris if uri not in named and not uri.startswith(folders)]
    return _filled(menu, uris, left)


def _leaves(part: Part) -> list[str]:
    if isinstance(part, dict):
        part = list(part.values())
    return [leaf for each in part for leaf in _leaves(each)] if isinstance(part, list) else [part]


def _filled(part: Part, uris: list[str], left: list[str]) -> Part:
    if isinstance(part, dict):
        return {title: _filled(each, uris, left) for title, each in part.items()}
    if isinstance(part, list):
        parts = [[*left] if each == "*" else [_filled(each, uris, left)] for each in part]
        return [each for several in parts for each in several]
    if not part.endswith("/*"):
        return part
    inside = [uri for uri in uris if uri.startswith(part[:-1])]
    return _by_package(inside) if part == "reference/*" else inside


def _by_package(uris: list[str]) -> list[Part]:
    """Return pages of modules, those of one package below each other."""
    packages: dict[str, list[Part]] = defaultdict(list)
    for uri in uris:
        package, _, module = uri.removeprefix("reference/").removesuffix(".md").partition(".")
        packages[package].append({module: uri} if module else uri)
    alone = [each for parts in packages.values() for each in parts if isinstance(each, str)]
    within = [{name: parts} for name, parts in packages.items() if isinstance(parts[0], dict)]
    return [*alone, *within]
