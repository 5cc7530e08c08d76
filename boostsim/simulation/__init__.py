"""Simulation: the same procedure in exact and in sampled runs.

``population`` and ``learning`` are what both share, ``exact`` and ``sampled`` are one step each,
``prepare`` turns a procedure and a task into arrays, ``run`` loops and returns a trace. The
function ``bs.simulate`` lives in ``run``: were this package called ``simulate``, importing it would
replace the function of that name in the package above.
"""
