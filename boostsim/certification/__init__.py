"""Claims set against the simulator: how each is measured, how sure one may be, and the verdict."""
