"""Turns a tree of files into a Manifest: in parallel, reading every byte once."""
