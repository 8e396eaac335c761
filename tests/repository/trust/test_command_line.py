from __future__ import annotations

import argparse
import hashlib
import re
import shlex
from pathlib import Path

import pytest
from securesystemslib.signer import SIGNER_FOR_URI_SCHEME

from tests.support.signed_repository import KEY, Client, SignedRepository
from venvstacks_rules.model.errors import RepositoryError
from venvstacks_rules.model.repository.keys import root_key
from venvstacks_rules.model.repository.records import NEVER
from venvstacks_rules.repository.trust.channels import utc_now
from venvstacks_rules.repository.trust.command_line import Outcome, add_trust_commands
from venvstacks_rules.repository.trust.key_files import read_public_key_file
from venvstacks_rules.repository.trust.verification import TrustedRoot

DOCS = Path(__file__).resolve().parents[3] / "docs"
HOW_TO = DOCS / "how-to" / "sign-a-repository.md"
REFERENCE = DOCS / "reference" / "trust.md"


class Shell:
    """Types the commands of a page."""

    def __init__(self, url: str) -> None:
        self.environment = {"REPOSITORY": url}
        self.parser = argparse.ArgumentParser(prog="venvstacks-repository")
        add_trust_commands(self.parser.add_subparsers(required=True))
        self.commands: list[str] = []

    def run(self, text: str) -> Outcome:
        words = shlex.split(text)
        assert words.pop(0) == "venvstacks-repository"
        url = self.environment["REPOSITORY"]
        arguments = self.parser.parse_args([url if one == "$REPOSITORY" else one for one in words])
        self.commands.append(" ".join(text.split()[1:3]))
        outcome = arguments.run(arguments, self.environment)
        assert isinstance(outcome, Outcome)
        return outcome

    def type(self, block: str) -> list[Outcome]:
        outcomes = []
        for line in block.replace("\\\n", " ").splitlines():
            name, _, rest = line.partition(" ")
            if name == "export":
                variable, _, value = rest.partition("=")
                if value.startswith('"$(cat '):
                    value = Path(value[len('"$(cat ') : -len(')"')]).read_text()
                # The repository is the one of the test.
                self.environment.setdefault(variable, value.strip("'"))
            elif name == "unset":
                del self.environment[rest]
            else:
                outcomes.append(self.run(line))
        return outcomes


