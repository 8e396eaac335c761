"""Servers: downloads, and the settings and credentials for them."""
