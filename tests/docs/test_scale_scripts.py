"""The job scripts that docs/scale.md shows do what they are shown for."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from crate_iscc.kernel.choosing import has_compiled_module

SCALE = Path(__file__).parents[2] / "docs" / "scale.md"
SHARDS = 16


def blocks(language: str) -> list[str]:
    text = SCALE.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def sh(script: str, cwd: Path, **variables: str) -> str:
    """Run a script by sh, and return what it prints."""
    binaries = str(Path(sys.executable).parent)
    done = subprocess.run(
        ["sh", "-c", script],
        cwd=cwd,
        env={**os.environ, "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}", **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    folder = tmp_path / "plate 7"
    folder.mkdir()
    for number in range(20):
        (folder / f"{number}.raw").write_bytes(Random(number).randbytes(50_000))
    return folder


@pytest.mark.skipif(not has_compiled_module(), reason="the C module was not compiled here")
@pytest.mark.deep
def test_the_slurm_array_builds_the_crate(dataset: Path, tmp_path: Path) -> None:
    """Sixteen jobs, each with the variables that Slurm sets, then the one that merges."""
    shard, merge, submit = blocks("sh")[:3]
    parts = tmp_path / "parts"
    parts.mkdir()
    given = {"DATASET": str(dataset), "PARTS": str(parts), "SLURM_CPUS_PER_TASK": "1"}
    assert f"--array=1-{SHARDS}" in shard
    sh(f"set -n\n{submit}", tmp_path)

    for number in range(1, SHARDS + 1):
        sh(shard, tmp_path, SLURM_ARRAY_TASK_ID=str(number), **given)
    sh(merge, tmp_path, **given)

    assert "VALID" in sh(f"crate-iscc verify --full {shlex.quote(str(dataset))}", tmp_path)


@pytest.mark.deep
@pytest.mark.parametrize("tool", ["nextflow", "snakemake"])
def test_the_commands_of_workflows_verify_the_crate(
    tool: str, dataset: Path, tmp_path: Path
) -> None:
    """What Nextflow and Snakemake would hand to the shell, with their placeholders filled."""
    plate = tmp_path / "plate-7"
    dataset.rename(plate)
    sh(f"crate-iscc build {plate}", tmp_path)
    (tmp_path / "parts").mkdir()
    names = [f"parts/{number}.part" for number in range(1, SHARDS + 1)]
    if tool == "nextflow":
        (text,) = blocks("groovy")
        assert f"params.shards = {SHARDS}" in text
        shard, merge = re.findall(r'script:\s+"""\n(.*?)"""', text, re.DOTALL)
        fixed = {"params.dataset": str(plate), "params.shards": str(SHARDS), "task.cpus": "1"}
    else:
        (text,) = blocks("python-snakefile")
        assert f"SHARDS = {SHARDS}" in text
        merge, shard = re.findall(r'shell:\s+"(.*?)"$', text, re.MULTILINE)
        fixed = {"DATASET": str(plate), "SHARDS": str(SHARDS), "threads": "1"}

    def filled(command: str, **more: str) -> str:
        values = {**fixed, **more}
        return re.sub(r"\$?\{([\w.]+)\}", lambda found: values[found[1]], command)

    for number in range(1, SHARDS + 1):
        words = {"number": str(number), "wildcards.number": str(number)}
        place = names[number - 1] if tool == "snakemake" else f"{number}.part"
        sh(filled(shard, output=place, **words), tmp_path)
    if tool == "nextflow":
        names = [name.removeprefix("parts/") for name in names]
    report = "report.html" if tool == "snakemake" else "report.json"
    sh(filled(merge, parts=" ".join(names), input=" ".join(names), output=report), tmp_path)

    assert "valid" in (tmp_path / report).read_text(encoding="utf-8").lower()
