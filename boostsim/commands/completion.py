"""``boostsim --install-completion``: the shell completes commands, flags and figures."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from boostsim.arguments import choice, refuse
from boostsim.commands.output import say
from boostsim.files import write_whole

# Where each shell looks, below the home folder, and what it needs besides.
PLACES = {
    "bash": (".local/share/bash-completion/completions/boostsim", "in a new shell"),
    "zsh": (
        ".zfunc/_boostsim",
        "in a new shell, once ~/.zshrc says: fpath+=~/.zfunc; autoload -Uz compinit; compinit",
    ),
}


def install(words: list[str], program: Callable[[str], str]) -> int:
    """Write the completion of a shell, the user's own where none is named, and say where.

    Raises:
        ValueError: for a shell that is not known, or a folder that cannot be made.
    """
    if len(words) > 1:
        raise refuse("shell", "one word", " ".join(words))
    shell = words[0] if words else Path(os.environ.get("SHELL", "")).name
    choice("shell", shell, tuple(PLACES))
    place, when = PLACES[shell]
    try:
        path = Path.home() / place
        path.parent.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError) as error:
        why = getattr(error, "strerror", None) or error
        raise ValueError(f"shell completion needs a home folder to write to ({why})") from None
    say(f"wrote {write_whole(path, program(shell).encode())}; it works {when}")
    return 0
