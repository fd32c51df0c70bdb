"""Records in a crate which of its images the panels of an OMERO.figure show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from crate_iscc.building.deriving import Ends, write_metadata
from crate_iscc.crate.derivation import End
from crate_iscc.crate.view import Crate, container_folders
from crate_iscc.errors import InputError
from crate_iscc.kernel import Kernel
from crate_iscc.kernel.choosing import kernel as chosen_kernel
from crate_iscc.metadata import read_metadata
from crate_iscc.omero.figure_json import MOST_BYTES, Figure, Panel, parse_figure
from crate_iscc.omero.packing import TRANSFER_FILE
from crate_iscc.omero.panel_actions import LinkedPanel, with_panels
from crate_iscc.omero.places import Places
from crate_iscc.omero.transfer_xml import MOST_BYTES as MOST_XML
from crate_iscc.omero.transfer_xml import parse_transfer
from crate_iscc.paths import CratePath, printable, signs_metadata
from crate_iscc.report import Finding
from crate_iscc.sources import read_all
from crate_iscc.sources.directory import DirectoryTree
from crate_iscc.sources.opening import open_tree


@dataclass(frozen=True, slots=True)
class FigureRecord:
    """A figure as it was recorded; `was_there` tells that the metadata said so already.

    `findings` name the panels that no file is known for, `stale` the signatures that are of the
    metadata as they were before.
    """

    name: str
    panels: tuple[LinkedPanel, ...]
    all_panels: int
    was_there: bool
    findings: tuple[Finding, ...]
    stale: tuple[CratePath, ...] = ()


def record_figure(
    figure: str,
    crate: str | Path,
    *,
    images: Mapping[int, str] | None = None,
    exported: Sequence[str] = (),
    kernel: Kernel | None = None,
) -> FigureRecord:
    """Record in the metadata of a crate in a directory what each panel of a figure shows.

    `figure` is the JSON: a path inside the crate, or a file elsewhere, as are those that were
    `exported` from it. An image is found by the crate's transfer.xml, or by `images`, which gives
    paths to numbers of OMERO. What is in the crate is read before: a link to what is not as
    recorded is not recorded.

    Raises InputError for what is no crate in a directory or no figure, or if no panel can be
    linked; TrustError for a file that is not as recorded, ReadError and WriteError.
    """
    with open_tree(crate, crc=False) as tree:
        if not isinstance(tree, DirectoryTree):
            raise InputError(
                f"the metadata of an archive are not changed: {printable(str(crate))}",
                hint="unpack it, record it in the folder, and pack that again",
            )
        metadata = read_metadata(tree, tree.top())
        described = Crate.parse(metadata.raw)
        ends = Ends(tree, described, kernel or chosen_kernel())
        results = tuple(ends.end(text) for text in (figure, *exported))
        parsed = _parsed(figure, tree)
        # What lies in a container has no entity of its own.
        inside = {
            image: CratePath(next((f for f in container_folders(described) if p.startswith(f)), p))
            for image, p in _places(tree).items()
        }
        linked, findings = _linked(parsed, ends, inside, images or {})
        if not linked:
            raise InputError(
                f"no panel of the figure can be linked: {printable(figure)}",
                cause=findings[0].message if findings else "it has no panels",
                hint="say which file an image is: --image NUMBER=PATH",
            )
        raw = with_panels(described, parsed.name, results, linked).document.dump()
        name = parsed.name or results[0].name
        if raw == metadata.raw:
            return FigureRecord(name, linked, len(parsed.panels), True, findings)
        write_metadata(tree, metadata, raw)
        stale = tuple(filter(signs_metadata, ends.entries.paths()))
        return FigureRecord(name, linked, len(parsed.panels), False, findings, stale)


def _parsed(figure: str, tree: DirectoryTree) -> Figure:
    entry = tree.listing().entries.get(figure)
    if entry is not None:
        return parse_figure(read_all(tree, entry, limit=MOST_BYTES))
    place = Path(figure)
    try:
        with place.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise InputError(f"cannot be read: {printable(figure)}", cause=error.strerror) from error
    if len(raw) > MOST_BYTES:
        raise InputError(
            f"the figure is too large: {printable(figure)}", cause=f"the limit is {MOST_BYTES}"
        )
    return parse_figure(raw)


def _places(tree: DirectoryTree) -> Mapping[str, CratePath]:
    """Return where the images of the pack lie that the crate is, by their IDs."""
    entries = tree.listing().entries
    entry = entries.get(TRANSFER_FILE)
    if entry is None:
        return {}
    return Places(parse_transfer(read_all(tree, entry, limit=MOST_XML)), entries).of


def _linked(
    figure: Figure, ends: Ends, places: Mapping[str, CratePath], images: Mapping[int, str]
) -> tuple[tuple[LinkedPanel, ...], tuple[Finding, ...]]:
    known: dict[str, End] = {}
    linked: list[LinkedPanel] = []
    findings: list[Finding] = []
    for panel in figure.panels:
        path = _path_of(panel, places, images)
        if path is None:
            findings.append(Finding("omero.panel-unlinked", _why(panel)))
            continue
        if path not in known:
            known[path] = ends.end(path.rstrip("/"))
        linked.append(LinkedPanel(panel, known[path]))
    return tuple(linked), tuple(findings)


def _path_of(
    panel: Panel, places: Mapping[str, CratePath], images: Mapping[int, str]
) -> str | None:
    """Return the path of a panel's image; the pack knows no images of other servers."""
    if panel.image is None:
        return None
    if panel.image in images:
        return images[panel.image]
    return None if panel.server else places.get(f"Image:{panel.image}")


def _why(panel: Panel) -> str:
    shown = f"panel {panel.number}"
    if panel.image is None:
        return f"{shown} names no image"
    shown += f" shows Image:{panel.image}"
    if panel.name:
        shown += f" ({printable(panel.name)})"
    if panel.server:
        return f"{shown} of {printable(panel.server)}"
    return f"{shown}, which the crate does not know"
