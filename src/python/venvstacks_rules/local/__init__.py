"""What actions and the client do with files, archives and layers on a disk."""
