"""What lies in a layer and in its archive: layout, files, segments, compression."""
