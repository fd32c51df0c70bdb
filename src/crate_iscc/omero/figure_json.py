"""Reads the JSON of an OMERO.figure: which image each panel shows, and which part of it, and how.

The format is that of OMERO.figure's file format documentation, versions 1 to 8; what a panel lacks
is left out, and what it says in another type than it should is, too.
"""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from crate_iscc.errors import InputError

MOST_BYTES = 64 << 20
MOST_PANELS = 10_000
_HINT = "a figure is the JSON that OMERO.figure saves, such as figures/Figure_5.json of a pack"
_RATIO_TOLERANCE = 0.01
"""OMERO.figure takes a panel and an image for equally wide up to here."""


@dataclass(frozen=True, slots=True)
class Detail:
    """One thing that is said of a panel: its name, its value, and the unit of that if it has one.

    `key` is what it is called in the `@id` of its entity.
    """

    key: str
    name: str
    value: str
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel: its number in the figure, from 1, and the number of its image in OMERO.

    `server` is the address of another OMERO server that the image is on, None for the figure's own.
    """

    number: int
    image: int | None
    name: str
    server: str | None
    details: tuple[Detail, ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure: its name, and its panels in their order."""

    name: str
    panels: tuple[Panel, ...]


def parse_figure(raw: bytes) -> Figure:
    """Return what an OMERO.figure JSON says. Raises InputError."""
    try:
        value = json.loads(raw.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        cause = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise InputError("the figure is not JSON", cause=cause, hint=_HINT) from error
    panels = value.get("panels") if isinstance(value, dict) else None
    if not isinstance(panels, list) or not all(isinstance(one, dict) for one in panels):
        raise InputError(
            "the JSON is no OMERO.figure", cause="it has no list of panels", hint=_HINT
        )
    if len(panels) > MOST_PANELS:
        raise InputError(
            "the figure has too many panels", cause=f"{len(panels)}, the limit is {MOST_PANELS}"
        )
    return Figure(
        _text(value.get("figureName")),
        tuple(_panel(number, panel) for number, panel in enumerate(panels, 1)),
    )


def _panel(number: int, panel: dict[str, Any]) -> Panel:
    image = _number(panel.get("imageId"))
    return Panel(
        number,
        int(image) if image is not None and image > 0 and image == int(image) else None,
        _text(panel.get("name")),
        _text(panel.get("baseUrl")) or None,
        tuple(_details(panel)),
    )


def _details(panel: dict[str, Any]) -> Iterator[Detail]:
    labels = [_text(label.get("text")) for label in _objects(panel.get("labels"))]
    if any(labels):
        yield Detail("labels", "labels", "; ".join(filter(None, labels)))
    yield from _plane(panel)
    crop = crop_of(panel)
    if crop is not None:
        yield Detail("crop", "crop", "xywh=pixel:" + ",".join(map(_shown, crop)), "pixel")
    rotation = _number(panel.get("rotation"))
    if rotation:
        yield Detail("rotation", "rotation, clockwise", _shown(rotation), "degree")
    flips = [side for side in ("horizontal", "vertical") if panel.get(f"{side}_flip") is True]
    if flips:
        yield Detail("flip", "flip", " and ".join(flips))
    for index, channel in enumerate(_objects(panel.get("channels")), 1):
        if channel.get("active") is True:
            yield Detail(f"channel-{index}", f"channel {index}", _rendering(channel))


def _plane(panel: dict[str, Any]) -> Iterator[Detail]:
    """Yield which planes a panel shows; indices count from 0, as in OMERO."""
    start, end = _number(panel.get("z_start")), _number(panel.get("z_end"))
    if panel.get("z_projection") is True and start is not None and end is not None:
        span = f"maximum of {_shown(start)} to {_shown(end)}"
        yield Detail("z", "z index", span)
    elif (z := _number(panel.get("theZ"))) is not None:
        yield Detail("z", "z index", _shown(z))
    if (t := _number(panel.get("theT"))) is not None:
        yield Detail("t", "t index", _shown(t))


def crop_of(panel: dict[str, Any]) -> tuple[float, float, float, float] | None:
    """Return the part of the image that a panel shows: x, y, width, height in pixels.

    It is as wide as the image at a zoom of 100 if the panel is the wider of the two, else as high;
    its centre is that of the image, less the offset. None where it is the whole image, or where
    that cannot be told. A rotation turns the image about the centre of this part.
    """
    numbers = [_number(panel.get(key)) for key in ("orig_width", "orig_height", "width", "height")]
    zoom, dx, dy = (
        _number(panel.get(key, default)) for key, default in (("zoom", 100), ("dx", 0), ("dy", 0))
    )
    if any(n is None or n <= 0 for n in (*numbers, zoom)) or dx is None or dy is None:
        return None
    image_w, image_h, panel_w, panel_h = (float(n or 0) for n in numbers)
    shown_w, shown_h = (size * 100 / (zoom or 100) for size in (image_w, image_h))
    shape = panel_w / panel_h
    if abs(image_w / image_h - shape) > _RATIO_TOLERANCE:
        if image_w / image_h < shape:
            shown_h = shown_w / shape
        else:
            shown_w = shown_h * shape
    crop = ((image_w - shown_w) / 2 - dx, (image_h - shown_h) / 2 - dy, shown_w, shown_h)
    if not all(map(math.isfinite, crop)):
        return None
    return None if crop == (0, 0, image_w, image_h) else crop


def _rendering(channel: dict[str, Any]) -> str:
    window = channel.get("window")
    levels = [_number(window.get(key)) if isinstance(window, dict) else None for key in _LEVELS]
    parts = [_text(channel.get("label")), _text(channel.get("color"))]
    start, end = levels
    if start is not None and end is not None:
        parts.append(f"{_shown(start)} to {_shown(end)}")
    if channel.get("reverseIntensity") is True or channel.get("inverted") is True:
        parts.append("inverted")
    return ", ".join(filter(None, parts)) or "shown"


_LEVELS = ("start", "end")


def _objects(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _text(value: Any) -> str:
    if isinstance(value, str):
        return " ".join(value.encode("utf-8", "replace").decode("utf-8").split())
    return _shown(value) if isinstance(value, int | float) and math.isfinite(value) else ""


def _number(value: Any) -> float | None:
    """Return a number, also one that was saved as text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _shown(number: float) -> str:
    """Return a number with two digits behind the point at most."""
    return f"{number or 0.0:.2f}".rstrip("0").rstrip(".")
