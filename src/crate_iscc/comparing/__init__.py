"""Reads two trees, or two files, and says what they are to each other."""
