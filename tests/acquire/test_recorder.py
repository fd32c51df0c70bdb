"""A Recorder gives the pixel code of the finished image, in whatever order its frames came."""

import os
import random
import sys
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from crate_iscc import CrateIsccError, InputError, PixelStatus, Progress, ReadError, WriteError
from crate_iscc.acquire import MissingFramesError, Recorder
from crate_iscc.codes import Fingerprint
from crate_iscc.images import PIXEL_TYPES, Extent, ImageFingerprint, Plane
from crate_iscc.kernel import Hasher
from crate_iscc.kernel.reference import ReferenceKernel
from crate_iscc.stretch import Bytes
from pixels.pixel_kit import Array, code_of, image, ome_zarr, only, walked

SIZES: dict[str, Any] = {"t": 2, "c": 3, "z": 4}
"""Of the image of the kit, whose axes are T, C, Z, Y, X."""
Place = dict[str, int]


def places(order: str = "tzc", sizes: dict[str, int] = SIZES) -> list[Place]:
    """Return the places of all frames, the first axis of `order` outermost."""
    ranges = [range(sizes[letter]) for letter in order]
    return [dict(zip(order, at, strict=True)) for at in product(*ranges)]


def hand_over(recorder: Recorder, pixels: Array, frames: list[Place]) -> None:
    for at in frames:
        recorder.frame(pixels[at["t"], at["c"], at["z"]], **at)


def recorded(pixels: Array, frames: list[Place], **how: Any) -> ImageFingerprint:
    with Recorder(**how) as recorder:
        hand_over(recorder, pixels, frames)
        return recorder.finish()


needs_proc = pytest.mark.skipif(
    sys.platform != "linux", reason="needs /proc to get at a nameless file"
)


def spool_below(folder: Path) -> int:
    """Return the descriptor of the nameless file in a folder."""
    (spool,) = [
        int(name)
        for name in os.listdir("/proc/self/fd")
        if os.path.realpath(f"/proc/self/fd/{name}").startswith(str(folder))
    ]
    return spool


@pytest.mark.parametrize("order", ["tzc", "tcz", "ztc", "czt", "zct"])
@pytest.mark.parametrize("said", [SIZES, {}, {"c": 3, "t": 2}, {"z": 4}], ids=str)
def test_the_code_is_that_of_the_written_file_in_every_order(
    order: str, said: dict[str, Any], tmp_path: Path
) -> None:
    pixels = image()
    tifffile.imwrite(tmp_path / "a.ome.tif", pixels, metadata={"axes": "TCZYX"})
    written = only(tmp_path / "a.ome.tif")

    found = recorded(pixels, places(order), spool=tmp_path, **said)

    assert found.iscc == written.iscc == code_of(walked(pixels))
    assert (found.extent, found.dtype) == (written.extent, written.dtype)
    assert found.fingerprint == written.fingerprint
    assert found.planes == written.planes


@given(
    frames=st.permutations(places()),
    said=st.sets(st.sampled_from("zct")),
)
def test_any_order_gives_one_code(frames: list[Place], said: set[str]) -> None:
    """Whichever of the sizes are known before."""
    pixels = image((2, 3, 4, 2, 3))

    found = recorded(pixels, frames, **{letter: SIZES[letter] for letter in said})

    assert found.iscc == code_of(walked(pixels))


@pytest.mark.parametrize("dtype", PIXEL_TYPES)
@pytest.mark.parametrize("order", "<>")
def test_each_type_counts_big_endian_in_either_byte_order(dtype: str, order: str) -> None:
    """IEP-0018, canonical bytes."""
    pixels = image((1, 1, 2, 5, 7), dtype)
    stored = pixels.astype(pixels.dtype.newbyteorder(order))

    found = recorded(stored, places(sizes={"t": 1, "c": 1, "z": 2}))

    assert (found.iscc, found.dtype) == (code_of(walked(pixels)), dtype)


