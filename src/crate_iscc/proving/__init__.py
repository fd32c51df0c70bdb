"""Adds proofs to crates: signatures and timestamps, beside the metadata and never inside them."""
