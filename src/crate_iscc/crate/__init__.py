"""The RO-Crate view over a JSON-LD document: what it records, and how fingerprints get in."""
