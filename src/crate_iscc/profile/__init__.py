"""The BIO-CODES RO-Crate profile, as findings about a crate's metadata."""
