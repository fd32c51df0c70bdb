"""From the camera to the file, with an acquisition engine that nobody here wrote: pymmcore-plus.

Its cameras, stages and wheels are Python here; the engine, its order of events and its writers of
OME-TIFF and OME-Zarr (ome-writers) are its own.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crate_iscc import ImageFingerprint, InputError, PixelStatus, pixels_of
from crate_iscc.acquire import MissingFramesError, Recorder

_NEEDED = "needs pymmcore-plus: pip install 'crate-iscc[acquire]'"
unicore = pytest.importorskip("pymmcore_plus.experimental.unicore", reason=_NEEDED)
useq = pytest.importorskip("useq", reason=_NEEDED)

SHAPE = (32, 48)
WRITERS = ["a.ome.tiff", "a.ome.zarr"]


class Camera(unicore.SimpleCameraDevice):  # type: ignore[misc, name-defined]
    """Sees other noise each time."""

    def __init__(self) -> None:
        super().__init__()
        self._noise = np.random.default_rng(5)

    def get_exposure(self) -> float:
        return 1.0

    def set_exposure(self, exposure: float) -> None:
        pass

    def sensor_shape(self) -> tuple[int, int]:
        return SHAPE

    def dtype(self) -> Any:
        return np.uint16

    def snap(self, buffer: Any) -> Mapping[str, Any]:
        buffer[...] = self._noise.integers(0, 1 << 16, buffer.shape, np.uint16)
        return {}


class Stage(unicore.StageDevice):  # type: ignore[misc, name-defined]
    """Is where it was told to be."""

    height = 0.0

    def home(self) -> None:
        self.height = 0.0

    def stop(self) -> None:
        pass

    def set_origin(self) -> None:
        pass

    def get_position_um(self) -> float:
        return self.height

    def set_position_um(self, height: float) -> None:
        self.height = height


class Wheel(unicore.StateDevice):  # type: ignore[misc, name-defined]
    """Holds filters."""

    place = 0

    def get_state(self) -> int:
        return self.place

    def set_state(self, place: int) -> None:
        self.place = place


def microscope() -> Any:
    """Return an engine with a camera of 16 bits, a stage, and a wheel with two filters."""
    core = unicore.UniMMCore()
    devices = {"Camera": Camera(), "Stage": Stage(), "Wheel": Wheel({0: "blue", 1: "green"})}
    for name, device in devices.items():
        core.loadPyDevice(name, device)
        core.initializeDevice(name)
    core.setAutoShutter(False)
    core.setCameraDevice("Camera")
    core.setFocusDevice("Stage")
    for colour in ("blue", "green"):
        core.defineConfig("Channel", colour, "Wheel", "Label", colour)
    core.definePixelSizeConfig("10x")
    core.setPixelSizeUm("10x", 0.65)
    core.setPixelSizeConfig("10x")
    return core


def sequence(order: str = "tzc", **more: Any) -> Any:
    """Return an acquisition of 3 time points, 5 sections and 2 channels."""
    return useq.MDASequence(
        axis_order=order,
        time_plan={"interval": 0, "loops": 3},
        z_plan={"range": 4, "step": 1},
        channels=["blue", "green"],
        **more,
    )


def recorder_of(acquisition: Any, spool: Path) -> Recorder:
    sizes = acquisition.sizes
    return Recorder(z=sizes["z"], c=sizes["c"], t=sizes["t"], spool=spool)


def hand_to(recorder: Recorder) -> Any:
    """Return what is called with each frame that is ready."""

    def frame_ready(image: Any, event: Any) -> None:
        at = event.index
        recorder.frame(image, z=at["z"], c=at["c"], t=at["t"])

    return frame_ready


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("order", ["tzc", "tcz", "zct"])
@pytest.mark.parametrize("threaded", [False, True], ids=["", "in a thread"])
def test_the_code_from_the_camera_is_that_of_the_written_file(
    name: str, order: str, threaded: bool, tmp_path: Path
) -> None:
    """In five dimensions, T outermost and innermost, also where the frames come from a thread."""
    core = microscope()
    acquisition = sequence(order)
    place = tmp_path / name

    with recorder_of(acquisition, tmp_path) as recorder:
        core.mda.events.frameReady.connect(hand_to(recorder), unique=False)
        if threaded:
            core.run_mda(acquisition, output=place).join()
        else:
            core.mda.run(acquisition, output=place)
        if order == "zct":
            assert recorder.spool_size == 0
        found = recorder.finish()
    written = pixels_of(place)[0]

    assert isinstance(written, ImageFingerprint)
    assert found.extent.shape == "5,2,3,32,48"
    assert (found.fingerprint, found.planes) == (written.fingerprint, written.planes)
    assert (found.extent, found.dtype) == (written.extent, written.dtype)
    assert recorder.verify(place).status is PixelStatus.EQUAL


@pytest.mark.parametrize("name", WRITERS)
def test_each_position_has_a_recorder_and_an_image_of_its_own(name: str, tmp_path: Path) -> None:
    """A scene of the Zarr, a file in a folder of OME-TIFFs."""
    core = microscope()
    acquisition = sequence("tpzc", stage_positions=[{"z": 0}, {"z": 100}])
    place = tmp_path / name
    recorders = [recorder_of(acquisition, tmp_path) for _ in range(2)]

    def frame_ready(image: Any, event: Any) -> None:
        at = event.index
        recorders[at["p"]].frame(image, z=at["z"], c=at["c"], t=at["t"])

    core.mda.events.frameReady.connect(frame_ready)
    core.mda.run(acquisition, output=place)
    folder = place if place.exists() else tmp_path / "a"
    found = [recorder.finish() for recorder in recorders]
    written = pixels_of(folder)

    assert len({image.iscc for image in found}) == 2
    assert [image.planes for image in found] == [
        image.planes for image in written if isinstance(image, ImageFingerprint)
    ]
    if name.endswith("zarr"):
        scenes = [image.scene for image in written]
        for recorder, scene in zip(recorders, scenes, strict=True):
            assert recorder.verify(folder, scene=scene).status is PixelStatus.EQUAL
        assert recorders[0].verify(folder, scene=scenes[1]).status is PixelStatus.DIFFERENT


def test_an_acquisition_that_was_cancelled_has_no_code(tmp_path: Path) -> None:
    """Though the engine leaves a file of the full size."""
    core = microscope()
    acquisition = sequence()

    with recorder_of(acquisition, tmp_path) as recorder:
        hand = hand_to(recorder)

        def frame_ready(image: Any, event: Any) -> None:
            hand(image, event)
            if recorder.frames == 14:
                core.mda.cancel()

        core.mda.events.frameReady.connect(frame_ready)
        core.mda.run(acquisition, output=tmp_path / "a.ome.zarr")
        came = recorder.frames
        with pytest.raises(MissingFramesError) as caught:
            recorder.finish()

    assert 14 <= came < 30
    assert caught.value.missing == 30 - came


def test_what_the_engine_swallows_is_said_at_the_end(tmp_path: Path) -> None:
    """It logs errors of callbacks, and goes on with the acquisition."""
    core = microscope()
    acquisition = sequence()

    with recorder_of(acquisition, tmp_path) as recorder:

        def frame_ready(image: Any, event: Any) -> None:
            recorder.frame(image, z=event.index["z"], c=event.index["c"], t=0)

        core.mda.events.frameReady.connect(frame_ready)
        core.mda.run(acquisition, output=tmp_path / "a.ome.zarr")
        with pytest.raises(InputError, match=r"a frame was refused: .* came twice$"):
            recorder.finish()
