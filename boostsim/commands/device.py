"""Which kind of device a command runs on, and that it gives the same numbers every time."""

from __future__ import annotations

import contextlib
import os
import pkgutil
import sys
import threading

KINDS = ("cpu", "gpu", "tpu")
# What JAX runs GPUs by, among the modules of its namespace ``jax_plugins``.
GPU_PLUGINS = ("xla_cuda", "xla_rocm")
# The first forbids XLA the trials by which it chooses, for they may end otherwise another time; and
# without them the products that it writes are slower than those of the vendor's library.
STEADY = "--xla_gpu_deterministic_ops=true --xla_gpu_enable_triton_gemm=false"


def same_every_time() -> None:
    """Where JAX may find a GPU, have it compile programs that give the same bits in any process.

    XLA reads this when its backend starts, so it is for the command to ask, which is its own
    process; a library never sets flags behind its user's back. Whoever has said anything about
    determinism in XLA_FLAGS is left alone.
    """
    flags = os.environ.get("XLA_FLAGS", "")
    if "jax" not in sys.modules and "deterministic" not in flags and _gpu_may_be_found():
        # Of two that say the same the later counts.
        os.environ["XLA_FLAGS"] = f"{STEADY} {flags}".strip()


def _gpu_may_be_found() -> bool:
    try:
        import jax_plugins
    except ImportError:
        return False
    modules = pkgutil.iter_modules(jax_plugins.__path__)
    return any(module.name.startswith(GPU_PLUGINS) for module in modules)


def _started() -> None:
    import jax

    # Whoever needs a device is told why there is none.
    with contextlib.suppress(RuntimeError):
        jax.devices()


def use_device(kind: str | None) -> None:
    """Run on this kind of device; without one, on the best that JAX finds."""
    if kind is None:
        if _gpu_may_be_found():
            # It takes as long to start as what is imported next. No daemon: a process that ended
            # meanwhile would end inside of a driver.
            threading.Thread(target=_started).start()
        return
    import jax

    from boostsim.arguments import choice, refuse

    choice("device", kind, KINDS)
    if kind == "cpu":
        jax.config.update("jax_platforms", "cpu")
    elif jax.default_backend() != kind:
        raise refuse("device", f"one that JAX finds here ({jax.default_backend()!r})", kind)
