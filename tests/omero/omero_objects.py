"""What the small OMERO of ice_endpoint.py keeps, as objects of omero.model, and how it is asked."""

import json
import re
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any

import omero.model
from omero.rtypes import rint, rlong, rstring

import omero

LAB, OTHERS = 3, 5  # groups: the session is in the first one, Ada may write in both and no other


class Kept:
    """Reads kept.json, keeps annotations and links, and writes both down for the tests.

    kept.json: images: [{id, name, group, locked, datasets, fileset: {id, prefix, files: [{id, path,
    name, size}]}, pixels: {id, type, sizes}}], datasets: [{id, name, group}], annotations: [{id,
    ns, group, pairs, images}]. state.json: annotations as they are, what was asked, and more.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        told = json.loads((folder / "kept.json").read_text())
        self.images = {one["id"]: one for one in told["images"]}
        self.datasets = {one["id"]: one for one in told["datasets"]}
        self.annotations = {one["id"]: one for one in told["annotations"]}
        self.pixels = {
            one["pixels"]["id"]: one["pixels"] for one in told["images"] if one["pixels"]
        }
        self._groups = {("Image", one["id"]): one["group"] for one in told["images"]}
        for image in told["images"]:
            if image["pixels"]:
                self._groups["Pixels", image["pixels"]["id"]] = image["group"]
            if image["fileset"]:
                self._groups["Fileset", image["fileset"]["id"]] = image["group"]
                for file in image["fileset"]["files"]:
                    self._groups["OriginalFile", file["id"]] = image["group"]
        self._numbers = count(700)
        self._state: dict[str, Any] = {"asked": []}
        self.note()

    def journal(self, current: Any) -> None:
        """Write down that something was asked, and in which group."""
        asked = [current.operation, current.ctx.get("omero.group")]
        self._state["asked"].append(asked)
        self.note()

    def note(self, **more: Any) -> None:
        """Write down what there is."""
        self._state |= more
        self._state["annotations"] = list(self.annotations.values())
        new = self._folder / "state.new"
        new.write_text(json.dumps(self._state))
        new.replace(self._folder / "state.json")

    def sees(self, group: int, context: Mapping[str, str]) -> bool:
        """Tell whether a call in this context sees things of a group."""
        asked = context.get("omero.group", str(LAB))
        return asked in ("-1", str(group))

    def require_visible(self, kind: str, number: int, context: Mapping[str, str]) -> None:
        """Raise what OMERO raises for what is not there, or not to be seen."""
        group = self._groups.get((kind, number))
        if group is None or not self.sees(group, context):
            raise omero.ValidationException("", "", f"Cannot read {kind}:{number}")

    def save(self, there: Any, context: Mapping[str, str]) -> Any:
        """Save a MapAnnotation, or a link of one to an image, in the group of the call."""
        group = context.get("omero.group", str(LAB))
        if not group.isdigit():
            raise omero.ApiUsageException("", "", f"Cannot save in the group {group}")
        if group not in (str(LAB), str(OTHERS)):
            raise omero.SecurityViolation("", "", "Cannot modify group")
        if isinstance(there, omero.model.ImageAnnotationLinkI):
            image = there.parent.id.val
            if self.images[image]["group"] != int(group):
                raise omero.GroupSecurityViolation("", "", "the image is in another group")
            if self.images[image]["locked"]:
                raise omero.SecurityViolation("", "", "Cannot link to the image of another user")
            child = self.save(there.child, context) if there.child.loaded else there.child
            self.annotations[child.id.val]["images"].append(image)
            self.note()
            return omero.model.ImageAnnotationLinkI(child.id.val)
        if not isinstance(there, omero.model.MapAnnotationI):
            raise omero.ApiUsageException("", "", f"not saved here: {type(there).__name__}")
        number = there.id.val if there.id is not None else next(self._numbers)
        kept = self.annotations.setdefault(
            number, {"id": number, "group": int(group), "images": []}
        )
        if kept["group"] != int(group):
            raise omero.SecurityViolation("", "", "the annotation is in another group")
        kept["ns"] = there.ns.val
        kept["pairs"] = [[pair.name, pair.value] for pair in there.mapValue]
        self.note()
        return annotation_object(kept)


class Questions:
    """Answers the queries (HQL) that omero-py's gateway asks; to others it says that it cannot."""

    def __init__(self, kept: Kept) -> None:
        self._kept = kept

    def answer(self, query: str, parameters: Any, context: Mapping[str, str]) -> list[Any]:
        """Return the objects that a query selects, in the groups that the call sees."""
        asked = " ".join(query.split())
        told = parameters.map if parameters is not None and parameters.map else {}
        if found := re.match(r"select obj from (\w+) obj .*where obj\.id in \(:ids\)$", asked):
            (number,) = (one.val for one in told["ids"].val)
            return self._object(found[1], number, context)
        if re.match(r"select obj from Image obj .*dlink\.parent\.id = :did", asked):
            return [image_object(one) for one in self._of_dataset(told["did"].val, context)]
        if found := re.match(
            r"select l from ImageAnnotationLink as l .*l\.parent\.id=(\d+)$", asked
        ):
            return self._links(int(found[1]), context)
        if re.match(r"select fse from FilesetEntry as fse .*fse\.fileset\.id=:id$", asked):
            return self._entries(told["id"].val, context)
        raise omero.QueryException("", "", f"not in this endpoint: {asked}")

    def project(self, query: str, parameters: Any) -> list[Any]:
        """Return the one row that tells on how many images an annotation is."""
        if not query.startswith("select count(link) from ImageAnnotationLink"):
            raise omero.QueryException("", "", f"not in this endpoint: {query}")
        there = self._kept.annotations[parameters.map["id"].val]
        return [[rlong(len(there["images"]))]]

    def get(self, kind: str, number: int) -> Any:
        """Return a group or a user."""
        kind = kind.removesuffix("I")
        if kind not in ("ExperimenterGroup", "Experimenter"):
            raise omero.QueryException("", "", f"not in this endpoint: {kind}")
        return getattr(omero.model, f"{kind}I")(number)

    def images_with_pixels(self, numbers: list[int], context: Mapping[str, str]) -> list[Any]:
        """Return images with their pixels loaded."""
        made = []
        for one in (self._kept.images[number] for number in numbers):
            if self._kept.sees(one["group"], context):
                image = image_object(one)
                image._pixelsLoaded = True
                image._pixelsSeq = [pixels_object(one["pixels"])] if one["pixels"] else []
                made.append(image)
        return made

    def _object(self, kind: str, number: int, context: Mapping[str, str]) -> list[Any]:
        kept = self._kept
        filesets = {
            one["fileset"]["id"]: {**one["fileset"], "group": one["group"]}
            for one in kept.images.values()
            if one["fileset"]
        }
        things, make = {
            "Image": (kept.images, image_object),
            "Dataset": (kept.datasets, dataset_object),
            "Fileset": (filesets, fileset_object),
            "MapAnnotation": (kept.annotations, annotation_object),
        }[kind]
        one = things.get(number)
        return [make(one)] if one and kept.sees(one["group"], context) else []

    def _of_dataset(self, number: int, context: Mapping[str, str]) -> list[dict[str, Any]]:
        return sorted(
            (
                one
                for one in self._kept.images.values()
                if number in one["datasets"] and self._kept.sees(one["group"], context)
            ),
            key=lambda one: str(one["name"]),
        )

    def _links(self, image: int, context: Mapping[str, str]) -> list[Any]:
        made = []
        for one in self._kept.annotations.values():
            if image in one["images"] and self._kept.sees(one["group"], context):
                link = omero.model.ImageAnnotationLinkI(one["id"])
                link.child = annotation_object(one)
                made.append(link)
        return made

    def _entries(self, fileset: int, context: Mapping[str, str]) -> list[Any]:
        made = []
        for image in self._kept.images.values():
            there = image["fileset"]
            if there and there["id"] == fileset and self._kept.sees(image["group"], context):
                for file in there["files"]:
                    entry = omero.model.FilesetEntryI(file["id"])
                    entry.originalFile = file_object(file, image["group"])
                    made.append(entry)
                break
        return made


