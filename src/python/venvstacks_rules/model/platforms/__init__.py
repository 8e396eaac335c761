"""What layers are built for: target platforms, C libraries, Python versions, markers, tags."""
