from __future__ import annotations

from pathlib import Path

from tests.support.small_repositories import FRAMEWORK, RUNTIME, SmallRepository, packages
from venvstacks_rules.repository.upkeep.details import details, package
from venvstacks_rules.repository.upkeep.selection import find_version


def test_layers_packages_documents_and_channels(tmp_path: Path) -> None:
    made = SmallRepository(tmp_path)
    segments = {"interpreter": {"bin/python3": b"elf"}, **packages(pip="24.0")}
    runtime = made.layer(RUNTIME, segments, documents={"sbom": b"{}", "provenance": b"[]"})
    framework = made.layer(FRAMEWORK, {"layer": {"postinstall.py": b""}}, kind="framework")
    stack = made.stack("1.0", [runtime, framework], notes="Faster.\nSmaller.")
    made.point(stack, "beta")
    made.point(made.stack("1.1"), "stable")
    shown = details(made.reader, find_version(made.reader, ["release@1.0"]))
    (runtime_key, framework_key) = map(str, stack.layer_keys)
    manifest = made.reader.found_manifest(stack.key)
    assert manifest is not None
    first, second = runtime.segments
    assert list(shown.lines()) == [
        "release 1.0 for linux_x86_64",
        f"  manifest: {stack.key} ({manifest.reference.sha256})",
        "  channels: beta",
        "  size: 49 B, 16 B unpacked",
        "  notes:",
        "    Faster.",
        "    Smaller.",
        "",
        f"  cpython-3.11 (runtime), index {runtime_key}",
        "    package        version  archive  unpacked  sha256",
        f"    (interpreter)              14 B       3 B  {first.blob.sha256}",
        f"    pip            24.0        24 B      13 B  {second.blob.sha256}",
        "    provenance: blobs/sha256/4f/4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f111612"
        "02b945 (2 B)",
        "    sbom: blobs/sha256/44/44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
        " (2 B)",
        "",
        f"  framework-sklearn (framework), index {framework_key}",
        "    package              version  archive  unpacked  sha256",
        f"    (layer's own files)              11 B       0 B  {framework.segments[0].blob.sha256}",
    ]
    data = shown.to_dict()
    (platform,) = data["platforms"]
    assert platform["channels"] == ["beta"]
    assert platform["manifest"]["key"] == str(stack.key)
    assert platform["layers"][0]["packages"][1]["source"] == "pip-24.0-py3-none-any.whl"
    assert set(platform["layers"][0]["documents"]) == {"provenance", "sbom"}
    assert platform["layers"][1]["requires"] == [RUNTIME]


def test_names_of_packages() -> None:
    assert package("scikit_learn-1.5.0-1-cp311-cp311-win_amd64.whl") == ("scikit_learn", "1.5.0")
    assert package("interpreter") == ("(interpreter)", "")
