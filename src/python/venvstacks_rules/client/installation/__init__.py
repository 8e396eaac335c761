"""What an installation consists of: its layout, its records, its generations."""
