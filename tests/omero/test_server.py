"""Images of an OMERO server are annotated and verified.

The server here is a small one in memory: it keeps files, pixels and annotations, and hands them out
as a server does. What it says about a real one ends at the Protocol; test_ice.py goes on from there
with the real omero-py. No OMERO.server can be had where this is tested.
"""

import json
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import pytest
from omero_pack_kit import FILES, SINGLE, make_pack
from test_pack import codes_in

from cli.cli_kit import run
from crate_iscc.codes import Fingerprint
from crate_iscc.errors import InputError, ReadError
from crate_iscc.kernel.choosing import kernel
from crate_iscc.omero.annotating import Outcome, annotate, verify
from crate_iscc.omero.codes import NAMESPACE, Pair
from crate_iscc.omero.server import (
    LostServerError,
    OmeroServer,
    Original,
    ServerAnnotation,
    ServerImage,
    ServerPixels,
)

FILESET = "root_0/2023-12/18/15-01-44.102/"
PLANES = {
    (z, c, t): [100 * z + 10 * c + t + 258 * n for n in range(6)]
    for z in range(2)
    for c in range(3)
    for t in range(2)
}


@dataclass
class MemoryServer:
    """A server of two images: 51 is one file of 2 x 3 x 2 planes of uint16, 52 a set of three."""

    files: dict[int, dict[str, bytes]] = field(
        default_factory=lambda: {
            51: {"cell 1.tiff": FILES[SINGLE]},
            52: {
                path.removeprefix(FILESET): content
                for path, content in FILES.items()
                if path.startswith(FILESET)
            },
        }
    )
    kept: dict[int, list[ServerAnnotation]] = field(default_factory=lambda: {51: [], 52: []})
    pixel_type: str = "uint16"
    planes: dict[tuple[int, int, int], bytes] = field(
        default_factory=lambda: {key: struct.pack(">6H", *row) for key, row in PLANES.items()}
    )
    fails: dict[str, Exception] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if what in self.fails:
            raise self.fails[what]

    def images(self, kind: str, number: int) -> tuple[ServerImage, ...]:
        if (kind, number) == ("Dataset", 7):
            return tuple(ServerImage(one, f"image {one}") for one in self.files)
        if kind == "Image" and number in self.files:
            return (ServerImage(number, f"image {number}"),)
        raise InputError(f"there is no {kind}:{number}")

    def originals(self, image: ServerImage) -> tuple[Original, ...]:
        self._ask(f"originals {image.number}")
        return tuple(
            Original(image.number, path, len(content))
            for path, content in self.files[image.number].items()
        )

    def read(self, original: Original) -> Iterator[bytes]:
        self._ask(f"read {original.number}")
        content = self.files[original.number][original.path]
        for at in range(0, len(content), 7):
            yield content[at : at + 7]

    def pixels(self, image: ServerImage) -> ServerPixels:
        self._ask(f"pixels {image.number}")
        return ServerPixels(image.number, self.pixel_type, z=2, c=3, t=2, y=2, x=3)

    def plane(self, pixels: ServerPixels, z: int, c: int, t: int) -> Iterator[bytes]:
        assert pixels.type == self.pixel_type
        plane = self.planes[z, c, t]
        yield plane[:5]
        self._ask(f"plane {z} {c} {t}")
        yield plane[5:]

    def annotations(self, image: ServerImage) -> tuple[ServerAnnotation, ...]:
        self._ask(f"annotations {image.number}")
        return tuple(self.kept[image.number])

    def add(self, image: ServerImage, pairs: tuple[Pair, ...]) -> None:
        self._ask(f"add {image.number}")
        self.kept[image.number].append(ServerAnnotation(next(self.numbers), NAMESPACE, pairs))

    def replace(self, annotation: ServerAnnotation, pairs: tuple[Pair, ...]) -> None:
        self._ask(f"replace {annotation.number}")
        for there in self.kept.values():
            there[:] = [
                replace(one, pairs=pairs) if one.number == annotation.number else one
                for one in there
            ]

    def close(self) -> None:
        pass


def check(server: OmeroServer) -> OmeroServer:
    """Return the server: mypy sees to it that it is one."""
    return server


