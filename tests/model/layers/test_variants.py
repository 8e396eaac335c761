"""Names of the variants of a parametrized target, and of the folders of their archives."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.definitions import framework, problems, runtime
from venvstacks_rules.model.layers.variants import archive_variant, name_of_variant


@pytest.mark.parametrize(
    ("parameters", "name", "archive"),
    [
        ({}, "torch", ""),
        ({"parametrize": "cuda"}, "torch-cuda", ""),
        ({"runtime": "py311", "package_indexes": "cuda"}, "torch-cuda-py311", ""),
        # The layer is the same, and keeps its name.
        ({"archive_format": "tar.zst"}, "torch", "tar.zst"),
        ({"archive_format": "zip", "runtime": "py311"}, "torch-py311", "zip"),
        ({"environment": "docker", "compression_level": "small"}, "torch", "small-docker"),
        ({"byte_code": "included"}, "torch", "included"),
    ],
)
def test_the_name_of_a_variant(parameters: dict[str, str], name: str, archive: str) -> None:
    assert name_of_variant("torch", parameters) == name
    assert archive_variant(parameters) == archive


def test_archives_of_one_layer_do_not_clash() -> None:
    archives = [
        framework("fw", address=f"src:fw@archive_format={name}", packed_layer="src:fw framework-fw")
        for name in ("tar.zst", "zip")
    ]
    assert problems(runtime(), *archives) == []
    other = replace(archives[0], packed_layer="src:other framework-fw")
    assert problems(runtime(), other, archives[1]) == [
        "src:fw@archive_format=zip: it would be deployed to `framework-fw`, as "
        "src:fw@archive_format=tar.zst is. Rename one of them."
    ]


def test_a_name_that_parametrize_makes() -> None:
    variant = framework("fw-a b", address="src:fw@runtime=a b", variant="a b")
    assert problems(runtime(), variant) == [
        "src:fw@runtime=a b: `name` is 'fw-a b', which cannot be used: a layer's name may contain "
        "only ASCII letters, digits, `.`, `_`, `-`, `@` and `+`, and must start and end with a "
        "letter or digit. `parametrize` adds 'a b': give the value another name, as in "
        "`parametrize(name=value)`."
    ]
