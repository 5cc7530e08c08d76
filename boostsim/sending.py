"""What is sent to another process, as bytes: functions and rules that no module has by value."""

from __future__ import annotations

import contextlib
import io
import pickle
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from boostsim.curation.rule_files import FROM_FILE
from boostsim.mode import fixed
from boostsim.objects import ByReference

# What is sent by value is registered for all threads.
_sending = threading.Lock()


def pickled(thing: Any, *, own: bool = False) -> bytes:
    """Return something as bytes.

    Args:
        thing: what is sent.
        own: whether what the user's modules have is sent by value, too: as it is here, whatever
            was set in them, or written into their files, since they were imported.
    """
    import cloudpickle

    with _by_value(own) as modules:

        class Pickler(cloudpickle.Pickler):  # type: ignore[misc]
            def reducer_override(self, thing: Any) -> Any:
                if isinstance(thing, ByReference):
                    place = thing._place()
                    if place is not None and place[0] in modules:
                        return object.__reduce_ex__(thing, 4)
                return super().reducer_override(thing)

        content = io.BytesIO()
        Pickler(content, protocol=pickle.HIGHEST_PROTOCOL).dump(thing)
    return content.getvalue()


def read(call: bytes) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """Return the function and the arguments of a call: name, function, arguments.

    Arrays of 64 bits are such here, too, where JAX would make them 32.
    """
    with fixed(double=True):
        _, function, arguments = pickle.loads(call)
    return function, arguments


@contextlib.contextmanager
def _by_value(own: bool) -> Iterator[set[str]]:
    """Have modules sent by value, and give their names."""
    import cloudpickle

    with _sending:
        for name, module in list(sys.modules.items()):
            if name.startswith(FROM_FILE):
                # A worker need not have the file.
                cloudpickle.register_pickle_by_value(module)
        before = cloudpickle.list_registry_pickle_by_value()
        users = [m for n, m in list(sys.modules.items()) if own and _is_users(n, m)]
        more = [module for module in users if module.__name__ not in before]
        try:
            for module in more:
                cloudpickle.register_pickle_by_value(module)
            yield {"__main__", *cloudpickle.list_registry_pickle_by_value()}
        finally:
            for module in more:
                cloudpickle.unregister_pickle_by_value(module)


def _is_users(name: str, module: Any) -> bool:
    """Whether a module is neither this package's nor one that was installed."""
    if type(module) is not ModuleType or vars(module).get("__name__") != name:
        return False
    package, file = name.partition(".")[0], vars(module).get("__file__")
    if package in ("boostsim", "__main__") or package in sys.stdlib_module_names:
        return False
    if file is None:
        # Made by hand, and not by an import.
        return package == name and vars(module).get("__spec__") is None
    return not {"site-packages", "dist-packages"} & {*Path(file).parts}