def image_object(told: dict[str, Any]) -> Any:
    """Return an image, its pixels and annotations not loaded."""
    image = omero.model.ImageI(told["id"])
    image.unloadCollections()
    image.name = rstring(told["name"])
    if told["fileset"]:
        image.fileset = omero.model.FilesetI(told["fileset"]["id"], False)
    return _in_group(image, told["group"])


def pixels_object(told: dict[str, Any]) -> Any:
    """Return what the pixels are."""
    pixels = omero.model.PixelsI(told["id"])
    pixels.pixelsType = omero.model.PixelsTypeI(1)
    pixels.pixelsType.value = rstring(told["type"])
    for axis, extent in told["sizes"].items():
        getattr(pixels, f"setSize{axis}")(rint(extent))
    return pixels


def fileset_object(told: dict[str, Any]) -> Any:
    """Return a fileset, its files not loaded."""
    fileset = omero.model.FilesetI(told["id"])
    fileset.unloadCollections()
    fileset.templatePrefix = rstring(told["prefix"])
    return _in_group(fileset, told["group"])


def file_object(told: dict[str, Any], group: int) -> Any:
    """Return an original file: where it is, and how large."""
    file = omero.model.OriginalFileI(told["id"])
    file.path, file.name, file.size = (
        rstring(told["path"]), rstring(told["name"]), rlong(told["size"])
    )  # fmt: skip
    return _in_group(file, group)


def dataset_object(told: dict[str, Any]) -> Any:
    """Return a dataset, its images not loaded."""
    dataset = omero.model.DatasetI(told["id"])
    dataset.unloadCollections()
    dataset.name = rstring(told["name"])
    return _in_group(dataset, told["group"])


def annotation_object(told: dict[str, Any]) -> Any:
    """Return a MapAnnotation, or a tag where there are no pairs."""
    if told["pairs"] is None:
        tag = omero.model.TagAnnotationI(told["id"])
        tag.ns = rstring(told["ns"])
        return _in_group(tag, told["group"])
    annotation = omero.model.MapAnnotationI(told["id"])
    annotation.ns = rstring(told["ns"])
    annotation.mapValue = [omero.model.NamedValue(key, value) for key, value in told["pairs"]]
    return _in_group(annotation, told["group"])


def _in_group(there: Any, group: int) -> Any:
    """Give a thing its owner and group, as a server does: the group by its number only."""
    there.details.owner = omero.model.ExperimenterI(2)
    there.details.group = omero.model.ExperimenterGroupI(group, False)
    there.details.creationEvent = omero.model.EventI(1, False)
    there.details.permissions = omero.model.PermissionsI()
    return there
