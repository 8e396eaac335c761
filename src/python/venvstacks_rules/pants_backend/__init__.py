"""The Pants side: targets, options and rules."""
