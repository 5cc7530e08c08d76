"""Theory: closed forms with their statements, domains and proofs.

Nothing here imports the simulator: a law and a simulation are independent witnesses. The numbering
T1, T2, ... is this project's own, derived from the ingredients of arXiv 2502.08924; it is not the
paper's.
"""
