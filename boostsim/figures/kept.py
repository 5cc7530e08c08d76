"""Long runs behind figures are kept in the cache, and gone on from after a kill."""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Callable
from hashlib import sha256
from typing import Any, TypeVar

from boostsim.files import Damaged, cache_folder
from boostsim.store import InUse, locked

Made = TypeVar("Made")


def kept(told: list[Any], make: Callable[..., Made]) -> Made:
    """Return what ``make`` makes in its folder of the cache, as far as it is not there yet.

    Another process that makes the same is waited for. What is damaged is made again, with a
    warning that names the file. Without a cache the folder is None.

    Args:
        told: what decides the run; JSON can write it.
        make: takes it as ``folder``.
    """
    cache = cache_folder()
    if cache is None:
        return make(folder=None)
    digest = sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
    folder = cache / "runs" / digest[:32]
    while True:
        try:
            return make(folder=folder)
        except InUse:
            time.sleep(1.0)
        except Damaged as error:
            what = f"a run is made again: {str(error.path)!r} is damaged"
            warnings.warn(what, stacklevel=2)
            with locked(error.path.parent):
                error.path.unlink(missing_ok=True)
