"""Wheels and interpreters, fetched as their lockfiles pin them."""
