"""An address of an object store is understood as it is written, or refused in plain words."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from crate_iscc import build
from crate_iscc.checklist import sum_files
from crate_iscc.errors import InputError
from crate_iscc.kernel.choosing import kernel
from crate_iscc.sources.opening import open_local, open_tree, scheme_of
from crate_iscc.sources.remote.credentials import Keys, S3Access, s3_access
from crate_iscc.sources.remote.object_address import object_address
from crate_iscc.sources.remote.s3_requests import signed

WriteTree = Callable[[Mapping[str, bytes]], Path]


@pytest.mark.parametrize(
    ("source", "scheme", "bucket", "prefix"),
    [
        ("s3://bucket", "s3", "bucket", ""),
        ("s3://bucket/", "s3", "bucket", ""),
        ("S3://bucket/a/b.zarr/", "s3", "bucket", "a/b.zarr"),
        ("gs://my.bucket/a b%20#?", "gs", "my.bucket", "a b%20#?"),
        ("az://container/x", "az", "container", "x"),
        ("s3://bucket/x/ro-crate-metadata.json", "s3", "bucket", "x"),
        ("s3://bucket/ro-crate-metadata.json", "s3", "bucket", ""),
    ],
)
def test_an_address_names_a_bucket_and_a_folder(
    source: str, scheme: str, bucket: str, prefix: str
) -> None:
    """Nothing in an address is decoded, and a slash at its end changes nothing."""
    address = object_address(source)

    assert scheme_of(source) in ("s3", "gs", "az")
    assert (address.scheme, address.bucket, address.prefix) == (scheme, bucket, prefix)
    assert address.below == (f"{prefix}/" if prefix else "")


@pytest.mark.parametrize(
    "source", ["s3://", "s3:///x", "s3://b ucket/x", "s3://b/a//b", "s3://b/../x", "s3://b//x"]
)
def test_what_can_be_no_address_is_an_input_error(source: str) -> None:
    """An address without a bucket, or with a folder that can be none, is refused."""
    with pytest.raises(InputError):
        object_address(source)


def test_credentials_in_an_address_are_refused_and_not_shown() -> None:
    """Who writes a secret into an address is told where it belongs, without the secret."""
    with pytest.raises(InputError, match="credentials") as caught:
        open_tree("s3://me:secret@bucket/x")

    assert "secret" not in str(caught.value) + str(caught.value.hint)


@pytest.mark.parametrize("source", ["x", "s3", "s3:x", "./s3://x", "http://x", "file:///x"])
def test_a_path_is_no_address(source: str) -> None:
    """What does not begin with a scheme of an object store is looked for on the disk."""
    assert scheme_of(source) not in ("s3", "gs", "az")


def test_an_address_that_became_a_path_is_told() -> None:
    """A Path takes two slashes for one; who passes one is told to pass text."""
    with pytest.raises(InputError, match="not an address any more") as caught:
        open_tree(Path("s3://bucket/x"))

    assert caught.value.hint == "pass addresses as text"


def test_nothing_is_built_in_an_object_store(write_tree: WriteTree) -> None:
    """Neither there nor from there to a disk, nor from a disk to there, is anything written."""
    folder = write_tree({"a": b"1"})
    for path, out in (("s3://b/x", None), ("s3://b/x", "new.zip"), (folder, "s3://b/x.zip")):
        with pytest.raises(InputError, match="not on this computer") as caught:
            build(path, out)
        assert caught.value.hint

    with pytest.raises(InputError, match="not on this computer"):
        open_local("s3://b/x")
    assert sorted(place.name for place in folder.iterdir()) == ["a"]


def test_single_objects_are_no_files_of_a_disk() -> None:
    """Sums of single files are of files on a disk; the hint says what there is."""
    with pytest.raises(InputError, match="not a file on this computer") as caught:
        sum_files(["s3://b/x"], kernel())

    assert caught.value.hint == "sum --tree"


def test_without_the_extra_a_hint_says_how_to_install_it() -> None:
    """Where obstore is not installed, an address is an InputError with the command."""
    program = (
        "import sys; sys.modules['obstore'] = None\n"
        "from crate_iscc.errors import InputError\n"
        "from crate_iscc.sources.opening import open_tree\n"
        "try: open_tree('s3://b/x')\n"
        "except InputError as error: print(error.hint)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, encoding="utf-8"
    )

    assert done.stdout == "pip install 'crate-iscc[remote]'\n"


def test_the_library_is_loaded_for_addresses_only() -> None:
    """A dataset on a disk is opened without what reads object stores."""
    program = (
        "import sys; from crate_iscc.sources.opening import open_tree; open_tree('.')\n"
        "print('obstore' in sys.modules, 'urllib.request' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, encoding="utf-8"
    )

    assert done.stdout == "False False\n"


# --- who asks ------------------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return a home with AWS profiles."""
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws/credentials").write_text(
        "[default]\naws_access_key_id = D\naws_secret_access_key = d%(x)s/+\n"
        "[lab]\naws_access_key_id = L\naws_secret_access_key = l\naws_session_token = t\n"
    )
    (tmp_path / ".aws/config").write_text(
        "[default]\nregion = eu-west-1\n"
        "[profile lab]\nregion = eu-north-1\nendpoint_url = https://lab.example.org/\n"
        "[profile sso]\nsso_start_url = https://sso.example.org\n"
    )
    return tmp_path


