from __future__ import annotations

from typing import Any

from tests.support.described_layers import application, commit, package, runtime, source
from tests.support.documents import read_provenance
from venvstacks_rules.model.documents.described import DescribedLayer
from venvstacks_rules.model.documents.provenance import provenance_json
from venvstacks_rules.model.documents.subjects import with_subjects
from venvstacks_rules.model.product import VERSION


def predicate(layer: DescribedLayer) -> dict[str, Any]:
    text = with_subjects(provenance_json(layer), [("app.tar.zst", "9" * 64)])
    found: dict[str, Any] = read_provenance(text)["predicate"]
    return found


def test_an_application() -> None:
    found = predicate(application(package("rich", direct=True)))
    assert found["runDetails"] == {
        "builder": {
            "id": "https://ci.example.com/release",
            "version": {"venvstacks-rules": VERSION, "zstandard": "0.25.0"},
        }
    }
    definition = found["buildDefinition"]
    assert definition["buildType"] == "urn:x-venvstacks-rules:layer:1"
    assert definition["externalParameters"] == {
        "target": "src/app:report",
        "target_platform": "linux_x86_64",
    }
    assert definition["internalParameters"] == {
        "kind": "application",
        "layer_name": "app-report",
        "install_target": "app-report",
        "requirements_hash": f"sha256:{'0' * 64}",
        "python_implementation": "cpython@3.11.13",
        "lower_layers": ["framework-text@2", "cpython"],
        "archive_format": "tar.zst",
        "compression_level": 9,
        "launch_module": "report",
    }
    lockfile = "src/app/requirements/app-report/pylock.app-report.toml"
    assert definition["resolvedDependencies"] == [
        {
            "uri": "file:src/app/my%20report.py",
            "name": "src/app/my report.py",
            "digest": {"sha256": "6" * 64},
        },
        {"uri": f"file:{lockfile}", "name": lockfile, "digest": {"sha256": "5" * 64}},
        {
            "uri": "pkg:pypi/rich@1.0?repository_url=https://packages.example.com/simple",
            "name": "rich-1.0-py3-none-any.whl",
            "digest": {"sha256": "72" * 32},
            "downloadLocation": "https://files.example.com/rich-1.0-py3-none-any.whl",
            "annotations": {"index": "https://packages.example.com/simple"},
        },
    ]


def test_a_runtime() -> None:
    url = "https://github.example.com/releases/download/2/cpython-3.13.1.tar.zst"
    definition = predicate(runtime(url=url))["buildDefinition"]
    parameters = definition["internalParameters"]
    assert parameters["exclude_files"] == {"rich": ["*.a"]}
    assert parameters["console_scripts"] == ["rich"]
    assert parameters["strip_interpreter"] == ["tests"]
    assert parameters["python_provider"] == "pbs"
    _, interpreter = definition["resolvedDependencies"]
    assert interpreter["downloadLocation"] == url
    assert interpreter["digest"] == {"sha256": "7" * 64}


def test_a_wheel_that_was_built() -> None:
    layer = application(
        package("ours", from_distribution=True), package("sourced", source=source("sourced"))
    )
    _, _, ours, *built = predicate(layer)["buildDefinition"]["resolvedDependencies"]
    assert (ours["uri"], ours["annotations"]) == ("pkg:generic/ours@1.0", {"built": "true"})
    into = {"built_into": "sourced-1.0-py3-none-any.whl"}
    assert [(each["uri"], each.get("downloadLocation"), each["annotations"]) for each in built] == [
        (
            "pkg:pypi/flit-core@3.9?file_name=flit_core-3.9-py3-none-any.whl",
            "https://files.example.com/flit_core-3.9-py3-none-any.whl",
            into,
        ),
        ("pkg:pypi/sourced@1.0", None, {"built": "true"}),
        (
            "pkg:pypi/sourced@1.0?file_name=sourced-1.0.tar.gz",
            "https://files.example.com/sourced-1.0.tar.gz",
            into,
        ),
    ]


def test_a_wheel_that_was_built_from_a_commit() -> None:
    layer = application(package("text", source=commit("text")))
    found = predicate(layer)["buildDefinition"]["resolvedDependencies"]
    url = "git+https://git.example.com/text.git@" + "c" * 40
    (source_files,) = [each for each in found if each["uri"].startswith("git+")]
    assert source_files == {
        "uri": f"{url}#subdirectory=python",
        "name": "text.git@" + "c" * 40,
        "digest": {"sha256": "1" * 64, "gitCommit": "c" * 40},
        "downloadLocation": url,
        "annotations": {"built_into": "text-1.0-py3-none-any.whl"},
    }
    (wheel,) = [each for each in found if each.get("annotations") == {"built": "true"}]
    assert wheel["uri"] == (
        "pkg:pypi/text@1.0?vcs_url=git%2Bhttps://git.example.com/text.git%40"
        + "c" * 40
        + "%23subdirectory%3Dpython"
    )
    assert "downloadLocation" not in wheel


def test_nothing_of_a_clock_or_a_secret() -> None:
    text = provenance_json(application(package("sourced", source=source("sourced"))))
    for word in ("2024", "startedOn", "invocation", "secret", "user:"):
        assert word not in text
