"""What is said of a layer for auditors: its SBOM and its provenance.

See docs/reference/documents.md.
"""
