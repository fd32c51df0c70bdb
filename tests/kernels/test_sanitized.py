"""The C modules are free of undefined behaviour, as far as GCC's sanitizers can tell."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "src" / "crate_iscc"
KERNEL = PACKAGE / "kernel" / "_native.c"
READING = PACKAGE / "sources" / "_reading.c"
HAMMING = PACKAGE / "hamming" / "_hamming.c"

LOAD = """\
import sys
from importlib.machinery import ExtensionFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from random import Random

name, path, seed = sys.argv[1], sys.argv[2], int(sys.argv[3])
spec = spec_from_file_location(name, path, loader=ExtensionFileLoader(name, path))
module = module_from_spec(spec)
spec.loader.exec_module(module)
random = Random(seed)


def refuses(function, *arguments):
    try:
        function(*arguments)
    except ValueError:
        return
    raise AssertionError(arguments)


"""

STREAMS = """\
from crate_iscc.kernel.native import NativeKernel


def content():
    size = int(2 ** random.uniform(0, 22))
    kind = random.randrange(4)
    if kind == 0:
        pattern = random.randbytes(random.choice([1, 2, 3, 7, 64, 257, 1023, 1025, 8192]))
        return (pattern * size)[:size]
    if kind == 1:
        return random.randbytes(size) + bytes(size)
    return random.randbytes(size)


for number in range(60):
    data = content()
    expected = NativeKernel().hasher()
    expected.update(data)
    expected = expected.finish().data
    for pieces in (0, 1, 30):
        cuts = sorted(random.randrange(len(data) + 1) for _ in range(pieces))
        for ahead in (False, True):
            hasher = module.DataHasher()
            for start, end in zip([0, *cuts], [*cuts, len(data)]):
                piece = bytes(data[start:end])  # its own allocation: nothing readable behind it
                hasher.update(piece, module.chunk_ahead(piece) if ahead else b"")
            assert hasher.digest() == expected, (number, pieces, ahead)
    junk = random.randbytes(8 * random.randrange(1, 50))
    try:
        module.DataHasher().update(data, junk)
    except ValueError:
        pass
print("same")
"""


FILES = """\
from array import array

from blake3 import blake3

from crate_iscc.kernel.native import NativeKernel


def data_code(content):
    hasher = NativeKernel().hasher()
    hasher.update(content)
    return hasher.finish().data


BORDERS = [0, 1, 16, 63, 64, 256, 1023, 1024, 2048, 4096, 8192, 16384]


def size():
    if random.random() < 0.5:
        return max(0, random.choice(BORDERS) + random.randrange(-2, 3))
    return int(2 ** random.uniform(0, 17))


def numbers(*values):
    return array("q", values).tobytes()  # its own allocation, of exactly that size


def buffer_of(layout):
    sizes = [size() for _ in range(random.randrange(40))]
    starts, end = [], 0
    for number in sizes:
        if layout == "gaps":
            end += random.randrange(5) * random.randrange(1000)
        starts.append(end)
        end += number
    data = random.randbytes(end) if random.random() < 0.7 else bytes(end)
    if layout == "overlaps":
        sizes = [random.randrange(end + 1) for _ in range(10)]
        starts = [random.randrange(end - number + 1) for number in sizes]
    if layout == "shuffled":
        order = random.sample(range(len(sizes)), len(sizes))
        sizes, starts = [sizes[i] for i in order], [starts[i] for i in order]
    return data, starts, sizes


