from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from venvstacks_rules.model.errors import RepositoryError
from venvstacks_rules.repository.trust.key_files import (
    generate_key,
    private_key,
    read_public_key_file,
)

SECRET = "correct horse battery staple"


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
@pytest.mark.parametrize("password", ["", SECRET])
def test_a_key_is_for_its_owner_only(tmp_path: Path, kind: str, password: str) -> None:
    path = tmp_path / "release.pem"
    old = os.umask(0)
    try:
        made = generate_key(path, kind=kind, password=password, comment="of Anna")
    finally:
        os.umask(old)
    public = tmp_path / "release.pem.pub"
    assert path.stat().st_mode & 0o777 == 0o600
    assert sorted(tmp_path.iterdir()) == [path, public]
    pem = path.read_text()
    assert pem.startswith("-----BEGIN ENCRYPTED" if password else "-----BEGIN PRIVATE KEY-----")
    assert made.keytype == kind
    assert read_public_key_file(public) == made
    assert json.loads(public.read_text())["comment"] == "of Anna"
    signer = private_key(pem.encode(), "The key", {"VENVSTACKS_KEY_PASSWORD": password})
    assert signer.public_key.keyid == made.keyid
    assert made.has_signed(b"message", bytes.fromhex(signer.sign(b"message").signature))


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
def test_openssl_reads_our_keys_and_we_read_its(tmp_path: Path) -> None:
    path = tmp_path / "release.pem"
    made = generate_key(path, password=SECRET)
    text = subprocess.run(
        ["openssl", "pkey", "-in", path, "-passin", f"pass:{SECRET}", "-noout", "-text_pub"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    digits = "".join(line.strip() for line in text.splitlines() if line.startswith(" "))
    assert digits.replace(":", "") == made.public

    other = tmp_path / "other.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", other], check=True)
    signer = private_key(other.read_bytes(), "The key", {})
    assert signer.public_key.keytype == "ed25519"


@pytest.mark.parametrize("name", ["release.pem", "release.pem.pub"])
def test_no_key_is_overwritten(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("precious")
    with pytest.raises(RepositoryError) as e:
        generate_key(tmp_path / "release.pem")
    assert str(e.value) == f"No key was made.\n  * `{tmp_path / name}` exists already"
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "precious"


def test_a_key_of_no_kind(tmp_path: Path) -> None:
    with pytest.raises(RepositoryError) as e:
        generate_key(tmp_path / "release.pem", kind="rot13")
    assert e.value.problems == ("`rot13` is no kind of key; take one of ed25519, ecdsa, rsa",)


def test_a_folder_that_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "release.pem"
    with pytest.raises(RepositoryError) as e:
        generate_key(path)
    assert str(e.value) == f"`{path}` cannot be written.\n  * No such file or directory"


@pytest.mark.parametrize(
    ("environment", "problem"),
    [
        (
            {},
            "it is encrypted; set the environment variable `VENVSTACKS_KEY_PASSWORD` to its "
            "password",
        ),
        (
            {"VENVSTACKS_KEY_PASSWORD": "wrong"},
            "it is not a private key as PEM; or `VENVSTACKS_KEY_PASSWORD` is not its password",
        ),
    ],
)
def test_the_password_is_missing_or_wrong(
    tmp_path: Path, environment: dict[str, str], problem: str
) -> None:
    path = tmp_path / "release.pem"
    generate_key(path, password=SECRET)
    with pytest.raises(RepositoryError) as e:
        private_key(path.read_bytes(), "The key `release.pem`", environment)
    assert str(e.value) == f"The key `release.pem` cannot be used.\n  * {problem}"
    assert e.value.__cause__ is None


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe", b"-----BEGIN PRIVATE KEY-----\nTOPSECRET\n-----END PRIVATE KEY-----"],
)
def test_what_is_no_private_key_is_not_quoted(content: bytes) -> None:
    with pytest.raises(RepositoryError) as e:
        private_key(content, "The key", {})
    assert str(e.value) == "The key cannot be used.\n  * it is not a private key as PEM"


def test_a_private_key_in_the_place_of_a_public_one(tmp_path: Path) -> None:
    path = tmp_path / "release.pem"
    generate_key(path)
    with pytest.raises(RepositoryError) as e:
        read_public_key_file(path)
    assert str(e.value) == (
        f"`{path}` is not a public key.\n"
        "  * it is not JSON: Expecting value: line 1 column 1 (char 0)\n"
        "  * Name the file that ends with `.pub`."
    )


def test_a_public_key_with_mistakes(tmp_path: Path) -> None:
    path = tmp_path / "release.pub"
    path.write_text('{"keyid": 5, "keytype": "ed25519", "keyval": {"public": "ab"}}')
    with pytest.raises(RepositoryError) as e:
        read_public_key_file(path)
    assert e.value.problems == (
        "`keyid`: expected a string, got an integer",
        "`scheme`: missing",
        "`keyval.public`: an Ed25519 key has 64 hexadecimal digits",
    )
