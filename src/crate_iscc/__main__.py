"""Runs the command line: `python -m crate_iscc`."""

from crate_iscc.cli.main import main

main()
