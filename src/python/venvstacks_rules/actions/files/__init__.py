"""Files: written into sinks, kept in trees; and TOML."""
