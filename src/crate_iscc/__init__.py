"""Fingerprints, packages and verifies bioimage datasets: ISCC-SUMs in RO-Crates."""

__version__ = "0.1.0"
