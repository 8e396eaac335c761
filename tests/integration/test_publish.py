"""``publish``: layers and releases go to a repository, and only what is new is sent."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.build_root import NATIVE, REPOSITORY, BuildRoot
from tests.support.deltas import noise
from tests.support.documented import blocks
from tests.support.reader import Reader
from tests.support.shared_roots import shared_root
from venvstacks_rules.model.repository.keys import blob_key
from venvstacks_rules.model.wording import size_text
from venvstacks_rules.repository import cli

pytestmark = pytest.mark.integration

RELEASE = """
venvstacks_release(
    name="release",
    layers=[":hello"],
    version="{version}",
    channel="stable",
    notes="What is new.",
    repositories=["local"],
)
venvstacks_manifest(name="stack", layers=[":hello"], repositories=["local"])
"""
CHANNEL = "channels/app-hello/stable/{platform}.json"
FOR = "app-hello {} for {}"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("publish") / "store"


@pytest.fixture(scope="module")
def root(store: Path) -> Iterator[BuildRoot]:
    config = f'repositories = {{local = "{store.as_uri()}"}}\n'
    with shared_root(config=config) as made:
        made.copy_example("hello")
        release(made, "1.0")
        yield made


def release(root: BuildRoot, version: str) -> None:
    build = root.read("examples/hello/BUILD").partition("\nvenvstacks_release")[0]
    root.write("examples/hello/BUILD", build + RELEASE.format(version=version))


def tree(folder: Path) -> dict[str, str]:
    """The hashes of all files."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".part-")
    }


def read(store: Path, key: str) -> dict[str, object]:
    data = json.loads((store / key).read_text(encoding="utf-8"))
    assert isinstance(data, dict)
    return data


def test_a_release_is_published_without_assembled_archives(root: BuildRoot, store: Path) -> None:
    done = root.succeed("publish", "examples/hello:release")
    assert "Assembled" not in done.stderr
    # Nothing is written to the dist folder.
    assert "Packaged" not in done.stderr
    files = tree(store)
    assert [name for name in files if name.startswith("locks/")] == []
    for key, sha256 in files.items():
        assert not key.startswith("blobs/") or key == blob_key(sha256)
    (platform,) = [Path(name).stem for name in files if name.startswith("channels/")]
    record = read(store, CHANNEL.format(platform=platform))["signed"]
    assert isinstance(record, dict)
    manifest = f"stacks/app-hello/1.0/{platform}.json"
    assert {key: value["hashes"]["sha256"] for key, value in record["targets"].items()} == {
        manifest: files[manifest]
    }
    layers = read(store, manifest)["layers"]
    assert isinstance(layers, list)
    assert [layer["layer_name"] for layer in layers] == [
        "cpython-3.9",
        "framework-text",
        "app-hello",
    ]
    # What `package` writes is what the repository has.
    root.succeed("package", "examples/hello:release")
    packaged = root.path / f"dist/examples.hello/{platform}/app-hello-1.0.release.json"
    assert packaged.read_bytes() == (store / manifest).read_bytes()


def test_the_page_about_the_format_reads_it(root: BuildRoot, store: Path, tmp_path: Path) -> None:
    text = Path("docs/reference/repository.md").read_text(encoding="utf-8")
    script = text.partition("```bash\n")[2].partition("```")[0]
    (platform,) = [path.stem for path in (store / "channels").rglob("*.json")]
    script = script.replace("linux_x86_64", platform)
    subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=tmp_path,
        check=True,
        env={"URL": store.as_uri(), "PATH": "/usr/local/bin:/usr/bin:/bin"},
    )
    assert (tmp_path / "app-hello/postinstall.py").exists()
    root.succeed("package", "examples/hello:hello")
    archive = root.path / f"dist/examples.hello/{platform}/app-hello.tar.zst"
    assert (tmp_path / "app-hello.tar.zst").read_bytes() == archive.read_bytes()


def test_with_nothing_new_nothing_is_sent(root: BuildRoot, store: Path) -> None:
    before = tree(store)
    done = root.succeed("publish", "examples/hello:release")
    assert "skipped as local" in done.stderr
    assert tree(store) == before


