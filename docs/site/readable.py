"""What mkdocstrings is given: every docstring as Markdown, with the site's links."""

import sys
from pathlib import Path
from typing import Any

import griffe

sys.path.insert(0, str(Path(__file__).parent))
import docstrings
import pages


class Readable(griffe.Extension):
    """Turns every docstring into Markdown before it is parsed."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        """Change the docstring of what was just read."""
        if obj.docstring:
            obj.docstring.value = pages.cited(docstrings.markdown(obj.docstring.value))
