# ruff: noqa: N802, N815, T201
"""Runs the real unpack code of omero-cli-transfer over a pack, with a server that keeps in memory.

omero-py does not install here (its Ice has no wheel), so the few classes of it that the code names
are stand-ins: objects that keep what they are given, as a server would. What reads the pack and
decides what is created is the package's own code. Prints, as JSON, each image's key-value pairs.
"""

import importlib.metadata
import itertools
import json
import sys
import types
from pathlib import Path
from typing import Any

SAVED: dict[int, Any] = {}
NUMBERS = itertools.count(1)


class Kept:
    """A stand-in for a wrapper of the gateway: it keeps its values; saved, it has a number."""

    def __init__(self, *_: Any) -> None:
        self.values: dict[str, Any] = {}
        self.linked: list[Any] = []
        self.number = 0

    def __getattr__(self, name: str) -> Any:
        if name.startswith("set"):
            return lambda value: self.values.__setitem__(name[3:], value)
        if name.startswith("get"):
            return lambda *_: self.values.get(name[3:])
        raise AttributeError(name)

    def getId(self) -> int:
        return self.number

    def save(self) -> None:
        self.number = next(NUMBERS)
        SAVED[self.number] = self

    def linkAnnotation(self, annotation: Any) -> None:
        self.linked.append(annotation)

    def listChildren(self) -> list[Any]:
        return []


class MapAnnotationWrapper(Kept):
    pass


class Service:
    """A query service and update service that find nothing and accept everything."""

    def projection(self, *_: Any) -> list[Any]:
        return []

    def saveAndReturnObject(self, _thing: Any) -> Any:
        kept = Kept()
        kept.save()
        kept.values["Id"] = kept
        kept.values["Value"] = kept.number
        return type("Saved", (), {"getId": lambda _self: kept})()

    def saveObject(self, _thing: Any) -> None:
        pass


class Connection:
    SERVICE_OPTS = None
    images: dict[int, Kept]

    def getObject(self, kind: str, number: int) -> Any:
        return self.images[number] if kind == "Image" else SAVED[number]

    def getQueryService(self) -> Service:
        return Service()

    getUpdateService = getQueryService

    def createOriginalFileFromLocalFile(self, path: str) -> str:
        if not Path(path).is_file():
            raise FileNotFoundError(path)
        return path


class _Anything(types.ModuleType):
    """A module in which every name is a stand-in."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name == "MapAnnotationWrapper":
            return MapAnnotationWrapper
        made = type(name, (Kept,), {})
        setattr(self, name, made)
        return made


def stand_in() -> None:
    for name in (
        "omero", "omero.model", "omero.gateway", "omero.sys", "omero.rtypes", "omero.cli",
        "omero.grid", "omero.plugins", "omero.plugins.sessions", "ezomero", "ezomero.rois",
    ):  # fmt: skip
        module = _Anything(name)
        module.__path__ = []
        sys.modules[name] = module
    sys.modules["omero.cli"].ProxyStringType = lambda _default: str  # type: ignore[attr-defined]
    sys.modules["omero.cli"].BaseControl = object  # type: ignore[attr-defined]
    sys.modules["omero.rtypes"].RStringI = str  # type: ignore[attr-defined]
    for name in ("post_project", "post_roi"):
        setattr(sys.modules["ezomero"], name, lambda *_, **__: _saved())
    for name in ("link_datasets_to_project", "link_images_to_dataset"):
        setattr(sys.modules["ezomero"], name, lambda *_: None)


def _saved() -> int:
    kept = Kept()
    kept.save()
    return kept.number


def main(pack: str, folder: str) -> None:
    stand_in()
    import generate_omero_objects
    import omero_cli_transfer

    control = object.__new__(omero_cli_transfer.TransferControl)
    digest, ome, place = control._load_from_pack(pack, folder)
    ome, _, files = control._create_image_map(ome)
    for file in files:
        assert (place / file).exists(), file
    connection = Connection()
    connection.images = {1000 + int(i.id.partition(":")[2]): Kept() for i in ome.images}
    mapped = {i.id: 1000 + int(i.id.partition(":")[2]) for i in ome.images}
    generate_omero_objects.populate_omero(
        ome, mapped, connection, digest, place, ["img_id"], False, False
    )
    shown = {
        image: [
            [one.values["Ns"], one.values["Value"]]
            for one in connection.images[number].linked
            if isinstance(one, MapAnnotationWrapper)
        ]
        for image, number in mapped.items()
    }
    print(json.dumps({"version": importlib.metadata.version("omero-cli-transfer"), **shown}))


if __name__ == "__main__":
    main(*sys.argv[1:])
