"""Tests of the comparison of two trees or files: what a user types, and what comes out."""
