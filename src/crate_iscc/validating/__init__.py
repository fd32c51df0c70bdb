"""Validates the metadata of a crate against a profile; what they say of bytes is not checked."""
