"""A real private index behind a proxy, with a certificate that only the tests trust."""

from __future__ import annotations

import re
import shlex
import shutil
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import tomli
import trustme

from tests.support.build_root import REPOSITORY, BuildRoot, Finished, build_root, with_home
from tests.support.documented import Command, WrittenFile, steps
from tests.support.outputs import files_below
from tests.support.private_index import (
    HOST,
    PASSWORD,
    USER,
    PrivateIndex,
    netrc,
    private_index,
    secrets,
)
from tests.support.simple_index import package_wheel
from tests.support.wheels import decompressed, members

PAGE = (REPOSITORY / "docs/how-to/private-index.md").read_text(encoding="utf-8")
BUILD = """\
venvstacks_runtime(name="py", python_implementation="cpython@3.9")
venvstacks_framework(name="file", runtime=":py", requirements=["corp-farewell"])
venvstacks_framework(name="late", runtime=":py", requirements=["corp-late"])
"""
CORP = 'venvstacks_framework(name="corp", runtime="s:py", requirements=["corp-greeting"])\n'
CONFIG = """\
uv_config = "layers.toml"

[subprocess-environment]
# Pants would give the authority of the tests to its own tools, too.
env_vars = []
"""
BY_VARIABLES = {"UV_INDEX_CORP_USERNAME": USER, "UV_INDEX_CORP_PASSWORD": PASSWORD}
TALKATIVE = ("-ldebug", "--keep-sandboxes=always")
VARIABLES = "UV_INDEX_CORP_USERNAME and UV_INDEX_CORP_PASSWORD"


@dataclass(frozen=True)
class Site:
    """A repository and the private index that it uses."""

    folder: Path
    root: BuildRoot
    index: PrivateIndex
    said: list[str] = field(default_factory=list)
    """All that Pants said."""

    def pants(self, *arguments: str, credentials: Mapping[str, str]) -> Finished:
        """Run Pants as a person with these credentials does, as talkative as can be."""
        environment = {**self.index.way, **with_home(self.folder), **credentials}
        done = self.root.pants(*TALKATIVE, *arguments, environment=environment)
        self.said.append(done.stdout + done.stderr)
        return done

    def succeed(self, *arguments: str, credentials: Mapping[str, str]) -> None:
        """Run Pants, which has to succeed."""
        done = self.pants(*arguments, credentials=credentials)
        assert done.code == 0, done.stderr

    def locks(self) -> dict[str, bytes]:
        """All files of the locks."""
        found = sorted(self.root.path.glob("s*/**/requirements/*/*"))
        return {str(file.relative_to(self.root.path)): file.read_bytes() for file in found}

    def packaged(self, layer: str) -> list[str]:
        """The modules of the packages in a layer's archive."""
        (archive,) = self.root.path.glob(f"dist/**/framework-{layer}.tar.zst")
        names = [member.name for member in members(decompressed(archive))]
        return [name.split("site-packages/")[1] for name in names if name.endswith("__init__.py")]

    @property
    def by_netrc(self) -> dict[str, str]:
        """Credentials in a file whose place is not the usual one."""
        file = self.folder / "elsewhere.netrc"
        file.write_text(netrc())
        return {"NETRC": str(file)}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("private")
    environment = {
        # Stores of our own, so that they can be searched.
        "PANTS_LOCAL_STORE_DIR": str(folder / "store"),
        "PANTS_NAMED_CACHES_DIR": str(folder / "caches"),
        "PANTS_LOCAL_EXECUTION_ROOT_DIR": str(folder / "sandboxes"),
        # Not in the way of SSL_CERT_FILE.
        "SSL_CERT_DIR": "",
        "PANTS_CA_CERTS_PATH": str(folder / "all.pem"),
    }
    (folder / "sandboxes").mkdir()
    with (
        private_index(folder / "index") as index,
        build_root(folder / "root", config=CONFIG, environment=environment) as root,
    ):
        # Pants starts anew for other authorities, which the launcher takes from SSL_CERT_FILE.
        known = ssl.get_default_verify_paths().cafile
        bundle = index.ca_file.read_text() + (Path(known).read_text() if known else "")
        (folder / "all.pem").write_text(bundle)
        site = Site(folder, root, index)
        # The daemon starts where the proxy is the only way.
        site.succeed("list", "::", credentials={})
        _fetch_libraries(root)
        for name in ("corp_greeting", "corp_farewell", "corp_late"):
            index.add(package_wheel(name))
        (settings,) = (step for step in steps(PAGE) if isinstance(step, WrittenFile))
        corp = settings.content.replace("https://packages.example.com/simple", index.url)
        assert corp != settings.content
        more = ("corp-farewell", "corp-late", "corp-gone")
        corp += "".join(f'{name} = {{ index = "corp" }}\n' for name in more)
        root.write(settings.path, corp)
        root.write("s/BUILD", BUILD)
        root.write("src/corp/BUILD", CORP)
        yield site
    shutil.rmtree(folder, ignore_errors=True)


