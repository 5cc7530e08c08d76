"""Design: what can be chosen continuously, chosen by gradients through the whole exact run."""
