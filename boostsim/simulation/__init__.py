"""Simulation: the same procedure in exact and in sampled runs, on tables and in tokens.

``run`` is the door, ``seeing`` says how much is seen, and each wing has its ``loop``. In
``tables``, ``population`` and ``learning`` are what both kinds of run share, ``exact`` and
``sampled`` are one step each, ``prepare`` turns a procedure and a task into arrays. In ``tokens``,
``iteration`` is one step. The function ``bs.simulate`` lives in ``run``: were this package called
``simulate``, importing it would replace the function of that name in the package above.
"""
