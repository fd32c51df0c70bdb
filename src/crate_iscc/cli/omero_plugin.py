"""What the plugin `omero iscc` of the OMERO command line does: `omero annotate` and `omero verify`.

The session is the client's own, and stays open.
"""

import re
from collections.abc import Sequence
from contextlib import closing
from typing import Any

from crate_iscc.cli.guard import NO_VERDICT
from crate_iscc.cli.omero_server import Named, annotate_on, verify_on
from crate_iscc.errors import CrateIsccError
from crate_iscc.omero.blitz import over_client

_OBJECT = re.compile(r"(Image|Dataset):([0-9]{1,18})")


def run(
    client: Any, verb: str, objects: Sequence[str], *, pixels: bool = False, dry_run: bool = False
) -> tuple[int, str]:
    """Annotate or verify images over a client; return the exit code, and why if it is not 0."""
    found = [_OBJECT.fullmatch(text) for text in objects]
    if None in found:
        return NO_VERDICT, f"not Image:ID or Dataset:ID: {objects[found.index(None)]!r:.80}"
    named = Named(
        *(tuple(int(one[2]) for one in found if one and one[1] == kind) for kind in _KINDS)
    )
    try:
        with closing(over_client(client)) as server:
            if verb == "annotate":
                code = annotate_on(server, named, pixels=pixels, dry_run=dry_run)
            else:
                code = verify_on(server, named)
    except CrateIsccError as error:
        return NO_VERDICT, f"{error}" + (f"; {error.hint}" if error.hint else "")
    return code, {1: "not as recorded", 2: "nothing could be checked", 3: "not all read"}.get(
        code, ""
    )


_KINDS = ("Image", "Dataset")
