"""Makes an installer (``make-bundle``): a script, what starts the client, and the payload.

Nothing is compressed but an application folder: what it carries is compressed already.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from venvstacks_rules.actions.bundling.posix import BLOCK, ScriptValues, script, starter
from venvstacks_rules.actions.bundling.start import (
    POSIX_COMMAND,
    START_FILE,
    WINDOWS_COMMAND,
    start_source,
)
from venvstacks_rules.actions.bundling.streams import (
    Gzipped,
    Hashed,
    add_archive,
    add_files,
    write_files,
)
from venvstacks_rules.actions.bundling.windows import (
    PAYLOAD_FILE,
    SCRIPT_FILE,
    PowerShellValues,
    command,
    powershell,
)
from venvstacks_rules.local.files.streams import DamagedError, chunks, naming, sha256_of
from venvstacks_rules.model.errors import ArchiveError
from venvstacks_rules.model.json_codec import from_json
from venvstacks_rules.model.repository.bundles import BUNDLE_FILE, ROOT_FILE, Bundle
from venvstacks_rules.model.requests.bundle import APP, PACKAGE, MadeBundle, MakeBundleRequest

_NEW = "new"
"""The folder that the script moves into the installation at the end."""


def run(request_text: str) -> MadeBundle:
    """Do what a MakeBundleRequest asks for; it leaves no file if that is impossible.

    Raises RepositoryError for a description that is none, and for a root that is none.
    """
    request = from_json(MakeBundleRequest, request_text)
    bundle = Bundle.from_json(request.description.encode("utf-8"))
    output = Path(request.output)
    try:
        if bundle.platform.startswith("win"):
            _write_archive(output, bundle, request)
        elif request.form == APP:
            _write_app(output, bundle, request)
        elif request.form == PACKAGE:
            _write_package(output, bundle, request)
        else:
            _write_script(output, bundle, request)
        sha256, size = sha256_of(output)
    except BaseException:
        output.unlink(missing_ok=True)
        raise
    return MadeBundle(size, sha256)


def _payload(request: MakeBundleRequest) -> dict[str, Path | bytes]:
    """The files of the payload, by name; the description first."""
    files: dict[str, Path | bytes] = {BUNDLE_FILE: request.description.encode("utf-8")}
    if request.root is not None:
        files[ROOT_FILE] = _checked_root(request.root)
    files.update((key, Path(request.files[key])) for key in sorted(request.files))
    return files


@contextmanager
def _payload_file(output: Path, request: MakeBundleRequest) -> Iterator[tuple[Path, str]]:
    """The payload beside the output, for as long as it takes, and its hash."""
    payload = output.with_name(f"{output.name}.payload")
    try:
        with naming(payload), payload.open("xb") as out:
            hashed = Hashed(out)
            write_files(hashed, _payload(request))
        yield payload, hashed.sha256
    finally:
        payload.unlink(missing_ok=True)


def _checked_root(root: str) -> bytes:
    """The root, if clients will believe it. Raises RepositoryError."""
    # Not for installers without one.
    from venvstacks_rules.repository.trust.roots import MOST_ROOT_BYTES
    from venvstacks_rules.repository.trust.verification import TrustedRoot

    path = Path(root)
    with naming(path), path.open("rb") as file:
        return TrustedRoot.pinned(file.read(MOST_ROOT_BYTES + 1), root).content


def _write_script(output: Path, bundle: Bundle, request: MakeBundleRequest) -> None:
    command_path = f"{_NEW}/{POSIX_COMMAND}"
    start: dict[str, Path | bytes] = {
        f"{_NEW}/{START_FILE}": start_source(request.site_folders),
        command_path: starter(request.python),
        **{f"{i}.tar.gz": Path(name) for i, name in enumerate(request.archives)},
    }
    with naming(output), output.open("xb") as out:
        out.write(bytes(BLOCK))
        hashed = Hashed(out)
        write_files(hashed, start, {command_path})
        hashed.write(bytes(-hashed.size % BLOCK))
        blocks = hashed.size // BLOCK
        hashed.begin_part()
        write_files(hashed, _payload(request))
        values = ScriptValues(
            title=request.title,
            version=bundle.version,
            platform=bundle.platform,
            applications=bundle.applications,
            python=request.python,
            start_blocks=blocks,
            size=BLOCK + hashed.size,
            sha256=hashed.sha256,
            payload_sha256=hashed.part,
        )
        out.seek(0)
        out.write(script(values))
    output.chmod(0o755)


def _write_package(output: Path, bundle: Bundle, request: MakeBundleRequest) -> None:
    # Not for the others.
    from venvstacks_rules.actions.bundling.packages import (
        INSTALLER_FILE,
        package_info,
        postinstall,
        write_package,
        write_scripts,
    )

    script, scripts = (output.with_name(f"{output.name}.{part}") for part in ("script", "scripts"))
    try:
        _write_script(script, bundle, request)
        with naming(scripts), scripts.open("xb") as out:
            write_scripts(out, {"postinstall": postinstall(request.title), INSTALLER_FILE: script})
        info = package_info(request.identifier, bundle.version)
        with naming(output), output.open("xb") as out:
            write_package(out, {"PackageInfo": info, "Scripts": scripts})
    finally:
        for path in (script, scripts):
            path.unlink(missing_ok=True)


def _write_app(output: Path, bundle: Bundle, request: MakeBundleRequest) -> None:
    # Not for the others.
    from venvstacks_rules.actions.bundling import macosx_app

    with _payload_file(output, request) as (payload, payload_sha256):
        values = macosx_app.AppValues(
            title=request.title,
            version=bundle.version,
            identifier=request.identifier,
            applications=bundle.applications,
            python=request.python,
            payload_sha256=payload_sha256,
        )
        top = f"{request.title}.app"
        resources = f"{top}/{macosx_app.RESOURCES}"
        client = f"{resources}/{macosx_app.CLIENT}"
        starter, command_path = f"{top}/{values.executable}", f"{client}/{POSIX_COMMAND}"
        first: dict[str, Path | bytes] = {
            f"{top}/{macosx_app.INFO_FILE}": macosx_app.info_plist(values),
            starter: macosx_app.app_starter(values),
            f"{client}/{START_FILE}": start_source(request.site_folders),
            command_path: macosx_app.app_command(request.python),
        }
        with naming(output), output.open("xb") as out:
            packed = Gzipped(out)
            add_files(packed, first, {starter, command_path})
            for name in request.archives:
                try:
                    add_archive(packed, Path(name), client)
                except (DamagedError, EOFError) as e:
                    raise ArchiveError(f"`{name}` cannot be used:", [f"{e}."]) from None
            write_files(packed, {f"{resources}/{macosx_app.PAYLOAD_FILE}": payload})
            packed.finish()


def _write_archive(output: Path, bundle: Bundle, request: MakeBundleRequest) -> None:
    with _payload_file(output, request) as (payload, payload_sha256):
        archives = {f"{i}.zip": Path(name) for i, name in enumerate(request.archives)}
        texts = {
            START_FILE: start_source(request.site_folders),
            WINDOWS_COMMAND: command(request.python),
        }
        hashes = [(name, sha256_of(path)[0]) for name, path in archives.items()]
        hashes += [(name, hashlib.sha256(text).hexdigest()) for name, text in texts.items()]
        values = PowerShellValues(
            title=request.title,
            version=bundle.version,
            platform=bundle.platform,
            application=bundle.applications[0],
            python=request.python,
            hashes=(*hashes, (PAYLOAD_FILE, payload_sha256)),
        )
        files: dict[str, Path | bytes] = {
            SCRIPT_FILE: powershell(values),
            **texts,
            **archives,
            PAYLOAD_FILE: payload,
        }
        with naming(output), output.open("xb") as out:
            _write_zip(out, f"{request.title}-{bundle.version}", files)


def _write_zip(out: IO[bytes], folder: str, files: dict[str, Path | bytes]) -> None:
    """A zip archive of these files, in a folder, as they are."""
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, file in files.items():
            entry = zipfile.ZipInfo(f"{folder}/{name}", (1980, 1, 1, 0, 0, 0))
            # As on Unix, wherever this runs.
            entry.create_system = 3
            entry.external_attr = 0o100644 << 16
            if isinstance(file, bytes):
                archive.writestr(entry, file)
                continue
            entry.file_size = file.stat().st_size
            with file.open("rb") as stream, archive.open(entry, "w") as target:
                for piece in chunks(stream):
                    target.write(piece)
