"""Trees that are reached over a network."""
