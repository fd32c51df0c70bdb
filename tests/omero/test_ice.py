"""`omero annotate` and `omero verify` with the real omero-py, over a real connection of Ice.

The other end is a small OMERO on loopback (ice_endpoint.py): a process that speaks Glacier2 over
SSL and keeps objects of omero.model. It is no OMERO.server, and none has been asked. omero-py needs
an Ice that has to be compiled: `make omero` does that, and elsewhere these tests are left out.
"""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

if not (find_spec("IcePy") and find_spec("omero_version")):
    pytest.skip("omero-py and its Ice are not installed: make omero", allow_module_level=True)

import numpy as np
from ice_kit import KEY, TYPES, Endpoint, Repository, serving, some_planes

from cli.cli_kit import BIN, environment
from crate_iscc import ImageFingerprint, fingerprint, pixels_of
from crate_iscc.codes import Fingerprint
from crate_iscc.fingerprinting.tree import tree_code
from crate_iscc.kernel.choosing import kernel
from crate_iscc.manifest import treehash
from crate_iscc.sources.directory import DirectoryTree

ONE = b"one original file" * 500_000  # more than one read
SET = {"a.lif": b"scenes" * 99, "side/a.xml": b"<a/>", "side/b.xml": b""}
CELLS = some_planes("uint16")


def sum_of(*parts: bytes) -> Fingerprint:
    hasher = kernel().hasher()
    for part in parts:
        hasher.update(part)
    return hasher.finish()


def big_endian(planes: Any) -> bytes:
    return planes.astype(planes.dtype.newbyteorder(">")).tobytes()  # type: ignore[no-any-return]


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """Return two images: 51 is one file, with pixels; 52 a set of files, of another group."""
    made = Repository(tmp_path / "server")
    made.add(51, {"cells 1.tif": ONE}, planes=CELLS)
    made.add(52, SET, group=5)
    return made


@pytest.fixture
def endpoint(repository: Repository) -> Iterator[Endpoint]:
    with serving(repository) as there:
        yield there


# --- what a day with it is -----------------------------------------------------------------------


def test_a_dataset_is_annotated_and_verified_and_stays_as_it_is_the_second_time(
    endpoint: Endpoint, repository: Repository, write_tree: Callable[[Mapping[str, bytes]], Path]
) -> None:
    dry = endpoint.run("annotate", "--dataset", 7, "--pixels", "--dry-run")
    assert (dry.code, repository.state["annotations"]) == (3, [])  # 52 has no pixels
    first = endpoint.run("annotate", "--dataset", 7)
    assert first.code == 0, first.err
    known = sum_of(ONE)
    assert first.lines[0] == f"annotated      Image:51 (image 51)  {known.iscc()}"
    assert first.lines[-1] == "2 annotated"
    assert repository.pairs(51) == [{"ISCC-SUM": known.iscc(), "datahash": known.datahash}]
    folder = write_tree(SET)
    assert repository.pairs(52) == [
        {
            "ISCC-SUM": tree_code(DirectoryTree(folder), kernel()).iscc(),
            "treehash": treehash(fingerprint(folder).files),
            "fileCount": "3",
        }
    ]
    groups = [one["group"] for one in repository.state["annotations"]]
    assert groups == [3, 5]
    before = repository.state["annotations"]
    again = endpoint.run("annotate", "--dataset", 7, "--image", 51)
    assert (again.code, again.lines[-1]) == (0, "2 unchanged")
    assert repository.state["annotations"] == before
    assert repository.asked("saveAndReturnObject", "saveObject") == ["saveObject"] * 2
    verified = endpoint.run("verify", "--dataset", 7, "--format", "json")
    assert verified.code == 0
    assert {one["outcome"] for one in json.loads(verified.out)["images"]} == {"match"}
    assert repository.state["session"] == "left open"
    assert repository.state["open_stores"] == 0


