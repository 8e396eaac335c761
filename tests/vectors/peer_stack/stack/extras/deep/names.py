"""Names."""

TITLE = "Sum"
