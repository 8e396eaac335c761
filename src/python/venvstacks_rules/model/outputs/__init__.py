"""What ``package`` writes: names of files, metadata of layers, manifests of stacks."""
