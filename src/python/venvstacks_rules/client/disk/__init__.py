"""All that is done to a disk: files, links, renames, and when they are safe."""