def _fetch_libraries(root: BuildRoot) -> None:
    """Put the libraries of the actions into the store, since the proxy knows no way to them."""
    root.copy_example("hello")
    root.write("layers.toml", "")
    layer = "examples/hello:text"
    for command in (["generate-lockfiles", f"--resolve={layer}"], ["package", layer]):
        done = root.pants(*TALKATIVE, *command)
        assert done.code == 0, done.stderr
    shutil.rmtree(root.path / "examples")
    shutil.rmtree(root.path / "dist")


def wheel_url(site: Site, layer: str) -> str:
    lock = tomli.loads(
        site.root.read(f"s/requirements/framework-{layer}/pylock.framework-{layer}.toml")
    )
    (package,) = lock["packages"]
    assert package["index"] == site.index.url
    url = package["wheels"][0]["url"]
    assert isinstance(url, str)
    return url


def test_the_how_to(site: Site) -> None:
    """Its commands, with the credentials of the index that is here, of the environment."""
    export, *commands = (step.text for step in steps(PAGE) if isinstance(step, Command))
    assert re.findall(r"\w+(?==)", export) == list(BY_VARIABLES)
    for command in commands:
        program, *words = shlex.split(command)
        assert program == "pants"
        site.succeed(*words, credentials=BY_VARIABLES)
    assert site.packaged("corp") == ["corp_greeting/__init__.py"]
    assert ("GET", "/packages/corp_greeting-1.0-py3-none-any.whl", 200) in site.index.answers
    others = ("--resolve=s:file", "--resolve=s:late")
    site.succeed("generate-lockfiles", *others, credentials=BY_VARIABLES)


def test_locking_again_with_netrc_changes_no_byte(site: Site) -> None:
    before = site.locks()
    assert len(before) == 16
    site.succeed("generate-lockfiles", credentials=site.by_netrc)
    assert site.locks() == before


def test_packages_with_credentials_of_netrc(site: Site) -> None:
    site.succeed("package", "s:file", credentials=site.by_netrc)
    assert site.packaged("file") == ["corp_farewell/__init__.py"]


@pytest.mark.parametrize(
    ("credentials", "why"),
    [
        (
            {**BY_VARIABLES, "UV_INDEX_CORP_PASSWORD": "wrong"},
            f"with the credentials of {VARIABLES}",
        ),
        (
            {},
            f"without credentials: there are none in {VARIABLES}, "
            f"{HOST} in {{home}}/.netrc (No such file or directory)",
        ),
    ],
    ids=["wrong", "none"],
)
def test_wrong_and_missing_credentials_say_where_they_were_looked_for(
    site: Site, credentials: Mapping[str, str], why: str
) -> None:
    done = site.pants("package", "s:late", credentials=credentials)
    status = "403 Forbidden" if credentials else "401 Unauthorized"
    assert done.code == 1
    assert done.error == (
        "LockError: A file cannot be fetched as a lockfile pins it:\n"
        f"  * s:late: {wheel_url(site, 'late')}: {status} ({why.format(home=site.folder)})\n"
        "    Check the network and the index or mirror, or renew the lockfile with "
        "`pants generate-lockfiles --resolve=s:late`."
    )


