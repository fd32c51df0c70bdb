"""Watches a folder that an instrument writes to, and keeps it a crate of what is finished."""