def test_arrays_that_are_views_count_by_their_pixels() -> None:
    """Turned, mirrored, cut out, and bool as uint8."""
    whole = image((1, 1, 1, 30, 40))[0, 0, 0]
    views = [whole.T, whole[::-1, ::-1], whole[3:9, 5:30:2], whole > 30000]

    for view in views:
        with Recorder() as recorder:
            recorder.frame(view)
            plain = view.astype("uint8") if view.dtype == bool else view.astype(">u2")
            assert recorder.finish().iscc == code_of(plain.tobytes("C"))


def test_the_array_may_be_used_again_after_the_call(tmp_path: Path) -> None:
    """As cameras do with their buffers, also of frames that wait."""
    pixels = image()
    buffer = np.empty((35, 45), "uint16")

    with Recorder(**SIZES, spool=tmp_path) as recorder:
        for at in places():
            buffer[...] = pixels[at["t"], at["c"], at["z"]]
            recorder.frame(buffer, **at)
        assert recorder.finish().iscc == code_of(walked(pixels))


class EarlyCamera:
    """A kernel that writes the next frame into the buffer of a camera before it hashes."""

    name = "early camera"

    def __init__(self, buffer: Array) -> None:
        self._buffer = buffer
        self._hasher = ReferenceKernel().hasher()

    def hasher(self) -> Hasher:
        return self

    def update(self, data: Bytes) -> None:
        self._buffer += 1
        self._hasher.update(data)

    def finish(self) -> Fingerprint:
        return self._hasher.finish()


@pytest.mark.parametrize("dtype", ["uint8", ">u2", "<u2"])
def test_code_and_digest_are_of_the_same_pixels_even_if_the_camera_is_early(dtype: str) -> None:
    """A frame is copied before anything is computed of it."""
    buffer = image((1, 1, 1, 35, 45), "uint16")[0, 0, 0].astype(dtype)
    came = buffer.astype(buffer.dtype.newbyteorder(">")).tobytes()

    with Recorder(z=1, c=1, t=1, kernel=EarlyCamera(buffer)) as recorder:
        recorder.frame(buffer)
        found = recorder.finish()

    assert (found.iscc, found.planes) == (code_of(came), blake3(came).digest())


def test_numbers_may_be_those_of_numpy() -> None:
    plane = image((1, 1, 1, 5, 7))[0, 0, 0]
    with Recorder(z=np.int64(1), t=np.uint8(1)) as recorder:
        recorder.frame(plane, z=np.uint16(0), t=np.int32(0))
        assert recorder.finish().extent == Extent(z=1, c=1, t=1, y=5, x=7)


def test_frames_in_the_order_of_the_walk_need_no_spool() -> None:
    pixels = image()

    with Recorder(**SIZES) as recorder, Recorder(**SIZES, spooled=False) as without:
        for at in places("zct"):
            hand_over(recorder, pixels, [at])
            hand_over(without, pixels, [at])
            assert recorder.spool_size == 0
        assert recorder.finish().iscc == without.finish().iscc == code_of(walked(pixels))


def test_a_frame_waits_no_longer_than_for_those_before_it() -> None:
    """Neighbours that changed places cost the room of one plane; the spool shrinks again."""
    pixels = image()
    frames = places("zct")
    swapped = [frame for pair in zip(frames[1::2], frames[::2], strict=True) for frame in pair]

    with Recorder(**SIZES) as recorder:
        sizes = []
        for at in swapped:
            hand_over(recorder, pixels, [at])
            sizes.append(recorder.spool_size)
        assert set(sizes) == {35 * 45 * 2, 0}
        assert recorder.finish().iscc == code_of(walked(pixels))


def test_the_room_of_a_frame_that_was_hashed_is_used_again() -> None:
    """One frame always waits, and the spool gets no larger than two."""
    pixels = image()
    frames = places("zct")
    ahead = [1, *(n for even in range(0, 22, 2) for n in (even + 3, even)), 22]
    assert sorted(ahead) == list(range(24))

    with Recorder(**SIZES) as recorder:
        sizes = []
        for number in ahead:
            hand_over(recorder, pixels, [frames[number]])
            sizes.append(recorder.spool_size)
        assert max(sizes) == 2 * 35 * 45 * 2
        assert recorder.finish().iscc == code_of(walked(pixels))


