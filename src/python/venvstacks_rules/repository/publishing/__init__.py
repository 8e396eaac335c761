"""Publishing: what a repository lacks is sent, and channels are moved."""
