"""The commands, one module each: a request in, a result out."""
