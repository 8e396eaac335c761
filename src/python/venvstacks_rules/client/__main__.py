"""``python -m venvstacks_rules.client``: the same as ``venvstacks-deploy``."""

from __future__ import annotations

import sys

from venvstacks_rules.client.cli import main

if __name__ == "__main__":
    sys.exit(main())
