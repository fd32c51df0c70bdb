"""The words that crate-iscc writes into a crate, with the IRIs that give them their meaning."""

ISCC_TERM = "http://purl.org/iscc/terms/#iscc"
ISCC_ID_TERM = "http://purl.org/iscc/terms/#iscc_id"
DATAHASH_TERM = "http://purl.org/iscc/terms/#datahash"
BIO_CODES_TERMS = "https://w3id.org/bio-codes/terms#"
TREEHASH_TERM = BIO_CODES_TERMS + "treehash"
PIXEL_CODE_TERM = BIO_CODES_TERMS + "pixelCode"
ISCC_CODE_TERM = BIO_CODES_TERMS + "isccCode"
"""Of an ISCC-CODE of several levels: no code of bytes, so no verification takes it for one."""

_OWN_TERMS = (
    "treehash",
    "fileCount",
    "recipeVersion",
    "excludedPattern",
    "codeLevel",
    "generator",
    "forced",
    "manifestDatahash",
    "manifestSchema",
    "axes",
    "shape",
    "dtype",
    "planeDigests",
)
_ISCC_TERMS = {
    "datahash": DATAHASH_TERM,
    "units": "http://purl.org/iscc/terms/#units",
    "metahash": "http://purl.org/iscc/terms/#metahash",
}
TERMS = _ISCC_TERMS | {term: BIO_CODES_TERMS + term for term in _OWN_TERMS}
"""Terms that go into the crate's own `@context`."""

PROFILE = "https://w3id.org/bio-codes/ro-crate/0.1"
PROFILE_NAME = "BIO-CODES RO-Crate profile"
PROFILE_VERSION = "0.1.0"
MANIFEST_SCHEMA = "https://w3id.org/bio-codes/schemas/iscc-manifest.csvw.json"
BYTES_LEVEL = "bytes"
PIXELS_LEVEL = "pixels"

RO_CRATE = "https://w3id.org/ro/crate/"
NEW_CRATE_VERSION = "1.3"
OLD_VERSIONS = frozenset({"0.2", "1.0", "1.1"})
"""Versions whose context has neither `sha256` nor `Profile`."""

ACTION_ID = "#crate-iscc-fingerprint"
STILL_ACTIVE = "http://schema.org/ActiveActionStatus"
"""The status of that action while files are still being written: the whole has no codes then."""
SOFTWARE_ID = "#crate-iscc"
SOFTWARE_URL = "https://w3id.org/bio-codes/crate-iscc"
ISCC_SUM_ID = "#iscc-sum"
TREEHASH_ID = "#treehash"
PIXEL_CODE_ID = "#iscc-pixels-"
"""How the `@id` of a pixel code begins that this project wrote."""
ISCC_CODE_ID = "#iscc-code-"
"""How the `@id` of an ISCC-CODE begins that this project wrote."""
ISCC_ID_ID = "#iscc-id"
NO_LICENCE_ID = "#licence-not-stated"

_MEDIA_TYPES = {
    ".csv": "text/csv",
    ".gif": "image/gif",
    ".gz": "application/gzip",
    ".h5": "application/x-hdf5",
    ".hdf5": "application/x-hdf5",
    ".htm": "text/html",
    ".html": "text/html",
    ".ipynb": "application/x-ipynb+json",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".json": "application/json",
    ".jsonld": "application/ld+json",
    ".md": "text/markdown",
    ".mp4": "video/mp4",
    ".ozx": "application/zip",
    ".parquet": "application/vnd.apache.parquet",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".py": "text/x-python",
    ".svg": "image/svg+xml",
    ".tar": "application/x-tar",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".tsv": "text/tab-separated-values",
    ".txt": "text/plain",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".xml": "application/xml",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    ".zip": "application/zip",
}


def media_type(name: str) -> str | None:
    """Return the media type that a file's ending stands for, or None where it says nothing.

    A fixed table, so that the same dataset gets the same metadata on every machine.
    """
    stem, dot, ending = name.rpartition(".")
    return _MEDIA_TYPES.get(f".{ending.lower()}") if dot and stem else None
