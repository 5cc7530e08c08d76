"""The report: one page of all figures, what is known of each, and a panel that computes."""
