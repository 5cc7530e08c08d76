"""What a network's run is, apart from its seed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh

from boostsim.curation.filters import judges
from boostsim.curation.labeler import of_ones_own
from boostsim.curation.procedure import Procedure
from boostsim.keys import key_text
from boostsim.learners.network import Trained
from boostsim.mode import described as computed_in
from boostsim.objects import described
from boostsim.simulation.seeing import FreshPrompts, Pool, Population, Seeing, VisitsEach
from boostsim.simulation.tokens.asking import check_answers
from boostsim.simulation.tokens.evaluation import Evaluation
from boostsim.simulation.tokens.judging import frames, program_of
from boostsim.simulation.tokens.listed import Listing
from boostsim.statistics import described_on
from boostsim.tasks.sequences import SequenceTask


@dataclass(frozen=True)
class Run:
    """What is run, and how much of it an iteration sees.

    Attributes:
        procedure: its learner is a network.
        task: in tokens.
        how: how much an iteration sees.
        evaluation: the prompts on which every model is measured.
        shows: whether some visits of each iteration are recorded as they were.
    """

    procedure: Procedure
    task: SequenceTask
    how: Seeing
    evaluation: Evaluation
    shows: bool = False

    @property
    def learner(self) -> Trained:
        """What is trained."""
        assert isinstance(self.procedure.learner, Trained)
        return self.procedure.learner

    @property
    def exact(self) -> bool:
        """Whether prompts are visited infinitely often."""
        return isinstance(self.how, Population)

    @property
    def weighs(self) -> bool:
        """Whether what is trained on has weights: a law, and labels that weigh otherwise."""
        procedure = self.procedure
        alike = procedure.label_share is None and procedure.label_weight == 1.0
        return self.exact or not alike

    @property
    def window(self) -> int | None:
        """Of how many iterations examples are kept, two at least; None for one, or for all."""
        regime = self.procedure.trained_on
        return None if regime.window is None or not regime.remembers else int(regime.window)

    @cached_property
    def visits(self) -> int:
        """The visits of an iteration, the most where that changes; if infinitely many, prompts."""
        if isinstance(self.how, FreshPrompts):
            return self.how.prompts
        each = self.how.most if isinstance(self.how, VisitsEach) else 1
        return each * len(self.listing.prompts)

    @property
    def by_prompt(self) -> bool:
        """Whether a criterion's groups are prompts, for they come again; else they are strata."""
        return isinstance(self.how, Pool) or not isinstance(self.how, FreshPrompts)

    @property
    def groups(self) -> int:
        """The number of groups that a criterion may tell apart."""
        if not self.by_prompt:
            return len(self.task.strata)
        return self.how.size if isinstance(self.how, Pool) else len(self.listing.prompts)

    @cached_property
    def listing(self) -> Listing:
        """The task's prompts and answers, where they can be listed."""
        return Listing(self.task)

    @cached_property
    def answers(self) -> tuple[np.ndarray, str] | None:
        """What a labeler of the user's says of prompts that are always the same, and its hash.

        In an exact run its rows; None where the labeler is built in.
        """
        labeler = self.procedure.labeler
        if labeler is None or not of_ones_own(labeler):
            return None
        if self.exact:
            quality = self.listing.quality
            known = labeler.on(np.full_like(quality, 1.0 / quality.shape[1]), quality)
            said = np.ravel(known.rows_for(quality))
        else:
            said = check_answers(self.task, labeler).astype(float).ravel()
        return said, sha256(said.tobytes()).hexdigest()[:16]

    def describe(self) -> dict[str, Any]:
        """Return what decides the numbers, for provenance and to recognise a run again."""
        procedure = self.procedure
        every: dict[str, Any] = {"visits": "unlimited"} if self.exact else {}
        if isinstance(self.how, VisitsEach):
            every = {"visits": self.how.visits}
        if self.evaluation.pass_at:
            every["pass_at"] = list(self.evaluation.pass_at)
        if self.evaluation.statistics:
            own = self.evaluation.statistics
            every["statistics"] = described_on(own, len(self.task.symbols))
        return {
            "procedure": json.loads(procedure.describe()),
            "task": described(self.task),
            "vocabulary": list(self.task.symbols),
            "learner": described(self.learner),
            "prompts_per_iteration": self.visits,
            "pool": self.how.size if isinstance(self.how, Pool) else None,
            "evaluate": self.evaluation.each,
            "backend": jax.default_backend(),
            **computed_in(double=False),
            **every,
        }

    def attributes(self, key: jax.Array, mesh: Mesh | None) -> dict[str, Any]:
        """Return what a trace says of the run: what it is, the key of all seeds, and on what."""
        told = {
            name: value
            if isinstance(value, (str, int, float))
            else json.dumps(value, sort_keys=True)
            for name, value in self.describe().items()
        }
        if judges(self.procedure.filter):
            # As of a criterion, below.
            told["filter"] = program_of(self.procedure.filter, self.task)
        if self.answers:
            told["labeler"] = self.answers[1]
        if self.procedure.scores is not None:
            worth = self.procedure.scores.steady(*frames(self.task))
            told["scores"] = sha256(worth.tobytes()).hexdigest()[:16]
        shape = (1,) if mesh is None else mesh.devices.shape
        return {
            **told,
            "key": key_text(key),
            "level": "neural, exact" if self.exact else "neural",
            # A criterion's name does not say what it computes.
            "criterion": self.procedure.criterion.fingerprint(self.procedure.most_attempts),
            "mesh": " x ".join(str(size) for size in shape),
        }
