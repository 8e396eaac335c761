"""The layers of the repository: from targets and stack files to checked layers and edges."""
