"""Runs the fuzzers: `python -m fuzz.run` runs all of them, with a name that one alone.

It needs atheris (the extra `fuzz`). Every run of a target is a process of its own, which ends at
the first input that finds something: it is kept beside the corpus, and the run fails.
"""

import argparse
import json
import re
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from random import Random

INPUTS = {"metadata": 25_000, "archive": 40_000, "codes": 300_000, "compiled": 50_000}
"""How many inputs each target gets: some minutes each on one core, the last half a minute."""

_LONGEST = 1 << 14
_MEMORY = 1024
_PATIENCE = 10
_STATISTICS = re.compile(r"stat::(\w+):\s+(\d+)")


def main() -> int:
    """Parse the command line; return 0 where nothing was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", nargs="?", choices=sorted(INPUTS), help="default: all of them")
    parser.add_argument("--inputs", type=int, help="how many inputs, instead of the usual number")
    parser.add_argument("--seed", type=int, default=1, help="another seed, other inputs")
    parser.add_argument("--folder", type=Path, default=Path(".fuzz"), help="for the corpora")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if find_spec("atheris") is None:
        parser.error("atheris is not installed: it has wheels for Linux on x86-64 alone")
    if options.here:
        return _fuzz(options.target, options.inputs, options.seed, options.folder)
    targets = [options.target] if options.target else list(INPUTS)
    found = [
        _run(target, options.inputs or INPUTS[target], options.seed, options.folder)
        for target in targets
    ]
    return 0 if all(found) else 1


def _run(target: str, inputs: int, seed: int, folder: Path) -> bool:
    """Fuzz one target in a process of its own, say what came of it, and tell whether it is well."""
    began = time.monotonic()
    command = [
        *(sys.executable, "-m", "fuzz.run", target, "--here", "--inputs", str(inputs)),
        *("--seed", str(seed), "--folder", str(folder)),
    ]
    ended = subprocess.run(command, check=False, stderr=subprocess.PIPE, encoding="utf-8")
    known = dict(_STATISTICS.findall(ended.stderr))
    seconds = time.monotonic() - began
    well = ended.returncode == 0
    if not well:
        sys.stderr.write(ended.stderr)
    sys.stdout.write(
        f"{target:<10} {int(known.get('number_of_executed_units', 0)):>9,} inputs"
        f" {seconds:>6.0f} s {known.get('peak_rss_mb', '?'):>5} MB"
        f" {len(list((folder / target).iterdir())):>6,} in the corpus"
        f"   {'nothing found' if well else 'FOUND SOMETHING, see ' + str(folder)}\n"
    )
    sys.stdout.flush()
    return well


def _fuzz(target: str, inputs: int, seed: int, folder: Path) -> int:
    """Run libFuzzer in this process; it ends it."""
    import atheris

    with atheris.instrument_imports(include=["crate_iscc"]):
        from fuzz.archive_mutations import changed
        from fuzz.metadata_mutations import dumped, mutated
        from fuzz.seeds import seeds
        from fuzz.targets import TARGETS

    def mutate_metadata(data: bytes, most: int, number: int) -> bytes:
        random = Random(number)
        if random.random() < 0.75:
            try:
                document = json.loads(data)
                for _ in range(random.choice((1, 1, 1, 2, 3))):
                    mutated(document, random)
                made = dumped(document, random.choice((None, None, 2)))
            except (ValueError, RecursionError):
                pass
            else:
                if len(made) <= most:
                    return made
        return bytes(atheris.Mutate(data, most))

    def mutate_archive(data: bytes, most: int, number: int) -> bytes:
        random = Random(number)
        made = changed(data, random) if random.random() < 0.7 else atheris.Mutate(data, most)
        return bytes(made[:most])

    corpus = folder / target
    corpus.mkdir(parents=True, exist_ok=True)
    for place in corpus.iterdir():
        place.unlink()
    for name, content in seeds(target).items():
        (corpus / name).write_bytes(content)
    mutators = {"metadata": mutate_metadata, "archive": mutate_archive}
    arguments = [
        *(sys.argv[0], str(corpus), f"-runs={inputs}", f"-seed={seed}", f"-max_len={_LONGEST}"),
        *(f"-rss_limit_mb={_MEMORY}", f"-timeout={_PATIENCE}", "-print_final_stats=1"),
        *(f"-artifact_prefix={folder}/{target}-", "-verbosity=1"),
    ]
    if target in mutators:
        atheris.Setup(arguments, TARGETS[target], custom_mutator=mutators[target])
    else:
        atheris.Setup(arguments, TARGETS[target])
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
