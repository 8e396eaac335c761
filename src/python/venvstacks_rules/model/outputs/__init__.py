"""The outputs of ``package``: names of files, metadata of layers, manifests of stacks."""
