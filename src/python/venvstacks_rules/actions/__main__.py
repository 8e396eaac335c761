"""``python -m venvstacks_rules.actions``."""

import sys

from venvstacks_rules.actions.cli import main

sys.exit(main(sys.argv[1:]))