for number in range(120):
    layout = random.choice(["packed", "gaps", "overlaps", "shuffled"])
    data, starts, sizes = buffer_of(layout)
    places = numbers(*starts), numbers(*sizes)
    files = [data[start : start + size] for start, size in zip(starts, sizes)]
    instances = module.blake3_files(data, *places)
    assert instances == b"".join(blake3(file).digest() for file in files), number
    codes, chunks = module.data_files(data, *places)
    assert codes == b"".join(map(data_code, files)), number
    hasher = module.DataHasher()
    before = random.randbytes(random.choice([0, 1, 100, 300, 9000]))
    hasher.update(before)
    hasher.update_files(data, *places, chunks)
    assert hasher.digest() == data_code(before + b"".join(files)), number
    # Lengths that cannot be are refused. Others, and wrong features, give another code at worst.
    for junk in (
        chunks[:-4],
        chunks + bytes(4),
        b"\\xff" * len(chunks),
        random.randbytes(len(chunks)),
        numbers(*[1 << 31] * len(sizes)),
    ):
        if junk != chunks and len(junk) >= 4:
            refuses(module.DataHasher().update_files, data, *places, junk)
    wrong = bytearray(chunks)
    for _ in range(20):
        if wrong:
            wrong[random.randrange(len(wrong))] ^= 1 << random.randrange(8)
            try:
                module.DataHasher().update_files(data, *places, bytes(wrong))
            except ValueError:
                pass
    length = len(data)
    for bad in (
        ([length + 1], [0]),
        ([0], [length + 1]),
        ([-1], [1]),
        ([0], [-1]),
        ([1], [length]),
        ([-1], [2]),
        ([1 << 62], [1 << 62]),
        ([0, 0], [0]),
        ([0], [0, 0]),
    ):
        bad = [numbers(*values) for values in bad]
        refuses(module.blake3_files, data, *bad)
        refuses(module.data_files, data, *bad)
        refuses(module.DataHasher().update_files, data, *bad, chunks)
    refuses(module.blake3_files, data, b"1234", b"1234")
print("same")
"""

PARTS = """\
from blake3 import blake3

from crate_iscc.kernel.native import NativeKernel


def own(data):
    return bytes(bytearray(data))  # its own allocation, of exactly that size


def joined(content, cut):
    # The first part by one hasher; the second from a cut of the chain on by another.
    hasher = module.DataHasher()
    hasher.update(own(content[:cut]))
    taken = hasher.end_chunk(own(content[cut:]))
    assert 0 <= taken <= len(content) - cut
    behind = module.DataHasher()
    behind.update(own(content[cut + taken :]))
    state = behind.state()
    if len(hasher.state()) > 257:
        refuses(hasher.join, state)
        hasher.update(own(content[cut + taken :]))
    else:
        hasher.join(own(state))
    return hasher.digest()


def folded(content, first):
    found = module.blake3_subtrees(own(content), first)
    assert len(found) % 33 == 0
    count = (len(content) + 1023) // 1024
    assert sum(1 << level for level in found[::33]) == count
    return found


for number in range(150):
    size = max(1, int(2 ** random.uniform(0, 19)) + random.randrange(-2, 3))
    content = random.randbytes(size) if random.random() < 0.7 else bytes(size)
    expected = NativeKernel().hasher()
    expected.update(content)
    assert joined(content, random.randrange(size + 1)) == expected.finish().data, number
    found = folded(content, 0)
    folded(content, random.choice([1, 2, 3, 1023, (1 << 53) - 1024]))
    values = [found[at + 1 : at + 33] for at in range(0, len(found), 33)]
    if len(values) > 1:
        value = values.pop()
        while values:
            value = module.blake3_parent(own(values.pop() + value), not values)
        assert value == blake3(content).digest(), number
    junk = random.randbytes(random.choice([0, 1, 256, 257, 300, 8448, 8449, 9000]))
    for state in (junk, b"\\1" + junk, bytes(257 + random.randrange(8200))):
        try:
            module.DataHasher().join(state)
        except ValueError:
            pass
    refuses(module.blake3_subtrees, b"", 0)
    refuses(module.blake3_subtrees, b"x", 1 << 53)
    refuses(module.blake3_subtrees, bytes(2048), (1 << 53) - 1)
    refuses(module.blake3_parent, own(junk[:63]), True)
print("same")
"""

TREES = """\
import errno
import os
import shutil
import stat
import tempfile
import threading
from array import array

