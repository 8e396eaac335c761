"""Writes installers: scripts that carry layers."""
