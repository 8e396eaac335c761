"""Images: their layers, and what `base` means."""

from __future__ import annotations

from typing import Any

import pytest
from pants.core.target_types import FilesGeneratorTarget, FileTarget
from pants.core.target_types import rules as core_target_rules
from pants.engine.addresses import Address
from pants.engine.rules import QueryRule
from pants.engine.target import InferredDependencies
from pants.testutil.rule_runner import RuleRunner

from tests.pants_backend.manifest_runner import BASE, refused
from tests.pants_backend.module_rules import module_rules
from venvstacks_rules.pants_backend.backend import target_types
from venvstacks_rules.pants_backend.graph.images import (
    ImageBaseRequest,
    ImageFieldSet,
    ImageLayers,
    ImageLayersRequest,
    InferImageDependencies,
    NamedBase,
)
from venvstacks_rules.pants_backend.graph.images import rules as image_rules
from venvstacks_rules.pants_backend.graph.layer_targets import rules as layer_target_rules
from venvstacks_rules.pants_backend.graph.layers import rules as graph_rules
from venvstacks_rules.pants_backend.graph.stack_files import rules as stack_file_rules
from venvstacks_rules.pants_backend.graph.stacks import rules as stack_rules
from venvstacks_rules.pants_backend.subsystems.venvstacks import VenvstacksSubsystem

HEX = "3f" * 32
APPLICATION = """
venvstacks_application(name="a", launch_module="a.py", frameworks=[":high"])
files(name="layout", sources=["layout/**"])
"""


@pytest.fixture(scope="module")
def runner() -> RuleRunner:
    runner = RuleRunner(
        rules=[
            *core_target_rules(),  # type: ignore[no-untyped-call]
            *graph_rules(),
            *image_rules(),
            *layer_target_rules(),
            *module_rules(),
            *stack_file_rules(),
            *stack_rules(),
            *VenvstacksSubsystem.rules(),
            QueryRule(ImageLayers, [ImageLayersRequest]),
            QueryRule(NamedBase, [ImageBaseRequest]),
            QueryRule(InferredDependencies, [InferImageDependencies]),
        ],
        target_types=[*target_types(), FilesGeneratorTarget, FileTarget],
    )
    runner.write_files({"base/a.py": "", "base/layout/index.json": "{}"})
    return runner


def field_set(runner: RuleRunner, **fields: Any) -> ImageFieldSet:
    written = ", ".join(f"{name}={value!r}" for name, value in fields.items())
    image = f'venvstacks_image(name="image", {written})\n'
    runner.write_files({"base/BUILD": BASE + APPLICATION + image})
    return ImageFieldSet.create(runner.get_target(Address("base", target_name="image")))


def test_the_layers_below_come_first(runner: RuleRunner) -> None:
    fields = field_set(runner, application=":a")
    found = runner.request(ImageLayers, [ImageLayersRequest(fields)])
    addresses = [layer.address for layer in found.layers]
    assert addresses == ["base:py", "base:low", "base:high", "base:a"]
    assert fields.name == "image"
    assert field_set(runner, application=":a", repository="x/y").name == "x/y"


def test_a_framework_starts_nothing(runner: RuleRunner) -> None:
    request = ImageLayersRequest(field_set(runner, application=":high"))
    assert refused(runner, ImageLayers, request) == (
        "DefinitionError: An image cannot be built as written:\n"
        "  * base:image: `application` names base:high, which is no application. Name a "
        "`venvstacks_application`."
    )


def test_edges(runner: RuleRunner) -> None:
    fields = field_set(runner, application=":a", base=":layout")
    found = runner.request(InferredDependencies, [InferImageDependencies(fields)])
    assert [str(address) for address in found.include] == ["base:a", "base:layout"]
    pinned = field_set(runner, application=":a", base=f"debian@sha256:{HEX}")
    found = runner.request(InferredDependencies, [InferImageDependencies(pinned)])
    assert [str(address) for address in found.include] == ["base:a"]


