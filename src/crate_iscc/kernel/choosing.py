"""Chooses the kernel: this project's own where it was compiled, else iscc-lib.

All of them give the same codes, bit for bit: a choice matters for speed, and for whoever wants to
know that they do.
"""

from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING, cast

from crate_iscc.errors import InputError
from crate_iscc.kernel import Kernel
from crate_iscc.kernel.digest import DatahashKernel

if TYPE_CHECKING:
    from crate_iscc.kernel.parts import PartingKernel


def has_compiled_module() -> bool:
    """Return whether the C module was compiled when this package was installed."""
    return find_spec("crate_iscc.kernel._native") is not None


def kernel(name: str | None = None) -> Kernel:
    """Return the kernel of that name: compiled, iscc-lib or reference; without a name, the fastest.

    Raises InputError for any other name, and for `compiled` where it is not there.
    """
    if name is None:
        name = "compiled" if has_compiled_module() else "iscc-lib"
    if name not in _KERNELS:
        known = ", ".join(_KERNELS)
        raise InputError(f"there is no kernel {name!r}", hint=f"choose one of: {known}")
    if name == "compiled" and not has_compiled_module():
        raise InputError(
            "the compiled kernel is not there",
            cause="no C compiler was found when crate-iscc was installed",
            hint="install a C compiler, then crate-iscc anew; or use the kernel iscc-lib",
        )
    return _KERNELS[name]()


def datahashes(beside: Kernel) -> DatahashKernel:
    """Return what computes BLAKE3 alone, by the same code as the kernel of ISCC-SUMs beside it."""
    if beside.name.startswith("crate-iscc-c "):
        from crate_iscc.kernel.compiled import CompiledDatahashes

        return CompiledDatahashes()
    return DatahashKernel()


def parting(kernel: Kernel) -> "PartingKernel":
    """Return the kernel itself if it can compute codes of parts. Raises InputError if it cannot."""
    if hasattr(kernel, "part_hasher"):
        return cast("PartingKernel", kernel)
    raise InputError(
        f"the kernel {kernel.name} computes no code in parts",
        cause="the ISCC-SUM of a whole payload is joined from shards by the compiled kernel only",
        hint="install a C compiler, then crate-iscc anew; or do the work in one process",
    )


# Each is imported when it is wanted: one of them may be missing, and another takes long to load.


def _compiled() -> Kernel:
    from crate_iscc.kernel.compiled import CompiledKernel

    return CompiledKernel()


def _iscc_lib() -> Kernel:
    from crate_iscc.kernel.native import NativeKernel

    return NativeKernel()


def _reference() -> Kernel:
    from crate_iscc.kernel.reference import ReferenceKernel

    return ReferenceKernel()


_KERNELS: dict[str, Callable[[], Kernel]] = {
    "compiled": _compiled,
    "iscc-lib": _iscc_lib,
    "reference": _reference,
}
