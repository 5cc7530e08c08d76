"""The theory fitted to the log of a real run: how fast, how noisy, how far."""
