"""An OMERO server behind omero-py: the thin part, which no test here has seen a server of.

omero-py is loaded when it is needed: its Ice (zeroc-ice 3.6) has wheels for a few versions of
Python only, and most users of this package have no OMERO.
"""

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

from crate_iscc.errors import InputError, ReadError
from crate_iscc.omero.codes import NAMESPACE, NAMESPACES, Pair
from crate_iscc.omero.server import (
    LostServerError,
    Original,
    ServerAnnotation,
    ServerImage,
    ServerPixels,
)
from crate_iscc.paths import printable

_READ_BYTES = 4 << 20
_PLANE_BYTES = 16 << 20
"""Larger planes come in stripes of whole rows of about so many bytes: Ice has a limit."""
_KEEP_ALIVE_SECONDS = 60
_LOST = ("ConnectionLost", "ConnectionRefused", "CommunicatorDestroyed", "ObjectNotExist")
_ENDED = ("SessionException", "RemovedSession", "SessionTimeout", "SessionExpired")


def require_omero() -> Any:
    """Return the module omero, its gateway loaded. Raises InputError that says how to get it."""
    try:
        import omero.gateway
        import omero.rtypes

        import omero
    except ImportError as error:
        running = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise InputError(
            "omero-py is not installed, or does not load",
            cause=f"{error} (Python {running})",
            hint="pip install 'crate-iscc[omero]'. Its Ice (zeroc-ice 3.6.5) has no wheels on PyPI "
            "and does not compile for every Python: use one that your OMERO's documentation names "
            "a wheel for, such as 3.12",
        ) from error
    return omero


def connect(host: str, port: int, session_key: str) -> "BlitzServer":
    """Join a session at a server. Raises InputError if that cannot be.

    The session is left open at the end: it belongs to whoever made it.
    """
    omero = require_omero()
    client = omero.client(host, port)
    try:
        session = client.joinSession(session_key)
        session.detachOnDestroy()
        client.enableKeepAlive(_KEEP_ALIVE_SECONDS)
        gateway = omero.gateway.BlitzGateway(client_obj=client)
    except Exception as error:  # Ice raises anything
        with contextlib.suppress(Exception):
            client.closeSession()
        raise InputError(
            f"the session at {printable(host)}:{port} cannot be joined",
            cause=_words(error).replace(session_key, "…"),
            hint="omero sessions list shows whether there is one; omero login makes one",
        ) from None
    return BlitzServer(omero, gateway)


def over_client(client: Any) -> "BlitzServer":
    """Return the server of a client that has a session already, such as that of `omero`."""
    omero = require_omero()
    return BlitzServer(omero, omero.gateway.BlitzGateway(client_obj=client))


