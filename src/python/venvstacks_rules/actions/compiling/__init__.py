"""Byte code for layers: compiled by an interpreter of their version of Python."""