root = tempfile.mkdtemp().encode()
os.chdir(root)
NAMES = [b"a", b"b.txt", b"\\xff\\xfe", "\\u00fc".encode(), b"\\n", b" ", b"x" * 255, b"-", b"a.b"]


def fill(folder, depth):
    for name in random.sample(NAMES, random.randrange(len(NAMES))):
        place = folder + name
        kind = random.randrange(6)
        if len(place) > 3000:
            continue
        if kind == 0:
            os.symlink(random.choice([b"nowhere", b".", b"a"]), place)
        elif kind == 1:
            os.mkfifo(place)
        elif kind == 2 and depth:
            os.mkdir(place)
            fill(place + b"/", depth - 1)
        else:
            with open(place, "wb") as file:
                file.write(random.randbytes(random.randrange(10)))
            os.utime(place, ns=(0, random.randrange(-(10**18), 10**18)))


def words(status):
    state = (status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_dev)
    return [number % (1 << 64) for number in state]


def expected(folder):
    found = []
    for item in os.scandir(folder or b"."):
        status = os.lstat(folder + item.name)
        is_folder = stat.S_ISDIR(status.st_mode)
        kind = 0 if stat.S_ISREG(status.st_mode) else 1 if is_folder else 2
        found.append((folder + item.name + b"/" * is_folder, kind, status.st_size, words(status)))
    found.sort()
    states = array("Q", [word for item in found for word in item[3]])
    return (
        b"".join(item[0] + b"\\0" for item in found),
        bytes(item[1] for item in found),
        array("q", [item[2] for item in found]).tobytes(),
        states.tobytes(),
    )


def listed(handle, folder):
    assert module.list_folder(handle, folder) == expected(folder), folder
    for item in os.scandir(folder or b"."):
        if item.is_dir(follow_symlinks=False):
            listed(handle, folder + item.name + b"/")


handle = os.open(".", os.O_RDONLY)
os.mkdir("empty")
os.mkdir("many")
for number in range(3000):
    os.mknod(f"many/{number}")
for number in range(60):
    top = b"%d/" % number
    os.mkdir(top)
    fill(top, 4)
listed(handle, b"")


def fails(error, function, *arguments):
    try:
        function(*arguments)
    except OSError as problem:
        assert problem.errno == error, problem
    else:
        raise AssertionError(arguments)


os.symlink("empty", "link")
fails(errno.ENOENT, module.list_folder, handle, b"gone/")
fails(errno.EINVAL, module.list_folder, handle, b"a\\0b/")
fails(errno.EBADF, module.list_folder, -1, b"gone/")
fails(errno.ENOTDIR, module.list_folder, handle, b"many/1")
assert not any(module.list_folder(handle, b"empty/"))
fails(errno.ESTALE, module.list_folder, handle, b"empty/", bytes(32))
assert not any(module.list_folder(handle, b"empty/", bytes(5)))


# A folder that is filled, emptied and removed while it is listed.
def disturb():
    for _ in range(150):
        os.makedirs("moving/below", exist_ok=True)
        for number in range(30):
            open(f"moving/{number}", "w").close()
        shutil.rmtree("moving")


busy = threading.Thread(target=disturb)
busy.start()
while busy.is_alive():
    try:
        paths, kinds, sizes, states = module.list_folder(handle, b"moving/")
    except OSError:
        continue
    assert paths.count(b"\\0") == len(kinds) == len(sizes) // 8 == len(states) // 32
busy.join()


# Files that change, are cut, vanish, or are no files any more.
def made(count):
    paths, sizes, states, contents = [], array("q"), array("Q"), []
    for number in range(count):
        content = random.randbytes(random.choice([0, 1, 100, 5000, 200_000]))
        path = b"files/%d" % number
        with open(path, "wb") as file:
            file.write(content)
        paths.append(path)
        contents.append(content)
        sizes.append(len(content))
        states.extend(words(os.lstat(path)))
    return paths, sizes, states, contents