class BlitzServer:
    """An OmeroServer over a BlitzGateway."""

    def __init__(self, omero: Any, gateway: Any) -> None:
        """Take the module and a gateway that is connected."""
        self._omero = omero
        self._gateway = gateway
        self._store: tuple[ServerPixels, Any] | None = None
        gateway.SERVICE_OPTS.setOmeroGroup("-1")

    def images(self, kind: str, number: int) -> tuple[ServerImage, ...]:
        """Return an Image, or all images of a Dataset. Raises InputError for none such."""
        with _server_errors():
            found = self._gateway.getObject(kind, number)
            if found is not None:
                images = [found] if kind == "Image" else found.listChildren()
                return tuple(ServerImage(int(one.getId()), one.getName() or "") for one in images)
        raise InputError(
            f"there is no {kind}:{number}", cause="or this session's user may not see it"
        )

    def originals(self, image: ServerImage) -> tuple[Original, ...]:
        """Return the original files, by their paths below the folder of their import."""
        with _server_errors():
            fileset = self._image(image).getFileset()
            if fileset is None:
                return ()
            prefix = fileset.getTemplatePrefix() or ""
            return tuple(
                Original(
                    int(file.getId()),
                    ((file.getPath() or "").removeprefix(prefix) + file.getName()).lstrip("/"),
                    int(file.getSize()),
                )
                for file in fileset.listFiles()
            )

    def read(self, original: Original) -> Iterator[bytes]:
        """Yield the bytes of an original file (RawFileStore)."""
        with _server_errors():
            store = self._gateway.c.sf.createRawFileStore()
            try:
                store.setFileId(original.number, self._gateway.SERVICE_OPTS)
                at = 0
                while at < original.size:
                    part = store.read(at, min(_READ_BYTES, original.size - at))
                    if not part:
                        return
                    at += len(part)
                    yield bytes(part)
            finally:
                _closed(store)

    def pixels(self, image: ServerImage) -> ServerPixels:
        """Return what the primary pixels are."""
        with _server_errors():
            found = self._image(image).getPrimaryPixels()
            sizes = (getattr(found, f"getSize{axis}")() for axis in "ZCTYX")
            return ServerPixels(
                int(found.getId()), str(found.getPixelsType().getValue()), *map(int, sizes)
            )

    def plane(self, pixels: ServerPixels, z: int, c: int, t: int) -> Iterator[bytes]:
        """Yield a plane as the server sends it (RawPixelsStore): big-endian, level 0."""
        with _server_errors():
            store = self._pixels_store(pixels)
            row = pixels.x * (pixels.item_size or 1)
            rows = max(1, _PLANE_BYTES // max(1, row))
            if rows >= pixels.y:
                yield bytes(store.getPlane(z, c, t))
                return
            for y in range(0, pixels.y, rows):
                height = min(rows, pixels.y - y)
                yield bytes(store.getTile(z, c, t, 0, y, pixels.x, height))

    def _pixels_store(self, pixels: ServerPixels) -> Any:
        """Return a store for these pixels: the one for the plane before, or a new one."""
        if self._store is None or self._store[0] != pixels:
            self._close_store()
            made = self._gateway.c.sf.createRawPixelsStore()
            self._store = (pixels, made)
            made.setPixelsId(pixels.number, False, self._gateway.SERVICE_OPTS)
        return self._store[1]

    def _close_store(self) -> None:
        if self._store is not None:
            _closed(self._store[1])
            self._store = None

    def annotations(self, image: ServerImage) -> tuple[ServerAnnotation, ...]:
        """Return the MapAnnotations in the namespaces that hold codes."""
        with _server_errors():
            wrapped = self._image(image)
            return tuple(
                ServerAnnotation(
                    int(one.getId()),
                    namespace,
                    tuple((str(key), str(value)) for key, value in one.getValue()),
                    self._is_shared(int(one.getId())),
                )
                for namespace in NAMESPACES
                for one in wrapped.listAnnotations(ns=namespace)
                if self._omero.model.MapAnnotationI == one.OMERO_TYPE
            )

    def add(self, image: ServerImage, pairs: tuple[Pair, ...]) -> None:
        """Save a new MapAnnotation and link it to the image, in the image's group."""
        with _server_errors(), self._in_group_of(image) as wrapped:
            made = self._omero.gateway.MapAnnotationWrapper(self._gateway)
            made.setNs(NAMESPACE)
            made.setValue([list(pair) for pair in pairs])
            made.save()
            wrapped.linkAnnotation(made)

    def replace(self, annotation: ServerAnnotation, pairs: tuple[Pair, ...]) -> None:
        """Save other pairs in a MapAnnotation."""
        with _server_errors():
            there = self._gateway.getObject("MapAnnotation", annotation.number)
            there.setValue([list(pair) for pair in pairs])
            there.save()

    def close(self) -> None:
        """Close the connection; the session stays open."""
        self._close_store()
        with contextlib.suppress(Exception):
            self._gateway.close(hard=False)

    def _image(self, image: ServerImage) -> Any:
        found = self._gateway.getObject("Image", image.number)
        if found is None:
            raise ReadError("it is not there any more")
        return found

    def _is_shared(self, annotation: int) -> bool:
        """Tell whether an annotation is on more than one image."""
        parameters = self._omero.sys.ParametersI()
        parameters.addId(annotation)
        rows = self._gateway.getQueryService().projection(
            "select count(link) from ImageAnnotationLink link where link.child.id = :id",
            parameters,
            self._gateway.SERVICE_OPTS,
        )
        return bool(rows) and int(rows[0][0].getValue()) > 1

    @contextlib.contextmanager
    def _in_group_of(self, image: ServerImage) -> Iterator[Any]:
        """Write in the group that an image is in; reading is done in all groups."""
        wrapped = self._image(image)
        self._gateway.SERVICE_OPTS.setOmeroGroup(str(wrapped.getDetails().getGroup().getId()))
        try:
            yield wrapped
        finally:
            self._gateway.SERVICE_OPTS.setOmeroGroup("-1")


@contextlib.contextmanager
def _server_errors() -> Iterator[None]:
    """Turn what Ice and the server raise into ReadErrors."""
    try:
        yield
    except (ReadError, InputError):
        raise
    except Exception as error:
        names = " ".join(kind.__name__ for kind in type(error).__mro__)
        if any(word in names for word in (*_LOST, *_ENDED)):
            raise LostServerError("the session has ended", cause=_words(error)) from error
        raise ReadError("the server refused", cause=_words(error)) from error


def _closed(store: Any) -> None:
    with contextlib.suppress(Exception):
        store.close()


def _words(error: Exception) -> str:
    said = getattr(error, "message", None) or str(error)
    return f"{type(error).__name__}: {' '.join(str(said).split())[:300]}"
