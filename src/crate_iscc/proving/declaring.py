"""Declares a crate at an ISCC hub: its payload gets an ISCC-ID, and the crate a receipt.

The order decides what a failure can cost. What is sent is kept before it is sent, and the receipt
before anything else is done with it: hubs of the older protocol give it once.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crate_iscc.codes import parse_iscc
from crate_iscc.crate.identified import with_iscc_id
from crate_iscc.crate.record import recorded
from crate_iscc.crate.view import Crate, check_recipe, container_folders, iscc_ids_of
from crate_iscc.errors import InputError, TrustError, WriteError
from crate_iscc.fingerprinting.tree import fingerprint_tree, payload_of
from crate_iscc.kernel.choosing import kernel as chosen_kernel
from crate_iscc.metadata import MetadataFile, read_metadata
from crate_iscc.paths import (
    HUB_DOCUMENT_NAME,
    HUB_NOTE_NAME,
    HUB_RECEIPT_NAME,
    CratePath,
    printable,
    proof_path,
    signs_metadata,
)
from crate_iscc.progress import ProgressSink, nobody
from crate_iscc.proving.writing import add_files, remove_file
from crate_iscc.sources import Listing
from crate_iscc.sources.directory import DirectoryTree
from crate_iscc.sources.opening import open_local
from crate_iscc.sources.tar import TarTree
from crate_iscc.trust import require_trust
from crate_iscc.verifying.proofs import proof_entries, proof_files

if TYPE_CHECKING:
    from crate_iscc.trust.keys import SigningKey
    from crate_iscc.trust.note import Content
    from crate_iscc.trust.receipt import Receipt

_NOTE, _RECEIPT = proof_path(HUB_NOTE_NAME), proof_path(HUB_RECEIPT_NAME)
_DOCUMENT = proof_path(HUB_DOCUMENT_NAME)


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """A declaration that was made: the ISCC-ID, when and where, and what became of the crate.

    `is_test` tells that the ISCC-ID is of the test realm, `stale` names the signatures that are of
    the metadata as they were without it. `was_there` tells that only a begun one was finished.
    """

    iscc_id: str
    moment: str
    hub: str
    is_test: bool
    written: tuple[CratePath, ...]
    stale: tuple[CratePath, ...]
    was_there: bool = False


def declare(
    source: str | Path,
    key: "SigningKey",
    hub: str,
    *,
    hub_id: int = 0,
    force: bool = False,
    now: datetime | None = None,
    jobs: int | None = None,
    progress: ProgressSink = nobody,
) -> Declaration:
    """Declare a crate in a directory at the hub of a URL, and give it the ISCC-ID that it gets.

    The payload is read first: it has to be as recorded, and its datahash stands nowhere yet. A
    declaration that was begun, and has its receipt, is finished and not made again. `force`
    declares what the hub knows already, and a crate that has an ISCC-ID.

    Raises TrustError where the payload is not as recorded, or the hub does not take it or does not
    give a right receipt; InputError for an archive, and a crate without a treehash; WriteError.
    """
    require_trust()
    with open_local(source, crc=False) as tree:
        if not isinstance(tree, DirectoryTree):
            kind = "a tar" if isinstance(tree, TarTree) else "a zip"
            raise InputError(
                f"the metadata of {kind} are not changed: {printable(str(source))}",
                hint="unpack it, declare the folder, and pack that",
            )
        listing = tree.listing()
        metadata = read_metadata(tree, listing)
        crate = Crate.parse(metadata.raw)
        made = _Declaring(tree, listing, metadata, crate, key, hub, hub_id, now)
        return made.run(force=force, jobs=jobs, progress=progress)


class _Declaring:
    """One declaration of one crate."""

    def __init__(
        self,
        tree: DirectoryTree,
        listing: Listing,
        metadata: MetadataFile,
        crate: Crate,
        key: "SigningKey",
        hub: str,
        hub_id: int,
        now: datetime | None,
    ) -> None:
        self._tree, self._listing = tree, listing
        self._metadata, self._crate = metadata, crate
        self._key, self._hub, self._hub_id = key, hub, hub_id
        self._now = now
        self._files = proof_files(tree, proof_entries(listing.entries))
        self._written: list[CratePath] = []

    def run(self, *, force: bool, jobs: int | None, progress: ProgressSink) -> Declaration:
        begun = self._files.get(_RECEIPT)
        known = iscc_ids_of(self._crate)
        if known and begun is None and not force:
            raise InputError(
                f"the crate has an ISCC-ID already: {printable(known[0])}",
                hint="--force declares it once more; it then has both",
            )
        content = self._content(jobs, progress)
        if begun is None:
            raw = self._post(content, force=force)
            self._write(_RECEIPT, raw)
            remove_file(self._tree, _NOTE)
        else:
            raw = begun
        receipt = self._kept(raw, content, was_there=begun is not None)
        edited = with_iscc_id(self._crate, receipt.iscc_id.text)
        if edited is not self._crate:
            self._check_metadata()
            self._write(self._metadata.name, edited.document.dump())
        from crate_iscc.trust.iscc_id import TEST_REALM

        changed = self._metadata.name in self._written
        return Declaration(
            iscc_id=receipt.iscc_id.text,
            moment=receipt.iscc_id.moment,
            hub=receipt.hub,
            is_test=receipt.iscc_id.realm == TEST_REALM,
            written=tuple(self._written),
            stale=tuple(filter(signs_metadata, sorted(self._files))) if changed else (),
            was_there=begun is not None,
        )

    def _content(self, jobs: int | None, progress: ProgressSink) -> "Content":
        """Return what is declared, after the payload was found to be as recorded."""
        from crate_iscc.trust.note import Content

        check_recipe(self._crate)
        manifest = recorded(self._crate).manifest
        subject = printable(self._tree.subject)
        if manifest.root.treehash is None or manifest.root.iscc is None:
            raise InputError(
                f"{subject} records no codes to be declared",
                hint="build it first: crate-iscc build",
            )
        payload = payload_of(
            self._listing,
            excluded=manifest.recipe.excluded,
            known_containers=container_folders(self._crate),
            never_excluded=frozenset(self._crate.files()),
        )
        root = fingerprint_tree(
            self._tree, payload, chosen_kernel(), jobs=jobs, progress=progress,
            excluded=manifest.recipe.excluded,
        ).root  # fmt: skip
        if (
            root.iscc is None
            or root.iscc.datahash is None
            or root.treehash != manifest.root.treehash
            or root.iscc.merged(manifest.root.iscc) is None
        ):
            raise TrustError(
                f"{subject} is not as recorded, and was not declared",
                hint="see what is wrong: crate-iscc verify",
            )
        return Content(root.iscc.iscc(), root.iscc.datahash, manifest.root.treehash)

    def _post(self, content: "Content", *, force: bool) -> bytes:
        """Return the receipt of a hub for a note, which is kept for as long as it may be lost."""
        from crate_iscc.trust.asking import LostAnswerError
        from crate_iscc.trust.declaration import (
            DuplicateError,
            RefusedError,
            UnknownSchemaError,
            declare,
            receipt_of,
        )

        before = self._files.get(_NOTE)
        try:
            try:
                return declare(self._hub, self._noted(content, with_schema=True), force=force)
            except UnknownSchemaError:
                return declare(self._hub, self._noted(content, with_schema=False), force=force)
        except DuplicateError as error:
            self._restore_note(before)
            if error.actor != self._key.public or force:
                raise
            receipt = receipt_of(self._hub, error.iscc_id)
            if receipt is not None:
                if _treehash_in(receipt) != content.treehash:  # the same bytes under other names
                    raise
                return receipt
            raise TrustError(
                f"you have declared this content as {printable(error.iscc_id)}",
                cause="this hub gives a receipt once, and does not have it any more",
                hint="a second ISCC-ID, with a receipt, is to be had with --force",
            ) from error
        except LostAnswerError as error:
            raise LostAnswerError(
                error.message,
                cause=error.cause,
                hint=error.hint
                or f"it may have been declared; what was sent is kept in {_NOTE}. Run declare "
                "again: the hub says whether it knows it, and may not give the receipt again",
            ) from error
        except (RefusedError, TrustError, InputError):
            self._restore_note(before)
            raise

    def _noted(self, content: "Content", *, with_schema: bool) -> bytes:
        """Return a new signed note, after it was kept."""
        from crate_iscc.trust.note import signed_note

        moment = self._now or datetime.now(UTC)
        note = signed_note(content, self._key, self._hub_id, moment, with_schema=with_schema)
        raw = _json(note)
        add_files(self._tree, {_NOTE: raw})
        return raw

    def _restore_note(self, before: bytes | None) -> None:
        """Forget a note that was refused; an earlier one may have been taken."""
        if before is None:
            remove_file(self._tree, _NOTE)
        else:
            add_files(self._tree, {_NOTE: before})

    def _kept(self, raw: bytes, content: "Content", *, was_there: bool) -> "Receipt":
        """Return the receipt that is kept by now, after the hub's DID document is, too."""
        from crate_iscc.trust.declaration import did_document
        from crate_iscc.trust.receipt import check_receipt, contradictions
        from crate_iscc.trust.strict_json import strict_json

        hint = f"the receipt is kept in {_RECEIPT}"
        if was_there:
            hint = f"it is not overwritten; move {_RECEIPT} elsewhere to declare the crate anew"
        document = self._files.get(_DOCUMENT) if was_there else None
        if document is None:
            try:
                document = did_document(self._hub)
            except TrustError as error:
                raise TrustError(
                    "the DID document of the hub did not come",
                    cause=str(error),
                    hint=f"the receipt is kept in {_RECEIPT}; run declare again, it goes on there",
                ) from error
            self._write(_DOCUMENT, document)
        try:
            receipt = check_receipt(raw, [strict_json(document)])
            iscc = parse_iscc(content.iscc)
            wrong = contradictions(receipt, iscc, content.treehash, [receipt.iscc_id.text])
            problem = "; ".join(wrong)
            if receipt.datahash != content.datahash:
                problem = problem or "another datahash was declared"
            if not was_there and receipt.declarer.key != self._key.public:
                problem = problem or "somebody else has declared it"
        except TrustError as error:
            raise TrustError("the receipt does not hold", cause=str(error), hint=hint) from error
        if problem:
            raise TrustError("the receipt is of something else", cause=problem, hint=hint)
        return receipt

    def _check_metadata(self) -> None:
        """Raise WriteError if somebody else wrote the metadata since they were read."""
        place = self._tree.path / self._metadata.name
        try:
            same = place.read_bytes() == self._metadata.raw
        except OSError:
            same = False
        if not same:
            raise WriteError(
                f"{printable(str(place))} was written by somebody else meanwhile",
                hint="run declare again: it goes on from the receipt",
            )

    def _write(self, path: CratePath, content: bytes) -> None:
        add_files(self._tree, {path: content})
        self._written.append(path)


def _treehash_in(receipt: bytes) -> str | None:
    """Return the treehash of which a receipt seems to be; whether it holds is checked later."""
    from crate_iscc.trust.strict_json import strict_json

    value: Any = strict_json(receipt)
    for name in ("credentialSubject", "declaration", "iscc_note", "metahash"):
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, str) else None


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, indent=2, ensure_ascii=False).encode("utf-8") + b"\n"
