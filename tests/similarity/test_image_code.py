"""The view of an image is exact: the same for every format, type, byte order and machine."""

import itertools
from fractions import Fraction
from pathlib import Path
from typing import Any

import iscc_core
import iscc_lib
import numpy as np
import pytest
import skimage
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from crate_iscc.image_code import Plane, image_code, image_view, planes_of, reduced


def camera() -> Any:
    """Return an image that comes inside scikit-image: 512 x 512, 8 bits."""
    return skimage.data.camera()


def hill(height: int = 48, width: int = 80) -> Any:
    """Return an image that is made of integers alone."""
    y, x = np.mgrid[:height, :width]
    return (x * y * 13 + (x * x) % 997).astype(np.uint16)


def view(*planes: Any) -> bytes:
    made = image_view(Plane(pixels, c=c) for c, pixels in enumerate(planes))
    assert made is not None
    return made


@given(
    arrays(
        st.sampled_from([np.uint8, np.int16, np.uint32, np.int32]),
        st.tuples(st.integers(1, 70), st.integers(1, 70)),
    )
)
def test_a_cell_is_the_exact_mean_of_what_it_covers(pixels: Any) -> None:
    """Held against an image in which each pixel is 32 x 32 pixels: there no border cuts one."""
    height, width = pixels.shape
    large = np.kron(pixels.astype(np.int64), np.ones((32, 32), np.int64))

    means = [
        Fraction(int(large[i * height : (i + 1) * height, j * width : (j + 1) * width].sum()))
        / (height * width)
        for i in range(32)
        for j in range(32)
    ]

    assert reduced(pixels) == means


def test_the_largest_pixels_do_not_overflow() -> None:
    """Sums of 32-bit pixels over many lines stay exact."""
    pixels = np.full((4096, 3000), 2**32 - 1, np.uint32)

    assert set(reduced(pixels)) == {Fraction(2**32 - 1)}


@pytest.mark.parametrize(
    "as_stored",
    [
        lambda a: a.astype(">u2"),
        lambda a: a.astype(np.uint32),
        lambda a: a.astype(np.float32),
        lambda a: a.astype(">f8"),
        lambda a: a.astype(np.uint16) * 257,
        lambda a: a.astype(np.int16) - 300,
        lambda a: a.astype(np.float64) / 1024,
        np.asfortranarray,
    ],
)
def test_the_view_does_not_depend_on_how_pixels_are_stored(as_stored: Any) -> None:
    """Type, byte order, layout in memory, and any straight line through the grey values."""
    assert view(as_stored(camera())) == view(camera())


@pytest.mark.parametrize(
    "options", [{}, {"tile": (64, 64)}, {"compression": "zlib"}, {"bigtiff": True}]
)
def test_files_of_the_same_pixels_have_the_same_code(tmp_path: Path, options: Any) -> None:
    place = tmp_path / "camera.tif"
    tifffile.imwrite(place, camera(), **options)

    assert view(tifffile.imread(place)) == view(camera())


def test_planes_may_come_in_any_order() -> None:
    planes = [
        Plane(np.roll(hill(), 7 * z + 3 * t + c, axis=1), z=z, c=c, t=t)
        for z in range(3)
        for c in range(2)
        for t in range(2)
    ]

    assert image_view(planes) == image_view(reversed(planes)) != image_view(planes[:4])


def test_of_a_stack_the_largest_mean_of_each_cell_counts() -> None:
    one, two = hill(), hill()[::-1].copy()
    both = image_view([Plane(one, z=0), Plane(two, z=1)])

    cells = [max(pair) for pair in zip(reduced(one), reduced(two), strict=True)]
    made = np.array([int(cell * 48 * 80) for cell in cells]).reshape(32, 32)
    assert both == view(made)


