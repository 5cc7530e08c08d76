"""What several files run on: programs are compiled for shapes, so tests share these.

Where the kind of network does not matter, the small one; where a transformer is meant, the one of
``recorded``.
"""

import dataclasses

import recorded

import boostsim as bs

LOOKUP = bs.lookup(entries=8, answers=4)
CHAINS = bs.arithmetic(operations=2, modulus=5)
SOFTMAX = bs.SoftmaxRegression(steps=8, batch=16, first_steps=8)
TRANSFORMER, LISTED = dataclasses.replace(recorded.SMALL, first_steps=8), recorded.LISTED
