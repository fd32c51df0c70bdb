"""Tests of the verdict: crates, damaged crates, and what is said about them."""
