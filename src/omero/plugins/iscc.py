"""The plugin `omero iscc`: codes of images on the server that `omero login` has logged in to.

The OMERO command line finds it by its place, omero/plugins/, and runs this file with a function
`register`. What it does is done by crate-iscc.
"""

import sys
from typing import Any

from omero.cli import CLI, BaseControl

HELP = "Fingerprints (ISCC-SUMs) of images: write them as key-value pairs, and check them"
OBJECT_HELP = "Image:ID or Dataset:ID"


class IsccControl(BaseControl):  # type: ignore[misc]
    """Annotates and verifies images through crate-iscc, over the session of the command line."""

    def _configure(self, parser: Any) -> None:
        commands = parser.sub()
        annotate = parser.add(commands, self.annotate, "Write the codes of images onto them")
        verify = parser.add(commands, self.verify, "Check images against the codes they carry")
        for command in (annotate, verify):
            command.add_argument("object", nargs="+", help=OBJECT_HELP)
            command.add_login_arguments()
        annotate.add_argument("--pixels", action="store_true", help="of the pixels, too")
        annotate.add_argument("--dry-run", action="store_true", help="write nothing")

    def annotate(self, args: Any) -> None:
        """Write the codes of images onto them."""
        self._run(args, "annotate", pixels=args.pixels, dry_run=args.dry_run)

    def verify(self, args: Any) -> None:
        """Check images against the codes that they carry."""
        self._run(args, "verify")

    def _run(self, args: Any, verb: str, **options: bool) -> None:
        from crate_iscc.cli.omero_plugin import run

        code, words = run(self.ctx.conn(args), verb, args.object, **options)
        if code:
            self.ctx.die(code, words)


try:
    register("iscc", IsccControl, HELP)  # type: ignore[name-defined]
except NameError:
    if __name__ == "__main__":
        cli = CLI()
        cli.register("iscc", IsccControl, HELP)
        cli.invoke(sys.argv[1:])
