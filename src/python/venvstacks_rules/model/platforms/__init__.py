"""The targets of layers: platforms, C libraries, Python versions, markers, tags."""
