"""What a transformer's run carries from one iteration to the next besides the model."""

from __future__ import annotations

import math
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
        batches: where a window is kept, of how many rows each batch in it is, the oldest first (a
            table's arrays tell by their shape); else None. In an exact run data are then what the
            batches weigh by response, ``[batches, N, V]``, and examples in all, ``[batches, N]``.
    """

    data: np.ndarray | None = None
    examples: np.ndarray | None = None
    memory: Any = None
    batches: np.ndarray | None = None

    def with_batch(
        self, batch: np.ndarray, weights: np.ndarray | None, window: int | None
    ) -> Carried:
        """Return it with one more batch of examples; from a window that is full the oldest goes."""
        assert self.data is not None
        data, examples = np.concatenate([self.data, batch]), None
        if weights is not None:
            assert self.examples is not None
            examples = np.concatenate([self.examples, weights])
        if window is None or self.batches is None:
            return self._replace(data=data, examples=examples)
        batches = np.append(self.batches, len(batch))
        gone = int(batches[:-window].sum())
        examples = None if examples is None else examples[gone:]
        return self._replace(data=data[gone:], examples=examples, batches=batches[-window:])

    def with_room(self, window: int | None) -> Carried:
        """Return it, of an exact run, with room for one more batch before one goes that is there.

        Batches that nobody made stand before the others; each time there are as many again, so that
        an iteration's program is made a few times, not each time.
        """
        if window is None or self.batches is None or self.examples is None or self.data is None:
            return self
        there = len(self.batches)
        more = min(there, window - 1 - there) if self.examples[0].any() else 0

        def behind_none(kept: np.ndarray) -> np.ndarray:
            return np.concatenate([np.zeros((more, *kept.shape[1:])), kept])

        batches = np.repeat(self.batches[-1:], there + more)
        return self._replace(
            data=behind_none(self.data), examples=behind_none(self.examples), batches=batches
        )

    def arrays(self) -> dict[str, np.ndarray]:
        """Return it as arrays with names, to be written to a file."""
        data = np.zeros((0, 0)) if self.data is None else self.data
        data = data.reshape(math.prod(data.shape[:-1]), data.shape[-1])
        if self.examples is not None:
            data = np.column_stack([data, self.examples.ravel()])
        leaves = {f"c_{number}": leaf for number, leaf in enumerate(jax.tree.leaves(self.memory))}
        kept = {} if self.batches is None else {"batches": self.batches}
        return {"data": data, **leaves, **kept}

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
        batches = arrays.get("batches")
        if exact and batches is not None and data is not None and examples is not None:
            data = data.reshape(len(batches), -1, data.shape[1])
            examples = examples.reshape(len(batches), -1)
        leaves, shape = jax.tree.flatten(memory)
        leaves = [arrays[f"c_{number}"] for number in range(len(leaves))]
        return cls(data, examples, jax.tree.unflatten(shape, leaves), batches)


NOTHING = Carried()
