"""The domain of layered environments: values in, values out, no I/O."""
