"""What a built site must be: every link and anchor leads somewhere, and nothing is fetched."""

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

# What a browser fetches by itself; a link to another site is only followed when it is clicked.
FETCHED = {"src", "srcset", "data", "poster"}


class Seen(HTMLParser):
    """Collects a page's anchors, links, and what a browser would fetch for it."""

    def __init__(self) -> None:
        """Begin with none."""
        super().__init__()
        self.anchors: set[str] = set()
        self.links: set[str] = set()
        self.fetched: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take what a tag has."""
        for name, value in attrs:
            if not value:
                continue
            if name == "id" or (name == "name" and tag == "a"):
                self.anchors.add(value)
            elif name in FETCHED or (name == "href" and tag == "link"):
                self.fetched.add(value)
                self.links.add(value)
            elif name == "href":
                self.links.add(value)


def faults(site: Path) -> list[str]:
    """Return what is wrong with a site, a line each: nothing, for one that may be opened."""
    seen = {}
    for path in sorted(site.rglob("*.html")):
        # Served where nothing is found, from any depth: it links from the root.
        if path.name != "404.html":
            seen[path.resolve()] = page = Seen()
            page.feed(path.read_text())
    found = []
    for path, page in seen.items():
        for link in sorted(page.links):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                if link in page.fetched and parts.scheme != "data":
                    found.append(f"{path.relative_to(site)} would fetch {link}")
                continue
            there = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not there.exists():
                found.append(f"{path.relative_to(site)} links to {link}, which is not there")
            elif there in seen and unquote(parts.fragment) not in {"", *seen[there].anchors}:
                found.append(f"{path.relative_to(site)} links to {link}: no such place there")
    for path in sorted(site.rglob("*.css")):
        for link in re.findall(r"url\([\"']?(\w+:)?//[^)]*\)", path.read_text()):
            found.append(f"{path.relative_to(site)} would fetch {link}")
    return found
