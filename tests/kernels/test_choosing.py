"""The kernel is the one that is asked for, or the fastest that is there."""

import pytest

from crate_iscc.errors import InputError
from crate_iscc.kernel.choosing import has_compiled_module, kernel


@pytest.mark.parametrize(
    ("name", "begin"), [("iscc-lib", "iscc-lib "), ("reference", "iscc-core ")]
)
def test_a_kernel_is_chosen_by_its_name(name: str, begin: str) -> None:
    """Two names are always known."""
    assert kernel(name).name.startswith(begin)


@pytest.mark.skipif(not has_compiled_module(), reason="the C module was not compiled here")
def test_the_compiled_kernel_is_used_where_it_is() -> None:
    """Without a name, the fastest kernel is taken."""
    assert kernel().name == kernel("compiled").name
    assert kernel().name.startswith("crate-iscc-c ")


@pytest.mark.skipif(has_compiled_module(), reason="the C module was compiled here")
def test_iscc_lib_is_used_where_nothing_was_compiled() -> None:
    """Without a name iscc-lib is taken; the compiled kernel by name is an error that says why."""
    assert kernel().name == kernel("iscc-lib").name
    with pytest.raises(InputError, match="the compiled kernel is not there"):
        kernel("compiled")


def test_an_unknown_name_is_an_error_with_the_known_ones() -> None:
    """A slip in the name must not end in another kernel than the one that was meant."""
    with pytest.raises(InputError) as caught:
        kernel("blake")

    assert caught.value.hint == "choose one of: compiled, iscc-lib, reference"