def test_an_edit_sends_the_layer_s_own_segment(root: BuildRoot, store: Path) -> None:
    before = tree(store)
    code = root.path / "examples/hello/hello.py"
    code.write_text(code.read_text() + "\n# Edited.\n")
    refused = root.pants("publish", "examples/hello:release")
    assert refused.code == 1
    assert "1.0" in refused.error
    assert "version" in refused.error
    assert tree(store) == before
    release(root, "1.1")
    dry = root.succeed("--venvstacks-publish-dry-run", "publish", "examples/hello:release")
    assert "dry run" in dry.stderr
    check = root.pants("--venvstacks-publish-check", "publish", "examples/hello:release")
    assert check.code == 1
    assert "will move from 1.0 to 1.1" in check.stdout + check.stderr
    assert tree(store) == before
    done = root.succeed("publish", "--output=out.json", "examples/hello:release")
    after = tree(store)
    new = {key: (store / key).stat().st_size for key in after if key not in before}
    assert sum(new.values()) < 100_000
    # Its own segment, the list of its files, and what is said of it; the index; the manifest.
    assert [key.partition("/")[0] for key in sorted(new)] == [
        *["blobs"] * 4,
        "layers",
        "stacks",
    ]
    assert [key for key in before if before[key] != after[key]] == [
        key for key in before if key.startswith("channels/")
    ]
    (report,) = json.loads(root.read("out.json"))
    sent = sum(size for key, size in new.items() if key.partition("/")[0] in ("blobs", "layers"))
    assert (report["published"], report["bytes_to_send"]) == (True, sent)
    assert [layer["new_segments"] for layer in report["layers"]] == [[], [], ["layer"]]
    assert f"{size_text(sent)} sent" in done.stdout + done.stderr


def test_an_old_job_moves_nothing_back(root: BuildRoot, store: Path) -> None:
    code = root.path / "examples/hello/hello.py"
    now = code.read_text()
    code.write_text(now.replace("\n# Edited.\n", ""))
    release(root, "1.0")
    before = tree(store)
    done = root.pants("publish", "examples/hello:release")
    assert tree(store) == before
    assert "1.1" in done.stdout + done.stderr
    code.write_text(now)
    release(root, "1.1")


def test_a_stack_without_a_version(root: BuildRoot, store: Path) -> None:
    before = set(tree(store))
    root.succeed("publish", "examples/hello:stack")
    (key,) = set(tree(store)) - before
    assert key.startswith("stacks/stack/")
    version = key.split("/")[2]
    manifest = read(store, key)
    manifest["version"] = ""
    text = json.dumps(manifest, indent=2, sort_keys=True) + "\n"
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == version


def test_exported_archives_are_those_of_package(
    root: BuildRoot, store: Path, tmp_path: Path
) -> None:
    """Byte for byte, with the metadata, the segment indexes and the manifest."""
    root.succeed("publish", "examples/hello:stack")
    shutil.rmtree(root.path / "dist", ignore_errors=True)
    root.succeed("package", "examples/hello:stack")
    (manifest,) = (store / "stacks/stack").rglob("*.json")
    version = f"stack@{manifest.parent.name}"
    command = ["export-archives", version, "--repository", store.as_uri(), "--into", str(tmp_path)]
    assert cli.main(command) == 0
    exported = tree(tmp_path)
    assert exported == tree(root.path / "dist/examples.hello")
    assert len([name for name in exported if name.endswith(".tar.zst")]) == 3


def test_the_goal_that_looks_after_it(root: BuildRoot, store: Path) -> None:
    root.succeed("publish", "examples/hello:stack")
    listed = root.succeed("venvstacks-repository", "--", "list", "--json")
    data = json.loads(listed.stdout)
    assert data["url"] == store.as_uri()
    (manifest,) = (store / "stacks/stack").rglob("*.json")
    version = f"stack@{manifest.parent.name}"
    promote = ("--", "promote", version, "--channel", "beta")
    root.succeed("venvstacks-repository", "--at=local", *promote)
    assert read(store, f"channels/stack/beta/{manifest.stem}.json")
    shutil.rmtree(root.path / "exported", ignore_errors=True)
    export = ("--", "export-archives", version, "--into", "exported")
    root.succeed("venvstacks-repository", f"--at={store.as_uri()}", *export)
    assert len(list((root.path / "exported").rglob("*.tar.zst"))) == 3
    failed = root.pants("venvstacks-repository", "--", "show", "9")
    assert failed.code == 1
    assert f"error: {store.as_uri()}: there is no version `9`." in failed.stdout + failed.stderr
    failed = root.pants("venvstacks-repository", "--at=locale", "--", "list")
    assert failed.code == 1
    assert failed.error == (
        "DefinitionError: The repository is not known:\n"
        "  * `--venvstacks-repository-at` is 'locale', which `[venvstacks].repositories` does not "
        "name. Did you mean 'local'?"
    )


