"""How a verification is to be done."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from crate_iscc.fingerprinting.tree import Given
from crate_iscc.kernel import Kernel
from crate_iscc.progress import ProgressSink
from crate_iscc.report import ProofKind
from crate_iscc.trust.trust_set import TrustSet

if TYPE_CHECKING:  # what most verifications do without is loaded by whoever opens one
    from crate_iscc.fingerprinting.journal import Journal
    from crate_iscc.verifying.sampling import Sampling


class Thoroughness(StrEnum):
    """How much of a crate is read.

    QUICK: names and sizes. DATAHASH: every byte, once, through BLAKE3 and the digests that a file's
    verdict rests on. FULL: every code and every recorded digest anew.
    """

    QUICK = "quick"
    DATAHASH = "datahash"
    FULL = "full"


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """That data entities on the web are fetched, and which: also from `private` addresses or not.

    Those of more than `max_bytes` together are refused; None stands for no limit.
    """

    private: bool = False
    max_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """What a caller of verify asked for.

    `closed` takes every file for an extra one that the crate does not record; `each` has every
    file's verdict in the report. `trust` None trusts nobody; `required` names the kinds of proofs
    that there have to be. `sampling` has the contents of a sample read instead of all; `journal`
    takes what is read, and gives what need not be read again. Unless `remote` is given, nothing
    that the crate names is asked for. What is `given` of the outermost payload is not read.
    `pixels` decodes the images of which pixel codes are recorded.
    """

    thoroughness: Thoroughness
    jobs: int | None
    gentle: bool
    kernel: Kernel
    progress: ProgressSink
    closed: bool = False
    each: bool = False
    trust: TrustSet | None = None
    required: frozenset[ProofKind] = frozenset()
    pixels: bool = False
    sampling: "Sampling | None" = None
    journal: "Journal | None" = None
    remote: Remote | None = None
    given: Given | None = None
