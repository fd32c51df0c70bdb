# ruff: noqa: N802, ARG002
"""A small OMERO over Ice: a Glacier2 router on loopback, over SSL, and what stands behind it.

It is no OMERO.server: it answers the calls that omero-py's BlitzGateway makes for crate-iscc, and
refuses every other by name. What it keeps is told by a JSON file (see `Kept`); originals and planes
are files beside it, read at each call, so a test changes them while the server runs. Objects are
those of omero.model, and they cross a real connection.

What a server insists on is insisted on: a key that it knows, a session that is still there, the
group that a call is made in (omero.group: -1 sees all and writes nowhere), and that the group is
one's own to write in.

    python ice_endpoint.py FOLDER

prints its port. It runs until it is killed. A file X.fault beside a plane or an original X tells
what goes wrong with it: `end` (the session ends there), `die` (the server does), `hang` (it answers
no more), `short` (only a part of the bytes comes).
"""

import json
import os
import re
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import Glacier2
import Ice
import omero.all
import omero.model
from omero_objects import Kept, Questions

KEY = "0f6f7c22-5d6e-4d3c-8a55-9a1d0c4b7e11"
LOGIN = ("ada", "a password")
VOID = {
    "closeOnDestroy", "close", "destroySession", "detachOnDestroy", "refreshSession", "saveObject",
    "setCallback", "setFileId", "setPixelsId",
}  # fmt: skip


class Servant:
    """Answers the operations that a class of it has, and refuses all others that its interface has.

    Most are dispatched asynchronously (AMD): Ice calls X_async(callback, …, current) for them, of
    which the interface's own does nothing, so that whoever has called would wait for ever.
    """

    def __init_subclass__(cls) -> None:
        """Give each operation both forms; what every Ice object has (ice_ping, …) stays."""
        for name in (one[4:] for one in dir(cls) if re.match("_op_(?!ice_)", one)):
            is_own = any(name in one.__dict__ for one in cls.__mro__ if issubclass(one, Servant))
            operation = getattr(cls, name) if is_own else refusal(cls.__name__, name)
            setattr(cls, name, operation)
            setattr(cls, f"{name}_async", asynchronous(operation, name))


def refusal(kind: str, name: str) -> Callable[..., Any]:
    """Return an operation that says that it is not there."""

    def refuse(_self: Servant, *_arguments: Any) -> Any:
        raise omero.InternalException("", "", f"not in this endpoint: {kind}.{name}")

    return refuse


def asynchronous(operation: Callable[..., Any], name: str) -> Callable[..., None]:
    """Return what Ice calls for an operation with AMD."""

    def dispatch(self: Servant, callback: Any, *arguments: Any) -> None:
        try:
            answer = operation(self, *arguments)
        except Exception as error:
            callback.ice_exception(error)
            return
        callback.ice_response(*(() if name in VOID else (answer,)))

    return dispatch


class Router(Servant, Glacier2.Router):  # type: ignore[misc]
    """Lets in whoever has the key or the password; all calls reach the servants of one adapter."""

    def __init__(self, server: "Server") -> None:
        self.server = server

    def createSession(self, user: str, password: str, current: Any) -> Any:
        session = self.server.session
        if (user, password) not in ((KEY, KEY), LOGIN) or session.ended:
            raise Glacier2.PermissionDeniedException("Password check failed")
        session.joined.append(current.con)
        session.detached = False
        return session.proxy

    def destroySession(self, current: Any) -> None:
        self.server.session.leave(current.con)

    def getCategoryForClient(self, current: Any) -> str:
        return "client"

    def getClientProxy(self, current: Any) -> Any:
        return self.server.router

    def getServerProxy(self, current: Any) -> Any:
        return self.server.router

    def addProxies(self, proxies: Any, current: Any) -> list[Any]:
        return []

    def getSessionTimeout(self, current: Any) -> int:
        return 600

    def getACMTimeout(self, current: Any) -> int:
        return 0


