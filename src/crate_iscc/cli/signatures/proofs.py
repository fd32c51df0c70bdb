"""The signatures of the commands that sign, stamp and declare crates, and tell their provenance."""

from pathlib import Path
from typing import Annotated

import typer

from crate_iscc.cli.options import (
    CrateArgument,
    Io,
    Jobs,
    KeyOption,
    PictureFormat,
    ProgressKind,
    ProgressOption,
    TrustOption,
    manner,
)

HubOption = Annotated[str, typer.Option("--hub", metavar="URL", help="The ISCC hub.")]
HubIdOption = Annotated[
    int, typer.Option("--hub-id", min=0, max=4095, help="The hub's id, as its operator says.")
]


def keygen(
    out: Annotated[
        str, typer.Option("--out", "-o", metavar="FILE", help="Where to keep the secret key.")
    ] = "crate-iscc-key.pem",
    encrypt: Annotated[
        bool, typer.Option("--encrypt", help="Encrypt it with a passphrase.")
    ] = False,
    did: Annotated[
        str | None,
        typer.Option("--did", metavar="DID", help="A did:web to write a DID document for."),
    ] = None,
) -> None:
    """Make a key to sign crates with.

    crate-iscc keygen -o ada.pem

    The public key, in ada.pub, goes into the trust folder of those who verify.
    """
    from crate_iscc.cli import proving

    proving.keygen(out, encrypt=encrypt, did=did)


def sign(
    crate: CrateArgument,
    key: KeyOption = None,
    did: Annotated[
        str | None, typer.Option("--did", metavar="DID", help="Sign for a did:web of yours.")
    ] = None,
    did_document: Annotated[
        str | None,
        typer.Option("--did-document", metavar="FILE", help="Its DID document, kept beside."),
    ] = None,
    minisign: Annotated[
        bool, typer.Option("--minisign", help="Write ro-crate-metadata.json.minisig as well.")
    ] = False,
    jobs: Jobs = None,
    progress: ProgressOption = ProgressKind.AUTO,
) -> None:
    """Sign a crate, once it has verified.

    crate-iscc sign ./dataset --key ada.pem

    Writes iscc-proof/signature.json, beside any other signature that is there: a Verifiable
    Credential that binds the metadata file and the treehash. In a zip it is appended.
    """
    from crate_iscc.cli import proving

    proving.sign(
        crate,
        key,
        did=did,
        document=did_document,
        minisign=minisign,
        manner=manner(jobs, Io.FAST, None, progress),
    )


def stamp(
    crate: CrateArgument,
    tsa: Annotated[
        str, typer.Option("--tsa", metavar="URL", help="The authority (RFC 3161), over HTTP.")
    ],
    renew: Annotated[
        bool, typer.Option("--renew", help="Stamp the newest timestamps again.")
    ] = False,
) -> None:
    """Have a crate's signature stamped by a timestamp authority.

    crate-iscc stamp ./dataset --tsa https://tsa.example.org/tsr

    Writes iscc-proof/signature.json.tsr: that the signature existed by a time, as the authority
    says. Only the hash of the signature leaves this machine.
    """
    from crate_iscc.cli import proving

    proving.stamp(crate, tsa, renew=renew)


def declare(
    crate: CrateArgument,
    hub: HubOption,
    key: KeyOption = None,
    hub_id: HubIdOption = 0,
    force: Annotated[
        bool, typer.Option("--force", help="Declare what has been declared before.")
    ] = False,
    jobs: Jobs = None,
    progress: ProgressOption = ProgressKind.AUTO,
) -> None:
    """Declare a crate at an ISCC hub: it gets an ISCC-ID, and a receipt for that.

    crate-iscc declare ./dataset --hub https://hub.example.org --key ada.pem

    The ISCC-SUM, the datahash and the treehash of the payload leave this machine, signed, and are
    public from then on. Writes iscc-proof/hub-receipt.json, hub-did.json, and the ISCC-ID into the
    metadata; sign the crate after that.
    """
    from crate_iscc.cli import declaring

    declaring.declare(
        crate,
        key,
        hub,
        hub_id=hub_id,
        force=force,
        manner=manner(jobs, Io.FAST, None, progress),
    )


def lookup(
    what: Annotated[str, typer.Argument(metavar="FILE|CODE|CRATE", help="What to ask for.")],
    hub: HubOption,
    jobs: Jobs = None,
    progress: ProgressOption = ProgressKind.AUTO,
) -> None:
    """Ask an ISCC hub who has declared a file, a crate, or what has a code.

    crate-iscc lookup ./dataset --hub https://hub.example.org

    A CODE is an ISCC-ID, an ISCC-SUM or a datahash. A crate is asked for by its ISCC-SUM, a file
    by its datahash; nothing else leaves this machine. Not every hub can be asked.
    """
    from crate_iscc.cli import declaring

    declaring.look_up(what, hub, manner=manner(jobs, Io.FAST, None, progress))


def seal(
    crate: CrateArgument,
    key: KeyOption = None,
    hub: Annotated[
        str | None, typer.Option("--hub", metavar="URL", help="Declare it at this ISCC hub.")
    ] = None,
    hub_id: HubIdOption = 0,
    tsa: Annotated[
        str | None, typer.Option("--tsa", metavar="URL", help="Have it stamped by this authority.")
    ] = None,
    jobs: Jobs = None,
    progress: ProgressOption = ProgressKind.AUTO,
) -> None:
    """Declare a crate, sign it, have it stamped: in this order, as far as asked for.

    crate-iscc seal ./dataset --key ada.pem --hub https://hub.example.org --tsa
    https://tsa.example.org/tsr

    The signature covers the ISCC-ID and the receipt, the timestamp the signature.
    """
    from crate_iscc.cli import declaring

    declaring.seal(
        crate,
        key,
        hub=hub,
        hub_id=hub_id,
        authority=tsa,
        manner=manner(jobs, Io.FAST, None, progress),
    )


def provenance(
    crate: CrateArgument,
    format_: Annotated[
        PictureFormat | None,
        typer.Option("--format", help="What to write [default: told from -o, else text]."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write it to a file.")
    ] = None,
    trust: TrustOption = None,
    jobs: Jobs = None,
    progress: ProgressOption = ProgressKind.AUTO,
) -> None:
    """Show where a crate comes from, and what of that is verified.

    crate-iscc provenance ./dataset

    crate-iscc provenance dataset.zip -o origin.svg

    Verifies the crate, names who signed it and since when, what was done, and what it and its
    files were derived from. Of a link it can be verified that both ends are here, as recorded.
    """
    from crate_iscc.cli import tracing

    tracing.provenance(
        crate,
        format_=format_.value if format_ else None,
        output=output,
        trust=trust,
        manner=manner(jobs, Io.FAST, None, progress),
    )