def outcome(paths, sizes, states, into):
    blob = b"\\0".join(paths) + b"\\0"
    return array("i", module.read_files(handle, blob, sizes.tobytes(), states.tobytes(), into))


os.mkdir("files")
for number in range(100):
    paths, sizes, states, contents = made(random.randrange(30))
    reasons = [0] * len(paths)
    for at, path in enumerate(paths):
        fault = random.randrange(8)
        if fault == 0:
            os.remove(path)
            reasons[at] = errno.ENOENT
        elif fault == 1 and contents[at]:
            os.truncate(path, len(contents[at]) - 1)
            reasons[at] = module.CHANGED
        elif fault == 2:
            os.utime(path, ns=(0, 1))
            reasons[at] = module.CHANGED
        elif fault == 3:
            os.remove(path)
            os.mkfifo(path)
            reasons[at] = module.NOT_REGULAR
        elif fault == 4:
            os.remove(path)
            os.symlink("0", path)
            reasons[at] = errno.ELOOP
        elif fault == 5:
            os.remove(path)
            os.mkdir(path)
            reasons[at] = module.NOT_REGULAR
    into = bytearray(sum(sizes))
    assert outcome(paths, sizes, states, into).tolist() == reasons
    place = 0
    for at, content in enumerate(contents):
        assert reasons[at] or into[place : place + len(content)] == content
        place += len(content)
    shutil.rmtree("files")
    os.mkdir("files")

paths, sizes, states, contents = made(5)
blob, into = b"\\0".join(paths) + b"\\0", bytearray(sum(sizes))
assert module.read_files(handle, b"\\0", b"", b"", into) == b""
assert module.read_files(handle, b"\\0", b"", b"", bytearray()) == b""
negative = array("q", [*sizes[:-1], -1])
for wrong in (
    (b"", sizes, states, into),
    (blob[:-1], sizes, states, into),
    (blob + b"more\\0", sizes, states, into),
    (blob[: blob.index(b"\\0") + 1], sizes, states, into),
    (blob, sizes[:-1], states, into),
    (blob, sizes, states[:-1], into),
    (blob, sizes.tobytes()[:-1], states, into),
    (blob, array("q", [*sizes[:-1], sizes[-1] + 1]), states, into),
    (blob, array("q", [1 << 62, *sizes[1:]]), states, into),
    (blob, negative, states, into),
):
    refuses(module.read_files, handle, *wrong)
assert set(array("i", module.read_files(-1, blob, sizes, states, into))) == {errno.EBADF}


# Files that are cut and refilled while they are read: read whole, or said not to be.
paths, sizes, states, contents = made(0)
content = bytes(1 << 22)
with open("files/large", "wb") as file:
    file.write(content)
state = array("Q", words(os.lstat("files/large")))


def cut():
    for _ in range(300):
        os.truncate("files/large", random.randrange(1 << 22))
        with open("files/large", "r+b") as file:
            file.write(b"\\1")
            file.truncate(1 << 22)


busy = threading.Thread(target=cut)
busy.start()
seen = set()
while busy.is_alive():
    into = bytearray(b"\\2" * (1 << 22))
    seen.add(outcome([b"files/large"], array("q", [1 << 22]), state, into)[0])
    if 0 in seen:
        assert into == content
        seen.remove(0)
busy.join()
assert seen <= {module.CHANGED, module.CUT} and seen, seen
shutil.rmtree(root)
print("same")
"""

MAPPINGS = """\
import errno
import gc
import hashlib
import os
import tempfile

PAGE = os.sysconf("SC_PAGESIZE")
file = tempfile.TemporaryFile()
content = random.randbytes(40 * PAGE + 123)
os.write(file.fileno(), content)
size = len(content)