class Session(Servant, omero.api.ServiceFactory):  # type: ignore[misc]
    """The session of Ada's, that anyone with its key may join. It ends when it is not detached."""

    def __init__(self, server: "Server") -> None:
        self.server = server
        self.joined: list[Any] = []
        self.detached = False
        self.ended = False
        self.proxy = server.offer(self, omero.api.ServiceFactoryPrx, KEY, "session")
        questions = Questions(server.kept)
        self._services = {
            name: server.offer(servant(server.kept, questions, self.require), prx)
            for name, servant, prx in (
                ("query", Query, omero.api.IQueryPrx),
                ("update", Update, omero.api.IUpdatePrx),
                ("container", Container, omero.api.IContainerPrx),
                ("admin", Admin, omero.api.IAdminPrx),
                ("session", Sessions, omero.api.ISessionPrx),
            )
        }

    def require(self, current: Any) -> None:
        """Raise what OMERO raises unless the session is there, and the caller has joined it."""
        self.server.kept.journal(current)
        if self.ended or (self.server.folder / "ended").exists():
            raise omero.RemovedSessionException("", "", f"No session with uuid: {KEY}")
        if current.con not in self.joined:
            raise Ice.ObjectNotExistException

    def leave(self, connection: Any) -> None:
        if connection not in self.joined:
            raise Glacier2.SessionNotExistException
        self.joined.remove(connection)
        self.ended = self.ended or not self.detached
        self.server.kept.note(session="ended" if self.ended else "left open")

    def detachOnDestroy(self, current: Any) -> None:
        self.detached = True

    def setCallback(self, callback: Any, current: Any) -> None:
        pass

    def keepAlive(self, proxy: Any, current: Any) -> bool:
        self.require(current)
        return True

    def getQueryService(self, current: Any) -> Any:
        return self._services["query"]

    def getUpdateService(self, current: Any) -> Any:
        return self._services["update"]

    def getContainerService(self, current: Any) -> Any:
        return self._services["container"]

    def getAdminService(self, current: Any) -> Any:
        return self._services["admin"]

    def getSessionService(self, current: Any) -> Any:
        return self._services["session"]

    def createRawFileStore(self, current: Any) -> Any:
        store = FileStore(self.server, self.require)
        return self.server.offer(store, omero.api.RawFileStorePrx)

    def createRawPixelsStore(self, current: Any) -> Any:
        store = PixelsStore(self.server, self.require)
        return self.server.offer(store, omero.api.RawPixelsStorePrx)


class Service(Servant):
    """A service of a session: it has what is kept, and a check that the session is still there."""

    def __init__(self, kept: Kept, questions: Questions, require: Callable[[Any], None]) -> None:
        self.kept = kept
        self.questions = questions
        self.require = require


class Query(Service, omero.api.IQuery):  # type: ignore[misc]
    """Answers the queries that the gateway asks: see omero_objects.Questions."""

    def findAllByQuery(self, query: str, parameters: Any, current: Any) -> list[Any]:
        self.require(current)
        return self.questions.answer(query, parameters, current.ctx)

    def findByQuery(self, query: str, parameters: Any, current: Any) -> Any:
        found = self.findAllByQuery(query, parameters, current)
        return found[0] if found else None

    def projection(self, query: str, parameters: Any, current: Any) -> list[Any]:
        self.require(current)
        return self.questions.project(query, parameters)

    def get(self, kind: str, number: int, current: Any) -> Any:
        self.require(current)
        return self.questions.get(kind, number)


class Update(Service, omero.api.IUpdate):  # type: ignore[misc]
    """Saves MapAnnotations, new or changed, and links of them to images."""

    def saveAndReturnObject(self, there: Any, current: Any) -> Any:
        self.require(current)
        return self.kept.save(there, current.ctx)

    def saveObject(self, there: Any, current: Any) -> None:
        self.require(current)
        self.kept.save(there, current.ctx)


class Container(Service, omero.api.IContainer):  # type: ignore[misc]
    """Loads images with their pixels."""

    def getImages(self, kind: str, numbers: list[int], parameters: Any, current: Any) -> list[Any]:
        self.require(current)
        return self.questions.images_with_pixels(numbers, current.ctx)


class Admin(Service, omero.api.IAdmin):  # type: ignore[misc]
    """Tells who one is."""

    def getEventContext(self, current: Any) -> Any:
        self.require(current)
        return omero.sys.EventContext(
            sessionUuid=KEY, userId=2, userName="ada", groupId=3, groupName="lab",
            adminPrivileges=[], memberOfGroups=[3, 5], leaderOfGroups=[],
        )  # fmt: skip


class Sessions(Service, omero.api.ISession):  # type: ignore[misc]
    """Tells how long a session lasts; the command line of OMERO asks."""

    def getSession(self, key: str, current: Any) -> Any:
        self.require(current)
        session = omero.model.SessionI(1)
        session.uuid = omero.rtypes.rstring(key)
        session.timeToIdle = omero.rtypes.rlong(600_000)
        session.timeToLive = omero.rtypes.rlong(0)
        return session


class Store(Servant):
    """What is opened has to be closed: how many are open is written down."""

    def __init__(self, server: "Server", require: Callable[[Any], None]) -> None:
        self.server = server
        self.require = require
        self.number: int | None = None
        server.count_stores(1)

    def close(self, current: Any) -> None:
        self.server.adapter.remove(current.id)
        self.server.count_stores(-1)


