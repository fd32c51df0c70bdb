"""The benchmark runs, tells a failed contender from a slow one, and judges by what it measured."""

import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from functools import cache
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

from side_by_side.commands import Cost  # noqa: E402 - found where the scripts are
from side_by_side.contenders import Contender, contenders  # noqa: E402
from side_by_side.measuring import Outcome, Row, check_codes  # noqa: E402
from side_by_side.peers import Peer, Peers, find_peers  # noqa: E402
from side_by_side.plot import GROUPS, PLOTTED  # noqa: E402
from side_by_side.tables import BASELINES, report  # noqa: E402
from side_by_side.targets import MET, MISSED, TARGETS, UNMEASURED, judge  # noqa: E402
from side_by_side.workloads import ONE, TINY, Site, Workload  # noqa: E402


def bench(*words: str | Path, path: str = "") -> "subprocess.CompletedProcess[str]":
    """Run the benchmark with the smallest sizes, once round."""
    return subprocess.run(
        [sys.executable, BENCHMARKS / "bench.py", "--tiny", "--rounds", "1", *words],
        env=os.environ | {"PATH": os.pathsep.join(filter(None, (path, os.environ["PATH"])))},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


@cache
def peers() -> Peers:
    """Return what is installed here, asked once."""
    return find_peers()


def outcomes(seconds: dict[str, float] | None = None) -> list[Outcome]:
    """Return what every contender measured if it took a second, or as many as are given."""
    found = []
    for workload in TINY:
        rows = []
        for contender in contenders(peers(), workload.name):
            taken = (seconds or {}).get(contender.label, 1.0)
            rows.append(Row(contender, [Cost(taken, taken, 1_000_000)]))
        found.append(Outcome(workload, tuple(rows)))
    return found


def test_the_benchmark_runs_every_kind_of_contender_and_leaves_nothing_behind(
    tmp_path: Path,
) -> None:
    work, measured, plot = tmp_path / "work", tmp_path / "bench.json", tmp_path / "bench.svg"
    work.mkdir()
    wanted = [word for name in ("one", "zips", "scale") for word in ("--workload", name)]

    done = bench(*wanted, "--dir", work, "--json", measured, "--plot", plot)

    assert done.returncode == 0, done.stderr
    assert list(work.iterdir()) == []
    headings = re.findall(r"^### (.*)$", done.stdout, re.MULTILINE)
    assert headings == [
        "Targets",
        "1 file of 3 MiB",
        "30 noise images of 64 KiB",
        "One Zarr of more and more chunks",
    ]
    found = json.loads(measured.read_text(encoding="utf-8"))
    assert "(kernel " in found["environment"]["contenders"]["crate-iscc"]
    assert found["environment"]["contenders"]["crate-iscc"] in done.stdout.splitlines()[0]
    for workload in found["workloads"]:
        for row in workload["results"]:
            assert len(row["seconds"]) == (1 if row["installed"] else 0), row
            if "in-process" not in row["does"] and row["installed"]:
                assert row["peak_bytes"] > 1_000_000, row
    ours = [target for target in found["targets"] if "Zarr" in target["claim"]]
    assert [target["verdict"] for target in ours] == [MET, MET]
    deflated = re.search(r"deflated zip is (\S+) times smaller", done.stdout)
    assert deflated
    assert 1.5 < float(deflated[1]) < 2.5
    words = [element.text for element in ET.parse(plot).getroot().iter() if element.text]
    assert "1 file of 3 MiB, GB/s" in words
    assert "crate-iscc verify" in words


@pytest.mark.parametrize(
    ("script", "shown"),
    [
        ("exit 3", "failed (exit status 3)"),
        ("echo 00112233  d000/f000000.bin", "failed (gave 1 codes for 10 files)"),
    ],
)
def test_a_contender_that_fails_is_shown_as_failed(tmp_path: Path, script: str, shown: str) -> None:
    command = tmp_path / "bin" / "b3sum"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\n[ "$1" = --version ] && echo b3sum 0.0 && exit\n{script}\n')
    command.chmod(0o755)

    done = bench("--workload", "large", "--dir", tmp_path, path=str(command.parent))

    assert done.returncode == 1
    row = next(line for line in done.stdout.splitlines() if line.startswith("| b3sum | build"))
    assert f"| {shown} |" in row
    assert "FAILED" in done.stderr


def test_contenders_of_a_family_have_to_give_the_same_codes_and_ours_has_to_agree(
    tmp_path: Path,
) -> None:
    site = Site(tmp_path, ("a", "b"))
    site.out.mkdir()
    lists = {"crate-iscc": "1 a\n2 b\n", "peer": "1 a\n3 b\n", "other": "3 b\n1 a\n"}
    rows = []
    for name, codes in lists.items():
        site.manifest(name).write_text(codes)
        contender = Contender(
            Peer(name, "1.0"), name, "sum", "codes", lambda _site: Cost(1, 1), key=name, family="X"
        )
        rows.append(Row(contender, [Cost(1, 1)]))

    check_codes(site, rows)

    assert [row.failure for row in rows] == ["its X codes differ from those of peer", "", ""]


def test_every_target_column_and_bar_names_contenders_that_run() -> None:
    found = outcomes()
    assert UNMEASURED not in {verdict.word for verdict in judge(found)}
    for outcome in found:
        labels = {row.contender.label for row in outcome.rows}
        columns = {
            label for column in BASELINES.get(outcome.workload.name, ()) for label in column[1:]
        }
        assert columns - {""} <= labels
        if outcome.workload.name in PLOTTED:
            assert {label for _, group in GROUPS for label in group} <= labels


def test_a_target_is_judged_by_the_exact_figure_and_shown_rounded_against_us() -> None:
    just = judge(outcomes({"iscc-sum": 3.0, "b3sum": 1.0, "b3sum -c": 2.0}))
    barely = judge(outcomes({"iscc-sum": 2.9999, "b3sum": 1 / 1.3001, "b3sum -c": 2.0}))
    assert [v.target.claim for v in (just[0], just[6])] == [
        "one file: sum, against iscc-sum",
        "one file: verify, against b3sum",
    ]
    assert [(v.word, v.figure) for v in (just[0], just[6])] == [
        (MET, "3.00 × as fast"),
        (MET, "1.00 × the time"),
    ]
    assert [(v.word, v.figure) for v in (barely[0], barely[6])] == [
        (MISSED, "2.99 × as fast"),
        (MISSED, "1.31 × the time"),
    ]


def test_a_target_is_not_met_by_a_contender_that_failed_or_was_not_there() -> None:
    for label in ("crate-iscc sum", "iscc-sum"):
        found = outcomes({"crate-iscc sum": 0.1})
        row = found[0].row(label)
        assert row
        row.failure = "exit status 1"
        first = judge(found)[0]
        assert (first.word, first.figure) == (UNMEASURED, "-")
    assert {verdict.word for verdict in judge([])} == {UNMEASURED}
    assert len(judge([])) == len(TARGETS)


def test_memory_is_the_most_of_all_commands_above_an_interpreter_that_does_nothing() -> None:
    found = outcomes()
    largest = found[-1]
    for label, peak in (("crate-iscc build", 301_000_001), ("crate-iscc verify", 200_000_000)):
        row = largest.row(label)
        assert row
        row.costs[0] = Cost(1.0, 1.0, peak)
    memory = next(v for v in judge(found) if "memory" in v.target.claim)
    assert (memory.word, memory.figure) == (MISSED, "300.01 MB")


def test_growth_is_told_from_the_two_largest_zarrs() -> None:
    found = outcomes()
    smaller, larger = found[-2:]
    files = larger.workload.files / smaller.workload.files
    row = larger.row("crate-iscc build")
    assert row
    row.costs[0] = Cost(files * 1.5, 1.0, 1_000_000)
    growth = judge(found)[-1]
    assert growth.measured == pytest.approx(1.5)
    assert growth.word == MISSED


def test_a_busy_machine_is_told_under_the_table() -> None:
    contender = next(c for c in contenders(peers(), ONE) if c.label == "sha256sum -c")
    for cpu, told in ((0.5, True), (0.9, False)):
        row = Row(contender, [Cost(1.0, cpu)])
        text = report([Outcome(Workload(ONE, 1, 1024), (row,))], (), 1, False)
        assert ("The machine was busy" in text) == told


@pytest.mark.parametrize(
    "words", [["--rounds", "0"], ["--workload", "scale", "--plot", "x.svg"], ["--dir", "/nowhere"]]
)
def test_wrong_usage_ends_with_2(words: list[str]) -> None:
    assert bench(*words).returncode == 2