def test_nobody_asks_amazon_where_nothing_is_set(tmp_path: Path) -> None:
    """Without variables and files, requests go to Amazon and are not signed."""
    access = s3_access({"HOME": str(tmp_path)})

    assert access == S3Access("us-east-1", None, None)
    assert access.base == "https://s3.us-east-1.amazonaws.com"


def test_variables_come_before_profiles(home: Path) -> None:
    """A key in the environment is taken, and the region and endpoint that are set there."""
    access = s3_access(
        {
            "HOME": str(home),
            "AWS_ACCESS_KEY_ID": "E",
            "AWS_SECRET_ACCESS_KEY": "e",
            "AWS_SESSION_TOKEN": "s",
            "AWS_REGION": "r",
            "AWS_ENDPOINT_URL": "http://localhost:9000/",
        }
    )

    assert access == S3Access("r", "http://localhost:9000", Keys("E", "e", "s"))


def test_profiles_are_read(home: Path) -> None:
    """The default profile is taken, or the one that AWS_PROFILE names."""
    plain = s3_access({"HOME": str(home)})
    lab = s3_access({"HOME": str(home), "AWS_PROFILE": "lab"})
    nobody = s3_access({"HOME": str(home), "AWS_SKIP_SIGNATURE": "true"})

    assert plain == S3Access("eu-west-1", None, Keys("D", "d%(x)s/+"))
    assert lab == S3Access("eu-north-1", "https://lab.example.org", Keys("L", "l", "t"))
    assert nobody == S3Access("eu-west-1", None, None)


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"AWS_ACCESS_KEY_ID": "secret"}, "half of an access key"),
        ({"AWS_PROFILE": "other"}, "no AWS profile other"),
        ({"AWS_PROFILE": "sso"}, "holds no access key"),
        ({"AWS_ENDPOINT_URL": "ftp://x"}, "no address of a store"),
        ({"AWS_ENDPOINT_URL": "https://me:secret@x"}, "no address of a store"),
        ({"AWS_CONFIG_FILE": __file__}, "cannot be read"),
    ],
)
def test_what_cannot_say_who_asks_is_an_input_error(
    variables: dict[str, str], message: str, home: Path
) -> None:
    """Half a key, and a profile that is not there or asks elsewhere, are told, without secrets."""
    with pytest.raises(InputError, match=message) as caught:
        s3_access({"HOME": str(home), **variables})

    assert "secret" not in str(caught.value)


def test_a_key_is_not_shown() -> None:
    """Neither keys nor what holds them print their secrets."""
    assert "secret" not in repr(S3Access("r", None, Keys("secret1", "secret2", "secret3")))


def test_a_signature_is_the_one_in_the_specification_of_amazon() -> None:
    """Signature Version 4, "Examples: Signature Calculations", Get Bucket (List Objects)."""
    headers = signed(
        Keys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        "us-east-1",
        "https://examplebucket.s3.amazonaws.com/?max-keys=2&prefix=J",
        datetime(2013, 5, 24, tzinfo=UTC),
    )

    assert headers["Authorization"] == (
        "AWS4-HMAC-SHA256 "
        "Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
        "SignedHeaders=host;x-amz-content-sha256;x-amz-date, "
        "Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
    )


def test_no_metadata_service_is_asked_for_credentials(tmp_path: Path) -> None:
    """Without credentials no request goes anywhere but to the store (seen from outside)."""
    program = (
        "import socket, sys\n"
        "asked = []\n"
        "sys.addaudithook(lambda name, args: name == 'socket.connect' and asked.append(args[1]))\n"
        "from crate_iscc.sources.opening import open_tree\n"
        "from crate_iscc.sources.remote.objects import ObjectTree\n"
        "from crate_iscc.sources.remote.retrying import Retrying\n"
        "from crate_iscc.sources.remote.object_address import object_address\n"
        "how = Retrying(tries=1, timeout=1)\n"
        "for place in sys.argv[1:]:\n"
        "    try: ObjectTree(object_address(place), how).listing()\n"
        "    except Exception as error: print(type(error).__name__)\n"
        "print(asked)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "s3://bucket/x"],
        capture_output=True,
        check=True,
        encoding="utf-8",
        env={
            **{k: v for k, v in os.environ.items() if not k.startswith("AWS_")},
            "HOME": str(tmp_path),
            "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        },
    )

    assert done.stdout == "ReadError\n[('127.0.0.1', 1)]\n"