def test_a_file_that_has_changed_on_the_server_is_found_and_annotated_anew_in_place(
    endpoint: Endpoint, repository: Repository
) -> None:
    endpoint.run("annotate", "--dataset", 7)
    repository.original(52, 1).write_bytes(b"<b/>")
    found = endpoint.run("verify", "--dataset", 7)
    assert found.code == 1
    assert "error  Image:52 (image 52): ISCC-SUM" in found.out
    renewed = endpoint.run("annotate", "--image", 52)
    assert renewed.code == 0, renewed.out
    assert renewed.lines[0].startswith("annotated anew Image:52")
    assert len(repository.pairs(52)) == 1
    assert endpoint.run("verify", "--dataset", 7).lines[-1] == "2 match"


@pytest.mark.parametrize("kind", TYPES)
def test_planes_of_every_type_are_hashed_as_they_are_sent_big_endian(
    kind: str, tmp_path: Path
) -> None:
    """The same pixels in a little-endian OME-TIFF have the same code."""
    import tifffile

    planes = some_planes(kind)
    repository = Repository(tmp_path / "server")
    repository.add(51, {"cells.tif": b"x"}, kind=kind, planes=planes)
    with serving(repository) as endpoint:
        assert endpoint.run("annotate", "--image", 51, "--pixels").code == 0
        assert endpoint.run("verify", "--image", 51).code == 0
    (pairs,) = repository.pairs(51)
    assert pairs["ISCC pixel code"] == sum_of(big_endian(planes)).iscc()
    tiff = tmp_path / "same.ome.tif"
    tifffile.imwrite(
        tiff, planes, byteorder="<", metadata={"axes": "ZCTYX"}, photometric="minisblack"
    )
    (image,) = pixels_of(tiff)
    assert isinstance(image, ImageFingerprint)
    assert pairs["ISCC pixel code"] == image.fingerprint.iscc()


def test_a_plane_that_is_too_large_for_one_message_comes_in_rows(tmp_path: Path) -> None:
    planes = np.random.default_rng(7).integers(0, 1 << 16, (1, 2, 1, 2600, 4096), dtype="u2")
    repository = Repository(tmp_path / "server")
    repository.add(51, {"slide.svs": b"x"}, planes=planes)
    with serving(repository) as endpoint:
        assert endpoint.run("annotate", "--image", 51, "--pixels").code == 0
    assert repository.pairs(51)[0]["ISCC pixel code"] == sum_of(big_endian(planes)).iscc()
    assert repository.asked("getPlane", "getTile") == ["getTile"] * 4


# --- annotations of others -----------------------------------------------------------------------


def test_both_namespaces_are_read_and_one_is_written(tmp_path: Path) -> None:
    pixels, known = sum_of(big_endian(CELLS)).iscc(), sum_of(ONE)
    repository = Repository(tmp_path / "server")
    for number in (51, 52, 53, 54):
        repository.add(number, {"cells.tif": ONE}, planes=CELLS)
    repository.annotate(601, [51], [["ISCC-CODE", pixels], ["ISCC-ID", "ISCC:MAIX"]])
    repository.annotate(602, [52], [["iscc:sum", known.iscc()]], ns="org.iscc.omero.sum")
    swapped = sum_of(CELLS.astype("<u2").tobytes()).iscc()
    repository.annotate(603, [53], [["iscc:sum", swapped]], ns="org.iscc.omero.sum")
    repository.annotate(604, [54], [["ISCC-SUM", "ISCC:X"]], ns="org.example.other")
    repository.annotate(605, [54], None)  # a tag in our namespace
    with serving(repository) as endpoint:
        verified = endpoint.run("verify", "--dataset", 7)
        assert verified.code == 1
        assert [line.split()[0] for line in verified.lines[:4]] == [
            "match", "match", "changed", "unannotated",
        ]  # fmt: skip
        assert "with their bytes swapped" in verified.out
        before = repository.state["annotations"]
        assert endpoint.run("annotate", "--dataset", 7).code == 0
    after = repository.state["annotations"]
    assert after[:5] == before
    assert [one["ns"] for one in after[5:]] == ["org.iscc.omero"] * 4


