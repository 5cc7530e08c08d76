"""Simulation: the same procedure in exact and in sampled runs, on tables and in tokens.

``run`` is the door and ``seeing`` says how much is seen. In ``tables``, ``population`` and
``learning`` are what both share, ``exact`` and ``sampled`` are one step each, ``prepare`` turns a
procedure and a task into arrays. In ``tokens``, ``iteration`` is one step and ``neural`` the loop.
The function ``bs.simulate`` lives in ``run``: were this package called ``simulate``, importing it
would replace the function of that name in the package above.
"""
