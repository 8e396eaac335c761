"""Building layers: analysis, segments, archives, and the files beside them."""
