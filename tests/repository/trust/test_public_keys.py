from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from securesystemslib.signer import CryptoSigner

from tests.support.signed_repository import KEY, NOW, SignedRepository
from venvstacks_rules.model.checked import CheckedTable
from venvstacks_rules.model.repository.keys import root_key
from venvstacks_rules.repository.trust.key_files import generate_key, of_library
from venvstacks_rules.repository.trust.public_keys import PublicKey, read_public_key

MAKERS: dict[str, Callable[[], CryptoSigner]] = {
    "ed25519": CryptoSigner.generate_ed25519,
    "ecdsa": CryptoSigner.generate_ecdsa,
    "rsa": CryptoSigner.generate_rsa,
}

# What a client without the libraries says of a record.
WITHOUT_LIBRARIES = """\
import sys
for name in ("cryptography", "securesystemslib", "tuf"):
    sys.modules[name] = None
from pathlib import Path
from venvstacks_rules.model.errors import RepositoryError
from venvstacks_rules.model.repository.keys import ChannelKey
from venvstacks_rules.repository.trust.verification import TrustedRoot, verified_record
root, record, now = sys.argv[1:]
key = ChannelKey("demo", "stable", "linux_x86_64")
try:
    trusted = TrustedRoot.pinned(Path(root).read_bytes())
    print(verified_record(Path(record).read_bytes(), key, trusted, now).record.current.version)
except RepositoryError as e:
    print(*e.problems)
heavy = {"asyncio", "ctypes", "email", "http", "packaging", "pathlib2", "ssl", "urllib.request"}
print(sorted(heavy & set(sys.modules)))
"""


@pytest.mark.parametrize("kind", MAKERS)
def test_each_kind_of_key_knows_its_signatures(kind: str) -> None:
    signer = MAKERS[kind]()
    key = of_library(signer.public_key)
    signature = bytes.fromhex(signer.sign(b"message").signature)
    assert key.keytype == kind
    assert key.is_usable
    assert key.has_signed(b"message", signature)
    assert not key.has_signed(b"message!", signature)
    assert not key.has_signed(b"message", signature[:-1] + bytes([signature[-1] ^ 1]))
    assert not key.has_signed(b"message", b"")


def test_a_kind_of_key_that_nobody_knows_has_signed_nothing() -> None:
    assert not PublicKey("id", "rot13", "rot13", "nopq").has_signed(b"message", b"zrffntr")


def test_one_key_is_the_same_however_it_is_spelled() -> None:
    key = of_library(MAKERS["ecdsa"]().public_key)
    spaced = key.public.replace("\n", "\r\n  ")
    assert PublicKey("other", key.keytype, key.scheme, spaced).identity == key.identity
    assert PublicKey("a", "ed25519", "ed25519", "AB" * 32).identity == "ab" * 32


@pytest.mark.parametrize("public", ["ab" * 31, "xy" * 32, "ab" * 31 + " a"])
def test_a_key_that_is_no_key_of_ed25519(public: str) -> None:
    problems: list[str] = []
    data = {"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": public}}
    read_public_key(CheckedTable(data, "key", problems), "id")
    assert problems == ["`key.keyval.public`: an Ed25519 key has 64 hexadecimal digits"]


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa"])
def test_a_client_without_libraries_believes_keys(tmp_path: Path, kind: str) -> None:
    repository = SignedRepository(tmp_path)
    generate_key(tmp_path / "records.pem", kind=kind)
    repository.begin()
    repository.publish("1.0")
    assert without_libraries(repository) == "1.0\n[]\n"
    content = json.loads(repository.content(str(KEY)))
    content["signed"]["expires"] = "2090-01-01T00:00:00Z"
    repository.put(str(KEY), json.dumps(content).encode())
    keyid = json.loads(repository.public("records")[0].read_text())["keyid"]
    assert without_libraries(repository) == (
        f"0 keys of root 1 signed it, and 1 have to: of {keyid}\n[]\n"
    )


def test_a_client_without_libraries_says_what_other_keys_need(tmp_path: Path) -> None:
    repository = SignedRepository(tmp_path)
    generate_key(tmp_path / "records.pem", kind="rsa")
    repository.begin()
    repository.publish("1.0")
    keyid = json.loads(repository.public("records")[0].read_text())["keyid"]
    assert without_libraries(repository) == (
        f"0 keys of root 1 signed it, and 1 have to: of {keyid}; "
        "install `venvstacks-rules[trust]` to verify keys of type `rsa`\n[]\n"
    )


def without_libraries(repository: SignedRepository) -> str:
    files = [str(repository.folder / "repository" / key) for key in (root_key(1), str(KEY))]
    return subprocess.run(
        [sys.executable, "-c", WITHOUT_LIBRARIES, *files, NOW],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