@needs_proc
def test_a_spool_in_which_nothing_waits_takes_no_room(tmp_path: Path) -> None:
    pixels = image()
    frames = places("zct")

    with Recorder(**SIZES, spool=tmp_path) as recorder:
        hand_over(recorder, pixels, [frames[1]])
        assert os.stat(spool_below(tmp_path)).st_size == 35 * 45 * 2
        hand_over(recorder, pixels, [frames[0]])
        assert os.stat(spool_below(tmp_path)).st_size == 0


def test_the_spool_takes_the_room_of_what_waits_and_has_no_name(tmp_path: Path) -> None:
    """So whoever is killed leaves nothing behind."""
    pixels = image()

    with Recorder(**SIZES, spool=tmp_path) as recorder:
        hand_over(recorder, pixels, places()[:12])
        assert 9 * 35 * 45 * 2 <= recorder.spool_size <= 12 * 35 * 45 * 2
        if os.name == "posix":
            assert list(tmp_path.iterdir()) == []
        hand_over(recorder, pixels, places()[12:])
        recorder.finish()
        assert recorder.spool_size == 0
    assert list(tmp_path.iterdir()) == []


def test_memory_holds_a_few_planes_whatever_comes() -> None:
    """64 planes of 1 MB, T outermost, within 8 MB."""
    plane = image((1, 1, 1, 512, 1024))[0, 0, 0]
    tracemalloc.start()
    try:
        with Recorder(z=8, c=1, t=8) as recorder:
            for at in places("tz", {"t": 8, "z": 8}):
                recorder.frame(plane + np.uint16(at["t"]), **at)
            recorder.finish()
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


def test_threads_may_hand_over_frames_at_once() -> None:
    pixels = image()
    frames = places()
    random.Random(4).shuffle(frames)
    start = threading.Barrier(4)

    with Recorder(**SIZES) as recorder:

        def camera(mine: list[Place]) -> None:
            start.wait()
            hand_over(recorder, pixels, mine)

        cameras = [threading.Thread(target=camera, args=(frames[n::4],)) for n in range(4)]
        for thread in cameras:
            thread.start()
        for thread in cameras:
            thread.join()

        assert recorder.frames == len(frames)
        assert recorder.finish().iscc == code_of(walked(pixels))


def test_of_a_frame_that_threads_hand_over_twice_one_is_refused() -> None:
    plane = np.zeros((300, 300), "uint16")
    start = threading.Barrier(8)
    refused = []

    with Recorder() as recorder:

        def camera() -> None:
            start.wait()
            try:
                recorder.frame(plane)
            except InputError as error:
                refused.append(str(error))

        cameras = [threading.Thread(target=camera) for _ in range(8)]
        for thread in cameras:
            thread.start()
        for thread in cameras:
            thread.join()

    assert refused == ["the frame z 0, channel 0, t 0 came twice"] * 7


def test_whoever_is_told_of_progress_may_close_the_recorder() -> None:
    """Nothing hangs, and there is no code."""
    with Recorder() as recorder:
        hand_over(recorder, image(), places())
        with pytest.raises(ReadError, match=r"is gone: the recorder was closed$"):
            recorder.finish(progress=lambda _: recorder.close())
        with pytest.raises(ReadError):
            recorder.finish()


def test_an_interrupted_finish_gives_no_code_later() -> None:
    """Half of the planes may have been hashed."""

    def interrupt(_progress: Progress) -> None:
        raise KeyboardInterrupt

    with Recorder() as recorder:
        hand_over(recorder, image(), places())
        with pytest.raises(KeyboardInterrupt):
            recorder.finish(progress=interrupt)
        with pytest.raises(ReadError, match=r"interrupted by KeyboardInterrupt$"):
            recorder.finish()


