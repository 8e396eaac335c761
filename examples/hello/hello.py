"""Says what it was started with, and which layer each package comes from."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import humanize
import packaging
import rich
from rich.console import Console
from rich.table import Table


def layer_of(file: str) -> str:
    """The folder of the deployed layer that a file lies in."""
    layers = Path(sys.prefix).parent
    return Path(file).relative_to(layers).parts[0]


def main() -> int:
    """Greet, and show where each import was found."""
    parser = argparse.ArgumentParser(prog="hello")
    parser.add_argument("names", nargs="*", default=["world"], help="whom to greet")
    options = parser.parse_args()

    table = Table("package", "layer")
    for module in (packaging, rich, humanize):
        table.add_row(module.__name__, layer_of(module.__file__))
    console = Console(width=60)
    console.print(f"Hello, {' and '.join(options.names)}!")
    console.print(f"That is the {humanize.ordinal(len(options.names))} name.")
    console.print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
