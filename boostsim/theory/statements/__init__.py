"""One-step statements: what can be proved over whole boxes of parameters, in exact arithmetic.

Iterating a recursion over a wide box blows up, so each theorem rests here on one iteration. All is
written with + - * / and whole powers, so it takes fractions, intervals and symbols alike.
"""

from __future__ import annotations

from boostsim.objects import Named
from boostsim.theory.statements import boosting, regimes, updates, weights

STATEMENTS = Named(
    {
        statement.name: statement
        for statement in [
            *boosting.STATEMENTS,
            *weights.STATEMENTS,
            *updates.STATEMENTS,
            *regimes.STATEMENTS,
        ]
    }
)
