"""Files of keys: private ones as PEM, public ones as JSON, as they stand in a root."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from venvstacks_rules.model.checked import CheckedTable
from venvstacks_rules.model.errors import RepositoryError, first_problems
from venvstacks_rules.model.json_codec import parsed_json, published_json
from venvstacks_rules.repository.trust.public_keys import PublicKey, read_public_key

if TYPE_CHECKING:
    from securesystemslib.signer import CryptoSigner, Key

PASSWORD_VARIABLE = "VENVSTACKS_KEY_PASSWORD"  # noqa: S105 - its name
PUBLIC_SUFFIX = ".pub"
"""Of the file beside the one of the private key."""
KINDS = ("ed25519", "ecdsa", "rsa")
"""Of keys that can be generated; clients verify the first one without further libraries."""


def generate_key(
    path: Path, *, kind: str = KINDS[0], password: str = "", comment: str = ""
) -> PublicKey:
    """Make a key: the private half at `path`, the public one beside it, with ``.pub``.

    The private file is for its owner only, and encrypted if there is a password. RepositoryError
    if one of the files exists.
    """
    require_libraries()
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
        BestAvailableEncryption,
        Encoding,
        NoEncryption,
        PrivateFormat,
        load_pem_private_key,
    )
    from securesystemslib.signer import CryptoSigner  # noqa: PLC0415

    if kind not in KINDS:
        raise RepositoryError(
            "No key was made.", [f"`{kind}` is no kind of key; take one of {', '.join(KINDS)}"]
        )
    generators: dict[str, Callable[[], CryptoSigner]] = {
        "ed25519": CryptoSigner.generate_ed25519,
        "ecdsa": CryptoSigner.generate_ecdsa,
        "rsa": CryptoSigner.generate_rsa,
    }
    made = generators[kind]()
    encryption = BestAvailableEncryption(password.encode("utf-8")) if password else NoEncryption()
    private = load_pem_private_key(made.private_bytes, None).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, encryption
    )
    public = public_path(path)
    for file in (path, public):
        if os.path.lexists(file):
            raise RepositoryError("No key was made.", [f"`{file}` exists already"])
    _write_new(path, private, 0o600)
    write_public_key(public, made.public_key, comment)
    return of_library(made.public_key)


def write_public_key(path: Path, key: Key, comment: str = "") -> None:
    """Write the file of a public key; RepositoryError if there is one."""
    _write_new(path, public_key_text(key, comment).encode("utf-8"), 0o644)


def public_path(path: Path) -> Path:
    """Where the public half of the key at `path` lies."""
    return path.with_name(path.name + PUBLIC_SUFFIX)


def public_key_text(key: Key, comment: str = "") -> str:
    """The text of the file of a public key."""
    data = {**of_library(key).to_dict(), "keyid": key.keyid}
    return published_json({**data, "comment": comment} if comment else data)


def of_library(key: Key) -> PublicKey:
    """A key of `securesystemslib`."""
    return PublicKey(key.keyid, key.keytype, key.scheme, str(key.keyval["public"]))


def read_public_key_file(path: Path) -> PublicKey:
    """The public key in a file; RepositoryError lists what is wrong."""
    problems: list[str] = []
    try:
        table = CheckedTable(parsed_json(path.read_bytes()), "", problems)
    except OSError as e:
        raise RepositoryError(f"`{path}` cannot be read.", [e.strerror or str(e)]) from None
    except ValueError as e:
        raise RepositoryError(
            f"`{path}` is not a public key.",
            [f"it is not JSON: {e}", f"Name the file that ends with `{PUBLIC_SUFFIX}`."],
        ) from None
    key = read_public_key(table, table.string("keyid"))
    if problems:
        raise RepositoryError(f"`{path}` is not a public key.", first_problems(problems))
    return key


def private_key(
    pem: bytes, name: str, environment: Mapping[str, str], variable: str = PASSWORD_VARIABLE
) -> CryptoSigner:
    """The signer of a private key, `name` in messages; `variable` has the password.

    RepositoryError says why it cannot be read, and has nothing of the key.
    """
    require_libraries()
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
        load_pem_private_key,
    )
    from securesystemslib.signer import CryptoSigner, SSlibKey  # noqa: PLC0415

    password = environment.get(variable, "").encode("utf-8") or None
    encrypted = b"ENCRYPTED" in pem
    if encrypted and password is None:
        raise RepositoryError(
            f"{name} cannot be used.",
            [f"it is encrypted; set the environment variable `{variable}` to its password"],
        )
    try:
        loaded = load_pem_private_key(pem, password if encrypted else None)
        return CryptoSigner(loaded, SSlibKey.from_crypto(loaded.public_key()))
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # The library's words may quote the file.
        reason = f"; or `{variable}` is not its password" if encrypted else ""
        raise RepositoryError(
            f"{name} cannot be used.", [f"it is not a private key as PEM{reason}"]
        ) from None


def require_libraries(*more: str) -> None:
    """RepositoryError if the libraries that sign are missing, or one of `more`."""
    try:
        for name in ("cryptography", "securesystemslib", *more):
            importlib.import_module(name)
    except ImportError as e:
        raise RepositoryError(
            "Signing needs libraries that are missing.",
            [f"`{e.name}` cannot be imported; install `venvstacks-rules[trust]`"],
        ) from None


def _write_new(path: Path, data: bytes, mode: int) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
    except OSError as e:
        raise RepositoryError(f"`{path}` cannot be written.", [e.strerror or str(e)]) from None
