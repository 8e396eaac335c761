"""Texts with places that are filled, such as ``@TITLE@``."""

from __future__ import annotations


def filled(text: str, *values: tuple[str, str]) -> str:
    """The text with a value in each place that has its name."""
    for name, value in values:
        text = text.replace(f"@{name}@", value)
    return text


HERE = """\
self=$0
case $self in */*) ;; *) self=$(command -v -- "$self") ;; esac
while [ -h "$self" ]; do
  link=$(readlink "$self") || break
  case $link in /*) self=$link ;; *) self=${self%/*}/$link ;; esac
done
"""
"""For `sh`: `self` is the path of the script, also where a link starts it."""
