"""Options of Pants: those of all layers, and those of the tool that builds them."""
