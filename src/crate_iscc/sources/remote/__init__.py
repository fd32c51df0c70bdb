"""Trees of files that are reached over a network."""