def test_what_others_added_to_our_annotation_stays_and_a_shared_one_is_not_touched(
    tmp_path: Path,
) -> None:
    repository = Repository(tmp_path / "server")
    for number in (51, 52):
        repository.add(number, {"cells.tif": ONE})
    repository.annotate(601, [51], [["note", "mine"], ["ISCC-SUM", "ISCC:OLD"], ["note", "too"]])
    repository.annotate(602, [52, 99], [["ISCC-SUM", "ISCC:OLD"]])
    with serving(repository) as endpoint:
        told = endpoint.run("annotate", "--dataset", 7)
    assert told.code == 0
    assert told.out.count("had ISCC:OLD") == 2
    known = sum_of(ONE)
    ours = [["ISCC-SUM", known.iscc()], ["datahash", known.datahash]]
    assert [one["pairs"] for one in repository.state["annotations"]] == [
        [["note", "mine"], ["note", "too"], *ours],
        [["ISCC-SUM", "ISCC:OLD"]],
        ours,
    ]


# --- what goes wrong -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("short", "the plane z 1, channel 0, t 1 has 20 bytes instead of 40"),
        ("long", "the plane z 1, channel 0, t 1 has more bytes instead of 40"),
        ("missing", "the server refused: ResourceError: no such file"),
        ("end", "the session has ended: RemovedSessionException: No session with uuid"),
        ("die", "the session has ended: "),
    ],
)
def test_planes_that_are_not_read_whole_leave_no_annotation(
    fault: str, words: str, endpoint: Endpoint, repository: Repository
) -> None:
    plane = repository.plane(51, 1, 0, 1)
    if fault == "missing":
        plane.unlink()
    elif fault == "long":
        plane.write_bytes(b"x" * 41)
    else:
        repository.fault(plane, fault)
    told = endpoint.run("annotate", "--image", 51, "--pixels")
    assert told.code == 3
    assert told.lines[0] == "unread         Image:51 (image 51)  "
    assert words in told.lines[1]
    assert told.lines[2:] == ["1 unread"]
    assert told.err == ""
    assert repository.state["annotations"] == []


@pytest.mark.parametrize(
    ("fault", "words", "counts"),
    [
        ("cut", f"has {len(ONE) - 1} bytes instead of {len(ONE)}", "1 annotated, 1 unread"),
        ("grown", f"has {len(ONE) + 1} bytes instead of {len(ONE)}", "1 annotated, 1 unread"),
        ("short", f"bytes instead of {len(ONE)}", "1 annotated, 1 unread"),
        ("missing", "the server refused: ResourceError: no such file", "1 annotated, 1 unread"),
        ("end", "the session has ended", "2 unread"),
        ("die", "the session has ended", "2 unread"),
    ],
)
def test_a_file_that_is_not_read_whole_leaves_no_annotation(
    fault: str, words: str, counts: str, endpoint: Endpoint, repository: Repository
) -> None:
    original = repository.original(51)
    if fault == "missing":
        original.unlink()
    elif fault in ("cut", "grown"):
        original.write_bytes(ONE[:-1] if fault == "cut" else ONE + b"x")
    else:
        repository.fault(original, fault)
    told = endpoint.run("annotate", "--dataset", 7)
    assert told.code == 3
    assert words in told.out
    assert told.lines[-1] == counts
    assert told.err == ""
    assert repository.pairs(51) == []


@pytest.mark.parametrize("where", ["plane", "file"])
def test_a_server_that_answers_no_more_is_waited_for_as_long_as_ice_is_told_to(
    where: str, endpoint: Endpoint, repository: Repository, tmp_path: Path
) -> None:
    """Without that, it is a quarter of an hour; omero-py by itself would wait for ever."""
    settings = tmp_path / "ice.config"
    settings.write_text("Ice.Default.InvocationTimeout=2000\n")
    place = repository.plane(51, 1, 0, 1) if where == "plane" else repository.original(51)
    repository.fault(place, "hang")
    words = ("--image", 51, "--image", 52, "--pixels")
    told = endpoint.run("annotate", *words, ICE_CONFIG=str(settings))
    assert told.code == 3
    assert "the session has ended: InvocationTimeoutException" in told.lines[2]
    assert told.lines[-1] == "2 unread"
    assert repository.state["annotations"] == []


