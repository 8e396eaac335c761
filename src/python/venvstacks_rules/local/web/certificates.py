"""The authorities whose certificates are believed."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping

from venvstacks_rules.model.errors import NetworkError

BUNDLES = ("/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem")
"""Where Fedora and its relatives, and openSUSE, have the authorities of the system."""


def tls_context(environment: Mapping[str, str]) -> ssl.SSLContext:
    """What checks the certificates of servers.

    `SSL_CERT_FILE` and `SSL_CERT_DIR` in `environment` name the authorities; NetworkError if the
    file cannot be read. Otherwise those of the system count. The OpenSSL of an interpreter that was
    built for all systems looks for them in one place, which not all of them have.
    """
    file = environment.get("SSL_CERT_FILE") or None
    folder = environment.get("SSL_CERT_DIR") or None
    try:
        context = ssl.create_default_context(cafile=file, capath=folder)
    except OSError as e:
        # OpenSSL does not say which file it is.
        raise NetworkError(
            f"`{file}`, from `SSL_CERT_FILE`, has no certificates that can be read "
            f"({e.strerror or e}). Correct the variable."
        ) from None
    if file is None and folder is None and not _has_authorities(ssl.get_default_verify_paths()):
        bundle = next(filter(os.path.isfile, BUNDLES), None)
        if bundle is not None:
            context.load_verify_locations(cafile=bundle)
    return context


def _has_authorities(paths: ssl.DefaultVerifyPaths) -> bool:
    """Whether OpenSSL finds any by itself: a file, or a folder with names that are hashes."""
    # Both are None where there is nothing.
    if paths.cafile:
        return True
    try:
        names = os.listdir(paths.capath or "")
    except OSError:
        return False
    return any(name.endswith(".0") for name in names)
