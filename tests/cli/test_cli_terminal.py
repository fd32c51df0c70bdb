"""What is different on a terminal: a bar on stderr and colour on stdout, and nothing more."""

import os
import pty
import subprocess
import threading
from pathlib import Path

import pytest

from cli.cli_kit import COMMAND, environment, run
from crate_iscc import build


class Terminal:
    """A pseudo-terminal to hand to a process, and what the process writes to it."""

    def __init__(self) -> None:
        self._master, self.slave = pty.openpty()
        self._parts: list[bytes] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        while True:
            try:
                part = os.read(self._master, 65536)
            except OSError:  # Linux tells so that the other side is closed
                return
            if not part:
                return
            self._parts.append(part)

    def text(self) -> str:
        """Close the terminal and return all that was written to it."""
        os.close(self.slave)
        self._reader.join(60)
        os.close(self._master)
        return b"".join(self._parts).decode("utf-8").replace("\r\n", "\n")


def with_stderr_on_a_terminal(*arguments: str | Path, **env: str) -> tuple[int, str, str]:
    """Run the command as in `crate-iscc ... > file`: code, stdout, and the terminal's text."""
    terminal = Terminal()
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=terminal.slave,
        stdin=subprocess.DEVNULL,
        env=environment(**env),
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout.decode("utf-8"), terminal.text()


def with_stdout_on_a_terminal(*arguments: str | Path, **env: str) -> tuple[int, str, str]:
    """Run the command as in `crate-iscc ... 2> file`: code, the terminal's text, and stderr."""
    terminal = Terminal()
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        stdout=terminal.slave,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        env=environment(**env),
        timeout=60,
        check=False,
    )
    return done.returncode, terminal.text(), done.stderr.decode("utf-8")


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a crate that takes some tenths of a second, if read gently: most of it is a hole."""
    folder = tmp_path_factory.mktemp("slow")
    with (folder / "hole.bin").open("wb") as file:
        file.truncate(1 << 30)
    build(folder)
    return folder


@pytest.mark.parametrize(
    "arguments", [["verify"], ["verify", "--format", "json"], ["sum"]], ids=str
)
def test_a_terminal_gets_a_bar_on_stderr(slow: Path, arguments: list[str]) -> None:
    """The bar tells step, bytes and rate; stdout is to the byte what it is without a bar."""
    code, out, err = with_stderr_on_a_terminal(*arguments, "--io", "gentle", slow)

    assert code == 0
    assert out == run(*arguments, slow).out
    assert "\x1b" not in out
    assert ("verifying" if "verify" in arguments else "fingerprinting") in err
    assert "GB" in err
    assert "/s" in err


@pytest.mark.parametrize("kind", ["none", "plain", "json"])
def test_a_terminal_gets_no_bar_where_another_progress_was_asked_for(
    built: Path, kind: str
) -> None:
    """--progress decides, also on a terminal."""
    code, _, err = with_stderr_on_a_terminal("verify", built, "--progress", kind)

    assert code == 0
    assert "\x1b" not in err
    assert bool(err) == (kind != "none")


def test_the_bar_is_gone_before_an_error_is_told(tmp_path: Path) -> None:
    """On a terminal the last that one sees is the error."""
    code, out, err = with_stderr_on_a_terminal("verify", tmp_path)

    assert (code, out) == (2, "")
    assert "error: not an RO-Crate" in err
    assert err.rstrip().endswith("hint: make it one with: crate-iscc build")


def test_a_terminal_gets_colour_on_stdout(damaged: Path) -> None:
    """The verdict stands out on a terminal, and stderr stays empty as it is no terminal."""
    code, out, err = with_stdout_on_a_terminal("verify", damaged)

    assert (code, err) == (1, "")
    assert "\x1b[1;31mINVALID\x1b[0m" in out


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=str)
def test_a_terminal_gets_no_colour_that_it_does_not_want(
    damaged: Path, env: dict[str, str]
) -> None:
    """NO_COLOR and a dumb terminal are respected."""
    code, out, _ = with_stdout_on_a_terminal("verify", damaged, **env)

    assert code == 1
    assert out == run("verify", damaged).out
