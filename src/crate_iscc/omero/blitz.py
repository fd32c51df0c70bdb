"""An OMERO server behind omero-py: the thin part, tested over a loopback Ice endpoint.

omero-py is loaded when it is needed: its Ice (zeroc-ice 3.6) can be had for a few versions of
Python only, and most users of this package have no OMERO.
"""

import contextlib
import logging
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
_PATIENCE = "Ice.Default.InvocationTimeout"
_PATIENCE_MILLISECONDS = 15 * 60 * 1000
"""omero-py waits for an answer as long as it takes; a server may need minutes to open an image."""
_CLOSING_MILLISECONDS = 5000
_LONGEST_CAUSE = 300
_NEWEST_PYTHON = (3, 12)
"""The newest Python that there are builds of Ice 3.6 for: Glencoe Software's and conda-forge's."""
_LOST = (
    "CommunicatorDestroyedException",
    "ObjectNotExistException",
    "ProtocolException",
    "SessionException",
    "SocketException",
    "TimeoutException",
)
"""Exceptions of Ice and OMERO, or their bases, after which nothing more can be asked."""


def require_omero() -> Any:
    """Return the module omero, its gateway loaded. Raises InputError that says how to get it."""
    try:
        import omero.gateway
        import omero.rtypes

        import omero
    except Exception as error:  # an Ice of another version is told by a bare Exception
        running = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise InputError(
            "omero-py is not installed, or does not load",
            cause=f"{_said(error)[:_LONGEST_CAUSE]} (Python {running})",
            hint=_how_to_get_it(),
        ) from error
    # What it logs are tracebacks of what is raised as well, and told in a sentence.
    logging.getLogger("omero").setLevel(logging.CRITICAL)
    return omero


def _how_to_get_it() -> str:
    """Say what has to be installed: pip has omero-py, and of its Ice old sources only."""
    known = ".".join(map(str, _NEWEST_PYTHON))
    too_new = sys.version_info[:2] > _NEWEST_PYTHON
    return (
        (f"use Python 3.11 or {known}, for there is no Ice 3.6 for later ones; " if too_new else "")
        + "first install its Ice, zeroc-ice 3.6.5: conda-forge has it, and Glencoe Software has "
        f"wheels for Python up to {known} (the documentation of OMERO.py has the links); PyPI has "
        "sources that do not compile for 3.11 and later. Then pip install 'crate-iscc[omero]'"
    )


def connect(host: str, port: int, session_key: str) -> "BlitzServer":
    """Join a session at a server. Raises InputError if that cannot be.

    The session is left open at the end: it belongs to whoever made it.
    """
    omero = require_omero()
    client = None
    try:
        client = omero.client(id=_settings_of_ice(), host=host, port=port)
        session = client.joinSession(session_key)
        session.detachOnDestroy()
        client.enableKeepAlive(_KEEP_ALIVE_SECONDS)
        gateway = omero.gateway.BlitzGateway(client_obj=client)
    except Exception as error:  # Ice raises anything
        with contextlib.suppress(Exception):
            client and client.closeSession()
        refused = any(kind in _kinds(error) for kind in ("Session", "Permission"))
        raise InputError(
            f"the session at {printable(host)}:{port} cannot be joined",
            cause=_words(error, session_key),
            hint="omero sessions list shows whether there is one; omero login makes one"
            if refused
            else "is this the host, and the port (4064 is usual), that omero login is given?",
        ) from None
    return BlitzServer(omero, gateway)


def _settings_of_ice() -> Any:
    """Return the settings of Ice, those in ICE_CONFIG among them, with an end to all waiting."""
    import Ice

    settings = Ice.InitializationData()
    settings.properties = Ice.createProperties([])
    if not settings.properties.getProperty(_PATIENCE):
        settings.properties.setProperty(_PATIENCE, str(_PATIENCE_MILLISECONDS))
    return settings


def over_client(client: Any) -> "BlitzServer":
    """Return the server of a client that has a session already, such as that of `omero`.

    The client stays connected when the server is closed: it belongs to whoever made it.
    """
    omero = require_omero()
    return BlitzServer(omero, omero.gateway.BlitzGateway(client_obj=client), own=False)


