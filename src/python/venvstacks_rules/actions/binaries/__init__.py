"""Reads ELF, Mach-O and PE binaries."""
