"""An attacker who can write to the store, and has no key, gets no manifest signed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.support.small_repositories import SmallRepository
from venvstacks_rules.model.errors import RepositoryError
from venvstacks_rules.model.repository.manifests import PublishedStack
from venvstacks_rules.repository import cli
from venvstacks_rules.repository.trust.key_files import generate_key
from venvstacks_rules.repository.upkeep.vouching import known_manifests


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SmallRepository:
    """A signed repository: `beta` is at 1.1 and `stable` at 1.0; the root is in `root.json`."""
    monkeypatch.chdir(tmp_path)
    made = SmallRepository(tmp_path / "store")
    monkeypatch.setenv("VENVSTACKS_REPOSITORY", made.url)
    made.point(made.stack("1.0"))
    made.point(made.stack("1.0"), "beta")
    made.point(made.stack("1.1"), "beta")
    for name in ("anna", "ci", "release"):
        generate_key(Path(f"{name}.pem"))
    for line in (
        "root create root.json --root-key anna.pem.pub --record-key ci.pem.pub"
        " --record-key release.pem.pub --record-threshold 1",
        f"root sign root.json {made.url} --key anna.pem",
        f"sign {made.url} --key ci.pem --adopt",
        f"root publish root.json {made.url}",
    ):
        assert cli.main(line.split()) == 0
    return made


def manifest(made: SmallRepository, version: str) -> Path:
    return made.folder / f"stacks/release/{version}/linux_x86_64.json"


def promote(
    capsys: pytest.CaptureFixture[str], version: str, *words: str, key: str = "ci.pem"
) -> str:
    """What it says; nothing if it went well."""
    capsys.readouterr()
    code = cli.main(["promote", version, "--channel", "stable", "--key", key, *words])
    printed = capsys.readouterr()
    assert code == (1 if printed.err else 0)
    return printed.err


def swap(made: SmallRepository, version: str) -> tuple[str, str]:
    """Put an old stack in the place of a version's manifest; the hashes before and after."""
    path = manifest(made, version)
    before = path.read_bytes()
    old = PublishedStack.from_json(manifest(made, "1.0").read_bytes())
    text = PublishedStack(old.name, version, old.platform, old.layers).to_json()
    path.write_text(text)
    return hashlib.sha256(before).hexdigest(), hashlib.sha256(text.encode()).hexdigest()


def test_a_swapped_manifest_is_not_promoted(
    made: SmallRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    right, wrong = swap(made, "1.1")
    before = made.files()
    for words in ((), ("--manifest", f"sha256:{wrong}")):
        assert promote(capsys, "1.1", *words) == (
            f"error: {made.url}: `release@1.1` cannot be promoted to `stable`.\n"
            f"  * `stacks/release/1.1/linux_x86_64.json`, sha256:{wrong}, is not what"
            f" `channels/release/beta/linux_x86_64.json` names, sha256:{right}: a version never"
            " changes, so somebody else wrote one of them\n"
        )
    assert made.files() == before


def test_what_a_signed_channel_names_is_promoted(
    made: SmallRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    assert promote(capsys, "1.1") == ""
    assert made.record().current.version == "1.1"


def test_a_record_that_nobody_signed_vouches_for_nothing(
    made: SmallRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    made.point(made.stack("6.6"), "mine")
    assert "is in no signed record" in promote(capsys, "6.6")
    # Nor does it matter that it names another one.
    made.point(made.stack("6.6"), "mine")
    assert promote(capsys, "1.1") == ""


def test_a_person_names_the_manifest(
    made: SmallRepository, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    made.stack("1.2")
    packaged = tmp_path / "release-1.2.release.json"
    packaged.write_bytes(manifest(made, "1.2").read_bytes())
    right, wrong = swap(made, "1.2")
    assert promote(capsys, "1.2", "--manifest", str(packaged)) == (
        f"error: {made.url}: `release@1.2` cannot be promoted to `stable`.\n"
        f"  * `stacks/release/1.2/linux_x86_64.json`, sha256:{wrong}, is not a manifest that"
        " `--manifest` names\n"
    )
    manifest(made, "1.2").write_bytes(packaged.read_bytes())
    assert promote(capsys, "1.2", "--manifest", str(packaged)) == ""
    assert made.record().current.manifest.sha256 == right


def test_another_first_root_vouches_for_nothing(
    made: SmallRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    """The attacker's root believes his key, and that of the publisher."""
    mine = "mine.pem"
    generate_key(Path(mine))
    (made.folder / "trust/1.root.json").unlink()
    for line in (
        f"root create mine.json --root-key {mine}.pub --record-key {mine}.pub"
        " --record-key ci.pem.pub --record-threshold 1",
        f"root sign mine.json {made.url} --key {mine}",
        f"sign {made.url} --key {mine} --adopt",
        f"root publish mine.json {made.url} --force",
    ):
        assert cli.main(line.split()) == 0
    made.stack("6.6")
    assert cli.main(f"promote 6.6 --channel beta --key {mine}".split()) == 1
    (sha256,) = known_manifests([str(manifest(made, "6.6"))])
    line = f"promote 6.6 --channel beta --key {mine} --manifest sha256:{sha256}"
    assert cli.main(line.split()) == 0
    before = made.files()
    assert "is in no signed record" in promote(capsys, "6.6")
    assert made.files() == before
    assert "is in no signed record" in promote(capsys, "6.6", "--root", "root.json")


def test_another_person_s_key_takes_the_root(
    made: SmallRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without it, only what the key itself has signed is known to be right."""
    refused = promote(capsys, "1.0", key="release.pem")
    assert refused == (
        f"error: {made.url}: `channels/release/stable/linux_x86_64.json` is not believed.\n"
        "  * none of these keys has signed it before\n"
        "  * Name the root that you know, with `--root` or as `[venvstacks-publish].root`; or look"
        " at the record, and sign it with `venvstacks-repository sign --adopt`.\n"
    )
    assert promote(capsys, "1.1", "--root", "root.json", key="release.pem") == ""
    sha256 = hashlib.sha256(Path("root.json").read_bytes()).hexdigest()
    (published,) = (made.folder / "trust").iterdir()
    assert hashlib.sha256(published.read_bytes()).hexdigest() == sha256
    line = f"rollback --channel stable --key release.pem --pin sha256:{sha256}"
    assert cli.main(line.split()) == 0


def test_manifests_that_cannot_be_named(tmp_path: Path) -> None:
    with pytest.raises(RepositoryError) as caught:
        known_manifests(["sha256:12", str(tmp_path / "none.json")])
    assert str(caught.value) == (
        "`--manifest` cannot be used.\n"
        "  * `sha256:12` does not have 64 hexadecimal digits\n"
        f"  * `{tmp_path}/none.json`: No such file or directory"
    )