def test_a_layer_is_published_without_its_archive(root: BuildRoot, store: Path) -> None:
    build = root.read("examples/hello/BUILD")
    shutil.rmtree(store)
    own = build.replace('name="text",', 'name="text", repositories=["local"],')
    root.write("examples/hello/BUILD", own)
    done = root.succeed("publish", "examples/hello:text")
    assert "Assembled" not in done.stderr
    assert "framework-text for" in done.stderr
    assert [key.split("/")[1] for key in tree(store) if key.startswith("layers/")] == [
        "framework-text"
    ]
    limit = own.replace('name="text",', 'name="text", max_archive_size="1 MB",')
    root.write("examples/hello/BUILD", limit)
    refused = root.pants("publish", "examples/hello:text")
    root.write("examples/hello/BUILD", build)
    assert refused.code == 1
    assert "examples/hello:text" in refused.error
    assert "max_archive_size" in refused.error
    root.succeed("publish", "examples/hello:release")


def test_targets_that_say_no(root: BuildRoot) -> None:
    done = root.succeed("publish", "examples/hello:text")
    assert "- examples/hello:text skipped (it has no `repositories`).\n" in done.stderr
    assert "Assembled" not in done.stderr
    build = root.read("examples/hello/BUILD")
    root.write("examples/hello/BUILD", build.replace('["local"]', '["locale", "s3://u:p@b/c"]', 1))
    failed = root.pants("publish", "examples/hello:release")
    root.write("examples/hello/BUILD", build)
    assert failed.code == 1
    assert failed.error == (
        "DefinitionError: Targets cannot be published as written:\n"
        "  * examples/hello:release: `repositories` has 'locale', which "
        "`[venvstacks].repositories` does not name. Did you mean 'local'?\n"
        "  * examples/hello:release: `repositories`: the URL of b has credentials. Remove them: "
        "they come from the environment, or from the files of the store's own tools."
    )


def test_what_is_skipped_is_not_packaged(root: BuildRoot) -> None:
    build, code = root.read("examples/hello/BUILD"), root.read("examples/hello/hello.py")
    skipped = build.replace("repositories=", "skip_publish=True, repositories=", 1)
    nowhere = 'venvstacks_release(name="nowhere", layers=[":hello"], version="1.0")\n'
    # Packaging it would fail: nobody answers there.
    base = f"127.0.0.1:1/base@sha256:{'0' * 64}"
    image = f'venvstacks_image(name="image", application=":hello", base="{base}", '
    image += 'registries=["127.0.0.1:1"], skip_push=True)\n'
    root.write("examples/hello/BUILD", skipped + nowhere + image)
    root.write("examples/hello/hello.py", code + "\n# Edited, and not published.\n")
    names = ("release", "nowhere", "image", "hello")
    done = root.succeed("publish", *(f"examples/hello:{name}" for name in names))
    # What is published as a part of a release is passed over, unless it is named.
    every = root.succeed("publish", "examples/hello:")
    # Names are those as a user writes them where they are.
    here = [
        root.pants("publish", name, folder="examples")
        for name in ("hello:hello", "../examples/hello:")
    ]
    packaged = root.pants("package", "examples/hello:image")
    root.write("examples/hello/BUILD", build)
    root.write("examples/hello/hello.py", code)
    assert sorted(re.findall(r"^- .*", done.stderr, re.MULTILINE)) == [
        "- examples/hello:hello skipped (it has no `repositories`).",
        "- examples/hello:image skipped (by its `skip_push`).",
        "- examples/hello:nowhere skipped (it has no `repositories`).",
        "- examples/hello:release skipped (by its `skip_publish`).",
    ]
    assert done.work == []
    assert "hello:hello skipped" not in every.stderr
    told = ["hello:hello skipped (it has no `repositories`)" in each.stderr for each in here]
    assert ([each.code for each in here], told) == ([0, 0], [True, False])
    assert "No applicable" not in done.stderr
    assert packaged.code == 1
    assert "127.0.0.1:1" in packaged.error


