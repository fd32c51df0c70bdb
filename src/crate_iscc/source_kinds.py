"""Kinds of findings about where a crate comes from: its names, its archive, and its graph."""

from crate_iscc.severity import FindingKind, Severity

SOURCE_KINDS = (
    FindingKind(
        "bytes.remote",
        Severity.INFO,
        "A data entity lies elsewhere",
        "The @id of a File or Dataset is the address of something outside of the crate. It is "
        "listed and was not checked: no request was made.",
        "To have it checked, verify --remote fetches it; or put the file into the crate.",
    ),
    FindingKind(
        "path.unsafe",
        Severity.ERROR,
        "A name leads out of the crate, or can be no file name",
        "A member of a zip, the @id of a data entity or a line of the manifest file names "
        "something outside of the crate's folder (a path upwards, an absolute path, a drive, a "
        "file: address, also behind percent-escapes or backslashes), or nothing that a file can "
        "be called. It was not followed. Tools that follow it read or overwrite files of others.",
        "Do not unpack the crate. Ask where it comes from for one with proper names.",
    ),
    FindingKind(
        "path.portability",
        Severity.WARNING,
        "A name cannot be kept on every system",
        "The name holds a character that Windows has no place for or that ends a line, ends in a "
        "dot or a space, is the name of a device there (CON, NUL), is too long, or is no Unicode. "
        "Elsewhere it would be changed or refused, and the file would then be missing.",
        "Rename the file and run build again.",
    ),
    FindingKind(
        "path.collision",
        Severity.WARNING,
        "Two files have names that other systems take for one",
        "The names differ in upper and lower case or in how accents are written (Unicode NFC and "
        "NFD) and in nothing else. Windows and macOS would keep only one of the two files.",
        "Rename one of the files and run build again.",
    ),
    FindingKind(
        "path.repaired",
        Severity.INFO,
        "Names in the archive were read less strictly than they are written",
        "Members have names with empty or '.' segments (a//b, ./a), which some programs write "
        "and unpacking leaves out. They were read as unpacking would.",
        "Nothing has to be done; build -o NEW.zip writes plain names.",
    ),
    FindingKind(
        "file.special",
        Severity.WARNING,
        "Something is there that is no regular file",
        "It is a symbolic link, a pipe, a socket or a device, and the crate does not record it. "
        "It was neither followed nor opened.",
        "Replace it by a file, or remove it.",
    ),
    FindingKind(
        "zip.duplicate",
        Severity.ERROR,
        "A name stands in the archive more than once",
        "Programs differ in which of the members they take, so what was checked need not be what "
        "somebody unpacks. None of them was read.",
        "Make the archive anew from the files, or ask where it comes from.",
    ),
    FindingKind(
        "zip.overlap",
        Severity.ERROR,
        "Members of the archive share bytes",
        "No program that packs files writes that; it is the way to make an archive of a few "
        "kilobytes that fills a disk. The member was not read.",
        "Do not unpack the archive. Ask where it comes from.",
    ),
    FindingKind(
        "zip.encrypted",
        Severity.WARNING,
        "A member of the archive is encrypted",
        "Its bytes cannot be read without a password, so nothing is said about its content.",
        "Unpack the archive with its password and verify the folder.",
    ),
    FindingKind(
        "zip.uncovered",
        Severity.WARNING,
        "The archive holds bytes that belong to no member",
        "They stand before, between or behind the members, where verification has nothing to "
        "compare them with: a program that starts the archive, another archive, or remains.",
        "Make the archive anew from the files to be rid of them.",
    ),
    FindingKind(
        "tar.duplicate",
        Severity.ERROR,
        "A name stands in the tar more than once, or is a file and a folder",
        "Unpacking leaves the last of the members (tar -r and -u append new ones), a program that "
        "reads along takes the first; below a file or link that is a folder too, unpacking may "
        "write elsewhere. None of them was read.",
        "Unpack the archive where it cannot harm, and make it anew from the files.",
    ),
    FindingKind(
        "tar.uncovered",
        Severity.WARNING,
        "The tar holds bytes that belong to no member",
        "They fill up blocks between the members, or stand behind the archive's end, where "
        "verification has nothing to compare them with: another archive that was appended, or "
        "remains.",
        "Make the archive anew from the files to be rid of them.",
    ),
    FindingKind(
        "zarr.malformed",
        Severity.ERROR,
        "Metadata of a Zarr cannot be understood",
        "A zarr.json, .zarray, .zgroup, .zattrs or .zmetadata is no JSON object, lacks shape or "
        "chunks, or gives them different ranks, a chunk of length 0 or shards that hold no whole "
        "chunks. Readers cannot open the array.",
        "Write the metadata anew with the tool that made the Zarr.",
    ),
    FindingKind(
        "zarr.contradiction",
        Severity.WARNING,
        "Metadata of a Zarr contradict each other",
        "Consolidated metadata give an array another shape or other chunks than it has, repeat "
        "arrays that are not there or leave some out; or a level of a multiscale image is missing, "
        "or larger than the one before it. What is seen depends on what a reader reads first.",
        "Consolidate the metadata again, or write the image anew.",
    ),
    FindingKind(
        "zarr.chunks-outside",
        Severity.WARNING,
        "Chunks lie outside of the grid that the array's shape allows",
        "The array was made smaller, or its metadata are not its own: readers never see these "
        "chunks. Chunks that are absent are no finding: they stand for the fill value.",
        "Restore the metadata, or remove the chunks, and run build again.",
    ),
    FindingKind(
        "zarr.unfamiliar",
        Severity.INFO,
        "A Zarr holds something that is neither metadata nor a chunk",
        "Other files lie in it, as OME-XML beside an image, or an array has a chunk grid or names "
        "of chunks that an extension defines. They are fingerprinted like all others.",
        "Nothing has to be done.",
    ),
    FindingKind(
        "ozx.required",
        Severity.ERROR,
        "A zipped OME-Zarr breaks what RFC-9 demands",
        "An .ozx has the zarr.json of the whole at its root, holds no other .ozx, and claims "
        "jsonFirst in its comment only where all zarr.json come first. Readers rely on it.",
        "Zip the OME-Zarr anew with a tool that writes .ozx.",
    ),
    FindingKind(
        "ozx.recommended",
        Severity.WARNING,
        "A zipped OME-Zarr does not follow what RFC-9 recommends",
        "The root's zarr.json should be the first member, the others behind it breadth-first, no "
        "member compressed by the zip, and a comment should give the version of OME-Zarr: else "
        "reading a part of the image over a network takes more requests.",
        "Zip the OME-Zarr anew with a tool that writes .ozx.",
    ),
    FindingKind(
        "metadata.duplicate-id",
        Severity.WARNING,
        "Two entities of the metadata have one @id",
        "Programs differ in which of them they take. Here what both say counts, and what "
        "contradicts is a finding of its own.",
        "Join the two entities.",
    ),
    FindingKind(
        "metadata.malformed",
        Severity.WARNING,
        "A part of the metadata is not written as RO-Crate asks",
        "A member of @graph is no object, or has no @id or @type, a value stands where a "
        "reference belongs, or a folder is a part of itself. What it says is not known, or is "
        "read differently by other programs.",
        "See what crate-iscc validate says, and mend the metadata.",
    ),
)
"""What can be wrong with names, archives and graphs, whatever the bytes of the files are."""
