"""Options that name what the repository does not have: 2, and what it has instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.client.test_cli import web
from tests.support.client_repository import APP, FRAMEWORK, ClientRepository, called
from tests.support.packaged_stack import PackagedStack
from tests.support.signed_repository import SignedRepository
from venvstacks_rules.client.commands.updating import install, update


class Failing:
    """Installs that fail, with 1.0 and 1.1 in the repository."""

    def __init__(self, repository: ClientRepository, folder: Path) -> None:
        repository.publish("1.1")
        self.repository = repository
        self.folder = folder

    def problems(self, *options: str, app: str = APP, url: str = "") -> list[str]:
        """What is said, without the first line; nothing is installed."""
        done = called(
            *("install", "--from", url or self.repository.url, "--app", app),
            *("--into", self.folder, *(options or ("--name", "hello")), "--allow-unsigned"),
        )
        assert done.returncode == 2, done
        assert not (self.folder / "apps" / app / "current.json").exists()
        return [line[len("  * ") :] for line in done.stderr.splitlines()[1:]]


@pytest.fixture
def failing(repository: ClientRepository, tmp_path: Path) -> Failing:
    return Failing(repository, tmp_path / "apps")


def test_an_application(failing: Failing) -> None:
    assert failing.problems(app="app-helo") == [
        f"did you mean `{APP}`?",
        f"the applications there: `{APP}`",
    ]
    assert failing.problems(app=FRAMEWORK) == [
        "it is a framework",
        f"the applications there: `{APP}`",
    ]


def test_a_version(failing: Failing) -> None:
    assert failing.problems("--name", "hello", "--version", "1.") == [
        "did you mean 1.1?",
        "it has 1.1, 1.0",
    ]
    install(failing.folder, failing.repository.request())
    done = called("update", "--into", failing.folder, "--version", "9")
    assert (done.returncode, done.stderr.splitlines()[1:]) == (2, ["  * it has 1.1, 1.0"])


def test_a_channel(failing: Failing) -> None:
    platform = failing.repository.platform
    assert failing.problems("--name", "hello", "--channel", "stabel") == [
        f"the stack `hello` has no channel `stabel` for {platform}",
        "did you mean `stable`?",
        "the channels there: `stable`",
    ]
    assert failing.problems("--name", "helo") == [
        f"the stack `helo` has no channel `stable` for {platform}",
        "did you mean `hello`?",
        "the stacks there: `hello`",
    ]
    assert failing.problems("--name", "hello", "--platform", "win_arm64") == [
        "the stack `hello` has no channel `stable` for win_arm64",
        f"the platforms there: `{platform}`",
    ]


def test_a_web_server_does_not_know_its_names(failing: Failing) -> None:
    platform = failing.repository.platform
    with web(failing.repository.folder) as url:
        assert failing.problems("--name", "helo", url=url) == [
            f"the stack `helo` has no channel `stable` for {platform}",
            "look at the names of stack and channel",
        ]
        assert failing.problems("--channel", "stable", url=url) == [
            f"the stack `{APP}` has no channel `stable` for {platform}",
            "look at the names of stack and channel; `--name` is for another than the "
            "application's",
        ]


def test_a_channel_that_is_gone_is_not_the_fault_of_an_option(failing: Failing) -> None:
    install(failing.folder, failing.repository.request())
    for record in (failing.repository.folder / "channels").rglob("*.json"):
        record.unlink()
    assert called("update", "--into", failing.folder).returncode == 4
    assert called("update", "--into", failing.folder, "--check").returncode == 4


@pytest.mark.parametrize("option", ["--root", "--manifest"])
def test_what_pins_nothing(failing: Failing, tmp_path: Path, option: str) -> None:
    packaged = PackagedStack(tmp_path / "dist")
    packaged.package("1.0")
    url = failing.repository.url if option == "--root" else packaged.url
    empty = tmp_path / "empty.json"
    empty.write_text("{}")
    for value in (tmp_path / "missing.json", empty, "sha256:abc", "sha256:" + "g" * 64):
        done = called(
            *("install", "--from", url, "--app", APP, "--name", "hello"),
            *("--into", failing.folder, option, value),
        )
        assert done.returncode == 2, done
    assert not failing.folder.exists()


def test_a_pin_that_is_not_that_of_the_repository(failing: Failing, tmp_path: Path) -> None:
    keys = SignedRepository(tmp_path)
    keys.begin()
    for pin in ("sha256:" + "0" * 64, "ed25519:" + "0" * 64):
        done = called(
            *("install", "--from", failing.repository.url, "--app", APP, "--name", "hello"),
            *("--into", failing.folder, "--root", pin),
        )
        assert done.returncode == 4, done
    assert not failing.folder.exists()


def test_archives(tmp_path: Path) -> None:
    packaged = PackagedStack(tmp_path / "dist")
    packaged.package("1.0")
    done = called(
        *("install", "--from", packaged.url, "--app", "app-helo", "--allow-unsigned"),
        *("--into", tmp_path / "apps"),
    )
    assert (done.returncode, done.stderr.splitlines()[1:]) == (
        2,
        [f"  * did you mean `{APP}`?", f"  * the applications there: `{APP}`"],
    )
    install(tmp_path / "apps", packaged.request(allow_unsigned=True))
    assert not update(tmp_path / "apps").changed


@pytest.mark.parametrize("url", ["nosuch", "htp://apps.example.com"])
def test_what_is_no_url(failing: Failing, url: str) -> None:
    # The exit code of a server that is out of reach would have a program try for ever.
    failing.problems(url=url)
