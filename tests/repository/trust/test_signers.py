from __future__ import annotations

import logging
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from securesystemslib.signer import SIGNER_FOR_URI_SCHEME, CryptoSigner, Key, Signature, Signer

from tests.support.signed_repository import SignedRepository
from venvstacks_rules.model.errors import RepositoryError
from venvstacks_rules.repository.trust.canonical import canonical_json
from venvstacks_rules.repository.trust.key_files import generate_key, public_path
from venvstacks_rules.repository.trust.signers import signer

SIGNED = {"_type": "targets", "version": 1, "name": 'a "demo"'}
PASSWORD = "correct horse"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "release.pem"


def test_keys_of_files_and_of_the_environment(tmp_path: Path, path: Path) -> None:
    other = tmp_path / "other.pem"
    keys = {key.keyid: key for key in (generate_key(path), generate_key(other, password=PASSWORD))}
    environment = {"OTHER": other.read_text(), "P": PASSWORD, "PEM": path.read_text()}
    for uris in (
        [str(path), f"file:{other}?password=P"],
        [f"file:{path}", "envvar:OTHER?password=P"],
        [f"file://{path}", "envvar:OTHER?password=P", "envvar:PEM"],
    ):
        made = signer(uris, environment)(SIGNED)
        assert [one["keyid"] for one in made] == sorted(keys)
        for one in made:
            signature = bytes.fromhex(one["sig"])
            assert keys[one["keyid"]].has_signed(canonical_json(SIGNED), signature)


def test_the_password_of_all_keys(path: Path) -> None:
    generate_key(path, password=PASSWORD)
    assert len(signer([str(path)], {"VENVSTACKS_KEY_PASSWORD": PASSWORD})(SIGNED)) == 1


def test_any_signer_of_the_library(path: Path) -> None:
    key = generate_key(path, kind="ecdsa")
    made = signer([f"file2:{path}#{public_path(path)}"], {})(SIGNED)
    assert key.has_signed(canonical_json(SIGNED), bytes.fromhex(made[0]["sig"]))


class KeyService(Signer):
    """A key service that wants a PIN, as a person adds one to the library."""

    SCHEME = "testkms"

    def __init__(self, private: CryptoSigner, pin: str) -> None:
        self.private, self.pin = private, pin

    @property
    def public_key(self) -> Key:
        return self.private.public_key

    @classmethod
    def from_priv_key_uri(cls, uri: str, public_key: Key, secrets_handler: Any = None) -> Signer:
        private = CryptoSigner.from_priv_key_uri(
            f"file2:{uri.partition(':')[2]}", public_key, secrets_handler
        )
        return cls(private, secrets_handler("PIN"))

    def sign(self, payload: bytes) -> Signature:
        if self.pin != "1234":
            raise OSError("the service refuses")
        return self.private.sign(payload)


def test_a_key_service(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SIGNER_FOR_URI_SCHEME, KeyService.SCHEME, KeyService)
    generate_key(path)
    uri = f"testkms:{path}#{public_path(path)}"
    assert len(signer([uri], {"VENVSTACKS_KEY_PASSWORD": "1234"})(SIGNED)) == 1
    with pytest.raises(RepositoryError) as e:
        signer([uri], {})(SIGNED)
    assert str(e.value) == f"The key `{uri}` did not sign.\n  * OSError: the service refuses"


