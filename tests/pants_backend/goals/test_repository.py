from __future__ import annotations

import pytest

from venvstacks_rules.model.errors import DefinitionError
from venvstacks_rules.pants_backend.goals.repository import command_arguments, repository_url

KNOWN = {"store": "s3://layers", "local": "file:///srv/layers"}


def test_a_repository_is_named_or_the_only_one() -> None:
    assert repository_url("store", KNOWN) == "s3://layers"
    assert repository_url("@local", KNOWN) == "file:///srv/layers"
    assert repository_url("file:///x", KNOWN) == "file:///x"
    assert repository_url(None, {"store": "s3://layers"}) == "s3://layers"
    # The command says that it is not said, if it needs one.
    assert repository_url(None, KNOWN) == repository_url(None, {}) == ""


@pytest.mark.parametrize(
    ("name", "hint"),
    [("stores", "Did you mean 'store'?"), ("x", "Add it there, or write a URL.")],
)
def test_a_name_that_is_not_known(name: str, hint: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        repository_url(name, KNOWN)
    assert str(caught.value) == (
        "The repository is not known:\n"
        f"  * `--venvstacks-repository-at` is {name!r}, which `[venvstacks].repositories` does not"
        f" name. {hint}"
    )


def test_a_kind_that_a_build_does_not_reach() -> None:
    with pytest.raises(DefinitionError) as caught:
        repository_url("sftp://me:s3cret@host/layers", KNOWN)
    assert str(caught.value) == (
        "The repository cannot be reached:\n"
        "  * `sftp://host/layers` is none of the kinds that a build reaches, `file://`, `s3://`,"
        " `gs://`, `az://`, `oci://`, `http://` and `https://`. Run the program"
        " `venvstacks-repository`, from `venvstacks-rules[fsspec]`."
    )


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("https://me:s3cret@other/x", "`--venvstacks-repository-at`: the URL of other"),
        (None, "`[venvstacks].repositories`: the URL of host"),
    ],
)
def test_credentials_that_pants_would_keep(name: str | None, place: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        repository_url(name, {"x": "https://me:s3cret@host"})
    assert str(caught.value) == (
        "The repository cannot be used as written:\n"
        f"  * {place} has credentials. Remove them: they come from the environment, or from the "
        "files of the store's own tools."
    )


def test_the_arguments_of_the_command() -> None:
    assert command_arguments(()) == ("--help",)
    mirror = ("mirror", "https://host/x", "file:///srv/a@b")
    assert command_arguments(mirror) == mirror
    with pytest.raises(DefinitionError) as caught:
        command_arguments(("mirror", "https://me:s3cret@host/x", "file:///y"))
    assert str(caught.value) == (
        "The command cannot be used as written:\n"
        "  * 'https://host/x' was written with credentials. Remove them: they come from the "
        "environment, or from the files of the store's own tools."
    )