for _ in range(300):
    start = random.choice([0, 1, PAGE - 1, PAGE, PAGE + 1, random.randrange(size - 1)])
    length = random.randrange(1, size - start + 1)
    mapping = module.MappedFile(file.fileno(), start, length)
    view = memoryview(mapping)
    assert view.readonly and view.nbytes == length
    first = random.randrange(length)
    mapping.bring(first, random.randrange(1, length - first + 1))
    mapping.let_go(first, random.randrange(1, length - first + 1))
    for wrong in ((-1, 1), (0, 0), (0, length + 1), (length, 1), (1, length), (2**63 - 1, 1)):
        refuses(mapping.bring, *wrong)
        refuses(mapping.let_go, *wrong)
    assert bytes(view) == content[start : start + length]
    assert mapping.is_whole()
    del mapping  # the view keeps it
    assert view[-1] == content[start + length - 1]

for wrong in ((-1, 1), (0, 0), (0, -1), (-PAGE, PAGE), (1, 2**63 - 1), (2**62, -5)):
    refuses(module.MappedFile, file.fileno(), *wrong)


def fails(error, *arguments):
    try:
        module.MappedFile(*arguments)
    except OSError as problem:
        assert problem.errno in error, problem
    else:
        raise AssertionError(arguments)


fails({errno.EBADF}, -1, 0, 1)
fails({errno.EACCES}, os.open("/tmp", os.O_WRONLY | os.O_TMPFILE), 0, 1)
fails({errno.ENODEV, errno.EACCES}, os.open("/", os.O_RDONLY), 0, 1)
fails({errno.ENOMEM, errno.EOVERFLOW}, file.fileno(), 0, 2**63 - 1 - PAGE)

# As many as there are places; one more is refused; each that goes makes room for one.
del view
gc.collect()
many = [module.MappedFile(file.fileno(), number % size, 1) for number in range(512)]
fails({errno.EMFILE}, file.fileno(), 0, 1)
for _ in range(100):
    many.pop(random.randrange(len(many)))
    many.append(module.MappedFile(file.fileno(), 5, 10))
    fails({errno.EMFILE}, file.fileno(), 0, 1)
assert all(bytes(mapping) for mapping in many)
many.clear()

