"""What is timed: each contender is a row of the tables."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from side_by_side import labels, workloads
from side_by_side.commands import CAN_PIN, Cost, command_line, sum_files
from side_by_side.libraries import (
    blake3_digest,
    iscc_digest,
    loop_build,
    loop_verify,
    sha256_digest,
)
from side_by_side.peers import CRATE_ISCC, Peer, Peers
from side_by_side.preparations import (
    afresh,
    crated,
    nothing,
    unbagged,
    without_cache,
    without_crate,
    without_zip,
)
from side_by_side.workloads import Site

TREE_FAMILY = "tree ISCC-SUM"
QUIET = ("--progress", "none")


@dataclass(frozen=True, slots=True)
class Contender:
    """One row of the tables: how to prepare (untimed) and run (timed) a peer.

    Contenders of the same `family` must write the same codes to `key`'s manifest.
    """

    peer: Peer
    label: str
    task: str
    does: str
    run: Callable[[Site], Cost]
    prepare: Callable[[Site], None] = nothing
    key: str = ""
    family: str = ""


def contenders(peers: Peers, workload: str) -> tuple[Contender, ...]:
    """Return a workload's rows in the order in which they run: verifying after building."""
    if workload == workloads.ZIPS:
        return tuple(_zips(peers))
    if workload == workloads.SCALE:
        return tuple(_scale(peers))
    rows = [*_fingerprinting(peers), *_verifying(peers)]
    if workload == workloads.ONE and CAN_PIN:
        rows[3:3] = _pinned(peers)
    if workload == workloads.LARGE:
        few = {
            labels.OUR_BUILD,
            labels.B3SUM,
            labels.BAGIT_BUILD,
            labels.OUR_VERIFY,
            labels.B3SUM_CHECK,
            labels.BAGIT_VALIDATE,
        }
        rows = [row for row in rows if row.label in few]
    return tuple(rows)


def _sums(peer: Peer, label: str, key: str, family: str, *options: str) -> Contender:
    """Return a row of a command that prints a code for each file, on one core if it says so."""
    pinned = label.endswith("one core")
    does = f"{family} of each file"
    run = sum_files(peer, key, *options, pinned=pinned)
    return Contender(peer, label, labels.SUM, does, run, afresh(key), key, family)


def _fingerprinting(peers: Peers) -> Iterator[Contender]:
    """Yield the rows that make codes; the first three are ours."""
    ours, iscc_sum = peers.ours, peers.iscc_sum
    yield Contender(
        ours,
        labels.OUR_BUILD,
        labels.BUILD,
        "RO-Crate with ISCC-SUM (Data-Code, BLAKE3) of each file and of the tree",
        command_line(ours, lambda site: ("build", site.crate, "--no-cache", *QUIET)),
        crated,
    )
    yield _sums(ours, labels.OUR_SUM, CRATE_ISCC, "ISCC-SUM", "sum")
    yield Contender(
        ours,
        labels.OUR_TREE_SUM,
        labels.SUM,
        "one ISCC-SUM of the tree",
        command_line(ours, lambda site: ("sum", "--tree", site.plain), "crate-iscc-tree"),
        afresh("crate-iscc-tree"),
        "crate-iscc-tree",
        TREE_FAMILY,
    )
    yield Contender(
        iscc_sum,
        labels.ISCC_SUM,
        labels.BUILD,
        "manifest with ISCC-SUM of each file",
        command_line(iscc_sum, lambda site: ("-o", site.manifest(labels.ISCC_SUM), site.plain)),
        afresh(labels.ISCC_SUM),
        labels.ISCC_SUM,
        "ISCC-SUM",
    )
    yield Contender(
        iscc_sum,
        labels.ISCC_SUM_TREE,
        labels.SUM,
        "one ISCC-SUM of the tree",
        command_line(iscc_sum, lambda site: ("--tree", site.plain), "iscc-sum-tree"),
        afresh("iscc-sum-tree"),
        "iscc-sum-tree",
        TREE_FAMILY,
    )
    for peer, label, digest, family in (
        (peers.iscc_lib, labels.ISCC_LIB, iscc_digest, "ISCC-SUM"),
        (peers.hashlib, labels.HASHLIB, sha256_digest, "SHA-256"),
        (peers.blake3, labels.BLAKE3, blake3_digest, "BLAKE3"),
    ):
        does = f"manifest with {family} of each file, in-process loop"
        run = loop_build(digest, peer.name)
        yield Contender(peer, label, labels.BUILD, does, run, key=peer.name, family=family)
    for peer, label, options, family, remark in (
        (peers.openssl, labels.OPENSSL, ("sha256", "-r"), "SHA-256", ""),
        (peers.sha256sum, labels.SHA256SUM, (), "SHA-256", ""),
        (peers.b3sum, labels.B3SUM, (), "BLAKE3", ", large files on all cores"),
    ):
        does = f"manifest with {family} of each file{remark}"
        run = sum_files(peer, peer.name, *options)
        prepare = afresh(peer.name)
        yield Contender(peer, label, labels.BUILD, does, run, prepare, peer.name, family)
    yield Contender(
        peers.bagit,
        labels.BAGIT_BUILD,
        labels.BUILD,
        "bag with SHA-256 of each file",
        command_line(
            peers.bagit,
            lambda site: ("--quiet", "--sha256", "--processes", "2", site.bag.resolve()),
        ),
        unbagged,
    )


def _pinned(peers: Peers) -> Iterator[Contender]:
    """Yield the rows of processes that are held on one core."""
    yield _sums(peers.ours, labels.OUR_PINNED_SUM, "crate-iscc-pinned", "ISCC-SUM", "sum")
    yield _sums(peers.iscc_sum, labels.ISCC_SUM_PINNED, "iscc-sum-pinned", "ISCC-SUM")
    yield _sums(peers.openssl, labels.OPENSSL_PINNED, "openssl-pinned", "SHA-256", "sha256", "-r")


