"""What a run leaves in a folder, so that it can go on and be looked into; and a trace of it.

One piece a seed has the state after the latest iteration, replaced after each; on request a piece
an iteration has its model.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from boostsim.curation.filters import drifts, judges
from boostsim.curation.rates import fresh, lasting, prompts_of, share_that_stays
from boostsim.results import make_neural_trace
from boostsim.simulation.tokens.shown import read
from boostsim.simulation.tokens.structure import Run
from boostsim.store import Store
from boostsim.tasks.sequences import SequenceTask

if TYPE_CHECKING:
    import xarray

# The names of what a folder knows besides the state, for whoever looks into it.
TOLD, BETA = "h_told", "h_beta"


@dataclass(frozen=True)
class Keeping:
    """Where and what is kept of a run.

    Attributes:
        store: where.
        told: what its trace says of it.
        models: whether the model after every iteration is kept, not the latest alone.
    """

    store: Store
    told: dict[str, Any]
    models: bool = False

    def arrays(self, run: Run, beta: np.ndarray | None) -> dict[str, np.ndarray]:
        """Return what is kept for whoever looks into it: how verdicts are drawn, too."""
        filt = run.procedure.filter
        known = not judges(filt) and not drifts(filt) and prompts_of(filt) is None
        share = share_that_stays("filter.persistent", filt.persistent)
        verdicts: dict[str, Any] = {"accept": None, "persistent": share}
        if known:
            # Where some verdicts stay and others do not, how both are drawn.
            mixed = share not in (False, True)
            verdicts["accept"] = list(map(float, (lasting(filt) if share else filt).accept))
            verdicts |= {"fresh": list(map(float, fresh(filt).accept))} if mixed else {}
        text = json.dumps({"attributes": self.told, "filter": verdicts})
        kept = {TOLD: np.frombuffer(text.encode(), np.uint8)}
        return kept if beta is None else {**kept, BETA: beta}


def state_of(number: int) -> str:
    """Return the name of the piece with a seed's state."""
    return f"seed-{number}"


def model_of(number: int, iteration: int) -> str:
    """Return the name of the piece with a seed's model after an iteration."""
    return f"seed-{number}-iteration-{iteration}"


def assembled(
    task: SequenceTask,
    variables: dict[str, np.ndarray],
    attributes: dict[str, Any],
    betas: list[np.ndarray],
    resumed: dict[int, str],
    pass_at: tuple[int, ...],
) -> xarray.Dataset:
    """Return the trace of some seeds.

    Args:
        task: what was run.
        variables: what was measured, ``[seed, iteration, ...]``.
        attributes: see :meth:`boostsim.simulation.tokens.structure.Run.attributes`.
        betas: how often the first model as the labeler is right on each prompt, by seed; none where
            that cannot be read off.
        resumed: by seed, what of it was computed otherwise than the attributes say.
        pass_at: the k of pass_at_k.
    """
    about = dict(attributes)
    if betas:
        about |= {"beta": float(np.mean(betas)), "beta_least": float(np.min(betas))}
    if any(resumed.values()):
        words = [f"seed {number}: {told}" for number, told in resumed.items() if told]
        about["resumed"] = "; ".join(words)
    shown = {name: read(task, name, values) for name, values in variables.items()}
    return make_neural_trace(shown, task.strata, task.stratum_weights, about, pass_at)
