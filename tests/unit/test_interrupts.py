"""Ctrl-C is held back where it could break a lock, and never lost."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from crate_iscc.interrupts import held_interrupts


@pytest.fixture(autouse=True)
def _default_handler() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def press() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_an_interrupt_waits_for_the_check() -> None:
    """What runs between the key and the check runs to its end."""
    steps = []

    def work() -> None:
        with held_interrupts() as check:
            check()
            press()
            steps.append("held")
            check()
            steps.append("too far")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert steps == ["held"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_interrupt_without_a_check_is_raised_at_the_end() -> None:
    """No interrupt is lost."""
    with pytest.raises(KeyboardInterrupt), held_interrupts():
        press()


def test_a_second_interrupt_breaks_in_at_once() -> None:
    """Whoever presses the key twice does not want to wait."""

    def work() -> None:
        with held_interrupts():
            press()
            press()
            pytest.fail("the second was held back too")

    with pytest.raises(KeyboardInterrupt):
        work()


def test_inside_of_another_the_same_interrupt_is_held() -> None:
    """What the outer one has noted, the inner one's check raises."""

    def work() -> None:
        with held_interrupts():
            press()
            with held_interrupts() as check:
                check()
            pytest.fail("the inner check said nothing")

    with pytest.raises(KeyboardInterrupt):
        work()


def test_another_error_goes_before_an_interrupt() -> None:
    """An error that is raised meanwhile is not hidden by the interrupt."""

    def work() -> None:
        with held_interrupts():
            press()
            raise ValueError("first")

    with pytest.raises(ValueError, match="first"):
        work()


def test_a_handler_of_the_program_stays() -> None:
    """A program that handles interrupts itself goes on doing so."""
    seen = []
    signal.signal(signal.SIGINT, lambda *_: seen.append("own"))
    with held_interrupts() as check:
        press()
        check()

    assert seen == ["own"]


def test_another_thread_changes_nothing() -> None:
    """Only the main thread can set handlers; elsewhere nothing is held and nothing fails."""
    checked = []

    def work() -> None:
        with held_interrupts() as check:
            check()
            checked.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    assert checked == [signal.default_int_handler]


_HASH_AND_PRESS = """
import os, signal, sys, threading, time
from pathlib import Path
from crate_iscc.fingerprinting.reading import hash_files
from crate_iscc.kernel.digest import DatahashKernel
from crate_iscc.sources.directory import DirectoryTree

tree = DirectoryTree(Path(sys.argv[1]))
entries = tree.listing().entries
delay = float(sys.argv[2])
threading.Timer(delay, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    while True:
        hash_files(tree, entries, DatahashKernel(), jobs=2, step="reading")
except KeyboardInterrupt:
    print("interrupted", len(threading.enumerate()))
"""


def test_no_thread_is_hurt_whenever_the_key_is_pressed(tmp_path: Path) -> None:
    """At moments all over a reading, an interrupt leaves no trace on stderr and no thread."""
    for number in range(4):
        (tmp_path / f"{number}.bin").write_bytes(bytes(3 << 20))
    for delay in (0.1, 0.101, 0.103, 0.107, 0.113, 0.127):
        ended = subprocess.run(
            [sys.executable, "-c", _HASH_AND_PRESS, str(tmp_path), str(delay)],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert ended.stdout.split()[:1] == ["interrupted"]
        assert ended.stderr == ""
