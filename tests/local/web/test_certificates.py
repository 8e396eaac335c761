"""Authorities of systems that keep them where the interpreter does not look."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import trustme

from venvstacks_rules.local.web import certificates
from venvstacks_rules.local.web.certificates import tls_context
from venvstacks_rules.model.errors import NetworkError


@pytest.fixture
def authorities(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A system with a bundle of its own, and an interpreter that looks for `openssl/`."""
    bundle = tmp_path / "ca-bundle.crt"
    trustme.CA(organization_name="The system's").cert_pem.write_to_path(str(bundle))
    monkeypatch.setattr(certificates, "BUNDLES", (str(tmp_path / "missing.pem"), str(bundle)))
    found = tmp_path / "openssl"
    found.mkdir()
    paths = ssl.get_default_verify_paths()._replace(
        cafile=None,  # type: ignore[arg-type] # so it is where there is no file
        capath=str(found),
    )
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: paths)
    return found


def believes_the_system(context: ssl.SSLContext) -> bool:
    assert context.verify_mode == ssl.CERT_REQUIRED
    return "The system's" in str(context.get_ca_certs())


def test_the_bundle_of_the_system_counts_where_the_interpreter_finds_none(
    authorities: Path,
) -> None:
    # A folder whose names are no hashes, as on Fedora, is one in which OpenSSL finds nothing.
    (authorities / "ca-bundle.crt").touch()
    assert believes_the_system(tls_context({}))
    authorities.joinpath("ca-bundle.crt").unlink()
    authorities.rmdir()
    assert believes_the_system(tls_context({"SSL_CERT_FILE": ""}))


def test_it_does_not_count_where_the_interpreter_finds_some(authorities: Path) -> None:
    (authorities / "5e98733a.0").touch()
    assert not believes_the_system(tls_context({}))


def test_a_file_that_has_none(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    for reason in ("No such file or directory", "no certificate or crl found"):
        with pytest.raises(NetworkError) as caught:
            tls_context({"SSL_CERT_FILE": str(empty)})
        message = str(caught.value)
        assert message.startswith(
            f"`{empty}`, from `SSL_CERT_FILE`, has no certificates that can be read ("
        )
        assert reason in message.replace("_", " ").replace("NO CERTIFICATE OR CRL FOUND", reason)
        assert message.endswith("). Correct the variable.")
        empty.touch()


def test_it_does_not_count_where_others_are_named(authorities: Path, tmp_path: Path) -> None:
    named = tmp_path / "own.pem"
    trustme.CA(organization_name="Mine").cert_pem.write_to_path(str(named))
    for environment in ({"SSL_CERT_FILE": str(named)}, {"SSL_CERT_DIR": str(tmp_path)}):
        assert not believes_the_system(tls_context(environment))
    assert "Mine" in str(tls_context({"SSL_CERT_FILE": str(named)}).get_ca_certs())