def test_a_repository_that_cannot_be_written(root: BuildRoot, store: Path) -> None:
    moved = store.with_name("moved")
    store.rename(moved)
    try:
        store.write_text("no folder")
        failed = root.pants("publish", "examples/hello:release")
    finally:
        store.unlink()
        moved.rename(store)
    assert failed.code == 1
    assert "Traceback" not in failed.stderr
    assert store.as_uri() in failed.stderr


def test_archives_on_request(root: BuildRoot, store: Path) -> None:
    shutil.rmtree(store)
    build = root.read("examples/hello/BUILD")
    wanted = build.replace(
        'repositories=["local"],', 'repositories=["local"], publish_archives=True,'
    )
    root.write("examples/hello/BUILD", wanted)
    root.succeed("publish", "examples/hello:release")
    root.succeed("package", "examples/hello:stack")
    (platform,) = [path.stem for path in (store / "channels").rglob("*.json")]
    (published,) = (store / "archives/app-hello").iterdir()
    packaged = tree(root.path / f"dist/examples.hello/{platform}")
    expected = {key: value for key, value in packaged.items() if "release.json" not in key}
    assert tree(published / platform) == expected
    again = root.succeed("publish", "examples/hello:release")
    assert "skipped as local" in again.stderr
    root.write("examples/hello/BUILD", build)


def test_what_somebody_removed_is_sent_again(root: BuildRoot, store: Path) -> None:
    # It stands alone: the repository has the version, and lacks a blob of it.
    root.succeed("publish", "examples/hello:release")
    blob = max(
        (store / "blobs").rglob("*"), key=lambda path: path.is_file() and path.stat().st_size
    )
    content = blob.read_bytes()
    blob.unlink()
    # What is damaged is in the way of a publish, until it is removed.
    other = next(path for path in (store / "blobs").rglob("*") if path.is_file())
    right = other.read_bytes()
    other.write_bytes(right[::-1])
    believed = root.succeed("publish", "examples/hello:release")
    assert "skipped as local" in believed.stderr
    assert cli.main(["verify", "--repository", store.as_uri(), "--remove-damaged"]) == 1
    root.succeed("--venvstacks-publish-thorough", "publish", "examples/hello:release")
    assert blob.read_bytes() == content
    assert other.read_bytes() == right


def test_a_large_segment_gets_a_delta(root: BuildRoot, store: Path) -> None:
    code = root.path / "examples/hello/hello.py"
    before = code.read_text()
    large = f"{before}\n# {noise(1_400_000, 'code')}\n"
    try:
        code.write_text(large)
        release(root, "3.0")
        root.succeed("publish", "examples/hello:release")
        code.write_text(f"{large}\n# Edited.\n")
        release(root, "3.1")
        done = root.succeed("publish", "examples/hello:release")
    finally:
        code.write_text(before)
    output = done.stdout + done.stderr
    assert "Making a delta of layer from layer." in output
    (delta,) = store.glob("deltas/*/*.json")
    sizes = [json.loads(delta.read_bytes())[key]["size"] for key in ("blob", "to")]
    assert sizes[0] < 50_000 < 1024 * 1024 < sizes[1]
    assert f"clients fetch {size_text(sizes[0])} in place of {size_text(sizes[1])}" in output, (
        output
    )


@pytest.mark.skipif(NATIVE != "linux_x86_64", reason="the page is for linux_x86_64")
def test_the_how_to(root: BuildRoot, store: Path, tmp_path: Path) -> None:
    """The release of the page, in a repository that has nothing yet; its steps, and an edit."""
    shutil.rmtree(store, ignore_errors=True)
    page = REPOSITORY / "docs/how-to/publish.md"
    text = page.read_text(encoding="utf-8")
    (shown,) = (block.text for block in blocks(text) if block.first == "venvstacks_release(")
    build = root.read("examples/hello/BUILD").partition("\nvenvstacks_release")[0]
    root.write("examples/hello/BUILD", f"{build}\n{shown}")
    reader = Reader.of(root, tmp_path, {"file:///srv/layers": store.as_uri()})
    before, _, after = text.partition("A version never changes.")
    assert len(reader.follow(page, before)) == 1
    code = root.path / "examples/hello/hello.py"
    code.write_text(code.read_text() + "\n# Edited once more.\n")
    root.write("examples/hello/BUILD", f"{build}\n{shown.replace('1.0', '1.1')}")
    assert len(reader.follow(page, "\n" * before.count("\n") + after)) == 3
