"""`sum --pixels`, `build --pixels` and `verify --pixels` at the command line."""

import json
import sys
from pathlib import Path

import pytest
import tifffile

from cli.cli_kit import run
from pixels.pixel_kit import code_of, image, ome_zarr, walked


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Write one image in two encodings."""
    tifffile.imwrite(tmp_path / "raw.ome.tif", image(), metadata={"axes": "TCZYX"})
    ome_zarr(tmp_path / "image.zarr", image(), chunks=(1, 1, 1, 35, 45))
    return tmp_path


def test_sum_prints_a_line_for_each_image(folder: Path) -> None:
    found = run("sum", "--pixels", "raw.ome.tif", "image.zarr", cwd=folder)

    code = code_of(walked(image()))
    assert (found.code, found.err) == (0, "")
    assert found.lines == [
        f"{code} *raw.ome.tif [zctyx 4,3,2,35,45 uint16]",
        f"{code} *image.zarr [zctyx 4,3,2,35,45 uint16]",
    ]


def test_sum_prints_the_digest_of_each_plane_as_json(folder: Path) -> None:
    found = run("sum", "--pixels", "--format", "json", ".", cwd=folder)

    one, two = json.loads(found.out)
    assert (one["path"], two["path"]) == ("./image.zarr/", "./raw.ome.tif")
    assert one["planes"] == two["planes"]
    assert len(one["planes"]) == 24
    assert (one["planes"][1]["z"], one["planes"][1]["c"], one["planes"][1]["t"]) == (0, 0, 1)


def test_an_image_that_cannot_be_read_ends_with_3(folder: Path) -> None:
    (folder / "bad.tif").write_bytes(b"II*\0")

    found = run("sum", "--pixels", "bad.tif", "raw.ome.tif", cwd=folder)

    assert found.code == 3
    assert len(found.lines) == 1
    assert found.err.startswith("error: bad.tif: ")


def test_where_there_is_no_image_it_ends_with_2(tmp_path: Path) -> None:
    found = run("sum", "--pixels", ".", cwd=tmp_path)

    assert (found.code, found.out) == (2, "")
    assert "there is no image in ." in found.err


@pytest.mark.parametrize("option", ["--tree", "--units", "--narrow", "-c", "--format=b3sum"])
def test_sum_refuses_what_does_not_go_with_pixels(option: str, folder: Path) -> None:
    assert run("sum", "--pixels", option, "raw.ome.tif", cwd=folder).code == 2


def test_a_crate_is_built_and_verified_with_its_pixels(folder: Path) -> None:
    assert run("build", "--pixels", ".", cwd=folder).code == 0
    assert run("verify", "--pixels", ".", cwd=folder).code == 0
    how = {"metadata": {"axes": "TCZYX"}, "compression": "zlib"}
    tifffile.imwrite(folder / "raw.ome.tif", image(), **how)

    found = run("verify", "--pixels", ".", cwd=folder)

    assert found.code == 1
    assert "it was re-encoded: the pixels are equal" in found.out


def test_a_missing_package_is_named_with_the_extra(folder: Path) -> None:
    """The packages are made impossible to find for a Python of its own."""
    import subprocess

    program = (
        "import sys; sys.modules['zarr'] = None\n"
        "from crate_iscc.cli.main import main\n"
        "sys.argv = ['crate-iscc', 'sum', '--pixels', 'image.zarr']\nmain()"
    )
    found = subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert found.returncode == 2
    assert "the package zarr is missing" in found.stderr
    assert "pip install 'crate-iscc[pixels]'" in found.stderr
