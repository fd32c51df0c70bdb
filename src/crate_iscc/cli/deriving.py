"""The derive command."""

from collections.abc import Sequence

from crate_iscc.building.deriving import derive as record_derivation
from crate_iscc.cli.streams import say, write_out
from crate_iscc.cli.terminal import chosen_kernel
from crate_iscc.paths import printable


def derive(
    crate: str,
    *,
    sources: Sequence[str],
    result: str,
    software: str,
    note: str | None,
    kernel: str | None,
) -> None:
    """Record a derivation and say which."""
    derived = record_derivation(
        crate,
        sources=sources,
        result=result,
        software=software,
        note=note,
        kernel=chosen_kernel(kernel),
    )
    made = derived.made
    names = ", ".join(end.name for end in made.sources)
    said = "already recorded" if derived.was_there else "recorded"
    write_out(
        f"{said}: {printable(made.result.name)} from {printable(names)}, "
        f"by {printable(made.software)}\n"
    )
    for path in derived.stale:
        say(f"note: {path} is of the metadata as they were: sign again")
