"""Signers: what makes signatures, from the URIs of keys.

==============================  ==================================================================
``PATH`` or ``file:PATH``       a private key as PEM; ``?password=NAME`` is the environment variable
                                with its password, else it is ``VENVSTACKS_KEY_PASSWORD``
``envvar:NAME``                 the same, in an environment variable
``SCHEME:...#PUBLIC``           any signer of `securesystemslib` (``gcpkms``, ``awskms``,
                                ``azurekms``, ``hsm``, ``hv``, ...); PUBLIC is the file of its
                                public key, which some services are asked for if it is missing
==============================  ==================================================================
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional, cast
from urllib.parse import unquote

from venvstacks_rules.model.errors import RepositoryError
from venvstacks_rules.repository.trust.canonical import canonical_json
from venvstacks_rules.repository.trust.key_files import (
    PASSWORD_VARIABLE,
    private_key,
    read_public_key_file,
    require_libraries,
)
from venvstacks_rules.repository.trust.roots import RECORDS, Root

if TYPE_CHECKING:
    from securesystemslib.signer import Signer

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]+:")
_ASKED = ("awskms", "gcpkms", "hv")
"""The schemes of services that tell the public key, by the name of the key."""
_MOST_KEY_BYTES = 1024 * 1024


def signer(
    uris: Sequence[str],
    environment: Mapping[str, str] = os.environ,
    root: Optional[Root] = None,
) -> Callable[[Mapping[str, Any]], tuple[Mapping[str, Any], ...]]:
    """What signs the `signed` part of a record with all of these keys; one signature for each.

    With the newest `root` of the repository, clients have to believe what it signs. RepositoryError
    if they would not, or if one of the keys cannot be used; none of it is in the text.
    """
    return signing(opened_signers(uris, environment) if uris else (), root)


def signing(
    signers: Sequence[tuple[str, Signer]], root: Optional[Root] = None
) -> Callable[[Mapping[str, Any]], tuple[Mapping[str, Any], ...]]:
    """The same, for signers that are open."""
    if root is not None:
        ids = {one.public_key.keyid for _, one in signers}
        asked = root.roles[RECORDS]
        known = ids.intersection(key.keyid for key in asked.keys)
        if len(known) < asked.threshold:
            listed = ", ".join(key.keyid for key in asked.keys)
            raise RepositoryError(
                "The repository is signed, and clients would not believe what is published.",
                [
                    f"{asked.threshold} of these keys have to sign: {listed}; there are "
                    f"{len(known)} of them",
                    "Name the keys, with `--key` or as `[venvstacks-publish].keys`.",
                ],
            )
    return lambda signed: signatures(signed, signers)


def signatures(
    signed: Mapping[str, Any], signers: Iterable[tuple[str, Signer]]
) -> tuple[dict[str, Any], ...]:
    """The signatures by named signers, in the order of their ids."""
    payload = canonical_json(signed)
    made = dict(signature_of(payload, name, one) for name, one in signers)
    return tuple({"keyid": keyid, "sig": made[keyid]} for keyid in sorted(made))


def signature_of(payload: bytes, name: str, signer: Signer) -> tuple[str, str]:
    """The id of a key, and its signature in hexadecimal; RepositoryError if it does not sign."""
    try:
        signature = signer.sign(payload)
    except Exception as e:  # noqa: BLE001 - a key service fails in its own ways
        raise RepositoryError(f"{name} did not sign.", [_words(e)]) from None
    return signature.keyid, signature.signature


def opened_signers(
    uris: Sequence[str], environment: Mapping[str, str] = os.environ
) -> tuple[tuple[str, Signer], ...]:
    """The signers of some URIs, each with its name for messages."""
    require_libraries()
    return tuple((f"The key `{uri}`", _opened(uri, environment)) for uri in uris)


def _opened(uri: str, environment: Mapping[str, str]) -> Signer:
    name = f"The key `{uri}`"
    scheme = _SCHEME.match(uri)
    # `C:` is a drive.
    if scheme is None or len(scheme.group()) == 2 or scheme.group() == "file:":
        path, variable = _path_and_variable(uri)
        return private_key(_read(path, name), name, environment, variable)
    if scheme.group() == "envvar:":
        variable, _, password = uri[len("envvar:") :].partition("?password=")
        pem = environment.get(variable, "")
        if not pem:
            raise RepositoryError(
                f"{name} cannot be used.", [f"the environment variable `{variable}` is not set"]
            )
        return private_key(pem.encode("utf-8"), name, environment, password or PASSWORD_VARIABLE)
    return _of_library(uri, name, environment)


def _of_library(uri: str, name: str, environment: Mapping[str, str]) -> Signer:
    from securesystemslib.signer import (  # noqa: PLC0415
        SIGNER_FOR_URI_SCHEME,
        Key,
        Signer,
    )

    private, _, public = uri.partition("#")
    scheme = private.partition(":")[0]
    if scheme not in SIGNER_FOR_URI_SCHEME:
        kinds = ", ".join(sorted(("file", "envvar", *SIGNER_FOR_URI_SCHEME)))
        raise RepositoryError(
            f"{name} cannot be used.", [f"`{scheme}` is no kind of key; there are {kinds}"]
        )
    if not public and scheme not in _ASKED:
        raise RepositoryError(
            f"{name} cannot be used.",
            [f"add the file of its public key: `{private}#NAME.pub`"],
        )
    known = read_public_key_file(Path(public)) if public else None
    # The PIN or password that a signer of the library asks for.
    secret = environment.get(PASSWORD_VARIABLE, "")
    try:
        if known is None:
            imported = cast("Any", SIGNER_FOR_URI_SCHEME[scheme])
            private, key = imported.import_(private.partition(":")[2])
        else:
            key = Key.from_dict(known.keyid, known.to_dict())
        return Signer.from_priv_key_uri(private, key, lambda _: secret)
    except Exception as e:  # noqa: BLE001 - the same
        raise RepositoryError(f"{name} cannot be used.", [_words(e)]) from None


def _path_and_variable(uri: str) -> tuple[Path, str]:
    if not uri.startswith("file:"):
        return Path(uri), PASSWORD_VARIABLE
    path, _, variable = uri[len("file:") :].partition("?password=")
    return Path(unquote(path.removeprefix("//"))), variable or PASSWORD_VARIABLE


def _read(path: Path, name: str) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_KEY_BYTES)
    except OSError as e:
        raise RepositoryError(f"{name} cannot be read.", [e.strerror or str(e)]) from None


def _words(error: Exception) -> str:
    """What a library says; its kind, if it says nothing."""
    return f"{type(error).__name__}: {error}".rstrip(": ")
