"""How far the experimental Image-Code moves when an image is treated, and between unrelated images.

    python benchmarks/bench_image_codes.py

Prints the table of docs/similarity.md. The images are those that come inside scikit-image; nothing
is downloaded. Needs Pillow beside the extra `examples`.
"""

import io
import sys
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from statistics import mean, median, pstdev
from typing import Any

import numpy as np
import skimage
from PIL import Image

from crate_iscc.image_code import Plane, image_code, image_view

NAMES = (
    "astronaut.png",
    "brick.png",
    "camera.png",
    "cell.png",
    "chelsea.png",
    "clock_motion.png",
    "coffee.png",
    "coins.png",
    "color.png",
    "grass.png",
    "gravel.png",
    "horse.png",
    "hubble_deep_field.jpg",
    "ihc.png",
    "logo.png",
    "microaneurysms.png",
    "moon.png",
    "motorcycle_left.png",
    "page.png",
    "phantom.png",
    "retina.jpg",
    "rocket.jpg",
    "text.png",
)
Array = Any


def images() -> dict[str, Array]:
    """Return the images as arrays of rows, columns and perhaps samples, at 16 bits."""
    folder = Path(skimage.__file__).parent / "data"
    found = {}
    for name in NAMES:
        with Image.open(folder / name) as image:
            # Alpha is no channel of a microscope.
            array = np.asarray(image.convert("RGB" if len(image.getbands()) > 2 else "L"))
        found[name.partition(".")[0]] = array.astype(np.uint16) * 257
    return found


def code(array: Array) -> int:
    """Return the Image-Code of an image, its samples as channels."""
    planes = [array] if array.ndim == 2 else [array[..., c] for c in range(array.shape[2])]
    view = image_view(Plane(pixels, c=c) for c, pixels in enumerate(planes))
    if view is None:
        raise ValueError("an image that all looks the same")
    return int.from_bytes(image_code(view), "big")


def eight_bits(array: Array) -> Array:
    """Return an image as it is shown: from its 1st to its 99th percentile, at 8 bits."""
    low, high = np.percentile(array, (1, 99))
    return np.clip((array - low) * 255 / max(high - low, 1), 0, 255).astype(np.uint8)


def gamma(power: float) -> Callable[[Array], Array]:
    """Return what raises grey values to a power."""
    return lambda array: (65535 * (array / 65535) ** power).astype(np.uint16)


def noise(share: float) -> Callable[[Array], Array]:
    """Return what adds noise with a deviation of such a share of the range."""

    def noisy(array: Array) -> Array:
        random = np.random.default_rng(1)
        values = array + random.normal(0, share * 65535, array.shape)
        return np.clip(values, 0, 65535).astype(np.uint16)

    return noisy


def smaller(factor: int) -> Callable[[Array], Array]:
    """Return what makes a level of a pyramid: each pixel the mean of factor x factor."""

    def level(array: Array) -> Array:
        height, width = (length // factor * factor for length in array.shape[:2])
        cut = array[:height, :width].astype(np.uint64)
        shape = (height // factor, factor, width // factor, factor, *array.shape[2:])
        return cut.reshape(shape).mean(axis=(1, 3)).astype(np.uint16)

    return level


def jpeg(quality: int) -> Callable[[Array], Array]:
    """Return what saves an image as JPEG and reads it again."""

    def saved(array: Array) -> Array:
        file = io.BytesIO()
        Image.fromarray((array >> 8).astype(np.uint8)).save(file, "JPEG", quality=quality)
        return np.asarray(Image.open(file))

    return saved


def cropped(share: float) -> Callable[[Array], Array]:
    """Return what keeps such a share of height and width, in the middle."""

    def middle(array: Array) -> Array:
        height, width = array.shape[:2]
        top, left = (round(length * (1 - share) / 2) for length in (height, width))
        return array[top : height - top, left : width - left]

    return middle


def turned(degrees: float) -> Callable[[Array], Array]:
    """Return what turns an image, and fills the corners with black."""

    def turn(array: Array) -> Array:
        if degrees % 90 == 0:
            return np.rot90(array, round(degrees / 90))
        return np.asarray(Image.fromarray((array >> 8).astype(np.uint8)).rotate(degrees))

    return turn


def grey(array: Array) -> Array:
    """Return the mean of the samples."""
    return array if array.ndim == 2 else array.mean(axis=2).astype(np.uint16)


def with_scale_bar(array: Array) -> Array:
    """Return an image with a white bar at its lower right, as figures have it."""
    height, width = array.shape[:2]
    marked = array.copy()
    marked[-height // 12 : -height // 18, -width // 4 : -width // 20] = 65535
    return marked


TREATMENTS: dict[str, Callable[[Array], Array]] = {
    "8 bits, stretched from the 1st to the 99th percentile": eight_bits,
    "gamma 0.5": gamma(0.5),
    "gamma 2": gamma(2),
    "noise, 2 % of the range": noise(0.02),
    "noise, 10 % of the range": noise(0.1),
    "pyramid, half the size": smaller(2),
    "pyramid, an eighth of the size": smaller(8),
    "JPEG, quality 90": jpeg(90),
    "JPEG, quality 30": jpeg(30),
    "colour to grey": grey,
    "a scale bar drawn in": with_scale_bar,
    "inverted": lambda array: 65535 - array,
    "cropped to 98 % of height and width": cropped(0.98),
    "cropped to 90 %": cropped(0.9),
    "cropped to 50 %": cropped(0.5),
    "turned by 1 degree": turned(1),
    "turned by 5 degrees": turned(5),
    "turned by 90 degrees": turned(90),
    "mirrored": lambda array: array[:, ::-1],
}


def _quarters(array: Array) -> list[Array]:
    """Return four parts of an image that do not overlap: fields of one slide, as it were."""
    y, x = (length // 2 for length in array.shape[:2])
    parts = [array[:y, :x], array[:y, x:], array[y:, :x], array[y:, x:]]
    return [part for part in parts if part.min() != part.max()]


def main() -> None:
    """Print the table, and how far unrelated images are apart."""
    originals = images()
    codes = {name: code(array) for name, array in originals.items()}
    print(f"| {len(originals)} images, bits of 256 that differ | least | median | most |")
    print("|---|---|---|---|")
    for treatment, treat in TREATMENTS.items():
        moved = sorted(
            (code(treat(array)) ^ codes[name]).bit_count() for name, array in originals.items()
        )
        print(f"| {treatment} | {moved[0]} | {median(moved):.0f} | {moved[-1]} |")
    apart = sorted(
        ((codes[one] ^ codes[two]).bit_count(), one, two) for one, two in combinations(codes, 2)
    )
    bits = [each[0] for each in apart]
    print(f"| unrelated, {len(bits)} pairs | {bits[0]} | {median(bits):.0f} | {bits[-1]} |")
    quarters = sorted(
        (one ^ two).bit_count()
        for array in originals.values()
        for one, two in combinations(map(code, _quarters(array)), 2)
    )
    print(
        f"| quarters of one image, {len(quarters)} pairs "
        f"| {quarters[0]} | {median(quarters):.0f} | {quarters[-1]} |"
    )
    spread = pstdev(bits)
    print()
    coins = mean(bits) * (256 - mean(bits)) / spread**2
    print(
        f"Unrelated: mean {mean(bits):.1f}, standard deviation {spread:.1f}: as {coins:.0f} coins."
    )
    if "-v" in sys.argv:
        print(apart[:12])


if __name__ == "__main__":
    main()
