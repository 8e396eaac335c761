"""Layers beside each other with different versions of a package."""

from __future__ import annotations

from tests.support.advice import application, definitions_of, framework, linted, own, runtime
from venvstacks_rules.model.advice.findings import Ignored
from venvstacks_rules.model.advice.linted import LintedLayer
from venvstacks_rules.model.advice.sharing import sharing_findings
from venvstacks_rules.model.layers.requirement_entries import TargetRequirement

OLD, NEW = own("urllib3==1.26.20"), own("urllib3==2.8.0")


def lines(layers: list[LintedLayer], *ignored: str) -> list[str]:
    found = sharing_findings(
        layers, definitions_of(layers), heavy_size=10**9, ignored=Ignored(ignored)
    )
    return [line for finding in found for line in finding.lines]


def test_an_application_on_frameworks_that_exclude_each_others_versions() -> None:
    layers = linted(
        runtime(),
        framework("f1", requirements=("urllib3<2",)),
        framework("f2", requirements=("urllib3>=2", "requests")),
        application("app", "f1", "f2"),
        application("tool", "f1", "f2"),
        packages={"f1": (OLD,), "f2": (NEW, own("requests"))},
    )
    assert lines(layers) == [
        "src:app, src:tool: the layers below have `urllib3` 1.26.20 (src:f1) and 2.8.0 (src:f2); "
        "programs import what src:f1 has, not what was locked for src:f2. [versions]",
        '    src:f1: change "urllib3<2", which excludes 2.8.0',
        '    or src:f2: change "urllib3>=2", which excludes 1.26.20',
    ]
    assert lines(layers, "versions:urllib3") == []


def test_a_requirement_of_a_target_is_named_with_it() -> None:
    of_target = (TargetRequirement("urllib3<2", "3rdparty:reqs#urllib3"),)
    layers = linted(
        runtime(),
        framework("f1", target_requirements=of_target),
        framework("f2", requirements=("urllib3==2.8.0",)),
        application("app", "f2", "f1"),
        packages={"f1": (OLD,), "f2": (NEW,)},
    )
    assert lines(layers) == [
        "src:app: the layers below have `urllib3` 2.8.0 (src:f2) and 1.26.20 (src:f1); programs "
        "import what src:f2 has, not what was locked for src:f1. [versions]",
        '    src:f2: change "urllib3==2.8.0", which excludes 1.26.20',
        '    or src:f1: change "urllib3<2" of 3rdparty:reqs#urllib3, which excludes 2.8.0',
    ]


def test_the_older_version_if_it_is_the_one_for_all() -> None:
    layers = linted(
        runtime(),
        framework("f1", requirements=("urllib3<2",)),
        framework("f2", requirements=("requests",)),
        application("app", "f1", "f2"),
        packages={"f1": (OLD,), "f2": (NEW,)},
    )
    assert lines(layers, "duplicates")[1:] == [
        '    src:f2: requirements=["requests", "urllib3==1.26.20"]'
    ]


def test_versions_that_nothing_excludes_become_the_newest() -> None:
    layers = linted(
        runtime(),
        framework("f1", requirements=("requests",)),
        framework("f2"),
        framework("f3"),
        application("app", "f1", "f2", "f3"),
        packages={"f1": (own("idna==3.1"), OLD), "f2": (own("idna==3.4"), NEW), "f3": (NEW,)},
    )
    assert lines(layers, "duplicates") == [
        "src:app: the layers below have `idna` 3.1 (src:f1) and 3.4 (src:f2); programs import "
        "what src:f1 has, not what was locked for src:f2. [versions]",
        '    src:f1: requirements=["requests", "idna==3.4"]',
        "src:app: the layers below have `urllib3` 1.26.20 (src:f1) and 2.8.0 (src:f2) and 2.8.0 "
        "(src:f3); programs import what src:f1 has, not what was locked for src:f2, src:f3. "
        "[versions]",
        '    src:f1: requirements=["requests", "urllib3==2.8.0"]',
    ]


def test_what_is_hidden_on_purpose_or_nowhere_together_is_left_alone() -> None:
    relaxed = linted(
        runtime(),
        framework("low"),
        framework("up", "low"),
        application("app", "up"),
        packages={"low": (OLD,), "up": (NEW,)},
    )
    assert lines(relaxed) == []
    own_version = linted(
        runtime(),
        framework("f1", requirements=("urllib3<2",)),
        framework("f2", requirements=("urllib3>=2",)),
        application("app", "f1", "f2"),
        packages={"f1": (OLD,), "f2": (NEW,), "app": (own("urllib3==2.9"),)},
    )
    assert lines(own_version) == []
    elsewhere = linted(
        runtime(),
        framework("f1"),
        framework("f2"),
        application("app", "f1", "f2"),
        packages={
            "f1": (own("urllib3==1.26.20", 1, "linux_x86_64"),),
            "f2": (own("urllib3==2.8.0", 1, "win_amd64"),),
        },
    )
    assert lines(elsewhere) == []