class FileStore(Store, omero.api.RawFileStore):  # type: ignore[misc]
    """Hands out the bytes of originals/NUMBER."""

    def setFileId(self, number: int, current: Any) -> None:
        self.require(current)
        self.server.kept.require_visible("OriginalFile", number, current.ctx)
        self.number = number

    def size(self, current: Any) -> int:
        self.require(current)
        return self._file.stat().st_size

    def read(self, at: int, length: int, current: Any) -> bytes:
        self.require(current)
        with self._file.open("rb") as file:
            file.seek(at)
            return self.server.sent(file.read(length), self._file if at else None)

    @property
    def _file(self) -> Path:
        return self.server.existing(self.server.folder / "originals" / str(self.number))


class PixelsStore(Store, omero.api.RawPixelsStore):  # type: ignore[misc]
    """Hands out the bytes of planes/NUMBER/Z-C-T, whole or whole rows of them."""

    def setPixelsId(self, number: int, bypass: bool, current: Any) -> None:
        self.require(current)
        self.server.kept.require_visible("Pixels", number, current.ctx)
        self.number = number

    def getPlane(self, z: int, c: int, t: int, current: Any) -> bytes:
        self.require(current)
        path = self._file(z, c, t)
        return self.server.sent(path.read_bytes(), path)

    def getTile(
        self, z: int, c: int, t: int, x: int, y: int, width: int, height: int, current: Any
    ) -> bytes:
        self.require(current)
        plane = self._file(z, c, t).read_bytes()
        pixels = self.server.kept.pixels[self.number]
        row = len(plane) // pixels["sizes"]["Y"]
        if x or width != pixels["sizes"]["X"]:
            raise omero.ApiUsageException("", "", "this endpoint has whole rows only")
        return plane[y * row : (y + height) * row]

    def _file(self, z: int, c: int, t: int) -> Path:
        folder = self.server.folder / "planes" / str(self.number)
        return self.server.existing(folder / f"{z}-{c}-{t}")


class Server:
    """The communicator, its adapter, and all that is offered there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        properties = Ice.createProperties()
        for name, value in (
            ("Ice.Default.Host", "127.0.0.1"),
            ("Ice.MessageSizeMax", "250000"),
            ("Ice.Plugin.IceSSL", "IceSSL:createIceSSL"),
            ("IceSSL.CertFile", str(folder / "server.pem")),
            ("IceSSL.KeyFile", str(folder / "server.key")),
            ("IceSSL.VerifyPeer", "0"),
        ):
            properties.setProperty(name, value)
        settings = Ice.InitializationData()
        settings.properties = properties
        self.communicator = Ice.initialize(settings)
        omero.ObjectFactoryRegistrar.registerObjectFactory(self.communicator, None)
        for factory in omero.rtypes.ObjectFactories.values():
            factory.register(self.communicator)
        self.adapter = self.communicator.createObjectAdapterWithEndpoints(
            "endpoint", "ssl -h 127.0.0.1 -p 0"
        )
        self.kept = Kept(folder)
        self.open_stores = 0
        self.session = Session(self)
        self.router = self.offer(Router(self), Glacier2.RouterPrx, "router", "OMERO.Glacier2")

    def offer(self, servant: Any, prx: Any, name: str = "", category: str = "service") -> Any:
        identity = Ice.Identity(name or str(uuid.uuid4()), category)
        return prx.uncheckedCast(self.adapter.add(servant, identity))

    def count_stores(self, more: int) -> None:
        self.open_stores += more
        self.kept.note(open_stores=self.open_stores)

    def existing(self, path: Path) -> Path:
        """Return a path, or raise what a server raises where the file has gone."""
        if not path.exists():
            raise omero.ResourceError("at ome.io.…", "ome.conditions.ResourceError", "no such file")
        return path

    def sent(self, content: bytes, path: Path | None) -> bytes:
        """Return bytes of a file as they are sent, which may go wrong."""
        fault = Path(f"{path}.fault")
        told = fault.read_text() if fault.exists() else ""
        if told == "die":
            os._exit(9)
        if told == "hang":
            time.sleep(3600)  # in the one thread that answers
        if told == "end":
            self.session.ended = True
            raise omero.RemovedSessionException("", "", f"No session with uuid: {KEY}")
        return content[: len(content) // 2] if told == "short" else content

    def run(self) -> None:
        self.adapter.activate()
        port = self.adapter.getEndpoints()[0].getInfo().port
        sys.stdout.write(json.dumps({"port": port}) + "\n")
        sys.stdout.flush()
        self.communicator.waitForShutdown()


if __name__ == "__main__":
    Server(Path(sys.argv[1])).run()