@pytest.fixture
def server() -> MemoryServer:
    made = MemoryServer()
    check(made)
    return made


def all_of(server: MemoryServer) -> tuple[ServerImage, ...]:
    return server.images("Dataset", 7)


def outcomes(result: object) -> list[str]:
    return [one.outcome for one in result.images]  # type: ignore[attr-defined]


def sum_of(data: bytes) -> Fingerprint:
    hasher = kernel().hasher()
    hasher.update(data)
    return hasher.finish()


def in_order(planes: dict[tuple[int, int, int], list[int]], form: str) -> bytes:
    """Return the pixels as IEP-0018 orders them: Z outermost, then C, T innermost."""
    return b"".join(struct.pack(form, *planes[key]) for key in sorted(planes))


def test_annotating_writes_the_codes_that_a_pack_of_the_same_images_has(
    server: MemoryServer, tmp_path: Path
) -> None:
    result = annotate(server, all_of(server), kernel())
    assert outcomes(result) == [Outcome.ADDED, Outcome.ADDED]
    folder = make_pack(tmp_path / "pack")
    assert run("omero", "pack", folder).code == 0
    told = codes_in((folder / "transfer.xml").read_bytes())
    for number in (51, 52):
        (annotation,) = server.kept[number]
        assert annotation.namespace == "org.iscc.omero"
        assert [dict(annotation.pairs)] == told[f"Image:{number}"]


def test_annotating_again_writes_nothing(server: MemoryServer) -> None:
    annotate(server, all_of(server), kernel())
    server.asked.clear()
    assert outcomes(annotate(server, all_of(server), kernel())) == [Outcome.UNCHANGED] * 2
    assert not any(one.startswith(("add", "replace")) for one in server.asked)


def test_a_dry_run_writes_nothing(server: MemoryServer) -> None:
    result = annotate(server, all_of(server), kernel(), dry_run=True)
    assert outcomes(result) == [Outcome.ADDED] * 2
    assert result.images[0].pairs[0][1] == sum_of(FILES[SINGLE]).iscc()
    assert server.kept == {51: [], 52: []}


def test_other_codes_are_renewed_in_place_and_that_is_a_finding(server: MemoryServer) -> None:
    old = (("note", "mine"), ("ISCC-SUM", "ISCC:OLD"), ("ISCC-ID", "ISCC:MAIOLD"))
    server.kept[51].append(ServerAnnotation(900, NAMESPACE, old))
    theirs = ServerAnnotation(901, NAMESPACE, (("ISCC-CODE", "ISCC:X"),))
    server.kept[51].append(theirs)
    result = annotate(server, server.images("Image", 51), kernel())
    assert outcomes(result) == [Outcome.RENEWED]
    assert [one.id for one in result.findings] == ["omero.renewed"]
    renewed, other = server.kept[51]
    known = sum_of(FILES[SINGLE])
    assert renewed.pairs == (
        ("note", "mine"), ("ISCC-SUM", known.iscc()), ("datahash", known.datahash),
    )  # fmt: skip
    assert other == theirs


def test_an_annotation_that_others_share_is_not_changed(server: MemoryServer) -> None:
    shared = ServerAnnotation(900, NAMESPACE, (("ISCC-SUM", "ISCC:OLD"),), shared=True)
    server.kept[51].append(shared)
    annotate(server, server.images("Image", 51), kernel())
    assert shared in server.kept[51]
    assert len(server.kept[51]) == 2


def test_the_pixel_code_is_of_big_endian_planes_in_the_order_of_iep_0018(
    server: MemoryServer,
) -> None:
    result = annotate(server, server.images("Image", 51), kernel(), pixels=True)
    expected = sum_of(in_order(PLANES, ">6H")).iscc()
    assert dict(result.images[0].pairs)["ISCC pixel code"] == expected
    assert outcomes(verify(server, server.images("Image", 51), kernel())) == [Outcome.MATCH]
    again = annotate(server, server.images("Image", 51), kernel())  # without --pixels it is kept
    assert outcomes(again) == [Outcome.UNCHANGED]


