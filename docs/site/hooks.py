"""What mkdocs calls: pages made at build time, links that hold on a forge and on the site alike."""

import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

sys.path.insert(0, str(Path(__file__).parent))
import checks
import pages

MADE = pages.pages()


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the pages that a star stands for into the menu."""
    written = {path.relative_to(pages.DOCS).as_posix() for path in pages.written()}
    named = set(_leaves(config.nav))
    config.nav = _filled(config.nav, [*MADE, *sorted(written)], named)
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what is made, and what stands beside docs/."""
    for uri, text in MADE.items():
        files.append(File.generated(config, uri, content=text))
    for uri, source in pages.copies().items():
        files.append(File.generated(config, uri, abs_src_path=str(source)))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Link as the site is laid out, and what has a page to it."""
    return pages.finished(markdown, page.file.src_uri)


def on_post_build(config: MkDocsConfig) -> None:
    """Refuse a site with a dead link, or that would fetch something.

    Raises:
        PluginError: with a line for each.
    """
    if found := checks.faults(Path(config.site_dir)):
        raise PluginError("\n".join(found))


def _leaves(entry: Any) -> list[str]:
    if isinstance(entry, dict):
        entry = list(entry.values())
    return (
        [leaf for each in entry for leaf in _leaves(each)] if isinstance(entry, list) else [entry]
    )


def _filled(entry: Any, uris: list[str], named: set[str]) -> Any:
    """Return a part of the menu with its stars replaced."""
    if isinstance(entry, dict):
        return {name: _filled(each, uris, named) for name, each in entry.items()}
    if isinstance(entry, str):
        if not entry.endswith("*"):
            return entry
        return _starred(entry, uris, named)
    filled = []
    for each in entry:
        inner = _filled(each, uris, named)
        filled += inner if isinstance(each, str) and each.endswith("*") else [inner]
    return filled


def _starred(pattern: str, uris: list[str], named: set[str]) -> list[str]:
    """Return the pages of a folder; of all folders where only a star is left, those not named."""
    folders = {leaf.split("/")[0] for leaf in named if leaf.endswith("/*")}
    return [
        uri
        for uri in uris
        if uri not in named
        and (fnmatch(uri, pattern) if pattern != "*" else uri.split("/")[0] not in folders)
    ]
