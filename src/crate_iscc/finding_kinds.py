"""Every kind of finding there is: stable ids, how much they weigh, what they mean, what to do."""

from crate_iscc.audit_kinds import AUDIT_KINDS
from crate_iscc.omero_kinds import OMERO_KINDS
from crate_iscc.pixel_kinds import PIXEL_KINDS
from crate_iscc.proof_kinds import PROOF_KINDS
from crate_iscc.severity import FindingKind, Severity
from crate_iscc.source_kinds import SOURCE_KINDS

__all__ = ["FINDING_KINDS", "PROFILE_KINDS", "FindingKind", "Severity"]

_PAYLOAD_KINDS = (
    FindingKind(
        "bytes.changed",
        Severity.ERROR,
        "The content of a file is not the recorded one",
        "The file is there under its recorded path, or was renamed and edited, and its BLAKE3 "
        "datahash, or the digest that others recorded, is another. The Data-Code distance says how "
        "many byte runs the old and the new content share: near-identical, similar or unrelated. "
        "It is no measure of how alike two images look: compression spreads the change of "
        "one pixel over many bytes.",
        "Restore the file from a copy. If the change is intended, run build again: it "
        "records the new content.",
    ),
    FindingKind(
        "bytes.moved",
        Severity.ERROR,
        "The content of a file is at another path",
        "The recorded path is gone, or holds something else, and the very same bytes (equal "
        "datahash) were found at a path that is not recorded with them.",
        "Move the file back. If the new name is intended, run build again.",
    ),
    FindingKind(
        "bytes.missing",
        Severity.ERROR,
        "A recorded file is not there",
        "The crate records a file, and neither the file nor its bytes under another name "
        "were found.",
        "Restore the file from a copy. If it was removed on purpose, run build again.",
    ),
    FindingKind(
        "bytes.extra",
        Severity.ERROR,
        "A file is there that the crate does not record",
        "The crate records a treehash, which covers every payload file. This file is not "
        "among them, so the payload is not the one that was fingerprinted.",
        "Remove the file, or run build again to record it; build --exclude leaves files "
        "out, and writes into the crate that it does.",
    ),
    FindingKind(
        "bytes.unlisted",
        Severity.INFO,
        "A file is there that the crate does not list",
        "The crate records no treehash, so it does not claim to list everything. The file "
        "was not checked.",
        "Run build to record it.",
    ),
    FindingKind(
        "bytes.leftover",
        Severity.WARNING,
        "A build has left a half-written file behind",
        "Build writes each file beside its place and renames it. This one was not renamed: the "
        "build was killed, or it still runs. Such a file is no payload: no code covers it, and "
        "it does not change the verdict.",
        "Run build again: it removes what a killed build left. Or delete the file.",
    ),
    FindingKind(
        "bytes.unread",
        Severity.WARNING,
        "A file could not be read, or not be read whole",
        "Permission was denied, the medium or the archive is damaged, a server did not give it "
        "(or would have it asked for elsewhere, where nobody is asked), the file changed "
        "while it was read, or it is no regular file (symbolic links, pipes and devices are "
        "named and never followed). Nothing is said about its content.",
        "Remove the cause that the message names, then verify again.",
    ),
    FindingKind(
        "bytes.unchecked",
        Severity.INFO,
        "A file has no recorded fingerprint that could be checked",
        "The crate lists the file without an ISCC-SUM, datahash or other digest, so nothing can "
        "be said about its content; a recorded size was compared.",
        "Run build to fingerprint it.",
    ),
    FindingKind(
        "bytes.not-fetched",
        Severity.WARNING,
        "A file is still to be fetched",
        "A Git-LFS pointer stands in the file's place, or the file is named in a bag's fetch.txt "
        "and is not there. Nothing is said about its content.",
        "Fetch it (git lfs pull; for a bag, the URLs of fetch.txt), then verify again.",
    ),
    FindingKind(
        "crate.unverified",
        Severity.WARNING,
        "A crate inside this one was not verified in its own right",
        "A folder holds an ro-crate-metadata.json or a bagit.txt of its own that cannot be used, "
        "or records nothing to check. Its files are checked by what the crate around it records.",
        "Verify the folder by itself to see what is wrong with it.",
    ),
    FindingKind(
        "path.case",
        Severity.ERROR,
        "A file is there under a name in another case",
        "Names are matched exactly, and this one differs in capitals and small letters. On a "
        "system that tells them apart, nobody finds the file by the recorded name.",
        "Rename the file to the recorded name.",
    ),
    FindingKind(
        "path.normalization",
        Severity.WARNING,
        "A file is there under a name in another Unicode form",
        "The recorded name and that of the file look the same and are composed (NFC) in one and "
        "decomposed (NFD) in the other, as copying through macOS does. The file was checked.",
        "Rename the file to the recorded form, where other tools do not find it.",
    ),
    FindingKind(
        "code.mismatch",
        Severity.ERROR,
        "A recorded ISCC-SUM is not the code of these bytes",
        "The bytes agree with the recorded datahash, but the recorded ISCC-SUM differs from "
        "the one computed from them: the metadata were edited, or written by a faulty tool.",
        "Restore the metadata from a copy, or run build again.",
    ),
    FindingKind(
        "fixity.conflict",
        Severity.ERROR,
        "The crate records two values for one file that contradict each other",
        "The ISCC-SUM, the datahash, a digest by another convention, the size or the line in a "
        "manifest do not belong to the same bytes, or the number of files or bytes of a folder is "
        "not that of its treehash, so at least one of them is wrong.",
        "Restore the metadata from a copy, or run build again.",
    ),
    FindingKind(
        "fixity.malformed",
        Severity.ERROR,
        "A recorded fingerprint is damaged",
        "A value in the place of a fingerprint is no ISCC, no datahash or no digest of its "
        "algorithm, a size beside one is no number, or a line of a manifest is none: it is cut, or "
        "has been edited.",
        "Restore the metadata from a copy, or run build again.",
    ),
    FindingKind(
        "fixity.size",
        Severity.ERROR,
        "A recorded size is not that of the bytes",
        "The content has the recorded digest, so it is the recorded one; the recorded number of "
        "bytes or files is wrong.",
        "Mend the size in the metadata, or run build again.",
    ),
    FindingKind(
        "fixity.unknown",
        Severity.WARNING,
        "Digests are recorded by an algorithm that is not known here",
        "Nothing can be said about files by a digest that cannot be computed.",
        "Check them with a tool that knows the algorithm.",
    ),
    FindingKind(
        "tree.changed",
        Severity.ERROR,
        "The treehash is not the recorded one",
        "Every recorded file is as recorded, and yet the files together are not: the "
        "recorded list of files, or the recorded treehash, was changed after the crate was "
        "built.",
        "Restore the metadata from a copy, or run build again.",
    ),
    FindingKind(
        "root.defaulted",
        Severity.INFO,
        "A value that RO-Crate requires was filled in",
        "The root of a crate must have a name, a description, a licence and a publication "
        "date. Build found none and wrote a default.",
        "Give it with the option of the same name (--name, --description, --license), or "
        "edit the metadata and run build again.",
    ),
    FindingKind(
        "build.not-on-disk",
        Severity.WARNING,
        "The metadata describe a file that is not there",
        "The crate's metadata list a file that is not among the payload. Build keeps what "
        "others wrote, so the description stays; verify will call the file missing if it "
        "carries a fingerprint.",
        "Restore the file, or remove its description from the metadata.",
    ),
    FindingKind(
        "build.stale-digest",
        Severity.WARNING,
        "Digests that others recorded are of the file's old content",
        "The file changed after others recorded a digest of it by a convention that build does not "
        "write. Build keeps what others wrote, so that digest is still there, and is wrong now.",
        "Remove the digest from the metadata, or renew it with the tool that wrote it.",
    ),
    FindingKind(
        "build.sha256-skipped",
        Severity.WARNING,
        "sha256 was not written",
        "This crate follows an RO-Crate version (1.1 or older) whose context does not "
        "define sha256, so the property would make it invalid.",
        "Use a crate of RO-Crate 1.2 or later.",
    ),
)