@pytest.mark.skipif(shutil.which("softhsm2-util") is None, reason="needs softhsm2-util")
def test_a_key_in_a_hardware_module(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = generate_key(path, kind="ecdsa")
    folder = path.parent / "tokens"
    folder.mkdir()
    config = path.parent / "softhsm2.conf"
    config.write_text(f"directories.tokendir = {folder}\nobjectstore.backend = file\n")
    monkeypatch.setenv("SOFTHSM2_CONF", str(config))
    [module] = Path("/usr/lib/softhsm").glob("libsofthsm2.so")
    monkeypatch.setenv("PYKCS11LIB", str(module))
    token = ["--label", "release", "--pin", "1234"]
    for arguments in (
        ["--init-token", "--free", "--so-pin", "0000", *token],
        ["--import", str(path), "--token", "release", "--id", "02", *token],
    ):
        subprocess.run(["softhsm2-util", *arguments], check=True, capture_output=True)
    public = public_path(path)
    path.unlink()

    uri = f"hsm:2?label=release#{public}"
    [made] = signer([uri], {"VENVSTACKS_KEY_PASSWORD": "1234"})(SIGNED)
    assert key.has_signed(canonical_json(SIGNED), bytes.fromhex(made["sig"]))
    with pytest.raises(RepositoryError) as e:
        signer([uri], {"VENVSTACKS_KEY_PASSWORD": "4321"})(SIGNED)
    assert str(e.value).startswith(f"The key `{uri}` did not sign.\n  * ")
    assert "4321" not in str(e.value)


def test_a_key_service_that_tells_the_public_key(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    public = generate_key(path)

    class Telling(KeyService):
        @classmethod
        def import_(cls, name: str) -> tuple[str, Key]:
            return f"awskms:{name}", Key.from_dict(public.keyid, public.to_dict())

    monkeypatch.setitem(SIGNER_FOR_URI_SCHEME, "awskms", Telling)
    [made] = signer([f"awskms:{path}"], {"VENVSTACKS_KEY_PASSWORD": "1234"})(SIGNED)
    assert public.has_signed(canonical_json(SIGNED), bytes.fromhex(made["sig"]))


def test_mistakes_in_the_names_of_keys(path: Path) -> None:
    generate_key(path)
    known = "awskms, azurekms, envvar, file, file2, gcpkms, gnupg, hsm"
    for uri, problem in {
        f"{path}.not": f"The key `{path}.not` cannot be read.\n  * No such file or directory",
        "envvar:KEY": (
            "The key `envvar:KEY` cannot be used.\n  * the environment variable `KEY` is not set"
        ),
        "hsm:2": (
            "The key `hsm:2` cannot be used.\n  * add the file of its public key: `hsm:2#NAME.pub`"
        ),
        "ssh:key": (
            f"The key `ssh:key` cannot be used.\n  * `ssh` is no kind of key; there are {known}"
        ),
    }.items():
        with pytest.raises(RepositoryError) as e:
            signer([uri], {})
        assert str(e.value).startswith(problem)


def test_a_key_service_whose_library_is_missing(path: Path) -> None:
    generate_key(path, kind="rsa")
    for uri in (f"gcpkms:projects/p#{public_path(path)}", "gcpkms:projects/p"):
        with pytest.raises(RepositoryError) as e:
            signer([uri], {})
        assert e.value.summary == f"The key `{uri}` cannot be used."
        assert e.value.problems[0].startswith("UnsupportedLibraryError: ")


def test_nothing_of_a_key_is_said(
    path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    generate_key(path, password=PASSWORD)
    pem = path.read_text()
    sign = signer(["envvar:KEY"], {"KEY": pem, "VENVSTACKS_KEY_PASSWORD": PASSWORD})
    said = repr((sign(SIGNED), sign))
    with pytest.raises(RepositoryError) as e:
        signer(["envvar:KEY"], {"KEY": pem, "VENVSTACKS_KEY_PASSWORD": "nearly"})
    out, err = capfd.readouterr()
    everything = "\n".join((said, str(e.value), repr(e.value), out, err, caplog.text))
    for secret in (PASSWORD, "nearly", *pem.splitlines()[1:-1]):
        assert secret not in everything


def test_what_a_publisher_signs_is_believed(tmp_path: Path) -> None:
    repository = SignedRepository(tmp_path)
    root = repository.begin(records=("ci", "laptop"), record_threshold=2).root
    ids = ", ".join(key.keyid for key in root.roles["targets"].keys)
    for names, count in ((), 0), (("ci",), 1), (("ci", "stranger"), 1):
        with pytest.raises(RepositoryError) as e:
            signer([repository.key(name) for name in names], {}, root)
        assert e.value.summary == (
            "The repository is signed, and clients would not believe what is published."
        )
        assert e.value.problems == (
            f"2 of these keys have to sign: {ids}; there are {count} of them",
            "Name the keys, with `--key` or as `[venvstacks-publish].keys`.",
        )
    sign = signer([repository.key(name) for name in ("ci", "laptop")], {}, root)
    assert len(sign(SIGNED)) == 2


def test_an_unsigned_repository_gets_no_signatures() -> None:
    assert signer([])(SIGNED) == ()