def named(runner: RuleRunner, written: str | None) -> NamedBase:
    fields = field_set(runner, application=":a")
    return runner.request(NamedBase, [ImageBaseRequest(fields.address, written)])


def test_bases(runner: RuleRunner) -> None:
    assert named(runner, None) == NamedBase()
    assert str(named(runner, "//base:layout").target) == "base:layout"
    reference = named(runner, f"registry.example.com/acme/base:1@sha256:{HEX}").reference
    assert str(reference) == f"registry.example.com/acme/base@sha256:{HEX}"


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        (
            "debian:bookworm",
            "`base` is 'debian:bookworm', and there is no such target. An image of a registry has "
            "to be pinned by its digest: a tag may stand for another image tomorrow. `skopeo "
            "inspect --raw docker://debian:bookworm | sha256sum` says what it stands for now; "
            "write 'debian:bookworm@sha256:...'.",
        ),
        (
            "host.example:5000/x:1",
            "`base` is 'host.example:5000/x:1', and there is no such target. An image of a "
            "registry has to be pinned by its digest: a tag may stand for another image tomorrow. "
            "`skopeo inspect --raw docker://host.example:5000/x:1 | sha256sum` says what it stands "
            "for now; write 'host.example:5000/x:1@sha256:...'.",
        ),
        (
            "//nowhere:x",
            "`base` is '//nowhere:x', but there is no such target. Name a `files` target with a "
            "folder in OCI layout, or an image of a registry by its digest.",
        ),
        (
            "x@sha256:123",
            "`base` names an image of a registry, but `123` is no digest: write 64 hexadecimal "
            "digits in lower case after `sha256:`.",
        ),
        (
            f"me:secret@host.example/x@sha256:{HEX}",
            "`base` names an image of a registry, but it has credentials: remove them, as they "
            "come from `docker login`.",
        ),
    ],
)
def test_what_cannot_be_a_base(runner: RuleRunner, written: str, problem: str) -> None:
    image = field_set(runner, application=":a").address
    assert refused(runner, NamedBase, ImageBaseRequest(image, written)) == (
        f"ImageError: An image cannot be built as written:\n  * base:image: {problem}"
    )


def test_what_is_wrong_with_fields_is_said_at_once(runner: RuleRunner) -> None:
    fields = field_set(
        runner,
        application=":high",
        image_tags=["1.0+x"],
        repository="Upper",
        exposed_ports=["http", "80", "-1"],
        workdir="srv",
        env={"A=": ""},
        platforms=["macosx_arm64"],
    )
    text = refused(runner, ImageLayers, ImageLayersRequest(fields))
    summary, *problems = text.splitlines()
    assert summary == "DefinitionError: An image cannot be built as written:"
    beginnings = [
        "`platforms`: `macosx_arm64` is no platform of images: use linux_x86_64 or linux_aarch64.",
        "`env`: `A=` is no name of an environment variable.",
        "`workdir`: `srv` is no working directory of an image: write an absolute path.",
        "`exposed_ports`: `http` is no port: write `8000` or `8000/udp`.",
        "`exposed_ports`: `-1` is no port: write `8000` or `8000/udp`.",
        "`repository`: `Upper` is no name of a repository",
        "`image_tags`: `1.0+x` is no tag: use up to 128 letters, digits, `.`",
        "`application` names base:high, which is no application.",
    ]
    assert len(problems) == len(beginnings)
    for problem, beginning in zip(problems, beginnings):
        assert problem.startswith(f"  * base:image: {beginning}")


def test_an_image_without_tags(runner: RuleRunner) -> None:
    fields = field_set(runner, application=":a", image_tags=[])
    assert refused(runner, ImageLayers, ImageLayersRequest(fields)) == (
        "DefinitionError: An image cannot be built as written:\n"
        "  * base:image: `image_tags` is empty. Name at least one tag."
    )
