"""Layers that were unpacked: their configuration, their post-installation, their environment."""
