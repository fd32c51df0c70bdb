"""Shards of a payload, and what is made of all of them."""
