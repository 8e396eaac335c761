"""Servers and who may see which credentials: URLs, package indexes."""
