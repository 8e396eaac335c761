"""Prints the headings of the Markdown document on standard input, indented and counted."""

from __future__ import annotations

import sys

import humanize
from headings import headings


def main() -> None:
    """Read the document, write its outline."""
    found = list(headings(sys.stdin.read()))
    for level, text in found:
        print("  " * (level - 1) + text)
    print(f"{humanize.apnumber(len(found))} headings")


if __name__ == "__main__":
    main()
