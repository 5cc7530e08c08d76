"""What mkdocs calls: pages made at build time, links that hold on a forge and on the site alike."""

import sys
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

sys.path.insert(0, str(Path(__file__).parent))
import checks
import menu
import pages

MADE = pages.pages()


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the pages that a star stands for into the menu."""
    written = [path.relative_to(pages.DOCS).as_posix() for path in pages.written()]
    config.nav = menu.filled(config.nav, [uri for uri in (*MADE, *written) if uri.endswith(".md")])
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