@pytest.mark.slow
def test_an_authority_that_only_pants_does_not_know_is_no_obstacle(site: Site) -> None:
    other = site.folder / "other-authority.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    done = site.pants("package", "s:late", credentials={"PANTS_CA_CERTS_PATH": str(other)})
    assert f"{wheel_url(site, 'late')}: 401 Unauthorized (without credentials: " in done.error


def test_the_right_credentials_help_at_once(site: Site) -> None:
    (site.folder / ".netrc").write_text(netrc())
    site.succeed("package", "s:late", credentials={})
    assert site.packaged("late") == ["corp_late/__init__.py"]


@pytest.mark.slow
def test_others_with_other_credentials_and_folders_share_the_cache(site: Site) -> None:
    other = BuildRoot(site.folder / "other", {**site.root.environment, "PANTS_PANTSD": "false"})
    shutil.copytree(
        site.root.path, other.path, ignore=shutil.ignore_patterns("dist", ".pants.d", ".pids")
    )
    answered = len(site.index.answers)
    wrong = {**BY_VARIABLES, "UV_INDEX_CORP_PASSWORD": "wrong", **site.index.way}
    # Where Pants finds the interpreters of its tools depends on the home folder.
    environment = {**with_home(site.folder), **wrong}
    done = other.pants("package", "src/corp:corp", environment=environment)
    assert done.code == 0, done.stderr
    assert site.index.answers[answered:] == []


def test_a_wheel_that_is_gone_is_named(site: Site) -> None:
    site.index.add(package_wheel("corp_gone"))
    build = site.root.read("s/BUILD")
    more = 'venvstacks_framework(name="gone", runtime=":py", requirements=["corp-gone"])\n'
    site.root.write("s/BUILD", build + more)
    site.succeed("generate-lockfiles", "--resolve=s:gone", credentials=BY_VARIABLES)
    (site.index.packages / "corp_gone-1.0-py3-none-any.whl").unlink()
    done = site.pants("package", "s:gone", credentials=BY_VARIABLES)
    assert f"{wheel_url(site, 'gone')}: 404 Not Found (with the credentials of" in done.error
    site.root.write("s/BUILD", build)


def test_locking_with_a_wrong_password_shows_what_uv_says(site: Site) -> None:
    before = site.locks()
    wrong = {**BY_VARIABLES, "UV_INDEX_CORP_PASSWORD": "wrong"}
    done = site.pants("generate-lockfiles", "--resolve=s:late", credentials=wrong)
    assert done.code == 1
    assert "s:late: `uv` cannot lock the requirements of layer `framework-late`" in done.error
    assert "403 Forbidden" in done.error
    assert site.locks() == before


def test_credentials_in_the_settings_are_refused(site: Site) -> None:
    settings = site.root.read("layers.toml")
    site.root.write("layers.toml", settings.replace("https://", "https://me:mine@"))
    done = site.pants("generate-lockfiles", "--resolve=s:late", credentials=BY_VARIABLES)
    site.root.write("layers.toml", settings)
    assert done.error == (
        "VenvstacksError: layers.toml: unusable settings\n"
        f"  * `tool.uv.index[0].url`: {site.index.url} contains credentials, which would "
        "spread with it; put them into UV_INDEX_CORP_USERNAME and UV_INDEX_CORP_PASSWORD, or into "
        "netrc"
    )


def test_nothing_secret_is_left_anywhere(site: Site) -> None:
    """In locks, archives, logs, sandboxes and their scripts, and in the stores with their keys."""
    searched = 0
    for folder in ("root", "store", "caches", "sandboxes"):
        for path, content in files_below(site.folder / folder):
            searched += 1
            for secret, written in secrets().items():
                assert written not in content, f"{secret} is in {path}"
    assert searched > 1000
    assert list((site.folder / "caches" / "venvstacks_network").iterdir()) == []
    assert len(list((site.folder / "sandboxes").glob("*/__run.sh"))) > 5
    said = "".join(site.said)
    assert re.search(r"\[DEBUG\].*fetch-file|\[DEBUG\].*corp_greeting", said)
    for secret, written in secrets().items():
        assert written.decode() not in said, secret
