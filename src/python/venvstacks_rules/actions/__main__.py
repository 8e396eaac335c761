"""``python -m venvstacks_rules.actions``; the same file starts a tree of actions, as a script.

Python runs a script without the modules that running a folder takes, and isolated, so the script
itself says that modules lie beside it.
"""

import sys

if not __package__:
    sys.path.insert(0, __file__.rpartition("/")[0] or ".")

from venvstacks_rules.actions.cli import main

sys.exit(main(sys.argv[1:]))
