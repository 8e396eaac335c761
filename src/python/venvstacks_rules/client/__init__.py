"""Installs applications from repositories, and keeps them up to date."""