def test_verify_finds_changed_files_and_changed_pixels(server: MemoryServer) -> None:
    annotate(server, all_of(server), kernel(), pixels=True)
    assert outcomes(verify(server, all_of(server), kernel())) == [Outcome.MATCH] * 2
    server.files[52]["sub/plane_2.tif"] = b"another plane" * 14
    server.planes[1, 2, 1] = bytes(12)
    result = verify(server, all_of(server), kernel())
    assert outcomes(result) == [Outcome.CHANGED] * 2
    about = [(one.id, one.message.split()[3]) for one in result.findings]
    assert about == [
        ("omero.changed", "ISCC"), ("omero.changed", "ISCC-SUM"), ("omero.changed", "treehash"),
        ("omero.changed", "ISCC"),
    ]  # fmt: skip


def test_a_set_whose_files_were_renamed_has_changed(server: MemoryServer) -> None:
    annotate(server, all_of(server), kernel())
    files = server.files[52]
    files["sub/plane_3.tif"] = files.pop("sub/plane_2.tif")
    result = verify(server, all_of(server), kernel())
    assert outcomes(result) == [Outcome.MATCH, Outcome.CHANGED]
    assert "treehash" in result.findings[0].message


@pytest.mark.parametrize("wide", [True, False])
@pytest.mark.parametrize(
    ("namespace", "key", "data"),
    [
        ("org.iscc.omero", "ISCC-CODE", in_order(PLANES, ">6H")),
        ("org.iscc.omero.sum", "iscc:sum", in_order(PLANES, ">6H")),
        ("org.iscc.omero.sum", "iscc:sum", FILES[SINGLE]),
    ],
)
def test_codes_of_other_tools_are_verified(
    wide: bool, namespace: str, key: str, data: bytes, server: MemoryServer
) -> None:
    pairs = ((key, sum_of(data).iscc(wide=wide)), ("ISCC-ID", "ISCC:MAIX"))
    server.kept[51].append(ServerAnnotation(900, namespace, pairs))
    assert outcomes(verify(server, server.images("Image", 51), kernel())) == [Outcome.MATCH]


def test_a_code_of_pixels_that_were_taken_for_little_endian_is_told_as_that(
    server: MemoryServer,
) -> None:
    """As iscc-bio 0.2 computes it of planes from OMERO."""
    pairs = (("ISCC-CODE", sum_of(in_order(PLANES, "<6H")).iscc()),)
    server.kept[51].append(ServerAnnotation(900, NAMESPACE, pairs))
    result = verify(server, server.images("Image", 51), kernel())
    assert outcomes(result) == [Outcome.CHANGED]
    assert "with their bytes swapped" in result.findings[0].message


def test_only_what_is_recorded_is_computed(server: MemoryServer) -> None:
    result = verify(server, all_of(server), kernel())
    assert outcomes(result) == [Outcome.UNANNOTATED] * 2
    assert server.asked == ["annotations 51", "annotations 52"]
    server.kept[51].append(
        ServerAnnotation(1, NAMESPACE, (("ISCC-CODE", sum_of(in_order(PLANES, ">6H")).iscc()),))
    )
    verify(server, server.images("Image", 51), kernel())
    assert not any(one.startswith("read") for one in server.asked)


@pytest.mark.parametrize("value", ["", "nonsense", "ISCC:KAAAAAAAAAAAAAAA", "ISCC:K4A"])
def test_what_is_no_code_never_matches(value: str, server: MemoryServer) -> None:
    pairs = (("ISCC-SUM", value), ("datahash", value))
    server.kept[51].append(ServerAnnotation(900, NAMESPACE, pairs))
    expected = Outcome.CHANGED if value else Outcome.UNANNOTATED
    assert outcomes(verify(server, server.images("Image", 51), kernel())) == [expected]


def test_a_session_that_ends_in_the_middle_of_a_plane_leaves_nothing_half_known(
    server: MemoryServer,
) -> None:
    server.fails["plane 1 0 1"] = LostServerError("the session has ended", cause="removed")
    result = annotate(server, all_of(server), kernel(), pixels=True)
    assert outcomes(result) == [Outcome.UNREAD] * 2
    assert [one.message for one in result.findings] == [
        "Image:51 (image 51): the session has ended: removed",
        "Image:52 (image 52): the session had ended before",
    ]
    assert server.kept == {51: [], 52: []}
    assert "originals 52" not in server.asked


