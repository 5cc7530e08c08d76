"""What a transformer's run carries from one iteration to the next besides the model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import numpy as np


class Carried(NamedTuple):
    """As a table's ``State`` has it besides the model, in NumPy's arrays.

    Attributes:
        data: what training has seen so far, where data accumulate: the examples, ``[E, P + R]``,
            or in an exact run their law, ``[N, V]``; else None.
        examples: the weight of each row of that law, ``[N]``; or of each example, ``[E]``, where
            labels weigh otherwise than accepted responses; else None.
        memory: of a criterion that has one; else None.
    """

    data: np.ndarray | None = None
    examples: np.ndarray | None = None
    memory: Any = None

    def arrays(self) -> dict[str, np.ndarray]:
        """Return it as arrays with names, to be written to a file."""
        data = np.zeros((0, 0)) if self.data is None else self.data
        if self.examples is not None:
            data = np.column_stack([data, self.examples])
        leaves = {f"c_{number}": leaf for number, leaf in enumerate(jax.tree.leaves(self.memory))}
        return {"data": data, **leaves}

    @classmethod
    def of(
        cls, arrays: Mapping[str, np.ndarray], memory: Any, *, exact: bool, weighs: bool
    ) -> Carried:
        """Return what was written.

        Args:
            arrays: by name.
            memory: the first one, which has the structure of that which was written.
            exact: whether data are a law.
            weighs: whether they have weights.
        """
        data = arrays["data"] if arrays["data"].size else None
        examples = None
        if weighs and data is not None:
            data, examples = data[:, :-1], data[:, -1]
        if not exact and data is not None:
            data = data.astype(np.int32)
        leaves, shape = jax.tree.flatten(memory)
        leaves = [arrays[f"c_{number}"] for number in range(len(leaves))]
        return cls(data, examples, jax.tree.unflatten(shape, leaves))


NOTHING = Carried()
