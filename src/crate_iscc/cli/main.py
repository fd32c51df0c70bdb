"""The `crate-iscc` command: which commands there are, and how one of them is run."""

import gc
import sys
from importlib import import_module
from itertools import pairwise
from typing import Annotated, Any

import typer

from crate_iscc.cli.guard import Guard

_EPILOG = (
    "Exit codes: 0 all was checked and is well; 1 a problem was found; 2 usage or tool error, "
    "no verdict; 3 something was not read; 130 interrupted."
)
_COMMANDS = {
    "build": ("making.build", "Make a dataset an RO-Crate with a fingerprint for every file."),
    "watch": (
        "making.watch",
        "Keep a folder that an instrument writes to a crate of what is finished.",
    ),
    "verify": ("checking.verify", "Check a crate against its fingerprints."),
    "merge": ("making.merge", "Make one crate, or one report, of the parts that --shard wrote."),
    "validate": ("checking.validate", "Check a crate's metadata against the BIO-CODES profile."),
    "report": ("checking.report", "Show a saved report again, in another format."),
    "audit": ("checking.audit", "Check a log of verifications, or sign it."),
    "keygen": ("proofs.keygen", "Make a key to sign crates with."),
    "sign": ("proofs.sign", "Sign a crate, once it has verified."),
    "stamp": ("proofs.stamp", "Have a crate's signature stamped by a timestamp authority."),
    "declare": ("proofs.declare", "Declare a crate at an ISCC hub."),
    "lookup": ("proofs.lookup", "Ask an ISCC hub who has declared something."),
    "seal": ("proofs.seal", "Declare a crate, sign it, have it stamped."),
    "compare": (
        "likeness.compare",
        "Say what two crates, containers or files are to each other.",
    ),
    "sum": ("likeness.sum_", "Print the ISCC-SUM of files, or check a list of them."),
    "similar": ("likeness.similar", "Find what is there twice, or nearly."),
    "show": ("checking.show", "Show what a crate records."),
    "provenance": (
        "proofs.provenance",
        "Show where a crate comes from, and what of that is verified.",
    ),
    "trace": ("likeness.trace", "Say what a figure may come from."),
    "derive": ("making.derive", "Record what a figure, or another file, was made from."),
    "explain": ("checking.explain", "Explain a finding of a report."),
}
_GROUPS = {
    "index": ("index", "Keep the codes of many crates, and search them."),
    "omero": ("omero", "Fingerprints for images in OMERO and its packs."),
    "profile": ("profiles", "List, show and export the profiles."),
}
"""The names of commands, and of groups of them, with what stands for each in `signatures`."""


def main() -> None:
    """Run the command line of this process and exit with its code."""
    # A command ends soon, and what it holds most of (JSON, columns) has no cycles: looking for them
    # among a hundred thousand entities takes a tenth of the time.
    gc.disable()
    # Threads that read are not to wait for one that parses: 5 milliseconds would be many files.
    sys.setswitchinterval(0.0003)
    arguments = sys.argv[1:]
    debug = "--debug" in arguments
    arguments = [word for word in arguments if word != "--debug"]
    with Guard(debug=debug, as_json=_asks_for_json(arguments)) as guard:
        guard.code = application(*arguments[:1])(
            arguments or ["--help"], prog_name="crate-iscc", standalone_mode=False
        )
    # All that is left goes with the process: no need to look through it for cycles at the end.
    gc.freeze()
    sys.exit(guard.code or 0)


def application(called: str | None = None) -> typer.Typer:
    """Return the application, with the one command or group that is called, where it is known.

    typer inspects the signature of every command that it holds, and most runs call one of many.
    """
    # Without rich in the help, it appears in half the time.
    app = typer.Typer(
        name="crate-iscc",
        help="Fingerprint, package and verify bioimage datasets: ISCC-SUMs in RO-Crates.",
        epilog=_EPILOG,
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_top)
    known = called in _COMMANDS or called in _GROUPS
    for name, (place, short_help) in _COMMANDS.items():
        if name == called or not known:
            module, _, function = place.partition(".")
            app.command(name, short_help=short_help)(getattr(_signatures(module), function))
    for name, (module, short_help) in _GROUPS.items():
        if name == called or not known:
            app.add_typer(_signatures(module).app, name=name, short_help=short_help)
    return app


def _signatures(module: str) -> Any:
    return import_module(f"crate_iscc.cli.signatures.{module}")


def _version(wanted: bool) -> None:
    if wanted:
        from crate_iscc.cli.terminal import chosen_kernel
        from crate_iscc.version import __version__

        typer.echo(f"crate-iscc {__version__} (kernel {chosen_kernel().name})")
        raise typer.Exit


def _top(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="Show the version and the kernel."
        ),
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show tracebacks; for reports of faults.")
    ] = False,
) -> None:
    """Take the options that stand before a command; main has acted on them."""


def _asks_for_json(arguments: list[str]) -> bool:
    pairs = pairwise([*arguments, ""])
    return any(
        word in ("--format=json", "--format=jsonl")
        or (word == "--format" and following in ("json", "jsonl"))
        for word, following in pairs
    )