def _verifying(peers: Peers) -> Iterator[Contender]:
    """Yield the rows that check what the rows of `_fingerprinting` have written."""
    yield _verify(peers.ours, labels.OUR_VERIFY, "BLAKE3 of each file", lambda site: site.crate)
    yield _verify(
        peers.ours,
        labels.OUR_FULL_VERIFY,
        "ISCC-SUM (Data-Code, BLAKE3) of each file and of the tree",
        lambda site: site.crate,
        "--full",
    )
    yield Contender(
        peers.iscc_sum,
        labels.ISCC_SUM_CHECK,
        labels.VERIFY,
        "ISCC-SUM of each file",
        command_line(peers.iscc_sum, lambda site: ("-c", "-q", site.manifest(labels.ISCC_SUM))),
    )
    for peer, label, digest, family in (
        (peers.iscc_lib, labels.ISCC_LIB, iscc_digest, "ISCC-SUM"),
        (peers.hashlib, labels.HASHLIB, sha256_digest, "SHA-256"),
        (peers.blake3, labels.BLAKE3, blake3_digest, "BLAKE3"),
    ):
        does = f"{family} of each file, in-process loop"
        yield Contender(peer, label, labels.VERIFY, does, loop_verify(digest, peer.name))
    yield _checks(peers.sha256sum, labels.SHA256SUM_CHECK, "SHA-256 of each file")
    yield _checks(peers.b3sum, labels.B3SUM_CHECK, "BLAKE3 of each file, large files on all cores")
    yield Contender(
        peers.bagit,
        labels.BAGIT_VALIDATE,
        labels.VERIFY,
        "SHA-256 of each file",
        command_line(
            peers.bagit, lambda site: ("--quiet", "--validate", "--processes", "2", site.bag)
        ),
    )


def _checks(peer: Peer, label: str, does: str) -> Contender:
    """Return a row of a command that checks its own manifest."""
    run = command_line(peer, lambda site: ("-c", "--quiet", site.manifest(peer.name)))
    return Contender(peer, label, labels.VERIFY, does, run)


def _verify(
    ours: Peer, label: str, does: str, crate: Callable[[Site], Path], *options: str
) -> Contender:
    """Return a row of our own verification of a crate."""
    run = command_line(ours, lambda site: ("verify", crate(site), *options, *QUIET))
    return Contender(ours, label, labels.VERIFY, does, run, without_cache)


def _zips(peers: Peers) -> Iterator[Contender]:
    """Yield the rows of crates in zips, beside the directory with the same files."""
    ours = peers.ours
    yield Contender(
        ours,
        labels.OUR_BUILD,
        labels.BUILD,
        "RO-Crate in the directory",
        command_line(ours, lambda site: ("build", site.crate, "--no-cache", *QUIET)),
        crated,
    )
    for label, does, zipped, options in (
        (labels.STORED_BUILD, "RO-Crate as a zip", _stored, ()),
        (labels.DEFLATED_BUILD, "RO-Crate as a deflated zip", _deflated, ("--compress",)),
    ):
        yield Contender(
            ours, label, labels.BUILD, does, _build_zip(ours, zipped, *options), without_zip(zipped)
        )
    yield _verify(ours, labels.OUR_VERIFY, "BLAKE3 of each file", lambda site: site.crate)
    yield _verify(ours, labels.STORED_VERIFY, "BLAKE3 of each member", _stored)
    yield _verify(ours, labels.DEFLATED_VERIFY, "BLAKE3 of each member", _deflated)
    for label, zipped in ((labels.UNZIP_STORED, _stored), (labels.UNZIP_DEFLATED, _deflated)):
        yield Contender(
            peers.unzip, label, labels.VERIFY, "CRC-32 of each member", _unzip(peers.unzip, zipped)
        )


def _stored(site: Site) -> Path:
    """Return the path of the zip with stored members."""
    return site.stored_zip


def _deflated(site: Site) -> Path:
    """Return the path of the zip with deflated members."""
    return site.deflated_zip


def _build_zip(ours: Peer, zipped: Callable[[Site], Path], *options: str) -> Callable[[Site], Cost]:
    """Return a run that builds a crate in a zip from the plain tree."""
    return command_line(
        ours,
        lambda site: ("build", site.plain, "-o", zipped(site), "--no-cache", *options, *QUIET),
    )


def _unzip(unzip: Peer, zipped: Callable[[Site], Path]) -> Callable[[Site], Cost]:
    """Return a run that tests a zip with unzip."""
    return command_line(unzip, lambda site: ("-tq", zipped(site)))


def _scale(peers: Peers) -> Iterator[Contender]:
    """Yield the rows of the growing Zarr, after the interpreter that does nothing."""
    ours = peers.ours
    yield Contender(
        peers.python,
        labels.INTERPRETER,
        labels.START,
        "nothing",
        command_line(peers.python, lambda _site: ("-c", "pass")),
    )
    yield Contender(
        ours,
        labels.OUR_TREE_SUM,
        labels.SUM,
        "one ISCC-SUM of the Zarr",
        command_line(ours, lambda site: ("sum", "--tree", site.plain / "synthetic.zarr")),
        without_cache,
    )
    yield Contender(
        ours,
        labels.OUR_BUILD,
        labels.BUILD,
        "RO-Crate with the Zarr as one dataset",
        command_line(ours, lambda site: ("build", site.plain, "--no-cache", *QUIET)),
        without_crate(lambda site: site.plain),
    )
    yield _verify(ours, labels.OUR_VERIFY, "BLAKE3 of each chunk", lambda site: site.plain)
