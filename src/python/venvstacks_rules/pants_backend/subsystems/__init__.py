"""Options: for all layers, and for the tool that builds them."""