@given(st.lists(st.integers(0, 3 * 2 * 2 * 5 * 7 * 2), max_size=9), st.sampled_from(["u2", "f2"]))
def test_bytes_in_any_pieces_are_the_planes_of_the_walk(cuts: list[int], kind: str) -> None:
    """In the order of IEP-0018: z outermost, t innermost, rows from the top, big-endian."""
    whole = np.arange(3 * 2 * 2 * 5 * 7).reshape(3, 2, 2, 5, 7).astype(kind)
    raw = whole.astype(f">{kind}").tobytes()
    edges = [0, *sorted(cuts), len(raw)]
    pieces = [raw[start:stop] for start, stop in itertools.pairwise(edges)]

    planes = list(planes_of(pieces, whole.dtype.name, z=3, c=2, t=2, y=5, x=7))

    assert [(p.z, p.c, p.t) for p in planes] == list(itertools.product(range(3), (0, 1), (0, 1)))
    for plane in planes:
        assert np.array_equal(plane.pixels, whole[plane.z, plane.c, plane.t])


@pytest.mark.parametrize("length", [0, 1, 199, 201, 300, 400])
def test_more_or_fewer_bytes_than_the_image_has_are_refused(length: int) -> None:
    with pytest.raises(ValueError, match="pixels"):
        list(planes_of([bytes(length)], "uint8", z=1, c=2, t=1, y=10, x=10))


def test_an_empty_channel_adds_nothing() -> None:
    """Alpha that is the same everywhere, a channel that was not lit."""
    assert view(camera(), np.full_like(camera(), 255)) == view(camera())
    assert view(camera(), camera()) == view(camera())


@pytest.mark.parametrize("value", [0, 7, 65535])
def test_an_image_that_all_looks_the_same_has_no_view(value: int) -> None:
    """So that all blank images are not found to be near to each other."""
    assert image_view([Plane(np.full((40, 50), value, np.uint16))]) is None
    assert image_view([]) is None


def test_ten_cells_at_each_end_are_beyond_the_stretch() -> None:
    """Of 1024 cells with the means 0 to 1023, 10 becomes 0 and 1013 becomes 255."""
    made = view(np.arange(1024, dtype=np.uint16).reshape(32, 32))

    assert set(made[:11]) == {0}
    assert set(made[1013:]) == {255}
    assert [made[at] for at in (12, 13, 511, 512)] == [1, 1, 127, 128]
    assert list(made) == sorted(made)


def test_what_is_no_number_counts_as_zero() -> None:
    holes = camera().astype(np.float32)
    zeros = holes.copy()
    zeros[5], zeros[9, 9], zeros[11] = 0, 0, 0
    holes[5], holes[9, 9], holes[11] = np.nan, np.inf, -np.inf

    assert view(holes) == view(zeros)


def test_the_smallest_and_largest_numbers_do_not_matter() -> None:
    """Pixels near the ends of what a float can hold: scaled by powers of two, nothing is lost."""
    plain = camera().astype(np.float64)

    assert view(plain * 2.0**-1060) == view(plain * 2.0**1000) == view(plain)
    assert image_view([Plane(np.zeros((9, 9), np.float32))]) is None


@pytest.mark.parametrize(
    "pixels", [np.zeros((2, 3, 4)), np.zeros((0, 4)), np.zeros((4, 4), np.complex64), np.zeros(5)]
)
def test_what_is_no_plane_is_refused(pixels: Any) -> None:
    with pytest.raises(ValueError, match=r"two dimensions|no order"):
        reduced(pixels)


def test_planes_of_several_shapes_are_no_image() -> None:
    with pytest.raises(ValueError, match="one shape"):
        image_view([Plane(hill()), Plane(hill()[1:])])


def test_the_code_is_that_of_iscc_core_and_iscc_lib() -> None:
    made = view(camera())

    for bits in (64, 128, 256):
        body = image_code(made, bits)
        for iscc in (
            iscc_lib.gen_image_code_v0(made, bits)["iscc"],
            iscc_core.gen_image_code_v0(list(made), bits)["iscc"],
        ):
            assert iscc_core.iscc_decode(iscc)[4] == body
    with pytest.raises(ValueError, match="32 x 32"):
        image_code(made[1:])


def test_the_view_and_the_code_of_a_known_image_stay_what_they_are() -> None:
    """Made of integers: whoever gets other values has another algorithm, or another processor."""
    made = view(hill(), hill()[::-1])

    assert made[:16].hex() == "01060b0f14191e23292d33383d3d4349"
    assert (
        image_code(made).hex() == "8200550055005500090055005500550055005500550054004a004a004200a000"
    )
