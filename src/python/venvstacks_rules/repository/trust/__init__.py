"""Keys, signatures, and what is believed. See docs/how-to/sign-a-repository.md."""
