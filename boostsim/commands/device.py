"""Which kind of device a command runs on."""

from __future__ import annotations

from boostsim.arguments import choice, refuse

KINDS = ("cpu", "gpu", "tpu")


def use_device(kind: str | None) -> None:
    """Run on this kind of device; without one, on the best that JAX finds."""
    if kind is None:
        return
    import jax

    choice("device", kind, KINDS)
    if kind == "cpu":
        jax.config.update("jax_platforms", "cpu")
    elif jax.default_backend() != kind:
        raise refuse("device", f"one that JAX finds here ({jax.default_backend()!r})", kind)