@pytest.mark.parametrize(
    "what", ["originals 51", "read 51", "annotations 51", "add 51", "pixels 51", "plane 0 2 1"]
)
def test_an_image_that_the_server_refuses_is_unread_and_the_next_is_annotated(
    what: str, server: MemoryServer
) -> None:
    server.fails[what] = ReadError("the server refused", cause="SecurityViolation")
    if what.startswith("plane"):
        server.pixel_type = "uint16"
    result = annotate(server, all_of(server), kernel(), pixels=what.startswith(("pixels", "plane")))
    expected = [Outcome.UNREAD, Outcome.UNREAD if what.startswith("plane") else Outcome.ADDED]
    assert outcomes(result) == expected
    assert result.findings[0].id == "omero.unread"
    assert server.kept[51] == []


@pytest.mark.parametrize("change", [-1, 1])
def test_a_plane_of_another_size_than_told_has_no_code(change: int, server: MemoryServer) -> None:
    server.planes[0, 0, 0] = bytes(12 + change)
    result = annotate(server, server.images("Image", 51), kernel(), pixels=True)
    assert outcomes(result) == [Outcome.UNREAD]
    assert "the plane z 0, channel 0, t 0 has" in result.findings[0].message


def test_a_file_that_is_shorter_than_told_has_no_code(server: MemoryServer) -> None:
    class Short(MemoryServer):
        def read(self, original: Original) -> Iterator[bytes]:
            yield self.files[original.number][original.path][:3]

    short = Short()
    result = annotate(short, short.images("Image", 51), kernel())
    assert outcomes(result) == [Outcome.UNREAD]
    assert f"has 3 bytes instead of {len(FILES[SINGLE])}" in result.findings[0].message
    assert short.kept[51] == []


@pytest.mark.parametrize("path", ["../x.tif", "/x.tif", "", "a/../b.tif"])
def test_a_path_that_leads_out_is_refused(path: str, server: MemoryServer) -> None:
    server.files[51] = {path: b"x"}
    result = annotate(server, server.images("Image", 51), kernel())
    assert outcomes(result) == [Outcome.UNREAD]


def test_an_image_without_original_files_is_told_as_that(server: MemoryServer) -> None:
    server.files[51] = {}
    result = annotate(server, server.images("Image", 51), kernel())
    assert "no original files" in result.findings[0].message


def test_pixels_of_a_type_without_code_are_told_as_that(server: MemoryServer) -> None:
    server.pixel_type = "bit"
    result = annotate(server, server.images("Image", 51), kernel(), pixels=True)
    assert "pixels of the type bit have no pixel code" in result.findings[0].message


# --- the commands --------------------------------------------------------------------------------


@pytest.mark.skipif(find_spec("omero_version") is not None, reason="omero-py is installed")
@pytest.mark.parametrize("command", ["annotate", "verify"])
def test_without_omero_py_it_is_said_how_to_get_it(command: str) -> None:
    ended = run("omero", command, "--host", "127.0.0.1", "--image", "1", "--format", "json")
    assert ended.code == 2
    error = json.loads(ended.out)["error"]
    assert error["message"] == "omero-py is not installed, or does not load"
    assert "(Python {}.{})".format(*sys.version_info) in error["cause"]
    assert error["hint"].startswith("use Python 3.11 or 3.12") is (sys.version_info > (3, 13))
    assert "zeroc-ice 3.6.5" in error["hint"]
    assert error["hint"].endswith("Then pip install 'crate-iscc[omero]'")
    assert "crate-iscc[omero]" in ended.err


def test_no_command_takes_a_password_or_a_key_as_an_option() -> None:
    for command in ("annotate", "verify"):
        told = run("omero", command, "--help").out
        assert "--session-file" in told
        assert "password" not in told.lower()


def test_something_has_to_be_named() -> None:
    ended = run("omero", "annotate", "--host", "127.0.0.1")
    assert ended.code == 2
    assert "no image is named" in ended.err