def test_what_cannot_be_read_again_is_unread_and_neither_a_match_nor_changed(
    endpoint: Endpoint, repository: Repository
) -> None:
    assert endpoint.run("annotate", "--image", 51, "--pixels").code == 0
    repository.fault(repository.plane(51, 0, 2, 0), "die")
    told = endpoint.run("verify", "--image", 51)
    assert (told.code, told.lines[-1]) == (3, "1 unread")


def test_an_image_that_may_not_be_annotated_is_told_as_that_and_leaves_nothing(
    tmp_path: Path,
) -> None:
    repository = Repository(tmp_path / "server")
    repository.add(51, {"cells.tif": ONE}, group=6)
    repository.add(52, {"cells.tif": ONE}, group=5, locked=True)
    with serving(repository) as endpoint:
        told = endpoint.run("annotate", "--dataset", 7)
    assert told.code == 3
    assert "the server refused: SecurityViolation: Cannot modify group" in told.out
    assert "the server refused: SecurityViolation: Cannot link to the image" in told.out
    assert told.err == ""
    assert repository.state["annotations"] == []


def test_images_without_originals_or_pixels_are_told_as_that(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "server")
    repository.add(51, {}, planes=CELLS)
    repository.add(52, {"a.csv": b"x"})
    with serving(repository) as endpoint:
        told = endpoint.run("annotate", "--dataset", 7, "--pixels")
    assert told.code == 3
    assert "Image:51 (image 51): it has no original files on the server" in told.out
    assert "Image:52 (image 52): it has no pixels" in told.out


def test_names_that_are_not_plain_come_through_and_do_no_harm(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "server")
    repository.add(51, {"Zelle ä.tif": ONE}, name="Zelle ä\x1b[2J\n")
    repository.add(52, {"../out.tif": ONE})
    with serving(repository) as endpoint:
        told = endpoint.run("annotate", "--dataset", 7)
    assert told.code == 3
    assert "Zelle ä" in told.out
    assert "\x1b" not in told.out
    assert repository.pairs(52) == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--image", 50), "there is no Image:50"),
        (("--dataset", 51), "there is no Dataset:51"),
    ],
)
def test_what_is_not_there_is_an_error(
    words: tuple[str | int, ...], told: str, endpoint: Endpoint
) -> None:
    ended = endpoint.run("verify", *words)
    assert (ended.code, ended.out) == (2, "")
    assert told in ended.err


def test_a_wrong_key_is_told_without_it(endpoint: Endpoint, repository: Repository) -> None:
    ended = endpoint.run("annotate", "--image", 51, key="a-key-that-is-wrong")
    assert (ended.code, ended.out) == (2, "")
    assert "cannot be joined" in ended.err
    assert "PermissionDeniedException: Password check failed" in ended.err
    assert "omero login" in ended.err
    assert repository.state["annotations"] == []


def test_a_key_comes_from_a_file_also_where_the_environment_has_another(
    endpoint: Endpoint, tmp_path: Path
) -> None:
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n")
    ended = endpoint.run("annotate", "--image", 51, "--session-file", str(file), key="another-key")
    assert (ended.code, ended.lines[-1]) == (0, "1 annotated")


def test_a_session_that_was_removed_just_now_is_told(
    endpoint: Endpoint, repository: Repository
) -> None:
    (repository.folder / "ended").touch()
    ended = endpoint.run("annotate", "--image", 51)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("error: the session has ended\n  RemovedSessionException: ")


