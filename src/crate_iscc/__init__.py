"""Fingerprints, packages and verifies bioimage datasets: ISCC-SUMs in RO-Crates.

The functions of the Python API are loaded when they are first used, so that the command line
starts at once: `build`, `plan_build`, `apply`, `verify`, `validate`,
`compare`, `fingerprint`, `add_fingerprints`, `pixels_of`, `compare_pixels`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from crate_iscc.version import __version__

if TYPE_CHECKING:
    from crate_iscc.acquire.recorder import MissingFramesError, Recorder
    from crate_iscc.api import build, fingerprint
    from crate_iscc.building.adoption import DamagedPayloadError
    from crate_iscc.building.apply import apply
    from crate_iscc.building.plan import BuildOptions, BuildPlan, UnreadPayloadError, plan_build
    from crate_iscc.codes import Distance, Fingerprint
    from crate_iscc.comparing.comparing import compare
    from crate_iscc.crate.describe import Description
    from crate_iscc.crate.style import Style
    from crate_iscc.errors import CrateIsccError, InputError, ReadError, WriteError
    from crate_iscc.file_table import FileFingerprint, FileTable
    from crate_iscc.finding_kinds import Severity
    from crate_iscc.fingerprinting.journal import Journal
    from crate_iscc.images import ImageFingerprint, ImageUnread, PixelComparison, PixelStatus
    from crate_iscc.imaging import compare_pixels, pixels_of
    from crate_iscc.interop import add_fingerprints
    from crate_iscc.kinship import Kinship, Likeness, Pair, Relation
    from crate_iscc.manifest import Manifest, TreeFingerprint
    from crate_iscc.matching.gathering import Gathering
    from crate_iscc.matching.grouping import leakage, similar
    from crate_iscc.matching.indexing import (
        index_add,
        index_export,
        index_list,
        index_remove,
        index_search,
    )
    from crate_iscc.progress import Progress
    from crate_iscc.render.kinship import kinship_json, kinship_text
    from crate_iscc.render.report import report_text
    from crate_iscc.render.report_json import report_json
    from crate_iscc.report import FileVerdict, Finding, Report, Verdict
    from crate_iscc.validating.validation import validate
    from crate_iscc.verifying.how import Thoroughness
    from crate_iscc.verifying.sampling import Sampling
    from crate_iscc.verifying.verification import verify

_HOMES = {
    "acquire.recorder": ("MissingFramesError", "Recorder"),
    "api": ("build", "fingerprint"),
    "building.adoption": ("DamagedPayloadError",),
    "building.apply": ("apply",),
    "building.plan": ("BuildOptions", "BuildPlan", "UnreadPayloadError", "plan_build"),
    "comparing.comparing": ("compare",),
    "codes": ("Distance", "Fingerprint"),
    "crate.describe": ("Description",),
    "crate.style": ("Style",),
    "errors": ("CrateIsccError", "InputError", "ReadError", "WriteError"),
    "images": ("ImageFingerprint", "ImageUnread", "PixelComparison", "PixelStatus"),
    "imaging": ("compare_pixels", "pixels_of"),
    "fingerprinting.journal": ("Journal",),
    "interop": ("add_fingerprints",),
    "file_table": ("FileFingerprint", "FileTable"),
    "matching.gathering": ("Gathering",),
    "matching.indexing": (
        "index_add",
        "index_export",
        "index_list",
        "index_remove",
        "index_search",
    ),
    "matching.grouping": ("leakage", "similar"),
    "kinship": ("Kinship", "Likeness", "Pair", "Relation"),
    "manifest": ("Manifest", "TreeFingerprint"),
    "progress": ("Progress",),
    "finding_kinds": ("Severity",),
    "render.kinship": ("kinship_json", "kinship_text"),
    "render.report": ("report_text",),
    "render.report_json": ("report_json",),
    "report": ("FileVerdict", "Finding", "Report", "Verdict"),
    "validating.validation": ("validate",),
    "verifying.how": ("Thoroughness",),
    "verifying.sampling": ("Sampling",),
    "verifying.verification": ("verify",),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "BuildOptions",
    "BuildPlan",
    "CrateIsccError",
    "DamagedPayloadError",
    "Description",
    "Distance",
    "FileFingerprint",
    "FileTable",
    "FileVerdict",
    "Finding",
    "Fingerprint",
    "Gathering",
    "ImageFingerprint",
    "ImageUnread",
    "InputError",
    "Journal",
    "Kinship",
    "Likeness",
    "Manifest",
    "MissingFramesError",
    "Pair",
    "PixelComparison",
    "PixelStatus",
    "Progress",
    "ReadError",
    "Recorder",
    "Relation",
    "Report",
    "Sampling",
    "Severity",
    "Style",
    "Thoroughness",
    "TreeFingerprint",
    "UnreadPayloadError",
    "Verdict",
    "WriteError",
    "__version__",
    "add_fingerprints",
    "apply",
    "build",
    "compare",
    "compare_pixels",
    "fingerprint",
    "index_add",
    "index_export",
    "index_list",
    "index_remove",
    "index_search",
    "kinship_json",
    "kinship_text",
    "leakage",
    "pixels_of",
    "plan_build",
    "report_json",
    "report_text",
    "similar",
    "validate",
    "verify",
]


def __getattr__(name: str) -> Any:
    """Load a name of the API from its module (PEP 562)."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
