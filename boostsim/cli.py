"""The command ``boostsim``: parsing only; the work is in :mod:`boostsim.commands`.

Neither NumPy nor JAX is imported before a command is known to need it, so help comes at once.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import re
import sys

import tyro

from boostsim import __version__
from boostsim.commands.flags import Command, Info, Reproduce

__all__ = ["main"]

WELCOME = f"""boostsim {__version__}: how little curation keeps a model improving on its own output?

Start with
  boostsim reproduce --scale smoke   draw the paper's setting in a minute
  boostsim run boosting              run one procedure and print what it reaches
Then
  boostsim run --help                every slot of a procedure as a flag
  boostsim certify                   check T1 to T15 and their neighbours by exact and sampled runs
  boostsim claims T3                 a theorem with its proof
  boostsim prove                     its one-step statements over whole boxes, rigorously
  boostsim falsify T3                look for a counterexample
  boostsim compare                   selection criteria against each other, at equal budget
  boostsim plan --help               the cheapest way to an error, at your prices
  boostsim gap                       what a transformer loses against a table that learns exactly
  boostsim info                      versions, device, cache
"""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code.

    0 what was asked for came true, 1 a claim is violated, 2 bad input, 3 undecided.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    if not arguments:
        print(WELCOME, end="")
        return 0
    if arguments == ["--version"]:
        print(__version__)
        return 0
    try:
        code = _dispatch(_parse(arguments))
        sys.stdout.flush()
        return code
    except ValueError as error:
        print(f"boostsim: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        # Whoever read the output has seen enough; leave nothing to be flushed at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("boostsim: interrupted", file=sys.stderr)
        return 130


def _parse(arguments: list[str]) -> Command:
    """Parse, and turn the parser's framed complaints into one line."""
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            return tyro.cli(
                tyro.conf.FlagCreatePairsOff[Command],  # type: ignore[misc]
                args=arguments,
                prog="boostsim",
                description=f"boostsim {__version__}: training on synthetic and weak data.",
            )
    except SystemExit as stop:
        if stop.code in (0, None):
            raise
        # The frame, in Unicode or in ASCII.
        text = re.sub(r"[╭╮╰╯│─]+|-{4,}|^[|+]|[|+]$", " ", complaint.getvalue(), flags=re.MULTILINE)
        text = re.split(r"Argument helptext:|For full helptext", text)[0]
        text = " ".join(text.split())
        text = re.sub(r"^(Parsing error|Value error|Unrecognized options) ", "", text)
        wrong = re.match(r"Error parsing --([\w-]+): .*?(FLOAT|INT)\b.*?from \[(.*?)\]", text)
        if wrong:
            kind = "a number" if wrong[2] == "FLOAT" else "a whole number"
            text = f"{wrong[1].replace('-', '_')} must be {kind}; got {wrong[3]}"
        raise ValueError(f"{text} (see boostsim --help)") from None


def _dispatch(command: Command) -> int:
    if isinstance(command, Reproduce):
        from boostsim.commands.reproduce import reproduce

        return reproduce(command.names, command.scale, command.out, command.json)
    if isinstance(command, Info):
        from boostsim.commands.info import info

        return info(command.json)
    # By identity: 0 equals False, and is a value.
    flags = {
        name: value
        for name, value in vars(command).items()
        if value is not None and value is not False and value != ()
    }
    name = type(command).__name__.lower()
    work = importlib.import_module(f"boostsim.commands.{name}")
    code: int = getattr(work, name)(flags)
    return code


if __name__ == "__main__":
    sys.exit(main())
