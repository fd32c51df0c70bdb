"""Fingerprints where images live: packs of omero-cli-transfer, OMERO.figure, an OMERO server."""