_MUST, _SHOULD, _MAY = Severity
_BUILD = "Run crate-iscc build: it writes this."

PROFILE_KINDS = (
    FindingKind(
        "profile.declared",
        _MUST,
        "The root dataset declares the BIO-CODES profile",
        "Without a conformsTo on the root nobody can tell by which rules the codes were made.",
        _BUILD,
        "1.1",
    ),
    FindingKind(
        "graph.flat",
        _MUST,
        "The metadata are flattened JSON-LD",
        "Every member of @graph is an object with an @id that is a string and with an @type, and "
        "holds no other entity: that is how every RO-Crate tool reads them.",
        "Give the entity an @id and an @type, and move what is nested in it to the top of @graph.",
        "1.2",
    ),
    FindingKind(
        "graph.reference",
        _MUST,
        "Every local reference points to an entity",
        "A reference to a file, a folder or a '#' identifier that nothing in the graph describes "
        "says nothing, or hides that something was lost.",
        "Describe what is referred to, or remove the reference.",
        "1.3",
    ),
    FindingKind(
        "graph.part",
        _MUST,
        "The root reaches every file and container by hasPart",
        "A file that is no part of the root dataset is no part of the crate for the tools that "
        "walk through it.",
        "Add the file to the hasPart of the root or of the folder that it is in.",
        "1.4",
    ),
    FindingKind(
        "file.iscc-sum",
        _MUST,
        "A file has exactly one wide ISCC-SUM",
        "The ISCC-SUM is the identifier of the content across systems; a second one, or a narrow "
        "one alone, leaves open which bytes are meant.",
        _BUILD,
        "2.1",
    ),
    FindingKind(
        "file.datahash",
        _MUST,
        "A file has exactly one datahash",
        "Verification rests on the whole BLAKE3 digest, as a multihash in hex.",
        _BUILD,
        "2.2",
    ),
    FindingKind(
        "file.size",
        _MUST,
        "A file has exactly one size",
        "contentSize is the number of bytes, as a string of decimal digits.",
        _BUILD,
        "2.3",
    ),
    FindingKind(
        "file.codes-agree",
        _MUST,
        "The codes of a file agree with each other",
        "ISCC-SUM, units and datahash are truncations of the same values: the last 128 bits of "
        "the ISCC-SUM are the first 128 of the datahash. Codes that contradict each other cannot "
        "all be of one file.",
        "Restore the metadata from a copy, or run crate-iscc build again.",
        "2.4",
    ),
    FindingKind(
        "file.sha256",
        _MAY,
        "A file carries a sha256",
        "Many repositories still ask for it; 64 lower-case hex digits.",
        "Run crate-iscc build --sha256 (RO-Crate 1.2 and later).",
        "2.5",
    ),
    FindingKind(
        "tree.iscc-sum",
        _MUST,
        "The whole and each container have exactly one tree ISCC-SUM",
        "It identifies the dataset, and says how similar another one is, without a list of files.",
        _BUILD,
        "3.1",
    ),
    FindingKind(
        "tree.treehash",
        _MUST,
        "The whole and each container have exactly one treehash",
        "It binds names, sizes and bytes of all files; whether a dataset is whole rests on it.",
        _BUILD,
        "3.2",
    ),
    FindingKind(
        "tree.size",
        _MUST,
        "The whole and each container state their bytes and files",
        "contentSize is the sum of bytes, as a string of decimal digits, fileCount the number of "
        "files that the codes cover.",
        _BUILD,
        "3.3",
    ),
    FindingKind(
        "manifest.recorded",
        _MUST,
        "The manifest file is recorded with its datahash",
        "The members of containers, and in the table style all files, stand only in "
        "iscc-manifest.tsv; a list that nothing binds can be exchanged.",
        _BUILD,
        "3.4",
    ),
    FindingKind(
        "recipe.version",
        _MUST,
        "The version of the recipe is stated and known",
        "It fixes every rule by which the codes were made.",
        "Run crate-iscc build, or use a newer crate-iscc if the recipe is newer.",
        "4.1",
    ),
    FindingKind(
        "recipe.exclusions",
        _MUST,
        "Exclusions are recorded as patterns",
        "What was left out of the codes has to be visible: each excludedPattern is a non-empty "
        "string in the syntax of .gitignore.",
        "Run crate-iscc build with --exclude.",
        "4.2",
    ),
    FindingKind(
        "recipe.level",
        _MUST,
        "The level of the codes is stated",
        "A code over the bytes of files and one over decoded pixels look alike and mean other "
        "things: codeLevel is bytes or pixels.",
        _BUILD,
        "4.3",
    ),
    FindingKind(
        "recipe.generator",
        _MUST,
        "The software that made the codes is named with its version",
        "Should a version turn out to be faulty, its crates can be found.",
        _BUILD,
        "4.4",
    ),
    FindingKind(
        "describe.license",
        _SHOULD,
        "The licence is stated",
        "Data without a licence cannot be reused by anybody who is careful.",
        "Run crate-iscc build --license CC-BY-4.0, or what applies.",
        "5.1",
    ),
    FindingKind(
        "describe.date-published",
        _SHOULD,
        "The date of publication is stated",
        "An ISO 8601 date: 2026, 2026-11 or 2026-11-24, perhaps with a time.",
        "Add datePublished to the root dataset.",
        "5.2",
    ),
    FindingKind(
        "describe.creator",
        _SHOULD,
        "The makers of the dataset are named",
        "creator or author of the root dataset, best with ORCIDs.",
        "Run crate-iscc build --author 'Name 0000-0002-1825-0097'.",
        "5.3",
    ),
    FindingKind(
        "describe.modality",
        _SHOULD,
        "The imaging modality is named by an FBbi term",
        "A dataset is the result of an image acquisition whose fbbi_id (NGFF challenge) or fbbiId "
        "(REMBI) names the method in the biological imaging methods ontology.",
        "Describe the image acquisition as the profile's examples do.",
        "5.4",
    ),
    FindingKind(
        "describe.specimen",
        _SHOULD,
        "The specimen is described",
        "What was under the microscope: specimen (NGFF challenge), associatedSpecimen (REMBI).",
        "Describe the specimen and refer to it from the image acquisition.",
        "5.5",
    ),
    FindingKind(
        "describe.biosample",
        _SHOULD,
        "The biosample is described",
        "Where the specimen came from: biosample (NGFF challenge), associatedBiologicalEntity or "
        "biologicalEntity (REMBI).",
        "Describe the biosample and refer to it from the specimen.",
        "5.6",
    ),
    FindingKind(
        "describe.organism",
        _SHOULD,
        "The organism is named by an NCBI Taxonomy term",
        "organism_classification (NGFF challenge) or organismClassification (REMBI) of the "
        "biosample, such as NCBI:txid9606.",
        "Refer from the biosample to the taxon.",
        "5.7",
    ),
    FindingKind(
        "describe.derivation",
        _SHOULD,
        "Derived files are linked to their raw data",
        "A CreateAction with raw data as object and the derived file as result says where a "
        "figure or a segmentation comes from. A crate of raw data alone has nothing to link.",
        "Add a CreateAction for each step that made a file out of others.",
        "5.8",
    ),
    FindingKind(
        "image.pixel-code",
        _SHOULD,
        "Each image has a pixel code with axes, shape and dtype",
        "A code of the decoded pixels stays the same when an image is re-chunked, compressed or "
        "converted; the codes of its bytes do not.",
        "Record the pixel code as a PropertyValue of the image's identifier.",
        "6.1",
    ),
    FindingKind(
        "proof.iscc-id",
        _MAY,
        "The dataset has an ISCC-ID",
        "A persistent identifier, minted by a hub when the content was declared.",
        "Declare the dataset at an ISCC hub and add the ISCC-ID to the root's identifier.",
        "7.1",
    ),
    FindingKind(
        "proof.signature",
        _MAY,
        "The metadata are signed",
        "A detached signature, iscc-proof/signature.json, says who stands for the crate.",
        "Sign the crate.",
        "7.2",
    ),
    FindingKind(
        "proof.timestamp",
        _MAY,
        "The signature has a timestamp",
        "An RFC 3161 token in iscc-proof/ proves that the crate existed by then.",
        "Have the signature stamped.",
        "7.3",
    ),
)
"""One kind for each requirement of the BIO-CODES profile 0.1, in the order of their numbers."""

_BASE_KINDS = tuple(
    FindingKind(
        f"rocrate.{word}",
        severity,
        f"rocrate-validator: a {word} rule of RO-Crate is broken",
        "rocrate-validator, asked with validate --base, finds that the metadata break a rule of "
        f"the RO-Crate specification itself that is {word}.",
        "See the RO-Crate specification of the version that the crate declares.",
    )
    for word, severity in zip(("required", "recommended", "optional"), Severity, strict=True)
)

FINDING_KINDS = {
    kind.id: kind
    for kind in (
        *_PAYLOAD_KINDS,
        *SOURCE_KINDS,
        *PIXEL_KINDS,
        *PROOF_KINDS,
        *AUDIT_KINDS,
        *OMERO_KINDS,
        *PROFILE_KINDS,
        *_BASE_KINDS,
    )
}
"""Every kind of finding there is, by its id."""
