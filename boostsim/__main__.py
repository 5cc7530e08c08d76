"""``python -m boostsim``: the command of the same name."""

import sys

from boostsim.cli import main

sys.exit(main())
