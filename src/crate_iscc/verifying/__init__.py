"""Verifies crates: recorded manifest against observed manifest, and what follows from it."""
