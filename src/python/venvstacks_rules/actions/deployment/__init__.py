"""Layers ready to run: deployed, exported, cached, post-installed."""
