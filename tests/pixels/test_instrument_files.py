"""Files that instruments wrote have the pixels that Bio-Formats and their own readers see.

`make instruments` fetches two of them and Bio-Formats, and runs this; CRATE_ISCC_INSTRUMENTS names
a folder with others. Without that folder all of it is skipped.
"""

import os
import shutil
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest

from crate_iscc.images import ImageFingerprint, ImageUnread, PixelStatus
from crate_iscc.imaging import compare_pixels, pixels_of
from pixels.lif_kit import LifPicture, written_lif
from pixels.pixel_kit import code_of, image, walked

FOLDER = Path(os.environ.get("CRATE_ISCC_INSTRUMENTS") or os.devnull)
FILES = sorted(path for ending in ("nd2", "lif") for path in FOLDER.rglob(f"*.{ending}"))
KNOWN = {
    "f8ee69c3": "ISCC:K4APUGJFJVN3GT5EBV3VGAIWU2N6T5YS5G5BEO3CK5GEA3JMYV2TG7I",
    "979817a9": "ISCC:K4ADSQHXJDYHVTYSR64MPG2Q545AVI4ZPSF3AXTG2RZIV4BECGLXJVQ",
}
"""Codes of the files that are fetched, by the first bytes of their SHA-256."""

pytestmark = pytest.mark.skipif(not FILES, reason="no file of an instrument (make instruments)")
each_file = pytest.mark.parametrize("place", FILES, ids=[path.name for path in FILES])


@pytest.fixture
def bio_formats() -> Path:
    """Return the archive of Bio-Formats, which Java can run."""
    found = next(FOLDER.rglob("bioformats_package.jar"), None)
    if not found or not shutil.which("java"):
        pytest.skip("Java or Bio-Formats is missing")
    return found


def converted(jar: Path, place: Path, folder: Path) -> Path:
    """Return what Bio-Formats makes of a file: an OME-TIFF."""
    made = folder / "converted.ome.tif"
    command = ["java", "-cp", str(jar), "loci.formats.tools.ImageConverter", "-no-upgrade"]
    subprocess.run([*command, str(place), str(made)], check=True, capture_output=True)
    return made


@each_file
def test_files_of_instruments_have_the_pixels_that_bio_formats_sees(
    place: Path, bio_formats: Path, tmp_path: Path
) -> None:
    found = compare_pixels(place, converted(bio_formats, place, tmp_path))

    assert {one.status for one in found} <= {PixelStatus.EQUAL, PixelStatus.UNREAD}


@each_file
def test_files_of_instruments_have_their_codes_and_no_other(place: Path) -> None:
    expected = KNOWN.get(sha256(place.read_bytes()).hexdigest()[:8])
    if expected is None:
        pytest.skip("it is not one of those that are known")

    (found,) = pixels_of(place)

    assert isinstance(found, ImageFingerprint)
    assert found.iscc == expected


@each_file
def test_no_code_comes_of_a_file_of_an_instrument_that_is_cut(place: Path, tmp_path: Path) -> None:
    """Of its last image at least, where it has several."""
    whole = place.read_bytes()
    cut = tmp_path / f"cut{place.suffix}"
    for part in range(1, 20):
        cut.write_bytes(whole[: len(whole) * part // 20])
        assert isinstance(pixels_of(cut)[-1], ImageUnread)


def test_bio_formats_reads_the_lifs_that_tests_write(bio_formats: Path, tmp_path: Path) -> None:
    """With more rows than the head of a block has bytes, which it takes for ends of rows else."""
    pixels = image((2, 3, 4, 90, 100))
    pictures = [
        LifPicture(pixels.transpose(0, 2, 1, 3, 4), "tzcyx", name="A"),
        LifPicture(pixels[0, 0], "zyx", name="B"),
        LifPicture(pixels[0, :, 0], "cyx", name="C"),
    ]
    place = written_lif(tmp_path / "a.lif", *pictures)

    found = pixels_of(converted(bio_formats, place, tmp_path))

    assert [one.iscc for one in found if isinstance(one, ImageFingerprint)] == [
        code_of(walked(pixels)),
        code_of(walked(pixels[:1, :1])),
        code_of(walked(pixels[:1, :, :1])),
    ]
