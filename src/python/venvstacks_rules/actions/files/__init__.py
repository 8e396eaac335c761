"""Files: read in pieces, written into sinks, kept in trees; and TOML."""
