"""What there is to know of stacks, and how it is shown: as JSON, as text, as a page."""