# A file that is cut while it is mapped: zeros, and it is said. Its neighbours are not concerned.
for _ in range(200):
    cut = tempfile.TemporaryFile()
    os.write(cut.fileno(), content)
    start = random.randrange(size // 2)
    mapping = module.MappedFile(cut.fileno(), start, size - start)
    sound = module.MappedFile(file.fileno(), 0, size)
    view = memoryview(mapping)
    if random.random() < 0.5:
        assert bytes(view) == content[start:]
    os.ftruncate(cut.fileno(), random.randrange(size // 2))
    if random.random() < 0.5:
        mapping.bring(0, size - start)
        assert not mapping.is_whole()
    hashlib.sha256(view).digest()
    if random.random() < 0.5:
        mapping.let_go(0, size - start)
    assert view[-1] == 0
    assert not mapping.is_whole()
    assert bytes(sound) == content
    assert sound.is_whole()
print("same")
"""


DISTANCES = """\
from array import array

from crate_iscc.hamming import reference


def columns(count):
    return array("I", range(count)), array("I", bytes(4 * count)), array("H", b"\\xff" * 2 * count)


for number in range(300):
    width = random.randrange(4, 33, 4)
    count = random.choice([0, 1, 2, random.randrange(200)])
    codes = [random.randbytes(width) for _ in range(count)]
    for at in range(count // 3):
        codes[at] = bytes([codes[-1 - at][0] ^ 1]) + codes[-1 - at][1:]
    blob = b"".join(codes)  # its own allocation: nothing readable behind it
    limit = random.choice([0, 1, 3 * width, 8 * width, 300])
    first = random.randrange(count + 1)
    last = random.randrange(first, count + 1)
    mine, other = columns(count), columns(count)
    arguments = blob, width, limit, first, last
    assert module.join(*arguments, *mine) == reference.join(*arguments, *other), number
    for at in range(count):
        assert reference.root_of(mine[0], at) == reference.root_of(other[0], at)
    assert mine[1:] == other[1:]
    query = random.randbytes(random.randrange(4, width + 1, 4))
    for most in (0, 1, 5, 10**6):
        arguments = blob, width, query, limit, most
        assert module.nearest(*arguments) == reference.nearest(*arguments), number
    for wrong in (
        (blob, width, limit, -1, last),
        (blob, width, limit, first, count + 1),
        (blob, width, limit, count + 1, count + 1),
        (blob, width, -1, first, last),
        (blob, width, 1 << 40, first, last),
        (blob + b"1", width, limit, first, last),
        (blob, 0, limit, first, last),
        (blob, -4, limit, first, last),
        (blob, 40, limit, first, last),
    ):
        refuses(module.join, *wrong, *mine)
    if count > 1:
        for at in range(3):
            short = [column[:-1] if number == at else column for number, column in enumerate(mine)]
            refuses(module.join, blob, width, limit, first, last, *short)
        mine[0][0] = 1
        refuses(module.join, blob, width, limit, first, last, *mine)
    for wrong in (
        (blob, 0, query, 1, 1),
        (blob, -width, query, 1, 1),
        (blob, width, b"", 1, 1),
        (blob, width, bytes(width + 4), 1, 1),
        (blob, width, bytes(3), 1, 1),
        (blob + b"1", width, query, 1, 1),
        (blob, width, query, 1, -1),
    ):
        refuses(module.nearest, *wrong)
    assert module.nearest(blob, width, query, -1, 5) == []
print("same")
"""


@pytest.mark.deep
@pytest.mark.skipif(
    not sys.platform.startswith("linux") or shutil.which("gcc") is None, reason="needs GCC on Linux"
)
@pytest.mark.parametrize("level", ["-O1", "-O3"])
@pytest.mark.parametrize(
    ("source", "program"),
    [
        (KERNEL, STREAMS),
        (KERNEL, FILES),
        (KERNEL, PARTS),
        (READING, TREES),
        (READING, MAPPINGS),
        (HAMMING, DISTANCES),
    ],
    ids=["streams", "files", "parts", "trees", "mappings", "distances"],
)
def test_the_sanitizers_find_nothing(
    tmp_path: Path, level: str, source: Path, program: str
) -> None:
    """No byte beyond a buffer is read, and nothing is left to the compiler's mood."""
    module = tmp_path / f"{source.stem}.abi3.so"
    subprocess.run(
        [
            "gcc", "-std=c11", level, "-g", "-fPIC", "-shared", "-Wall", "-Wextra", "-Wconversion",
            "-Werror", "-fsanitize=address,undefined", "-fno-sanitize-recover=all",
            f"-I{sysconfig.get_path('include')}", str(source), "-o", str(module),
        ],
        check=True,
    )  # fmt: skip
    runtimes = [
        subprocess.run(
            ["gcc", f"-print-file-name={name}"], check=True, capture_output=True, encoding="utf-8"
        ).stdout.strip()
        for name in ("libasan.so", "libubsan.so")
    ]
    name = f"crate_iscc.{source.parent.name}.{source.stem}"

    ended = subprocess.run(
        [sys.executable, "-c", LOAD + program, name, str(module), level[-1]],
        env={
            **os.environ,
            "LD_PRELOAD": " ".join(runtimes),
            # The interpreter's own leaks are not ours; SIGBUS is the module's business.
            "ASAN_OPTIONS": "detect_leaks=0:handle_sigbus=0",
            "PYTHONMALLOC": "malloc",  # so that the sanitizer sees where each object ends
            "TMPDIR": str(tmp_path),
        },
        check=False,
        capture_output=True,
        encoding="utf-8",
        timeout=900,
    )

    assert (ended.returncode, ended.stdout) == (0, "same\n"), ended.stderr
