"""Finds what belongs together: within sources, between two of them, and in an index of many."""