class BlitzServer:
    """An OmeroServer over a BlitzGateway."""

    def __init__(self, omero: Any, gateway: Any, *, own: bool = True) -> None:
        """Take the module and a gateway that is connected; if `own`, it ends with this object."""
        self._omero = omero
        self._gateway = gateway
        self._own = own
        self._key: str = gateway.c.getSessionId()
        self._store: tuple[ServerPixels, Any] | None = None
        gateway.SERVICE_OPTS.setOmeroGroup("-1")

    def images(self, kind: str, number: int) -> tuple[ServerImage, ...]:
        """Return an Image, or all images of a Dataset. Raises InputError for none such."""
        with self._asking():
            found = self._gateway.getObject(kind, number)
            if found is not None:
                options = {"dataset": number, "order_by": "obj.name"}
                images = (
                    [found] if kind == "Image" else self._gateway.getObjects("Image", opts=options)
                )
                return tuple(ServerImage(int(one.getId()), one.getName() or "") for one in images)
        raise InputError(
            f"there is no {kind}:{number}", cause="or this session's user may not see it"
        )

    def originals(self, image: ServerImage) -> tuple[Original, ...]:
        """Return the original files, by their paths below the folder of their import."""
        with self._asking():
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
        """Yield the bytes of an original file (RawFileStore), if they are as many as recorded."""
        with self._asking():
            store = self._gateway.c.sf.createRawFileStore()
            try:
                store.setFileId(original.number, self._gateway.SERVICE_OPTS)
                at, size = 0, int(store.size())
                if size != original.size:
                    raise ReadError(
                        f"{printable(original.path)} has {size} bytes instead of {original.size}"
                    )
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
        with self._asking():
            found = self._image(image).getPrimaryPixels()
            if found is None:
                raise ReadError("it has no pixels")
            sizes = (getattr(found, f"getSize{axis}")() for axis in "ZCTYX")
            return ServerPixels(
                int(found.getId()), str(found.getPixelsType().getValue()), *map(int, sizes)
            )

    def plane(self, pixels: ServerPixels, z: int, c: int, t: int) -> Iterator[bytes]:
        """Yield a plane as the server sends it (RawPixelsStore): big-endian, level 0."""
        with self._asking():
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
        with self._asking():
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
        """Save a new MapAnnotation and its link to the image at once, in the image's group."""
        with self._asking():
            group = self._image(image).getDetails().getGroup().getId()
            options = self._gateway.SERVICE_OPTS.copy()
            options.setOmeroGroup(group)
            model = self._omero.model
            made = model.MapAnnotationI()
            made.setNs(self._omero.rtypes.rstring(NAMESPACE))
            made.setMapValue([model.NamedValue(*pair) for pair in pairs])
            link = model.ImageAnnotationLinkI()
            link.setParent(model.ImageI(image.number, False))
            link.setChild(made)
            self._gateway.getUpdateService().saveObject(link, options)

    def replace(self, annotation: ServerAnnotation, pairs: tuple[Pair, ...]) -> None:
        """Save other pairs in a MapAnnotation."""
        with self._asking():
            there = self._gateway.getObject("MapAnnotation", annotation.number)
            if there is None:
                raise ReadError("its annotation is not there any more")
            there.setValue([list(pair) for pair in pairs])
            there.save()

    def close(self) -> None:
        """Close what is open, and the connection if it is our own; the session stays open."""
        self._close_store()
        if self._own:
            with contextlib.suppress(Exception):
                self._gateway.close(hard=False)

    @contextlib.contextmanager
    def _asking(self) -> Iterator[None]:
        """Turn what Ice and the server raise into ReadErrors that do not tell the session's key."""
        try:
            yield
        except (ReadError, InputError):
            raise
        except Exception as error:
            cause = _words(error, self._key)
            if any(kind in _kinds(error) for kind in _LOST):
                self._hang_up()
                raise LostServerError("the session has ended", cause=cause) from None
            raise ReadError("the server refused", cause=cause) from None

    def _hang_up(self) -> None:
        """Close a connection that is of no use any more: nothing is to wait for it again."""
        with contextlib.suppress(Exception):
            self._gateway.c.sf.ice_getCachedConnection().close(True)

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


def _closed(store: Any) -> None:
    with contextlib.suppress(Exception):
        store.ice_invocationTimeout(_CLOSING_MILLISECONDS).close()


def _kinds(error: Exception) -> str:
    """Return the names of the kinds of error that this is."""
    return " ".join(kind.__name__ for kind in type(error).__mro__)


def _words(error: Exception, key: str) -> str:
    """Say what kind of error it is, and what it says, but for the key of the session."""
    said = _said(error).replace(key, "…")[:_LONGEST_CAUSE]
    kind = type(error).__name__
    return f"{kind}: {said}" if said else kind


def _said(error: Exception) -> str:
    """Return what an error says: without Ice's layout, and without Java's stack."""
    own = next((text for name in ("message", "reason") if (text := getattr(error, name, ""))), None)
    kind = getattr(error, "ice_name", lambda: "")().replace("::", ".").removeprefix(".")
    words = " ".join(str(own or ("" if hasattr(error, "serverStackTrace") else error)).split())
    return words.removeprefix(f"{kind}:").strip()