def test_a_port_where_nothing_listens_is_told(endpoint: Endpoint) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        ended = endpoint.run("verify", "--image", 51, port=free.getsockname()[1])
    assert ended.code == 2
    assert "ConnectionRefusedException" in ended.err


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_a_port_where_something_else_listens_is_told(answer: bytes, endpoint: Endpoint) -> None:
    import threading

    with socket.create_server(("127.0.0.1", 0)) as other:

        def serve() -> None:
            while True:
                try:
                    connection, _ = other.accept()
                except OSError:
                    return
                with connection:
                    connection.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        ended = endpoint.run("verify", "--image", 51, port=other.getsockname()[1])
        other.shutdown(socket.SHUT_RDWR)
    assert ended.code == 2
    assert "cannot be joined" in ended.err


@pytest.mark.parametrize("host", ["no host", "", "ssl://", "-h x", "127.0.0.1 -p 1"])
def test_a_host_that_is_none_is_told(host: str, endpoint: Endpoint) -> None:
    command = [sys.executable, "-m", "crate_iscc", "omero", "verify", "--image", "51"]
    done = subprocess.run(
        [*command, "--host", host],
        env=environment(OMERO_SESSION_KEY=KEY),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert "error: the session at " in done.stderr or "no server is named" in done.stderr


# --- the plugin of the command line of OMERO -----------------------------------------------------


OMERO = [str(BIN / "omero")]
if hasattr(os, "geteuid") and os.geteuid() == 0:  # it refuses to be run by root
    code = "import os, sys; os.geteuid = lambda: 1; from omero.main import main; sys.exit(main())"
    OMERO = [sys.executable, "-c", f"import sys; sys.argv[0] = {OMERO[0]!r}; {code}"]


def omero(home: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run the command line of OMERO, which keeps its sessions in a folder."""
    return subprocess.run(
        [*OMERO, *words],
        env=environment(OMERO_USERDIR=str(home)),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_plugin_does_the_same_in_the_command_line_of_omero(
    endpoint: Endpoint, repository: Repository, tmp_path: Path
) -> None:
    there = ("-s", "127.0.0.1", "-p", str(endpoint.port))

    def iscc(*words: str) -> "subprocess.CompletedProcess[str]":
        ended = omero(tmp_path, "iscc", *words)
        assert "Traceback" not in ended.stdout + ended.stderr
        return ended

    helped = iscc("--help")
    assert helped.returncode == 0, helped.stderr
    assert "Write the codes of images onto them" in helped.stdout
    unannotated = iscc("verify", "Image:51", *there, "-k", KEY)
    assert unannotated.returncode == 2
    assert "nothing could be checked" in unannotated.stderr
    login = omero(tmp_path, "login", *there, "-u", "ada", "-w", "a password")
    assert login.returncode == 0, login.stderr
    done = iscc("annotate", "Dataset:7", "--pixels")
    assert done.returncode == 3, done.stderr  # 52 has no pixels
    assert done.stdout.splitlines()[-1] == "1 annotated, 1 unread"
    assert repository.pairs(51)[0]["ISCC-SUM"] == sum_of(ONE).iscc()
    assert repository.state["open_stores"] == 0
    assert iscc("verify", "Image:51").returncode == 0
    repository.original(51).write_bytes(ONE[::-1])
    changed = iscc("verify", "Dataset:7")
    assert changed.returncode == 1
    assert "not as recorded" in changed.stderr
    wrong = iscc("verify", "Project:7")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "not Image:ID or Dataset:ID" in wrong.stderr
    assert repository.state["session"] == "left open"


def test_the_key_of_a_session_is_that_which_omero_tells(endpoint: Endpoint, tmp_path: Path) -> None:
    """As the docs have it: OMERO_SESSION_KEY="$(omero sessions key)"."""
    there = ("-s", "127.0.0.1", "-p", str(endpoint.port))
    login = omero(tmp_path, "login", *there, "-u", "ada", "-w", "a password")
    assert login.returncode == 0, login.stderr
    told = omero(tmp_path, "sessions", "key")
    assert told.returncode == 0, told.stderr
    assert endpoint.run("annotate", "--image", 51, key=told.stdout.strip()).code == 0
    assert omero(tmp_path, "iscc", "verify", "Image:51").returncode == 0  # it is open as before
