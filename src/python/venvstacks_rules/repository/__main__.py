"""``python -m venvstacks_rules.repository``: the same as ``venvstacks-repository``."""

from __future__ import annotations

import sys

from venvstacks_rules.repository.cli import main

if __name__ == "__main__":
    sys.exit(main())
