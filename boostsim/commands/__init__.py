"""What the commands do, one module each; :mod:`boostsim.cli` parses."""
