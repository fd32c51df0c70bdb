"""Trees that lie elsewhere and are read over the network."""
