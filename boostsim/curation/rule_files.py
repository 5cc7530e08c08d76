"""Rule files: modules that are no part of a package, and come back where a rule of one is sent."""

from __future__ import annotations

import importlib.util
import os
import sys
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any

from boostsim.arguments import first_line, refuse
from boostsim.objects import fetched

# How their modules are called.
FROM_FILE = "boostsim_criterion_"


def loaded(name: str, file: str) -> ModuleType:
    """Return the module that a rule file makes, run where it is not yet, or not as it is now.

    Args:
        name: of what is looked for in it, for the error.
        file: the file.
    """
    path = Path(os.path.abspath(os.path.expanduser(file)))
    if not is_file(path):
        raise refuse("criterion", "in a file that exists", name)
    called = None
    try:
        content = path.read_bytes()
        # Under a name of its own, so that it hides no module and no other rule file; rules may ask
        # where they come from.
        digest = sha256(os.fsencode(path) + b"\0" + content).hexdigest()[:16]
        called = f"{FROM_FILE}{path.stem}_{digest}"
        if called in sys.modules:
            return sys.modules[called]
        spec = importlib.util.spec_from_file_location(called, path)
        assert spec is not None
        sys.modules[called] = module = importlib.util.module_from_spec(spec)
        # What was read is run: compiled files are told by the second in which they were written.
        exec(compile(content, path, "exec"), vars(module))
    except (Exception, SystemExit) as error:
        sys.modules.pop(str(called), None)
        raise ValueError(
            f"criterion {name!r} cannot be imported; {file} raised {first_line(error)}"
        ) from error
    return module


def restored(module: str, file: str, name: str, *keys: Any) -> Any:
    """Return what stands in a rule file under a name (and key), loaded where it is not yet."""
    where = ": ".join(map(str, (file, name, *keys)))
    if module not in sys.modules:
        # Another module where the file has changed since.
        module = loaded(where, file).__name__
    try:
        return fetched(module, name, *keys)
    except (AttributeError, LookupError, TypeError):
        raise refuse("criterion", f"one that {file} makes", where) from None


def is_file(path: Path) -> bool:
    """Whether there is such a file; there is none with a name that is too long."""
    try:
        return path.is_file()
    except OSError:
        return False
