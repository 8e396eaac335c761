"""Pins: which root of a repository a person believes to begin with."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

from venvstacks_rules.model.errors import RepositoryError
from venvstacks_rules.repository.stores.store import Store
from venvstacks_rules.repository.trust.roots import MOST_ROOT_BYTES
from venvstacks_rules.repository.trust.verification import TrustedRoot

_KINDS = ("sha256:", "ed25519:")


def pinned_root(pin: str, store: Store) -> TrustedRoot:
    """The root that `pin` names, as :meth:`TrustedRoot.of_pin` takes it, or as the path of a file.

    RepositoryError if there is none, or if it is another one.
    """
    if pin.startswith(_KINDS):
        return TrustedRoot.of_pin(pin, store)
    return TrustedRoot.pinned(read_root_file(Path(pin)), pin)


def chosen_root(file: Optional[Path], pin: Optional[str], store: Store) -> Optional[TrustedRoot]:
    """The root that a person names by its file or by a pin, or None."""
    if file is not None:
        return TrustedRoot.pinned(read_root_file(file), str(file))
    return None if pin is None else TrustedRoot.of_pin(pin, store)


def read_root_file(path: Path) -> bytes:
    """A file of a root, or of more than a root may have."""
    try:
        with path.open("rb") as file:
            return file.read(MOST_ROOT_BYTES + 1)
    except OSError as e:
        raise RepositoryError(f"`{path}` cannot be read.", [e.strerror or str(e)]) from None
