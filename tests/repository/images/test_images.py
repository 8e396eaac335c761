"""Images pushed to a registry and fetched from it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.http_server import serve
from tests.support.images import Layout
from tests.support.registries import ServedRegistry, serve_registry
from venvstacks_rules.actions.commands import fetch_image, push_image
from venvstacks_rules.model.errors import ImageError, RepositoryError, RequestError
from venvstacks_rules.model.json_codec import to_json
from venvstacks_rules.model.requests.images import FetchImageRequest, PushImageRequest
from venvstacks_rules.repository.images.registry import ImageRepository
from venvstacks_rules.repository.stores import attempts
from venvstacks_rules.repository.stores.store import StoreError

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
SHARED = {"lib/shared.py": b"shared\n" * 1000}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedRegistry]:
    with serve_registry(tmp_path_factory.mktemp("registry")) as served:
        yield served


@pytest.fixture(autouse=True)
def _logged_in(served: ServedRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in served.environment.items():
        monkeypatch.setenv(name, value)


def push(
    served: ServedRegistry,
    layout: Layout,
    found: dict[str, object],
    name: str,
    *tags: str,
    **more: object,
) -> None:
    request = PushImageRequest(
        layout=str(layout.folder),
        image=str(found["digest"]).partition(":")[2],
        size=found["size"],  # type: ignore[arg-type]
        media_type=str(found["mediaType"]),
        place=f"{served.host}/{name}",
        tags=tags,
        **more,  # type: ignore[arg-type]
    )
    push_image.run(to_json(request))


def fetch(served: ServedRegistry, digest: str, name: str, platform: str, output: Path) -> str:
    image = f"{served.host}/{name}@{digest}"
    return fetch_image.run(to_json(FetchImageRequest(image, platform, str(output)))).manifest


def said(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert capsys.readouterr().out == f"{text}\n"


def test_there_and_back(
    served: ServedRegistry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    layout = Layout(tmp_path / "layout")
    manifests = {arch: layout.add_image({"a": arch.encode()}, arch) for arch in ("amd64", "arm64")}
    index = layout.add_index(**manifests)
    push(served, layout, index, "there/both", "1.0", "latest")
    called = f"{served.host}/there/both@{index['digest']}"
    sizes = sum(
        blob.stat().st_size
        for blob in layout.blobs.iterdir()
        if b"manifests" not in blob.read_bytes() and b'"layers": [' not in blob.read_bytes()
    )
    said(f"{called}: 4 blobs sent ({sizes} B); 0 there already; set: 1.0, latest", capsys)
    push(served, layout, index, "there/both", "1.0", "latest")
    said(f"{called}: the registry has all of it", capsys)
    push(served, layout, index, "there/both", "next")
    said(f"{called}: 0 blobs sent (0 B); 4 there already; set: next", capsys)
    for platform, architecture in (("linux_x86_64", "amd64"), ("linux_aarch64", "arm64")):
        output = tmp_path / architecture
        sha256 = fetch(served, index["digest"], "there/both", platform, output)
        assert f"sha256:{sha256}" == manifests[architecture]["digest"]
        found = {path.name: path.read_bytes() for path in (output / "blobs/sha256").iterdir()}
        assert len(found) == 3
        for name, content in found.items():
            assert hashlib.sha256(content).hexdigest() == name
            assert (layout.blobs / name).read_bytes() == content


def test_only_what_is_missing_is_sent(
    served: ServedRegistry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = Layout(tmp_path / "first"), Layout(tmp_path / "second")
    one = first.add_image(SHARED)
    two = second.add_image(SHARED, config={"User": "x"})
    push(served, first, one, "shared/one", "1.0")
    assert served.uploads().count("shared/one") == 2
    # The layer is there, in another repository; the configuration is not.
    push(served, second, two, "shared/two", "1.0", sources=("shared/none", "shared/one"))
    assert served.uploads().count("shared/two") == 1
    assert ("shared/two", "shared/one") in served.mounts()
    assert "1 blob sent (" in (text := capsys.readouterr().out)
    assert text.endswith("; 1 taken from other repositories; 0 there already; set: 1.0\n")


def test_repositories_that_refuse_do_not_stop_a_push(
    served: ServedRegistry,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(attempts, "WAITS", [0.01, 0.01])
    first, second = Layout(tmp_path / "first"), Layout(tmp_path / "second")
    content = {"refused.py": b"refused"}
    push(served, first, first.add_image(content), "refused/one", "1.0")
    # The registry answers 400 for a name of this length, as others answer 401 or 403.
    sources = ("x" * 256, "refused/one")
    image = second.add_image(content, config={"User": "x"})
    push(served, second, image, "refused/two", "1.0", sources=sources)
    assert ("refused/two", "refused/one") in served.mounts()
    assert "1 taken from other repositories" in capsys.readouterr().out


def test_what_an_index_names_is_pushed_again(
    served: ServedRegistry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    layout = Layout(tmp_path / "layout")
    child = layout.add_image({"a": b"child"})
    index = layout.add_index(amd64=child)
    push(served, layout, index, "lost/child", "1.0")
    # As registries do that tidy up what has no tag.
    repository = ImageRepository(f"{served.host}/lost/child", served.environment)
    assert repository.remove("child", f"manifests/{child['digest']}")
    push(served, layout, index, "lost/child", "1.0")
    assert capsys.readouterr().out.endswith(": 0 blobs sent (0 B); 2 there already; set: 1.0\n")
    fetch(served, index["digest"], "lost/child", "linux_x86_64", tmp_path / "out")


def test_nothing_is_sent_to_try(
    served: ServedRegistry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    layout = Layout(tmp_path)
    image = layout.add_image({"a": b""})
    push(served, layout, image, "dry/run", "1.0", only_show=True)
    assert capsys.readouterr().out.endswith("0 there already; to set: 1.0\n")
    with pytest.raises(RepositoryError, match=r"^There is something to push:\n  \* 127"):
        push(served, layout, image, "dry/run", "1.0", only_show=True, check=True)
    assert served.uploads().count("dry/run") == 0


def test_another_image_under_the_same_tag(served: ServedRegistry, tmp_path: Path) -> None:
    layout = Layout(tmp_path / "layout")
    first, second = (layout.add_image({"a": content}) for content in (b"1", b"2"))
    for image in (first, second):
        push(served, layout, image, "moved/tag", "latest")
    repository = ImageRepository(f"{served.host}/moved/tag", served.environment)
    assert repository.digest_of_tag("latest") == second["digest"]
    assert repository.digest_of_tag("oldest") is None
    # The other one has no name, and is there.
    fetch(served, first["digest"], "moved/tag", "linux_x86_64", tmp_path / "out")


def test_another_platform(served: ServedRegistry, tmp_path: Path) -> None:
    layout = Layout(tmp_path / "layout")
    index = layout.add_index(arm64=layout.add_image({"a": b""}, "arm64"))
    push(served, layout, index, "only/arm", "1")
    with pytest.raises(ImageError) as raised:
        fetch(served, index["digest"], "only/arm", "linux_x86_64", tmp_path / "out")
    assert str(raised.value) == (
        f"{served.host}/only/arm@{index['digest']} cannot be a base:\n"
        "  * it has no image for linux/amd64, but for linux/arm64."
    )
    assert not (tmp_path / "out").exists()


def test_a_registry_that_lies(served: ServedRegistry, tmp_path: Path) -> None:
    layout = Layout(tmp_path / "layout")
    image = layout.add_image({"a": b"other bytes, so that no other test has them"})
    push(served, layout, image, "lies/here", "1")
    layer = layout.read(image["digest"])["layers"][0]
    path = served.blob(layer["digest"].partition(":")[2])
    path.write_bytes(b"x" * path.stat().st_size)
    with pytest.raises(StoreError) as raised:
        fetch(served, image["digest"], "lies/here", "linux_x86_64", tmp_path / "out")
    assert str(raised.value) == (
        f"{served.host}/lies/here: the registry sends other bytes for `{layer['digest']}`. Look at "
        "the registry."
    )
    assert not (tmp_path / "out").exists()


def test_a_registry_that_sends_another_manifest(tmp_path: Path) -> None:
    digest = f"sha256:{'0' * 64}"
    with serve({f"/v2/x/manifests/{digest}": b"{}"}) as server:
        host = server.url.removeprefix("http://")
        request = FetchImageRequest(f"{host}/x@{digest}", "linux_x86_64", str(tmp_path / "out"))
        with pytest.raises(StoreError) as raised:
            fetch_image.run(to_json(request))
    assert str(raised.value) == (
        f"{host}/x: `{digest}`: the registry sends another manifest. Look at the registry."
    )


def test_without_a_login(
    served: ServedRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    layout = Layout(tmp_path / "layout")
    image = layout.add_image({"a": b""})
    with pytest.raises(StoreError, match="the server answers 401") as raised:
        push(served, layout, image, "no/login", "1")
    assert "Look at the credentials for this server" in str(raised.value)
    with pytest.raises(StoreError, match="the server answers 401"):
        fetch(served, image["digest"], "no/login", "linux_x86_64", tmp_path / "out")


def test_what_is_not_there(served: ServedRegistry, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="the server answers 404"):
        fetch(served, f"sha256:{'0' * 64}", "not/there", "linux_x86_64", tmp_path / "out")


@pytest.mark.parametrize(
    ("image", "platform", "problem"),
    [
        ("host/x@sha256:0", "linux_x86_64", "image: `0` is no digest"),
        (f"host/x@sha256:{'0' * 64}", "win_amd64", "platform: `win_amd64` is no platform of"),
        (f"host/x@sha256:{'0' * 64}", "vms", "platform: `vms` is no platform of images"),
    ],
)
def test_wrong_requests(image: str, platform: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=problem):
        fetch_image.run(to_json(FetchImageRequest(image, platform, str(tmp_path / "out"))))
