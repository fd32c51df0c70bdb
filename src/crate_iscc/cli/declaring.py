"""The declare, lookup and seal commands: what is said to an ISCC hub, and asked of one."""

from pathlib import Path

from crate_iscc.cli.options import Manner
from crate_iscc.cli.proving import load_key, sign, stamp
from crate_iscc.cli.streams import say, write_out
from crate_iscc.cli.terminal import now, progress_on_stderr
from crate_iscc.errors import InputError
from crate_iscc.paths import printable
from crate_iscc.trust import require_trust


def declare(
    crate: str, key: str | None, hub: str, *, hub_id: int, force: bool, manner: Manner
) -> None:
    """Declare a crate at a hub, and say which ISCC-ID it has."""
    require_trust()
    from crate_iscc.proving.declaring import declare as declare_crate

    signing_key = load_key(key)
    with progress_on_stderr(manner.progress) as sink:
        made = declare_crate(
            crate,
            signing_key,
            hub,
            hub_id=hub_id,
            force=force,
            now=now(),
            jobs=manner.jobs,
            progress=sink,
        )
    realm = ", the test realm: for trying out" if made.is_test else ""
    verb = "was declared" if made.was_there else "declared"
    write_out(
        f"{verb} {printable(crate)}\n"
        f"  ISCC-ID  {made.iscc_id}{realm}\n"
        f"  hub      {printable(made.hub)}, at {made.moment}\n"
    )
    if made.written:
        write_out(f"wrote {', '.join(map(printable, made.written))}\n")
    for path in made.stale:
        say(f"{printable(path)} is of the metadata as they were: sign the crate again")


def seal(
    crate: str,
    key: str | None,
    *,
    hub: str | None,
    hub_id: int,
    authority: str | None,
    manner: Manner,
) -> None:
    """Declare a crate, sign it, have it stamped: each as far as it is asked for, in this order."""
    if key == "-" and hub is not None:
        raise InputError(
            "the key is needed twice, and stdin can be read once",
            hint="name a file with --key, or set CRATE_ISCC_KEY",
        )
    if hub is not None:
        declare(crate, key, hub, hub_id=hub_id, force=False, manner=manner)
    sign(crate, key, did=None, document=None, minisign=False, manner=manner)
    if authority is not None:
        stamp(crate, authority, renew=False)


def look_up(what: str, hub: str, *, manner: Manner) -> None:
    """Ask a hub who has declared a file, a crate or a code, and say what it answers."""
    require_trust()
    from crate_iscc.trust.declaration import look_up as ask_hub
    from crate_iscc.trust.multikey import DID_KEY

    found = ask_hub(hub, *_asked(what, manner))
    for one in found:
        by = f"{one.controller} (claimed; the key is {one.key})" if one.controller else ""
        write_out(
            f"{printable(one.iscc_id)}  declared at {printable(one.moment)} by "
            f"{printable(by or DID_KEY + one.key)}\n"
            f"  {printable(one.iscc)}  datahash {printable(one.datahash)}\n"
        )
    if not found:
        write_out(f"nobody has declared {printable(what)} there\n")
    else:
        say("that is what the hub says; only a receipt can be checked")


def _asked(what: str, manner: Manner) -> tuple[str, str]:
    """Return by what a hub is asked: the name of the question, and the code."""
    from crate_iscc.crate.view import ISCC_ID

    if ISCC_ID.fullmatch(what):
        return "iscc_id", what
    if what.startswith("ISCC:"):
        return "iscc_code", what
    if what.startswith("1e20") and not Path(what).exists():
        return "datahash", what
    return _code_of(what, manner)


def _code_of(place: str, manner: Manner) -> tuple[str, str]:
    """Return the recorded ISCC-SUM of a crate, or the datahash of a file."""
    from crate_iscc.api import fingerprint
    from crate_iscc.errors import ReadError
    from crate_iscc.kernel.digest import DatahashHasher
    from crate_iscc.verifying.verification import read_record

    try:
        root = read_record(place)[1].manifest.root
    except InputError:
        if not Path(place).is_file():
            if Path(place).is_dir():
                with progress_on_stderr(manner.progress) as sink:
                    root = fingerprint(place, jobs=manner.jobs, progress=sink).root
            else:
                raise
        else:
            hasher = DatahashHasher()
            try:
                with Path(place).open("rb") as file:
                    while part := file.read(1 << 20):
                        hasher.update(part)
            except OSError as error:
                raise ReadError(f"cannot read {printable(place)}", cause=error.strerror) from error
            return "datahash", hasher.finish().datahash or ""
    if root.iscc is None:
        raise InputError(f"{printable(place)} has no ISCC-SUM to ask for")
    return "iscc_code", root.iscc.iscc()
