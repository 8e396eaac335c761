"""What the client believes, with real keys: each refusal leaves what is installed as it was."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.client_repository import APP, ClientRepository, called
from tests.support.installers import bundle_request
from tests.support.signed_repository import SignedRepository
from venvstacks_rules.actions.bundling.posix import BLOCK
from venvstacks_rules.actions.commands import make_bundle
from venvstacks_rules.client.commands.bundled import BundleRequest, install_bundle
from venvstacks_rules.client.installation.layout import DamagedInstallationError
from venvstacks_rules.model.errors import RepositoryError
from venvstacks_rules.model.json_codec import to_json
from venvstacks_rules.model.repository.bundles import Following
from venvstacks_rules.model.repository.keys import ChannelKey, root_key
from venvstacks_rules.model.repository.records import ChannelRecord
from venvstacks_rules.repository.trust.commands import RoleFiles

SOON = "2045-01-01T00:00:00Z"


def without_progress(text: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if " % of " not in line)


class Publisher:
    """A signed repository, and an installation that follows it."""

    def __init__(self, folder: Path) -> None:
        self.keys = SignedRepository(folder)
        self.repository = ClientRepository(folder / "repository")
        self.root = folder / "root.json"
        self.root.write_bytes(self.keys.begin().content)
        self.folder = folder / "apps"
        self.key = ChannelKey("hello", "stable", self.repository.platform)
        self.record = self.repository.folder / str(self.key)

    def release(self, version: str, expires: str = SOON) -> bytes:
        """Publish a version; the record that was there before."""
        before = self.record.read_bytes() if self.record.exists() else b""
        self.repository.publish(version)
        record = ChannelRecord.from_json(self.record.read_bytes(), self.key)
        self.record.write_bytes(self.keys.text(replace(record, expires=expires)))
        return before

    def install(self, *trust: object) -> tuple[int, str]:
        done = called(
            *("install", "--from", self.repository.url, "--app", APP, "--name", "hello"),
            *("--into", self.folder, *trust),
        )
        return done.returncode, without_progress(done.stderr)

    def update(self, *options: str) -> tuple[int, str]:
        done = called("update", "--into", self.folder, *options)
        return done.returncode, without_progress(done.stderr)

    def version(self) -> str:
        return called("run", "--into", self.folder).stdout.split(" ")[0]


@pytest.fixture
def publisher(tmp_path: Path) -> Publisher:
    made = Publisher(tmp_path)
    made.release("1.0")
    return made


def test_a_pinned_root_is_followed_through_rotations(publisher: Publisher) -> None:
    assert publisher.install("--root", publisher.root) == (0, "")
    # A new key for records; the old one signs no more.
    publisher.keys.rotate(
        ["root"],
        records=RoleFiles(publisher.keys.public("new"), remove=publisher.keys.public("records")),
    )
    publisher.repository.publish("1.1")
    record = ChannelRecord.from_json(publisher.record.read_bytes(), publisher.key)
    publisher.record.write_bytes(publisher.keys.text(replace(record, expires=SOON), ["new"]))
    assert publisher.update() == (0, "")
    assert publisher.version() == "1.1"
    assert (publisher.folder / "apps" / APP / "root.json").read_bytes() == (
        publisher.repository.folder / root_key(2)
    ).read_bytes()
    publisher.record.write_bytes(publisher.keys.text(replace(record, number=9, expires=SOON)))
    code, text = publisher.update()
    assert code == 4
    assert "0 keys of root 2 signed it, and 1 have to" in text
    assert publisher.version() == "1.1"


def test_nothing_is_installed_without_a_decision(publisher: Publisher, tmp_path: Path) -> None:
    code, text = publisher.install()
    assert code == 4
    assert "no root was pinned, so nothing can be verified" in text
    other = tmp_path / "other"
    other.mkdir()
    (tmp_path / "wrong.json").write_bytes(SignedRepository(other).begin().content)
    code, text = publisher.install("--root", tmp_path / "wrong.json")
    assert code == 4
    assert "0 keys of root 1 signed it, and 1 have to" in text
    assert publisher.install("--root", "sha256:" + "0" * 64)[0] == 4


def test_an_older_record_is_never_believed(publisher: Publisher) -> None:
    publisher.install("--root", publisher.root)
    before = publisher.release("1.1")
    assert publisher.update() == (0, "")
    publisher.record.write_bytes(before)
    for options in ([], ["--allow-expired"]):
        code, text = publisher.update(*options)
        assert code == 4
        assert "its number is 1, and 2 was seen before" in text
        assert "--allow-expired" not in text
    assert publisher.version() == "1.1"


def test_an_expired_record_is_believed_only_if_somebody_says_so(publisher: Publisher) -> None:
    publisher.install("--root", publisher.root)
    publisher.release("1.1", expires="2020-01-01T00:00:00Z")
    code, text = publisher.update()
    assert code == 4
    assert text == (
        f"error: `{publisher.key}` is not believed.\n"
        f"  * `{publisher.key}` has expired, at 2020-01-01T00:00:00Z; somebody may hide a newer "
        "one\n"
        "  * ask its publisher to renew it; what is installed runs on\n"
        "  * for a copy that is used offline, `--allow-expired` believes it: then nobody vouches "
        "that you are not kept from newer versions and what they mend\n"
    )
    assert publisher.version() == "1.0"
    assert publisher.update("--allow-expired") == (0, "")
    assert publisher.version() == "1.1"


def test_a_clock_that_was_set_back_shows_nothing_that_has_expired(publisher: Publisher) -> None:
    publisher.install("--root", publisher.root)
    seen = publisher.folder / "apps" / APP / "seen.json"
    data = json.loads(seen.read_text())
    # The clock said this at the last look.
    seen.write_text(json.dumps({**data, "time": "2040-01-01T00:00:00Z"}))
    publisher.release("1.1", expires="2035-01-01T00:00:00Z")
    code, text = publisher.update()
    assert code == 4
    assert "has expired, at 2035-01-01T00:00:00Z" in text
    publisher.release("1.2", expires="2045-01-01T00:00:00Z")
    assert publisher.update() == (0, "")
    assert json.loads(seen.read_text())["time"] == "2040-01-01T00:00:00Z"


def test_a_root_that_nobody_named_is_told(publisher: Publisher) -> None:
    words = ("--from", publisher.repository.url, "--app", APP, "--name", "hello")
    done = called("install", *words, "--into", publisher.folder, "--allow-unsigned")
    pin = hashlib.sha256(publisher.root.read_bytes()).hexdigest()
    assert done.stdout.splitlines()[0] == (
        "note: The repository is signed, and no root was pinned: the one that it has now is "
        f"pinned, sha256:{pin}. That is trust on first use; ask its publisher whether it is the "
        "right one."
    )
    # Once.
    assert "note" not in called("update", "--into", publisher.folder).stdout
    # What it names can be pinned.
    assert publisher.install("--root", f"sha256:{pin}") == (0, "")


def test_a_signed_repository_does_not_become_an_unsigned_one(publisher: Publisher) -> None:
    assert publisher.install("--allow-unsigned") == (0, "")
    for path in (publisher.repository.folder / "trust").iterdir():
        path.unlink()
    publisher.repository.publish("1.1")
    code, text = publisher.update()
    assert code == 4
    assert "0 keys of root 1 signed it, and 1 have to" in text
    assert publisher.version() == "1.0"


@pytest.mark.parametrize("content", [None, b"", b"{}"])
def test_a_root_that_is_lost_is_pinned_again(publisher: Publisher, content: bytes | None) -> None:
    publisher.install("--root", publisher.root)
    publisher.release("1.1")
    root = publisher.folder / "apps" / APP / "root.json"
    root.unlink() if content is None else root.write_bytes(content)
    code, text = publisher.update()
    assert (code, text.splitlines()[-1]) == (
        3,
        "  * `venvstacks-deploy install` with the same options, and with `--root`, makes it anew",
    )
    assert called("verify", "--into", publisher.folder).returncode == 3
    done = called("repair", "--into", publisher.folder)
    assert (done.returncode, "and with `--root`, makes it anew" in done.stdout) == (3, True)
    assert publisher.install()[0] == 3
    assert publisher.install("--root", publisher.root) == (0, "")
    assert called("verify", "--into", publisher.folder).returncode == 0
    assert publisher.version() == "1.1"


@pytest.mark.parametrize("content", [None, b"", b"{}"])
def test_trust_on_first_use_is_trust_once(
    publisher: Publisher, tmp_path: Path, content: bytes | None
) -> None:
    assert publisher.install("--allow-unsigned") == (0, "")
    root = publisher.folder / "apps" / APP / "root.json"
    root.unlink() if content is None else root.write_bytes(content)
    code, text = publisher.install("--allow-unsigned")
    lost = (
        f"error: `{publisher.folder}/apps/{APP}`: what was believed before is not known any more."
    )
    remedy = "`venvstacks-deploy install` with the same options, and with `--root`, makes it anew"
    first, _, last = text.splitlines()
    assert (code, first, last) == (3, lost, f"  * {remedy}")
    # The root is that of the repository, not of a channel.
    assert publisher.install("--allow-unsigned", "--channel", "beta")[0] == 3
    # An installer without a root believes nothing in its place.
    with pytest.raises(DamagedInstallationError) as caught:
        run_installer(publisher.repository, "1.0", tmp_path / "made", publisher.folder, None)
    assert caught.value.problems[-1] == remedy
    assert (root.read_bytes() if root.exists() else None) == content
    # Another repository has another one.
    (tmp_path / "moved").mkdir()
    other = Publisher(tmp_path / "moved")
    other.folder = publisher.folder
    other.release("2.0")
    assert other.install("--allow-unsigned") == (0, "")
    assert root.read_bytes() == other.root.read_bytes()


def test_an_installer_with_a_root_makes_a_damaged_one_anew(
    publisher: Publisher, tmp_path: Path
) -> None:
    publisher.install("--root", publisher.root)
    root = publisher.folder / "apps" / APP / "root.json"
    root.write_bytes(b"")
    run_installer(publisher.repository, "1.0", tmp_path / "made", publisher.folder, publisher.root)
    assert root.read_bytes() == publisher.root.read_bytes()
    assert called("verify", "--into", publisher.folder).returncode == 0


def test_what_was_seen_is_not_given_up_unasked(publisher: Publisher) -> None:
    publisher.install("--root", publisher.root)
    before = publisher.release("1.1")
    publisher.update()
    (publisher.folder / "apps" / APP / "seen.json").write_text("{}")
    publisher.record.write_bytes(before)
    called("repair", "--into", publisher.folder)
    code, text = publisher.update()
    assert (code, "repair --forget-seen" in text) == (3, True)
    assert publisher.install("--root", publisher.root)[0] == 3
    assert publisher.version() == "1.1"
    assert called("repair", "--into", publisher.folder, "--forget-seen").returncode == 0
    # As it says.
    assert publisher.update() == (0, "")
    assert publisher.version() == "1.0"


def test_lost_settings_do_not_hide_what_is_lost_with_them(publisher: Publisher) -> None:
    publisher.install("--root", publisher.root)
    app = publisher.folder / "apps" / APP
    seen = (app / "seen.json").read_bytes()
    for name in ("root.json", "seen.json"):
        (app / "settings.json").unlink(missing_ok=True)
        (app / name).unlink()
        lines = {f"missing: apps/{APP}/settings.json", f"missing: apps/{APP}/{name}"}
        for command in ("verify", "list"):
            done = called(command, "--into", publisher.folder)
            assert (done.returncode, lines - set(done.stdout.splitlines())) == (3, set())
        code, text = publisher.install("--allow-unsigned")
        assert (code, text.splitlines()[:2]) == (
            3,
            [
                f"error: `{app}`: what was believed before is not known any more.",
                f"  * `{name}` is missing",
            ],
        )
        (app / "seen.json").write_bytes(seen)
        assert publisher.install("--root", publisher.root) == (0, "")
        assert called("verify", "--into", publisher.folder).returncode == 0


def test_an_installer_sees_what_is_lost_with_the_settings(
    publisher: Publisher, tmp_path: Path
) -> None:
    publisher.install("--root", publisher.root)
    app = publisher.folder / "apps" / APP
    for name in ("settings.json", "seen.json"):
        (app / name).unlink()
    with pytest.raises(DamagedInstallationError) as caught:
        run_installer(
            publisher.repository, "1.0", tmp_path / "made", publisher.folder, publisher.root
        )
    assert caught.value.problems[0] == "`seen.json` is missing"


def test_with_what_was_seen_nobody_knows_of_a_root(publisher: Publisher) -> None:
    publisher.install("--allow-unsigned")
    app = publisher.folder / "apps" / APP
    (app / "root.json").unlink()
    (app / "seen.json").write_text("{}")
    done = called("repair", "--into", publisher.folder, "--forget-seen")
    assert done.returncode == 0
    assert (
        f"note: `root.json` of `{APP}` is missing, and only `seen.json` said whether there was "
        "one: if the repository is signed, `venvstacks-deploy install` with `--root` says what is "
        "believed; with `--allow-unsigned`, the root that it has then is pinned.\n"
    ) in done.stdout
    # Where a root is there, or has to be, nothing is said of it.
    publisher.install("--root", publisher.root)
    (app / "seen.json").write_text("{}")
    done = called("repair", "--into", publisher.folder, "--forget-seen")
    assert (done.returncode, "root.json" in done.stdout) == (0, False)


def test_an_installer_forgets_nothing_that_was_seen(publisher: Publisher, tmp_path: Path) -> None:
    run_installer(publisher.repository, "1.0", tmp_path / "made", publisher.folder, publisher.root)
    assert called("verify", "--into", publisher.folder).returncode == 0
    publisher.release("1.1")
    assert publisher.update() == (0, "")
    (publisher.folder / "apps" / APP / "seen.json").write_text("{}")
    with pytest.raises(DamagedInstallationError, match="is not known any more"):
        run_installer(
            publisher.repository, "1.1", tmp_path / "again", publisher.folder, publisher.root
        )


def run_installer(
    repository: ClientRepository, version: str, made: Path, into: Path, root: Path | None
) -> None:
    """Install a version from an installer that follows the repository, as its script does."""
    made.mkdir()
    following = Following(repository.url, "stable", allow_unsigned=root is None)
    request = bundle_request(repository, version, made, following=following, root=root)
    make_bundle.run(to_json(request))
    text = Path(request.output).read_bytes()[:BLOCK].decode("ascii")
    (blocks,) = re.findall(rf"--at \$\(\({BLOCK} \* \(1 \+ ([0-9]+)\)\)\)", text)
    install_bundle(into, BundleRequest(Path(request.output), BLOCK * (1 + int(blocks))))


def test_installers_bring_their_root(publisher: Publisher, tmp_path: Path) -> None:
    into, repository = publisher.folder, publisher.repository
    kept = into / "apps" / APP / "root.json"
    run_installer(repository, "1.0", tmp_path / "first", into, publisher.root)
    assert publisher.version() == "1.0"
    assert kept.read_bytes() == publisher.root.read_bytes()
    publisher.keys.rotate(["root"])
    publisher.release("1.1")
    assert publisher.update() == (0, "")
    assert publisher.version() == "1.1"
    newest = (repository.folder / root_key(2)).read_bytes()
    assert kept.read_bytes() == newest
    # What is believed is newer than what the installer brings.
    run_installer(repository, "1.0", tmp_path / "again", into, publisher.root)
    assert (publisher.version(), kept.read_bytes()) == ("1.0", newest)
    # Another repository, whose root and records have lower numbers.
    (tmp_path / "moved").mkdir()
    other = Publisher(tmp_path / "moved")
    other.release("2.0")
    run_installer(other.repository, "2.0", tmp_path / "other", into, other.root)
    assert kept.read_bytes() == other.root.read_bytes()
    other.release("2.1")
    assert publisher.update() == (0, "")
    assert publisher.version() == "2.1"
    # And one that nobody signs.
    plain = ClientRepository(tmp_path / "plain")
    plain.publish("3.0")
    run_installer(plain, "3.0", tmp_path / "unsigned", into, None)
    assert not kept.exists()
    plain.publish("3.1")
    assert publisher.update() == (0, "")
    assert publisher.version() == "3.1"


def test_an_installer_with_a_root_believes_no_unsigned_record(
    publisher: Publisher, tmp_path: Path
) -> None:
    run_installer(publisher.repository, "1.0", tmp_path / "made", publisher.folder, publisher.root)
    publisher.repository.publish("1.1")
    code, text = publisher.update()
    assert code == 4
    assert "0 keys of root 1 signed it, and 1 have to" in text
    assert publisher.version() == "1.0"


def test_a_root_that_no_client_believes_makes_no_installer(
    publisher: Publisher, tmp_path: Path
) -> None:
    key = tmp_path / "key.json"
    key.write_text("{}")
    with pytest.raises(RepositoryError, match=f"`{key}`"):
        run_installer(publisher.repository, "1.0", tmp_path / "made", publisher.folder, key)
    assert not (tmp_path / "made/hello-1.0.sh").exists()


def test_an_install_that_fails_leaves_trust_and_settings(
    publisher: Publisher, tmp_path: Path
) -> None:
    publisher.install("--root", publisher.root)
    app = publisher.folder / "apps" / APP
    names = ("root.json", "seen.json", "settings.json", "current.json")
    before = {name: (app / name).read_bytes() for name in names}
    (tmp_path / "moved").mkdir()
    other = Publisher(tmp_path / "moved")
    other.folder = publisher.folder
    other.repository.publish("1.9")
    other.release("2.0")
    manifests = list(other.repository.folder.glob("stacks/**/*.json"))
    kept = {path: path.read_bytes() for path in manifests}
    assert kept
    for path in manifests:
        path.unlink()
    assert other.install("--root", other.root)[0] == 4
    assert {name: (app / name).read_bytes() for name in names} == before
    publisher.release("1.1")
    assert publisher.update() == (0, "")
    assert publisher.version() == "1.1"
    for path, content in kept.items():
        path.write_bytes(content)
    assert other.install("--root", other.root) == (0, "")
    assert other.version() == "2.0"


def test_another_channel_has_numbers_of_its_own(publisher: Publisher) -> None:
    publisher.install("--root", publisher.root)
    publisher.release("1.1")
    publisher.update()
    record = ChannelRecord.from_json(publisher.record.read_bytes(), publisher.key)
    key = replace(publisher.key, channel="beta")
    path = publisher.repository.folder / str(key)
    path.parent.mkdir()
    beta = ChannelRecord.first(key, record.current.version, record.current.manifest)
    path.write_bytes(publisher.keys.text(replace(beta, expires=SOON)))
    assert publisher.install("--channel", "beta") == (0, "")
    assert publisher.update() == (0, "")