def test_finish_says_what_it_does_and_may_be_called_again() -> None:
    pixels = image()
    told: list[Progress] = []

    with Recorder(path="plate/a.ome.tif", scene="3") as recorder:
        hand_over(recorder, pixels, places())
        first = recorder.finish(progress=told.append)
        assert recorder.finish() == first
    assert recorder.finish() == first

    assert first.name == "plate/a.ome.tif#3"
    last = told[-1]
    assert (last.done_bytes, last.done_files) == (last.total_bytes, last.total_files)
    assert (last.total_bytes, last.total_files) == (pixels.nbytes, 24)


def test_missing_frames_are_named_and_can_still_come() -> None:
    """No code rests on a part of an image."""
    pixels = image()
    late = [{"z": 0, "c": 2, "t": 1}, {"z": 3, "c": 0, "t": 0}]

    with Recorder(**SIZES) as recorder:
        hand_over(recorder, pixels, [at for at in places() if at not in late])
        with pytest.raises(MissingFramesError) as caught:
            recorder.finish()
        assert str(caught.value) == (
            "2 frames have not come: z 0, channel 2, t 1; z 3, channel 0, t 0"
        )
        assert caught.value.planes == tuple(Plane(**at) for at in late)

        hand_over(recorder, pixels, late)
        assert recorder.finish().iscc == code_of(walked(pixels))


@pytest.mark.parametrize("said", [{"t": 3}, SIZES | {"t": 3}], ids=str)
def test_an_acquisition_that_ended_early_misses_what_was_to_come(said: dict[str, Any]) -> None:
    with Recorder(**said) as recorder:
        hand_over(recorder, image(), places())
        with pytest.raises(MissingFramesError, match=r"; and 7 more planes$") as caught:
            recorder.finish()
    assert caught.value.missing == 12
    assert {plane.t for plane in caught.value.planes} == {2}


def test_a_hole_is_missed_where_no_sizes_were_said() -> None:
    """Also a hole of more planes than anybody could list."""
    with Recorder() as recorder:
        recorder.frame(np.zeros((2, 2), "uint8"), z=10**9)
        with pytest.raises(MissingFramesError) as caught:
            recorder.finish()
    assert (caught.value.missing, len(caught.value.planes)) == (10**9, 1000)


