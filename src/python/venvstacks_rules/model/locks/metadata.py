"""The ``.meta.json`` beside a ``pylock`` file: the inputs, time and version of a lock.

The hashes are those of ``venvstacks``: it accepts the locks that we write, and we find the changes
since a lock that it wrote.
"""

from __future__ import annotations

from dataclasses import dataclass

from venvstacks_rules.model.checked import CheckedTable
from venvstacks_rules.model.errors import LockError
from venvstacks_rules.model.hashes import hash_strings
from venvstacks_rules.model.json_codec import parsed_json, published_json
from venvstacks_rules.model.layers.lock_choices import NO_CHOICES, LockChoices
from venvstacks_rules.model.layers.names import LayerKind
from venvstacks_rules.model.layers.requirements import declared_requirements
from venvstacks_rules.model.platforms.python_versions import language_version
from venvstacks_rules.model.platforms.target_platforms import PLATFORMS


@dataclass(frozen=True)
class LockHashes:
    """``sha256:<hex>`` of the inputs of a lock and of its content."""

    requirements: str
    """The content: :attr:`~venvstacks_rules.model.locks.pylock.Lockfile.requirements_hash`."""
    lock_input: str
    """The declared requirements, and what the layer chose beside them."""
    other_inputs: str
    """The Python version, the target OS versions, and the layers below."""
    version_inputs: str
    """Other inputs of a versioned layer's version: its name, its modules."""


@dataclass(frozen=True)
class LockMetadata:
    """The content of a ``.meta.json``."""

    hashes: LockHashes
    lock_version: int
    locked_at: str
    """ISO 8601, in UTC."""

    @classmethod
    def from_json(cls, content: bytes, origin: str) -> LockMetadata:
        """Read a file; raises LockError with all problems by key; `origin` names the file."""
        try:
            data = parsed_json(content)
        except ValueError as e:
            raise LockError(f"{origin}: not a JSON file", [str(e)]) from None
        problems: list[str] = []
        table = CheckedTable(data, "", problems)
        # Empty means "no such hash": no hash is equal to it.
        hashes = LockHashes(
            *(
                table.string(f"{name}_hash") if f"{name}_hash" in table else ""
                for name in ("requirements", "lock_input", "other_inputs", "version_inputs")
            )
        )
        version = table.integer("lock_version") if "lock_version" in table else 1
        if version < 1 and not problems:
            table.note("lock_version", f"expected 1 or more, got {version}")
        locked_at = table.string("locked_at")
        if problems:
            raise LockError(f"{origin}: invalid lock metadata", problems)
        return cls(hashes, version, locked_at)

    def to_json(self) -> str:
        """The text of the file."""
        data = {
            "lock_input_hash": self.hashes.lock_input,
            "lock_version": self.lock_version,
            "locked_at": self.locked_at,
            "other_inputs_hash": self.hashes.other_inputs,
            "requirements_hash": self.hashes.requirements,
            "version_inputs_hash": self.hashes.version_inputs,
        }
        return published_json(data)


def renewed(
    hashes: LockHashes, old: LockMetadata | None, *, versioned: bool, locked_at: str
) -> LockMetadata:
    """The metadata of a lock with `hashes`, made at `locked_at`, that replaces `old`.

    It has a new version and time if the content, the other inputs or, for a versioned layer, the
    version inputs differ. Requirements in other words that resolve to the same content make no new
    version: users need not fetch the layer again.
    """
    if old is None:
        return LockMetadata(hashes, 1, locked_at)
    before, after = old.hashes, hashes
    same = (before.requirements, before.other_inputs) == (after.requirements, after.other_inputs)
    if versioned:
        same = same and before.version_inputs == after.version_inputs
        version = old.lock_version if same else old.lock_version + 1
    else:
        version = 1
    return LockMetadata(hashes, version, old.locked_at if same else locked_at)


@dataclass(frozen=True)
class HashedInputs:
    """The inputs of the hashes in a lock's metadata, except its content."""

    layer_name: str
    requirements: tuple[str, ...]
    """As declared."""
    python_version: str
    """X.Y or X.Y.Z."""
    platforms: tuple[str, ...]
    linux_target: str
    macosx_target: str
    lower_layers: tuple[str, ...]
    """The layer_names in import order, the runtime's last."""
    versioned: bool
    module_hashes: tuple[str, ...]
    """Hashes of an application's launch module, then of its support modules."""
    choices: LockChoices = NO_CHOICES
    distribution_hashes: tuple[str, ...] = ()
    """Hashes of the wheels of the layer's own distributions."""

    @property
    def version_inputs_called(self) -> str:
        """What may have changed if the hash of the version inputs did."""
        parts = ["the launch or support modules"] if self.module_hashes else []
        parts += ["the distributions in `dependencies`"] if self.distribution_hashes else []
        return " or ".join(parts) or "`versioned`"

    def hashes(self, requirements_hash: str) -> LockHashes:
        """All hashes of a lock with that content."""
        return LockHashes(
            requirements_hash, self._lock_input(), self._other_inputs(), self._version_inputs()
        )

    def _lock_input(self) -> str:
        # venvstacks keeps them in a file in which `#` starts a comment, even in a URL.
        written = declared_requirements(self.requirements)
        lines = [line.rstrip("\\").partition("#")[0].strip() for line in written]
        asked = [line for line in lines if line and "--hash" not in line]
        return hash_strings(sorted([*asked, *self.choices.strings()]))

    def _other_inputs(self) -> str:
        systems = {PLATFORMS[name].system for name in self.platforms}
        # As in venvstacks, a free-threaded build counts as the same Python version here.
        inputs = [f"py_version={language_version(self.python_version)}"]
        if "linux" in systems:
            inputs.append(f"linux_target={self.linux_target}")
        if "macosx" in systems:
            inputs.append(f"macosx_target={self.macosx_target}")
        prefix = LayerKind.FRAMEWORK.prefix
        names = [name.removeprefix(prefix) for name in self.lower_layers[:-1]]
        return hash_strings([*inputs, *self.lower_layers[-1:], *names])

    def _version_inputs(self) -> str:
        inputs = [f"env_name={self.layer_name}", f"is_versioned_layer={self.versioned}"]
        return hash_strings([*inputs, *self.module_hashes, *self.distribution_hashes])
