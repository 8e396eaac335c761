"""Target types and their fields."""