PLANE = np.zeros((4, 5), "uint16")
REFUSED: dict[str, tuple[Any, dict[str, Any], str]] = {
    "twice": (PLANE, {"t": 0}, "the frame z 0, channel 0, t 0 came twice"),
    "outside": (
        PLANE,
        {"t": 2},
        "the frame z 0, channel 0, t 2 lies outside of the image: t was said to be 2 long",
    ),
    "shape": (
        PLANE.T,
        {"t": 1},
        "the frame z 0, channel 0, t 1 is 5 × 4 uint16: those before it are 4 × 5 uint16",
    ),
    "type": (
        PLANE.astype("int16"),
        {"t": 1},
        "the frame z 0, channel 0, t 1 is 4 × 5 int16: those before it are 4 × 5 uint16",
    ),
    "colours": (
        np.zeros((4, 5, 3), "uint8"),
        {"t": 1},
        "a frame has 3 axes instead of 2, its shape is (4, 5, 3)",
    ),
    "empty": (PLANE[:0], {"t": 1}, "a frame has no pixels, its shape is (0, 5)"),
    "64 bits": (
        PLANE.astype("int64"),
        {"t": 1},
        "the pixels of a frame are int64, which IEP-0018 does not know",
    ),
    "negative": (PLANE, {"t": -1}, "t is -1, and is counted from 0"),
    "half": (PLANE, {"t": 0.5}, "t is 0.5, and is counted from 0"),
    "half of an array": (PLANE, {"t": np.array(0.5)}, "t is array(0.5), and is counted from 0"),
    "no array": ([[1], [2, 3]], {"t": 1}, "a frame is no array of pixels: "),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_frame_that_does_not_belong_is_refused_and_not_forgotten(case: str) -> None:
    """Engines log what a callback raises, and go on: so finish says it again."""
    array, at, message = REFUSED[case]

    with Recorder(z=1, c=1, t=2) as recorder:
        recorder.frame(PLANE, t=0)
        with pytest.raises(InputError) as caught:
            recorder.frame(array, **at)
        assert str(caught.value).startswith(message)
        with suppress(InputError):
            recorder.frame(PLANE, t=1)

        with pytest.raises(InputError) as again:
            recorder.finish()
        assert str(again.value).startswith(f"the image has no code: a frame was refused: {message}")


def test_no_frame_comes_after_the_end() -> None:
    with Recorder() as recorder:
        recorder.frame(PLANE)
        found = recorder.finish()
        with pytest.raises(InputError, match=r"^the image is finished: it takes no frame any more"):
            recorder.frame(PLANE, t=1)
    assert recorder.finish() == found

    with Recorder() as recorder:
        recorder.frame(PLANE)
    for late in (lambda: recorder.frame(PLANE, t=1), recorder.finish):
        with pytest.raises(InputError, match=r"^the recorder is closed$"):
            late()


def test_nothing_can_be_made_of_nothing() -> None:
    with Recorder() as recorder, pytest.raises(InputError, match=r"no frame has come"):
        recorder.finish()


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"t": 0}, "t is 0, and an axis is at least 1 long"),
        ({"t": np.int64(-3)}, "t is np.int64(-3), and an axis is at least 1 long"),
        ({"z": 2.0}, "z is 2.0, and an axis is at least 1 long"),
        ({"z": 1 << 20, "c": 5, "t": 1}, "an image of more than 4194304 frames is not read"),
        ({"path": "../a.tif"}, "not a path inside the crate: ../a.tif: the path leads out"),
    ],
)
def test_what_cannot_be_is_said_before_the_first_frame(how: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        Recorder(**how)
    assert str(caught.value).startswith(message)


def test_a_spool_needs_a_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^frames cannot be kept in .*: it is no folder$"):
        Recorder(spool=tmp_path / "gone")


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """No file of this process can get larger, as if the disk was full."""
    import resource  # of POSIX

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.skipif(os.name != "posix", reason="needs limits of POSIX")
def test_a_spool_on_a_full_disk_is_an_error_that_stays_and_leaves_nothing(tmp_path: Path) -> None:
    """Even in the middle of a plane; there is no code afterwards, and no folder to clear up."""
    pixels = image()

    with Recorder(**SIZES, spool=tmp_path) as recorder:
        with largest_file(10_000), pytest.raises(WriteError) as caught:
            hand_over(recorder, pixels, places())
        assert str(caught.value) == f"cannot keep a frame in {tmp_path}: File too large"
        assert caught.value.hint
        assert recorder.spool_size == 0
        assert list(tmp_path.iterdir()) == []
        for late in (lambda: hand_over(recorder, pixels, places()[-1:]), recorder.finish):
            with pytest.raises(WriteError, match=r"cannot keep a frame"):
                late()


@needs_proc
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda fd: os.pwrite(fd, b"!", 5), "the spool does not hold what was written to it"),
        (lambda fd: os.ftruncate(fd, 5), "cannot read a frame that was kept: the spool was cut"),
    ],
    ids=["changed", "cut"],
)
def test_a_spool_that_lost_something_gives_no_code(
    damage: Callable[[int], object], message: str, tmp_path: Path
) -> None:
    """Each plane is held against its BLAKE3 when it is read again."""
    with Recorder(z=4, spool=tmp_path) as recorder:
        hand_over(recorder, image(), places())
        damage(spool_below(tmp_path))
        with pytest.raises(ReadError) as caught:
            recorder.finish()
        assert str(caught.value).startswith(message)
        with pytest.raises(ReadError):
            recorder.finish()


def written_as(pixels: Array, folder: Path) -> dict[str, Path]:
    """Write an image as OME-TIFF and as OME-Zarr."""
    tiff = folder / "a.ome.tif"
    tifffile.imwrite(tiff, pixels, metadata={"axes": "TCZYX"}, compression="zlib")
    return {
        "tiff": tiff,
        "zarr": ome_zarr(folder / "a.zarr", pixels, chunks=(1, 1, 2, 16, 45)),
    }


