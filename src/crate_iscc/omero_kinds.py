"""Kinds of findings about images in OMERO, and in the packs that come from there."""

from crate_iscc.severity import FindingKind, Severity

OMERO_KINDS = (
    FindingKind(
        "omero.missing",
        Severity.ERROR,
        "The file of an image is not in the pack",
        "The transfer.xml says where the image's file lies, and nothing is there: the server did "
        "not give it out, or the pack was made with --binaries none, or it is incomplete. Nothing "
        "was computed for this image, and it has no annotation.",
        "Pack the image again, and see what `omero transfer pack` says.",
    ),
    FindingKind(
        "omero.unplaced",
        Severity.WARNING,
        "It cannot be told which files an image of the pack consists of",
        "The image has no annotation with its place in the pack, or the place is the pack as a "
        "whole, or no path inside of it. Nothing was computed for this image.",
        "Pack the image again with a current omero-cli-transfer, without --simple.",
    ),
    FindingKind(
        "omero.renewed",
        Severity.WARNING,
        "An image had other codes before",
        "The codes that the image carried in OMERO are not those of its file now: the file is "
        "another one than when it was annotated. The annotation now holds the codes of the file.",
        "See whether the change was meant. If not, restore the file from a copy and run this "
        "again.",
    ),
    FindingKind(
        "omero.changed",
        Severity.ERROR,
        "An image in OMERO is not as its annotation says",
        "The bytes of the original files, or the pixels that the server gives out, have other "
        "codes than those that the image carries.",
        "Ask whoever runs the server to check its file repository (omero fs sets --check). If the "
        "change is intended, annotate the image again.",
    ),
    FindingKind(
        "omero.unannotated",
        Severity.WARNING,
        "An image in OMERO has no codes to check",
        "The image has no annotation in the namespace org.iscc.omero or org.iscc.omero.sum with "
        "a code that can be computed again.",
        "Annotate it: crate-iscc omero annotate.",
    ),
    FindingKind(
        "omero.unread",
        Severity.WARNING,
        "An image in OMERO could not be read, or not be read whole",
        "The server refused its files or its pixels, gave fewer bytes than it told, or the "
        "session ended. Nothing is said about the image.",
        "Remove the cause that the message names, and run this again.",
    ),
    FindingKind(
        "omero.panel-unlinked",
        Severity.WARNING,
        "A panel of a figure is linked to no file",
        "The panel shows an image of an OMERO server, and neither the transfer.xml of the crate "
        "nor --image says which file of the crate that image is.",
        "Say which it is: --image NUMBER=PATH.",
    ),
)
