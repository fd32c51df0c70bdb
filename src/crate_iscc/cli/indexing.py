"""What the commands of `crate-iscc index` do."""

import os
from collections.abc import Iterator
from pathlib import Path

import typer

from crate_iscc.answers import Hit
from crate_iscc.cli.guard import UNREAD
from crate_iscc.cli.options import Manner
from crate_iscc.cli.reporting import write_file
from crate_iscc.cli.streams import say, write_for_machines, write_out
from crate_iscc.cli.terminal import (
    cache_folder,
    chosen_kernel,
    data_folder,
    now,
    paint_for_stdout,
    progress_on_stderr,
)
from crate_iscc.errors import InputError
from crate_iscc.matching.gathering import Gathering
from crate_iscc.matching.indexing import (
    Added,
    Exported,
    index_add,
    index_export,
    index_list,
    index_remove,
    index_search,
)
from crate_iscc.paths import printable
from crate_iscc.render.index import (
    answer_json,
    answer_text,
    crates_json,
    crates_text,
    entry_json,
)
from crate_iscc.render.units import files, number

_LINES_AT_ONCE = 1000


def chosen_index(index: Path | None) -> Path:
    """Return the index that is named, else that of CRATE_ISCC_INDEX, else the user's own."""
    if index is not None:
        return index
    if named := os.environ.get("CRATE_ISCC_INDEX"):
        return Path(named)
    folder = data_folder()
    if folder is None:
        raise InputError("there is no place for an index", hint="name one with --index")
    return folder / "index.sqlite"


def add(
    sources: list[str],
    index: Path | None,
    *,
    compute: bool,
    max_bytes: int | None,
    remember: bool,
    manner: Manner,
) -> None:
    """Take sources into the index, and end with 3 if anything of one could not be taken in."""
    place = chosen_index(index)
    with progress_on_stderr(manner.progress) as sink:
        done = index_add(
            place,
            sources,
            how=Gathering(
                compute=compute,
                max_bytes=max_bytes,
                jobs=manner.jobs,
                gentle=manner.gentle,
                kernel=chosen_kernel(manner.kernel),
                cache_folder=cache_folder() if remember else None,
                progress=sink,
            ),
            now=now(),
            added=_say_added,
        )
    write_out(f"index: {printable(str(place))}\n")
    if any(each.gathered.unread or each.gathered.without_code for each in done):
        raise typer.Exit(UNREAD)


def _say_added(added: Added) -> None:
    gathered = added.gathered
    verb = "replaced" if added.replaced else "added"
    how = "as the crate records them, not checked" if gathered.recorded else "computed"
    write_out(f"{verb} {printable(gathered.source)}: {files(len(gathered.members))}, {how}\n")
    for item in gathered.unread:
        say(f"error: {printable(item.path)}: {item.reason}")
    if gathered.without_code:
        say(
            f"warning: {files(len(gathered.without_code))} without a recorded code were left out: "
            f"{printable(gathered.without_code[0])}"
            + (", …" if len(gathered.without_code) > 1 else "")
            + "; --compute reads them"
        )


def remove(crate: str, index: Path | None) -> None:
    """Take a crate out of the index."""
    removed = index_remove(chosen_index(index), crate)
    write_out(f"removed {printable(removed.place)}: {files(removed.members)}\n")


def show(index: Path | None, *, as_json: bool) -> None:
    """Print what is in the index."""
    place = chosen_index(index)
    crates = index_list(place)
    if as_json:
        write_for_machines(crates_json(crates, str(place)))
    else:
        write_out(crates_text(crates, str(place), paint_for_stdout()))


def search(
    what: str, index: Path | None, *, threshold: int | None, most: int, as_json: bool
) -> None:
    """Print what the index holds of a file or a code."""
    answer = index_search(
        chosen_index(index), what, threshold=threshold, most=most, kernel=chosen_kernel()
    )
    if as_json:
        write_for_machines(answer_json(answer))
    else:
        write_out(answer_text(answer, paint_for_stdout()))


def export(index: Path | None, output: Path | None, folder: Path | None) -> None:
    """Write all entries as JSON lines, or each as a file of its own, as `iscc-search add` reads."""
    if folder is not None:
        if folder.exists():
            raise InputError(f"{printable(str(folder))} is there already", hint="name a new folder")
        folder.mkdir(parents=True)
    left: list[str] = []
    lines = _entries(chosen_index(index), left)
    if folder is not None:
        for iscc_id, line in lines:
            write_file(folder / f"{iscc_id.removeprefix('ISCC:')}.iscc.json", line + "\n")
    elif output is not None:
        write_file(output, "".join(f"{line}\n" for _, line in lines))
    else:
        some: list[str] = []
        for _, line in lines:
            some.append(line)
            if len(some) == _LINES_AT_ONCE:
                write_for_machines("\n".join(some) + "\n")
                some.clear()
        write_for_machines("".join(f"{line}\n" for line in some))
    if left:
        say(
            f"left out: {number(len(left))} without an ISCC-CODE of their own (folders that are "
            f"one dataset, files with a digest alone): {printable(left[0])}"
            + (", …" if len(left) > 1 else "")
        )


def _entries(index: Path, left: list[str]) -> Iterator[tuple[str, str]]:
    for entry in index_export(index):
        if isinstance(entry, Exported):
            hit = Hit(entry.crate, 0, entry.member)
            yield entry.iscc_id, entry_json(entry.iscc_id, entry.iscc_code, entry.units, hit)
        else:
            left.append(entry.path)
