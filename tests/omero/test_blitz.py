# ruff: noqa: N802, N818, ARG002, ARG005, E501
"""What lies between the Protocol and omero-py asks for what it should, as omero-py calls it.

omero-py does not install everywhere, so its objects are stand-ins: plain ones that keep files, planes
and annotations, with the methods that omero-py 5.23 has. test_ice.py has the real ones.
"""

import io
import runpy
import struct
import sys
import types
from contextlib import redirect_stdout
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from crate_iscc.errors import InputError, ReadError
from crate_iscc.kernel.choosing import kernel
from crate_iscc.omero.annotating import Outcome, annotate, verify
from crate_iscc.omero.blitz import BlitzServer, connect
from crate_iscc.omero.server import LostServerError, ServerImage, ServerPixels

RAW = bytes(range(256)) * 40_000  # more than one read
WIDTH, HEIGHT = 4096, 4096  # more than one stripe
PREFIX = "ada_3/2024-05/13/10-12-44.103/"


class Wrapped:
    """An object of the gateway: every getX returns x."""

    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("get"):
            return lambda: self.__dict__[name[3:4].lower() + name[4:]]
        raise AttributeError(name)


class Settable:
    """An object of the model: setX keeps x."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("set"):
            return lambda value: setattr(self, name[3:].lower(), value)
        raise AttributeError(name)


class MapAnnotationI(Settable):
    pass


class MapAnnotationWrapper:
    OMERO_TYPE = MapAnnotationI

    def __init__(self, number: int, ns: str, value: Any) -> None:
        self.number, self.ns, self.value = number, ns, [list(pair) for pair in value]

    def getId(self) -> int:
        return self.number

    def getValue(self) -> list[tuple[str, str]]:
        return [(key, value) for key, value in self.value]

    def setValue(self, value: list[list[str]]) -> None:
        self.value = value

    def save(self) -> None:
        pass


class ImageWrapper(Wrapped):
    def listAnnotations(self, ns: str) -> list[Any]:
        return [one for one in self.linked if one.ns == ns]


class Options(dict[str, str]):
    """What is sent with a call: the group that it is made in."""

    def setOmeroGroup(self, group: int | str) -> None:
        self["omero.group"] = str(group)

    def copy(self) -> "Options":
        return Options(self)


class FileStore:
    def __init__(self, gateway: "Gateway") -> None:
        self.gateway = gateway

    def setFileId(self, number: int, _options: Any) -> None:
        self.data = self.gateway.files[number]

    def read(self, at: int, length: int) -> bytes:
        self.gateway.raise_if_lost()
        return self.data[at : at + length]

    def ice_invocationTimeout(self, _milliseconds: int) -> "FileStore":
        return self

    def size(self) -> int:
        return len(self.data)

    def close(self) -> None:
        self.gateway.closed += 1


class PixelsStore(FileStore):
    def setPixelsId(self, number: int, bypass: bool, _options: Any) -> None:
        assert (number, bypass) == (61, False)

    def getPlane(self, z: int, c: int, t: int) -> bytes:
        raise AssertionError("the plane is too large to be sent at once")

    def getTile(self, z: int, c: int, t: int, x: int, y: int, width: int, height: int) -> bytes:
        self.gateway.raise_if_lost()
        assert (x, width) == (0, WIDTH)
        return b"".join(struct.pack(">H", z + c + t + row) * width for row in range(y, y + height))


class Gateway:
    """A connection that sees one image, in group 5, in a dataset."""

    def __init__(self) -> None:
        self.files = {81: RAW, 82: b"side file"}
        self.kept: dict[int, Any] = {}
        self.groups: list[str] = []
        self.closed = 0
        self.lost: Exception | None = None
        self.SERVICE_OPTS = Options()
        self.c = SimpleNamespace(
            getSessionId=lambda: "s3cret",
            sf=SimpleNamespace(
                createRawPixelsStore=lambda: PixelsStore(self),
                createRawFileStore=lambda: FileStore(self),
            ),
        )
        originals = [
            Wrapped(id=81, path=PREFIX, name="a.lif", size=len(RAW)),
            Wrapped(id=82, path=PREFIX + "side/", name="a.xml", size=9),
        ]
        fileset = Wrapped(templatePrefix=PREFIX, listFiles=lambda: originals)
        pixels = Wrapped(
            id=61, pixelsType=Wrapped(value="uint16"), sizeZ=1, sizeC=2, sizeT=1, sizeY=HEIGHT, sizeX=WIDTH,
        )  # fmt: skip
        self.image = ImageWrapper(
            id=51, name="cells", linked=[], fileset=fileset, primaryPixels=pixels,
            details=Wrapped(group=Wrapped(id=5)),
        )  # fmt: skip

    def raise_if_lost(self) -> None:
        if self.lost is not None:
            raise self.lost

    def getObject(self, kind: str, number: int) -> Any:
        self.raise_if_lost()
        if (kind, number) == ("Image", 51):
            return self.image
        if (kind, number) == ("Dataset", 7):
            return Wrapped(id=7)
        return self.kept.get(number) if kind == "MapAnnotation" else None

    def getObjects(self, kind: str, opts: dict[str, Any]) -> Any:
        assert (kind, opts["dataset"]) == ("Image", 7)
        return iter([self.image])

    def getUpdateService(self) -> Any:
        def save(link: Any, options: Options) -> None:
            made = MapAnnotationWrapper(700, link.child.ns, link.child.mapvalue)
            self.kept[700] = made
            self.image.linked.append(made)
            self.groups.append(options["omero.group"])

        return SimpleNamespace(saveObject=save)

    def getQueryService(self) -> Any:
        return SimpleNamespace(projection=lambda *_: [[Wrapped(value=1)]])

    def close(self, hard: bool) -> None:
        assert not hard


class SocketException(Exception):
    pass


class ConnectionLostException(SocketException):
    pass


class SecurityViolation(Exception):
    message = "no access"


@pytest.fixture
def gateway() -> Gateway:
    return Gateway()


@pytest.fixture
def omero(gateway: Gateway) -> types.ModuleType:
    made = types.ModuleType("omero")
    made.rtypes = SimpleNamespace(rstring=str)  # type: ignore[attr-defined]
    made.model = SimpleNamespace(  # type: ignore[attr-defined]
        MapAnnotationI=MapAnnotationI,
        ImageAnnotationLinkI=Settable,
        ImageI=lambda number, loaded: (number, loaded),
        NamedValue=lambda key, value: (key, value),
    )
    made.sys = SimpleNamespace(ParametersI=lambda: SimpleNamespace(addId=lambda _n: None))  # type: ignore[attr-defined]
    made.gateway = types.ModuleType("omero.gateway")  # type: ignore[attr-defined]
    made.gateway.BlitzGateway = lambda client_obj: gateway
    return made


def test_originals_are_read_whole_and_named_below_the_folder_of_their_import(
    omero: Any, gateway: Gateway
) -> None:
    server = BlitzServer(omero, gateway)
    (image,) = server.images("Dataset", 7)
    assert image == ServerImage(51, "cells")
    first, second = server.originals(image)
    assert (first.path, second.path) == ("a.lif", "side/a.xml")
    assert b"".join(server.read(first)) == RAW
    assert gateway.closed == 1


def test_a_large_plane_comes_in_stripes(omero: Any, gateway: Gateway) -> None:
    server = BlitzServer(omero, gateway)
    pixels = server.pixels(ServerImage(51, "cells"))
    assert pixels == ServerPixels(61, "uint16", z=1, c=2, t=1, y=HEIGHT, x=WIDTH)
    parts = list(server.plane(pixels, 0, 1, 0))
    assert len(parts) > 1
    whole = b"".join(parts)
    assert len(whole) == 2 * WIDTH * HEIGHT
    assert whole[:2] == b"\0\1"
    assert whole[-2:] == struct.pack(">H", HEIGHT)
    list(server.plane(pixels, 0, 0, 0))
    assert gateway.closed == 0  # one store for all planes of an image
    server.close()
    assert gateway.closed == 1


def test_annotations_are_written_in_the_group_of_the_image_and_found_again(
    omero: Any, gateway: Gateway
) -> None:
    server = BlitzServer(omero, gateway)
    images = server.images("Image", 51)
    assert annotate(server, images, kernel()).count(Outcome.ADDED) == 1
    assert (gateway.groups, gateway.SERVICE_OPTS) == (["5"], {"omero.group": "-1"})
    assert annotate(server, images, kernel()).count(Outcome.UNCHANGED) == 1
    assert verify(server, images, kernel()).count(Outcome.MATCH) == 1
    gateway.files[82] = b"SIDE FILE"
    assert verify(server, images, kernel()).count(Outcome.CHANGED) == 1
    assert annotate(server, images, kernel()).count(Outcome.RENEWED) == 1
    (annotation,) = gateway.image.linked
    assert [key for key, _ in annotation.value] == ["ISCC-SUM", "treehash", "fileCount"]
    server.close()


@pytest.mark.parametrize(
    ("raised", "kind"),
    [(ConnectionLostException("gone"), LostServerError), (SecurityViolation(), ReadError)],
)
def test_what_the_server_raises_is_told_as_what_it_is(
    raised: Exception, kind: type[ReadError], omero: Any, gateway: Gateway
) -> None:
    server = BlitzServer(omero, gateway)
    (image,) = server.images("Image", 51)
    stream = server.read(server.originals(image)[0])
    next(stream)
    gateway.lost = raised
    with pytest.raises(ReadError) as caught:
        next(stream)
    assert type(caught.value) is kind
    assert type(raised).__name__ in str(caught.value)


def test_what_is_not_there_is_named(omero: Any, gateway: Gateway) -> None:
    with pytest.raises(InputError, match="there is no Image:52"):
        BlitzServer(omero, gateway).images("Image", 52)


def test_a_session_that_cannot_be_joined_is_told_without_its_key(
    omero: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(key: str) -> None:
        raise SecurityViolation(f"no session {key}")

    SecurityViolation.message = "no session s3cret"
    omero.client = lambda **_options: SimpleNamespace(joinSession=refuse, closeSession=lambda: None)
    told: dict[str, str] = {}
    properties = SimpleNamespace(
        getProperty=lambda name: told.get(name, ""), setProperty=told.__setitem__
    )
    ice = SimpleNamespace(
        InitializationData=SimpleNamespace, createProperties=lambda _arguments: properties
    )
    for name, module in (("omero", omero), ("omero.gateway", omero.gateway), ("Ice", ice)):
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setitem(sys.modules, "omero.rtypes", types.ModuleType("omero.rtypes"))
    with pytest.raises(InputError) as caught:
        connect("omero.example.org", 4064, "s3cret")
    assert "omero.example.org:4064 cannot be joined" in caught.value.message
    assert "s3cret" not in str(caught.value)
    assert told == {"Ice.Default.InvocationTimeout": "900000"}


def test_the_plugin_registers_and_runs_over_the_session_of_the_command_line(
    omero: Any, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli = types.ModuleType("omero.cli")
    cli.CLI = cli.BaseControl = object  # type: ignore[attr-defined]
    modules = {
        "omero": omero,
        "omero.gateway": omero.gateway,
        "omero.cli": cli,
        "omero.rtypes": types.ModuleType("omero.rtypes"),
    }
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    registered: dict[str, Any] = {}
    plugin = Path(__file__).parents[2] / "src/omero/plugins/iscc.py"
    runpy.run_path(
        str(plugin), {"register": lambda name, control, _help: registered.update({name: control})}
    )
    died: list[tuple[int, str]] = []
    control = registered["iscc"]()
    control.ctx = SimpleNamespace(
        conn=lambda _args: "client", die=lambda code, words: died.append((code, words))
    )
    printed = io.StringIO()
    with redirect_stdout(printed):
        control.verify(SimpleNamespace(object=["Image:51"]))
        control.annotate(SimpleNamespace(object=["Dataset:7"], pixels=False, dry_run=False))
        control.verify(SimpleNamespace(object=["Image:51"]))
        control.verify(SimpleNamespace(object=["Project:1"]))
    assert died == [(2, "nothing could be checked"), (2, "not Image:ID or Dataset:ID: 'Project:1'")]
    assert "annotated      Image:51 (cells)  ISCC:K4A" in printed.getvalue()
    assert printed.getvalue().endswith("1 match\n")
