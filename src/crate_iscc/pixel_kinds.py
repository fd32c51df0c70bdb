"""The kinds of findings about the pixels of images."""

from crate_iscc.severity import FindingKind, Severity

PIXEL_KINDS = (
    FindingKind(
        "pixels.changed",
        Severity.ERROR,
        "The pixels of an image are not the recorded ones",
        "The image was decoded, and the code of its pixels, its shape or its type is another than "
        "the recorded one. Where the crate records digests of planes, the message names those that "
        "differ, by Z, channel and T from 0.",
        "Restore the image from a copy. If the change is intended, run build --pixels again.",
    ),
    FindingKind(
        "pixels.unread",
        Severity.WARNING,
        "The pixels of an image could not be read, or not all of them",
        "The image is damaged or incomplete, a file of it is missing, no installed package decodes "
        "it, or its pixels are of a type that IEP-0018 does not know. It has no pixel code then: a "
        "code never rests on some of the planes.",
        "Remove the cause that the message names; sum --pixels tries one image alone.",
    ),
    FindingKind(
        "pixels.re-encoded",
        Severity.INFO,
        "The bytes of an image have changed, its pixels have not",
        "The image was compressed, chunked or converted anew, or its metadata were edited: the "
        "code of its decoded pixels is the recorded one, with the same shape and type.",
        "If that is intended, run build --pixels again: it records the new bytes.",
    ),
    FindingKind(
        "build.stale-pixels",
        Severity.WARNING,
        "A pixel code is of the image as it was before",
        "The bytes of the image have changed since its pixel code was recorded, and build was not "
        "asked to decode it again. A code that crate-iscc wrote is removed, one of others stays.",
        "Run build --pixels.",
    ),
    FindingKind(
        "build.stale-codes",
        Severity.WARNING,
        "An ISCC-CODE is of what was there before",
        "The bytes have changed since the ISCC-CODE was composed, and build was not asked to look "
        "at them again. A code that crate-iscc wrote is removed, one of others stays.",
        "Run build --codes full.",
    ),
    FindingKind(
        "build.no-iscc-code",
        Severity.INFO,
        "There is no ISCC-CODE, or none with a Content-Code",
        "An image in several files has no single Data-Code that an ISCC-CODE could be composed of. "
        "Where an image could not be read, the whole is given no code of the appearance of all.",
        "Nothing has to be done; ISCC-SUMs are there all the same.",
    ),
)
"""What verify --pixels and build have to say of pixel codes."""
