"""The persistent compilation cache: a second run compiles nothing that the first one did.

It belongs to the command, not to the library: ``import boostsim`` changes no setting of JAX.
"""

from __future__ import annotations

from boostsim.files import cache_folder

__all__ = ["cache_folder", "use_cache"]


def use_cache() -> None:
    """Keep compiled programs between runs; without a folder to write to, do without."""
    import jax

    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", 0)
