"""The key-value pairs that carry an image's fingerprints in OMERO: a MapAnnotation's keys."""

from collections.abc import Iterable
from dataclasses import dataclass

from crate_iscc.codes import Fingerprint

NAMESPACE = "org.iscc.omero"
"""The namespace that is written."""
NAMESPACES = (NAMESPACE, "org.iscc.omero.sum")
"""The namespaces that are read: other tools have written the second one."""

ISCC_SUM = "ISCC-SUM"
DATAHASH = "datahash"
TREEHASH = "treehash"
FILE_COUNT = "fileCount"
PIXEL_CODE = "ISCC pixel code"
ISCC_ID = "ISCC-ID"
KEYS = (ISCC_SUM, DATAHASH, TREEHASH, FILE_COUNT, PIXEL_CODE, ISCC_ID)
"""The keys that are ours, in the order in which they are written; others stay as they are."""

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageCodes:
    """The codes of one image: of the bytes of its file, or of all its files together.

    `datahash` belongs to one file, `treehash` and `files` (their number) to several: their
    ISCC-SUM is that of their bytes in IEP-0017 order, and the treehash binds paths and bytes.
    """

    iscc: str
    datahash: str | None = None
    treehash: str | None = None
    files: int | None = None
    pixel_code: str | None = None
    iscc_id: str | None = None

    def pairs(self) -> tuple[Pair, ...]:
        """Return the key-value pairs, in the order of KEYS."""
        values = (
            self.iscc,
            self.datahash,
            self.treehash,
            None if self.files is None else str(self.files),
            self.pixel_code,
            self.iscc_id,
        )
        return tuple((key, value) for key, value in zip(KEYS, values, strict=True) if value)


def codes_of_file(known: Fingerprint) -> ImageCodes:
    """Return the codes of an image that is one file."""
    return ImageCodes(iscc=known.iscc(), datahash=known.datahash)


def own_pairs(pairs: Iterable[Pair]) -> tuple[Pair, ...]:
    """Return those pairs whose keys are ours, in the order of KEYS."""
    found = [pair for pair in pairs if pair[0] in KEYS]
    return tuple(sorted(found, key=lambda pair: KEYS.index(pair[0])))


def is_ours(namespace: str | None, pairs: Iterable[Pair]) -> bool:
    """Tell whether an annotation is one that this tool keeps: its namespace, with an ISCC-SUM.

    The same namespace is used by others, who write other keys; theirs are left alone.
    """
    return namespace == NAMESPACE and any(key == ISCC_SUM for key, _ in pairs)


def kept_from(codes: ImageCodes, pairs: Iterable[Pair]) -> ImageCodes:
    """Return the codes, with what an older annotation of the same bytes knew besides.

    That is the pixel code and the ISCC-ID; of other bytes nothing is taken over.
    """
    old = dict(pairs)
    same = old.get(ISCC_SUM) == codes.iscc and (
        old.get(DATAHASH) == codes.datahash and old.get(TREEHASH) == codes.treehash
    )
    if not same:
        return codes
    return ImageCodes(
        iscc=codes.iscc,
        datahash=codes.datahash,
        treehash=codes.treehash,
        files=codes.files,
        pixel_code=codes.pixel_code or old.get(PIXEL_CODE) or None,
        iscc_id=codes.iscc_id or old.get(ISCC_ID) or None,
    )
