"""Files of microscopes are images like all others: they have codes in crates, and are compared."""

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import imagecodecs
import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st

from cli.cli_kit import run
from crate_iscc.images import ImageFingerprint
from crate_iscc.imaging import pixels_of
from pixels.lif_kit import LifPicture, written_lif
from pixels.nd2_kit import written_nd2
from pixels.pixel_kit import Array, image, only


def written(folder: Path, pixels: Array) -> Path:
    """Write pixels (T, C, Z, Y, X) as OME-TIFF, as ND2 and as LIF."""
    pytest.importorskip("nd2", reason="nd2 is not installed")
    pytest.importorskip("liffile", reason="liffile is not installed")
    folder.mkdir()
    tifffile.imwrite(folder / "a.ome.tif", pixels, metadata={"axes": "TCZYX"})
    written_nd2(folder / "b.nd2", pixels[None])
    written_lif(folder / "c.lif", LifPicture(pixels.transpose(0, 2, 1, 3, 4), "tzcyx"))
    return folder


def test_one_image_has_one_code_in_each_format(tmp_path: Path) -> None:
    study = written(tmp_path / "study", image())

    found = [only(study / name) for name in ("a.ome.tif", "b.nd2", "c.lif")]

    assert len({(one.iscc, one.planes, one.dtype, one.extent) for one in found}) == 1


def test_crates_record_their_pixels_and_name_the_plane_that_changes(tmp_path: Path) -> None:
    """And of an ND2 that was compressed anew, that the pixels are equal."""
    study = written(tmp_path / "study", image())
    assert run("build", "--pixels", study).code == 0
    assert run("verify", "--pixels", study).code == 0
    assert (
        run("compare", "--pixels", study / "b.nd2", study / "c.lif")
        .lines[0]
        .endswith("the pixels are equal")
    )
    changed = image()
    changed[1, 2, 3, 5, 5] += 1
    written_nd2(study / "b.nd2", image()[None], packed=True)
    written_lif(study / "c.lif", LifPicture(changed.transpose(0, 2, 1, 3, 4), "tzcyx"))

    told = {one["id"]: one for one in findings(study) if one["id"].startswith("pixels.")}

    assert told["pixels.re-encoded"]["path"] == "b.nd2"
    assert told["pixels.changed"]["path"] == "c.lif"
    assert told["pixels.changed"]["message"] == "the pixels differ in z 3, channel 2, t 1"


def findings(crate: Path) -> list[dict[str, str]]:
    """Return what verify says of the pixels of a crate."""
    report = json.loads(run("verify", "--pixels", crate, "--format", "json").out)
    return list(report["findings"])


def test_images_that_look_alike_and_origins_of_figures_are_found_in_them(tmp_path: Path) -> None:
    pixels = np.add.outer(np.arange(96) ** 2 % 251, np.arange(128) * 3 % 241) % 256
    study = written(tmp_path / "study", (pixels * 200).astype("uint16")[None, None, None])
    stretched = np.clip(pixels * 1.4, 0, 255).astype("u1")
    (tmp_path / "figure.png").write_bytes(imagecodecs.png_encode(stretched))

    alike = json.loads(run("similar", study, "--images", "--format", "json").out)
    traced = json.loads(run("trace", tmp_path / "figure.png", study, "--format", "json").out)

    (group,) = alike["groups"]
    (content,) = group["contents"]
    assert group["level"] == "pixels"
    assert [one["path"] for one in content["members"]] == ["a.ome.tif", "b.nd2", "c.lif"]
    assert {one["path"] for one in traced["candidates"]} == {"a.ome.tif", "b.nd2", "c.lif"}


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Return an ND2, one with frames that are packed, and a LIF of two images, as bytes."""
    study = written(tmp_path_factory.mktemp("samples") / "a", image((2, 2, 2, 6, 7)))
    packed = written_nd2(study / "p.nd2", image((1, 2, 2, 2, 6, 7)), packed=True)
    pictures = LifPicture(image((3, 6, 7)), "zyx"), LifPicture(image((6, 7), "uint8"), "yx")
    lif = written_lif(study / "d.lif", *pictures)
    places = {"b.nd2": study / "b.nd2", "p.nd2": packed, "d.lif": lif}
    return {name: place.read_bytes() for name, place in places.items()}


@given(data=st.data())
def test_what_is_cut_out_of_a_file_gives_no_other_code(
    samples: dict[str, bytes], data: st.DataObject
) -> None:
    """Bytes that go at the end or within, or come twice: each code is the old one, or none is."""
    name = data.draw(st.sampled_from(sorted(samples)))
    whole = samples[name]
    at = data.draw(st.integers(0, len(whole) - 1))
    count = data.draw(st.integers(1, 5000))
    there = whole[at : at + count]
    how = data.draw(st.sampled_from(["end", "within", "twice"]))
    rest = {"end": b"", "within": whole[at + count :], "twice": there + there + whole[at + count :]}

    before, after = codes(name, whole), codes(name, whole[:at] + rest[how])

    assert after
    assert all(code in (before[number], None) for number, code in enumerate(after))
    assert how != "end" or None in after


def codes(name: str, content: bytes) -> list[str | None]:
    """Return the code of each image of a file, None where it has none."""
    with TemporaryDirectory() as folder:
        (Path(folder) / name).write_bytes(content)
        found = pixels_of(Path(folder) / name)
    return [one.iscc if isinstance(one, ImageFingerprint) else None for one in found]


@pytest.mark.parametrize(
    ("name", "package", "told"),
    [
        ("a.czi", "pylibCZIrw", "Zeiss CZI here: pip install 'crate-iscc[czi]'"),
        ("a.nd2", "nd2", "Nikon ND2 here: pip install 'crate-iscc[nd2]'"),
        ("a.LIF", "liffile", "Leica LIF here: pip install 'crate-iscc[lif]'"),
    ],
)
def test_without_a_reader_its_extra_is_named(
    name: str, package: str, told: str, tmp_path: Path
) -> None:
    """It is a finding: other images of the dataset have their codes all the same."""
    (tmp_path / name).write_bytes(b"no image")
    program = (
        f"import sys; sys.modules[{package!r}] = None\n"
        "from crate_iscc import pixels_of\n"
        f"print(pixels_of({str(tmp_path / name)!r})[0].reason)"
    )

    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert ended.stdout == f"there is no reader for {told}\n"