@pytest.mark.parametrize("kind", ["tiff", "zarr"])
def test_verify_tells_whether_the_file_holds_the_pixels_that_came(
    kind: str, tmp_path: Path
) -> None:
    """The planes that differ are named."""
    pixels = image()
    good = written_as(pixels, tmp_path)[kind]
    other = pixels.copy()
    other[1, 2, 3, 0, 0] ^= 1
    (tmp_path / "other").mkdir()
    bad = written_as(other, tmp_path / "other")[kind]

    with Recorder(**SIZES) as recorder:
        hand_over(recorder, pixels, places())
        with pytest.raises(InputError, match=r"^the image is not finished$"):
            recorder.verify(good)
        recorder.finish()

    assert recorder.verify(good).status is PixelStatus.EQUAL
    found = recorder.verify(bad)
    assert (found.status, found.planes) == (PixelStatus.DIFFERENT, (Plane(z=3, c=2, t=1),))
    with pytest.raises(InputError):
        recorder.verify(tmp_path / "nothing.tif")


def test_what_cannot_be_compared_is_not_equal(tmp_path: Path) -> None:
    """A file that was cut, one with fewer time points, and one of several images."""
    pixels = image()
    good = written_as(pixels, tmp_path)["tiff"]
    short = tmp_path / "short.ome.tif"
    tifffile.imwrite(short, pixels[:1], metadata={"axes": "TCZYX"})
    several = tmp_path / "several.ome.tif"
    with tifffile.TiffWriter(several, ome=True) as writer:
        for part in (pixels[:1], pixels):
            writer.write(part, metadata={"axes": "TCZYX"})

    with Recorder(**SIZES) as recorder:
        hand_over(recorder, pixels, places())
        recorder.finish()

    assert recorder.verify(short).status is PixelStatus.INCOMPARABLE
    unsaid = recorder.verify(several)
    assert unsaid.status is PixelStatus.INCOMPARABLE
    assert unsaid.remark == (
        "of the images there, which one is meant is not said: several.ome.tif#0, several.ome.tif#1"
    )
    assert recorder.verify(several, scene="1").status is PixelStatus.EQUAL
    assert recorder.verify(several, scene="0").status is PixelStatus.INCOMPARABLE
    assert "none is '7'" in recorder.verify(several, scene="7").remark
    os.truncate(good, 3000)
    cut = recorder.verify(good)
    assert cut.status is PixelStatus.INCOMPARABLE
    assert cut.remark.startswith("a.ome.tif could not be read: ")


@pytest.mark.parametrize("spooled", [True, False])
def test_the_planes_that_wait_can_be_read_from_the_written_file_instead(
    spooled: bool, tmp_path: Path
) -> None:
    """But from none that holds other pixels than came; nothing is lost then."""
    pixels = image()
    paths = written_as(pixels, tmp_path)
    (tmp_path / "other").mkdir()
    other = written_as(pixels[::-1], tmp_path / "other")["tiff"]

    with Recorder(z=4, spooled=spooled) as recorder:
        hand_over(recorder, pixels, places())
        assert (recorder.spool_size > 0) is spooled
        with pytest.raises(InputError, match=r"does not hold the pixels that came: the planes are"):
            recorder.finish(written=other)
        if not spooled:
            with pytest.raises(InputError, match=r"and none was kept$"):
                recorder.finish()
        found = recorder.finish(written=paths["zarr"])

    assert found.iscc == code_of(walked(pixels))
    assert found.planes == only(paths["tiff"]).planes
    assert found.extent == Extent(z=4, c=3, t=2, y=35, x=45)
    assert recorder.verify(paths["tiff"]).status is PixelStatus.EQUAL


def test_every_error_is_of_this_package_and_says_what_to_do() -> None:
    assert issubclass(MissingFramesError, CrateIsccError)
    assert MissingFramesError((Plane(0, 0, 0),), 1).hint
