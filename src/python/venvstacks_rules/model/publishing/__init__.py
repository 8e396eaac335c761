"""What goes to a repository: its files, the plan, and the report."""
