"""Layers built: analysed, segmented, assembled, described."""
