"""Pants' goals for layers, and two goals of our own."""
