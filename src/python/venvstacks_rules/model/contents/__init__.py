"""The contents of a layer and of its archive: layout, files, segments, compression."""