def blocks(section: str) -> list[str]:
    """The blocks of commands of a section of the how-to."""
    found = re.search(
        rf"^## {section}\n(.*?)(?=^## |\Z)", HOW_TO.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    assert found is not None, section
    return re.findall(r"^```shell\n(.*?)^```", found[1], re.MULTILINE | re.DOTALL)


def test_the_how_to_is_followed_to_the_letter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    repository = SignedRepository(tmp_path)
    repository.publish("1.0", (), expires=NEVER)
    shell = Shell(repository.store.url)

    def type_section(section: str) -> list[Outcome]:
        return [outcome for block in blocks(section) for outcome in shell.type(block)]

    anna, ben, ci, again = type_section("Make the keys")
    assert again.lines == (f"signing-key.pub: the public key, {ci.data['keyid']}",)
    assert [anna.lines[0], ci.lines[0]] == [
        "anna.pem: the private key, encrypted; keep it",
        "ci.pem: the private key; keep it",
    ]
    assert (tmp_path / "anna.pem").stat().st_mode & 0o777 == 0o600

    created, signed, shown, records, published, verified = type_section("Make the root")
    a, b, c = (one.data["keyid"] for one in (anna, ben, ci))
    assert created.lines == (
        "the new root: 0 of 1 signatures",
        f"  {a} has not signed",
        f"  {b} has not signed",
        "More keys have to sign it.",
    )
    assert signed == shown
    assert shown.lines == (
        "the new root: 1 of 1 signatures",
        f"  {a} has signed",
        f"  {b} has not signed",
        "It can be published.",
    )
    [record] = records.data["channels"]
    assert records.lines == (f"{KEY}: record 2, which expires at {record['expires']}",)
    root = repository.content(root_key(1))
    pin = f"sha256:{hashlib.sha256(root).hexdigest()}"
    assert published.lines == (
        f"{repository.store.url} has root 1, which expires at {published.data['expires']}.",
        f"Clients pin it as {pin}",
    )
    assert verified.exit_code == 0
    assert verified.lines == (
        f"Root 1, which expires at {published.data['expires']}.",
        f"{KEY}: 1.0, record 2, expires at {record['expires']}, signed by {c}",
    )
    client = Client(TrustedRoot.of_pin(pin, repository.store))

    def believes(version: str) -> None:
        assert client.version(repository.store, now=utc_now()) == version

    believes("1.0")
    [renewed] = type_section("Renew the records")
    assert renewed.lines[0].startswith(f"{KEY}: record 3, which expires at ")
    believes("1.0")

    key, added, _, _, _, renewed = type_section("Change the keys")
    assert added.lines[0].startswith(f"{KEY}: signatures of record 3, which expires at ")
    assert renewed.lines[0].startswith(f"{KEY}: record 4, which expires at ")
    believes("1.0")
    assert client.seen.keyids == (key.data["keyid"],)

    (tmp_path / "anna.pem").unlink()
    type_section("Recover")
    believes("1.0")
    assert client.seen.root == 3
    assert client.pinned is not None
    assert a not in client.pinned.content.decode()
    # Every command of the reference was typed.
    table = re.findall(r"^\| `([a-z]+(?: [a-z]+)?) ", REFERENCE.read_text("utf-8"), re.MULTILINE)
    assert {command.partition(" $")[0] for command in shell.commands} == set(table)


def test_the_reference_names_kinds_of_keys_that_are_there() -> None:
    text = REFERENCE.read_text("utf-8")
    named = set(re.findall(r"^\| `([a-z]+):\.\.\.#PUBLIC`", text, re.MULTILINE))
    assert named == {"awskms", "azurekms", "gcpkms", "hsm"}
    assert named <= SIGNER_FOR_URI_SCHEME.keys()


def test_a_channel_is_named(tmp_path: Path) -> None:
    repository = SignedRepository(tmp_path)
    repository.begin()
    repository.publish("1.0")
    shell = Shell(repository.store.url)
    command = f"venvstacks-repository sign --key {repository.key('records')} $REPOSITORY"
    outcome = shell.run(f"{command} demo/stable/linux_x86_64 --days 3")
    assert outcome.data["channels"][0]["number"] == 2
    with pytest.raises(RepositoryError) as e:
        shell.run(f"{command} stable")
    assert str(e.value) == (
        "Nothing was signed.\n  * 'stable' is no channel; name one as `demo/stable/linux_x86_64`"
    )


@pytest.mark.parametrize("words", ["key", "root", "root sign", "sign"])
def test_a_command_that_is_not_complete(
    words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as e:
        Shell(tmp_path.as_uri()).run(f"venvstacks-repository {words}")
    assert e.value.code == 2
    assert "the following arguments are required" in capsys.readouterr().err


def test_a_repository_without_channels(tmp_path: Path) -> None:
    repository = SignedRepository(tmp_path)
    shell = Shell(repository.store.url)
    outcome = shell.run(f"venvstacks-repository sign $REPOSITORY --key {repository.key('ci')}")
    assert outcome.lines == ("There are no channels.",)


def test_what_is_verified_without_a_root(tmp_path: Path) -> None:
    repository = SignedRepository(tmp_path)
    repository.publish("1.0", (), expires=NEVER)
    shell = Shell(repository.store.url)
    outcome = shell.run("venvstacks-repository root verify $REPOSITORY --allow-unsigned")
    assert outcome.lines == (
        "The repository is not signed.",
        f"{KEY}: 1.0, record 1, expires at {NEVER}, unsigned",
    )
    with pytest.raises(RepositoryError):
        shell.run("venvstacks-repository root verify $REPOSITORY")
    repository.begin()
    public = read_public_key_file(repository.public("root")[0]).public
    outcome = shell.run(f"venvstacks-repository root verify $REPOSITORY --pin ed25519:{public}")
    assert outcome.exit_code == 1
    keyid = read_public_key_file(repository.public("records")[0]).keyid
    assert outcome.lines[1:] == (
        f"{KEY}: not believed",
        f"  * 0 keys of root 1 signed it, and 1 have to: of {keyid}",
    )
