"""Keeps the codes of many crates in one SQLite file, to find what is where."""
