"""Layers of a stack file that name each other wrongly: what a user reads of each."""

from __future__ import annotations

import pytest

from tests.support.stack_files import (
    APPLICATION,
    FRAMEWORK,
    OTHER_FRAMEWORK,
    RUNTIME,
    layer,
    problems,
)

WRONG: dict[str, tuple[str, ...]] = {
    # Names.
    "no name": (
        layer(RUNTIME, name=""),
        '`runtimes[0].name` is missing. Write, for example, `name = "sklearn"`.',
    ),
    "a name that is none": (
        layer(RUNTIME, name="3.11"),
        '`runtimes[0].name` is a float, not a string. Write, for example, `name = "sklearn"`.',
    ),
    "an empty name": (
        layer(RUNTIME, name='""'),
        "`runtimes[0].name` is '', which cannot be used: a layer's name may contain only "
        "ASCII letters, digits, `.`, `_`, `-`, `@` and `+`, and must start and end with a letter "
        "or digit. Rename the layer.",
    ),
    "a name that is a path": (
        RUNTIME + layer(FRAMEWORK, name='"a/b"'),
        "`frameworks[0].name` is 'a/b', which cannot be used: a layer's name may contain only "
        "ASCII letters, digits, `.`, `_`, `-`, `@` and `+`, and must start and end with a letter "
        "or digit. Rename the layer.",
    ),
    "a reserved name": (
        layer(RUNTIME, name='"framework-py"'),
        "`runtimes[0].name` is 'framework-py', which cannot be used: `framework-` at the start is "
        "reserved for framework layers. Rename the layer.",
    ),
    "a name twice": (
        RUNTIME + FRAMEWORK + OTHER_FRAMEWORK + FRAMEWORK,
        "`frameworks[2]`: it would be deployed to `framework-fw`, as `frameworks[0]` is. "
        "Rename one of them.",
    ),
    "names that differ by case": (
        RUNTIME + FRAMEWORK + layer(FRAMEWORK, name='"FW"'),
        "`frameworks[1]`: it would be deployed to `framework-fw`, as `frameworks[0]` is. "
        "Rename one of them.",
    ),
    # What a layer is built on.
    "neither runtime nor frameworks": (
        RUNTIME + layer(FRAMEWORK, runtime=""),
        "`frameworks[0]`: neither `runtime` nor `frameworks` is set. Set `runtime` for a "
        "layer directly on a runtime, or `frameworks` for a layer on frameworks.",
    ),
    "no frameworks": (
        RUNTIME + layer(APPLICATION, frameworks="[]"),
        "`applications[0]`: neither `runtime` nor `frameworks` is set. Set `runtime` for a "
        "layer directly on a runtime, or `frameworks` for a layer on frameworks.",
    ),
    "both runtime and frameworks": (
        RUNTIME + FRAMEWORK + layer(APPLICATION, runtime='"py"'),
        "`applications[0]`: `runtime` and `frameworks` are both set. Set `runtime` for a "
        "layer directly on a runtime, or `frameworks` for a layer on frameworks.",
    ),
    "a runtime and no frameworks": (
        RUNTIME + layer(FRAMEWORK, frameworks="[]"),
        "`frameworks[0].frameworks` is empty, but `runtime` is set. Remove one of them.",
    ),
    "a list for the runtime": (
        RUNTIME + layer(FRAMEWORK, runtime='["py"]'),
        "`frameworks[0].runtime` is a list, not a string. Write, for example, "
        '`runtime = "cpython-3.11"`.',
    ),
    "a string for the frameworks": (
        RUNTIME + FRAMEWORK + layer(APPLICATION, frameworks='"fw"'),
        "`applications[0].frameworks` is a string, not a list of strings. Write, for example, "
        '`frameworks = ["sklearn"]`.',
    ),
    "a framework that is no string": (
        RUNTIME + FRAMEWORK + layer(APPLICATION, frameworks='["fw", { name = "fw" }]'),
        "`applications[0].frameworks[1]` is a table, not a string. Write, for example, "
        '`frameworks = ["sklearn"]`.',
    ),
    "an unknown runtime": (
        FRAMEWORK,
        "`frameworks[0].runtime` names 'py', but the file has no runtime of that name. "
        "Define it above this layer, as `[[runtimes]]`.",
    ),
    "an unknown framework": (
        RUNTIME + FRAMEWORK + OTHER_FRAMEWORK + layer(APPLICATION, frameworks='["fw", "torch"]'),
        "`applications[0].frameworks[1]` names 'torch', but the file has no framework of that "
        "name. Choose from 'fw', 'other'.",
    ),
    "a misspelt framework": (
        RUNTIME + FRAMEWORK + OTHER_FRAMEWORK + layer(APPLICATION, frameworks='["othr"]'),
        "`applications[0].frameworks[0]` names 'othr', but the file has no framework of that "
        "name. Did you mean 'other'?",
    ),
    "a layer name for a framework": (
        RUNTIME + FRAMEWORK + layer(APPLICATION, frameworks='["framework-fw"]'),
        "`applications[0].frameworks[0]` names 'framework-fw', but the file has no framework of "
        "that name. Did you mean 'fw'?",
    ),
    "a framework as the runtime": (
        RUNTIME + FRAMEWORK + layer(APPLICATION, frameworks="", runtime='"fw"'),
        "`applications[0].runtime` names 'fw', but the file has no runtime of that name. It has "
        "such a framework: name it in `frameworks`, without `runtime`.",
    ),
    "a runtime as a framework": (
        RUNTIME + layer(APPLICATION, frameworks='["py"]'),
        "`applications[0].frameworks[0]` names 'py', but the file has no framework of that name. "
        "It has such a runtime: name it in `runtime`, without `frameworks`.",
    ),
    "a framework further down": (
        RUNTIME + layer(FRAMEWORK, runtime="", frameworks='["other"]') + OTHER_FRAMEWORK,
        "`frameworks[0].frameworks[0]` names 'other', which the file defines further down, as "
        "`frameworks[1]`. Move that layer up, before this one.",
    ),
    "frameworks on each other": (
        RUNTIME
        + layer(FRAMEWORK, runtime="", frameworks='["other"]')
        + layer(OTHER_FRAMEWORK, runtime="", frameworks='["third"]')
        + layer(FRAMEWORK, name='"third"', runtime="", frameworks='["fw"]')
        + layer(FRAMEWORK, name='"free"'),
        "`frameworks[0].frameworks[0]` names 'other', which is built on this layer in turn: "
        "`frameworks[0]` -> `frameworks[1]` -> `frameworks[2]` -> `frameworks[0]`. Remove one of "
        "these references. A layer that is left without frameworks needs a `runtime`.",
        "`frameworks[1].frameworks[0]` names 'third', which is built on this layer in turn: "
        "`frameworks[1]` -> `frameworks[2]` -> `frameworks[0]` -> `frameworks[1]`. Remove one of "
        "these references. A layer that is left without frameworks needs a `runtime`.",
    ),
    "frameworks on each other and on one": (
        RUNTIME
        + layer(FRAMEWORK, runtime="", frameworks='["other", "free"]')
        + layer(OTHER_FRAMEWORK, runtime="", frameworks='["free", "fw"]')
        + layer(FRAMEWORK, name='"free"'),
        "`frameworks[0].frameworks[0]` names 'other', which is built on this layer in turn: "
        "`frameworks[0]` -> `frameworks[1]` -> `frameworks[0]`. Remove one of these references.",
        "`frameworks[0].frameworks[1]` names 'free', which the file defines further down, as "
        "`frameworks[2]`. Move that layer up, before this one.",
        "`frameworks[1].frameworks[0]` names 'free', which the file defines further down, as "
        "`frameworks[2]`. Move that layer up, before this one.",
    ),
    "a framework on itself": (
        RUNTIME + layer(FRAMEWORK, runtime="", frameworks='["fw"]'),
        "`frameworks[0].frameworks[0]` names 'fw', which is the layer itself. Remove it.",
    ),
    "a framework twice": (
        RUNTIME + FRAMEWORK + layer(APPLICATION, frameworks='["fw", "fw"]'),
        "`applications[0].frameworks[1]` names 'fw', which is listed already. Remove one of them.",
    ),
    "frameworks on two runtimes": (
        RUNTIME
        + layer(RUNTIME, name='"py2"')
        + FRAMEWORK
        + layer(OTHER_FRAMEWORK, runtime='"py2"')
        + layer(APPLICATION, frameworks='["fw", "other"]'),
        "`applications[0].frameworks[1]` names `framework-other`, whose runtime is `py2`, but "
        "`framework-fw` is on `py`. All frameworks of a layer share one runtime.",
    ),
    "an inconsistent import order": (
        RUNTIME
        + FRAMEWORK
        + OTHER_FRAMEWORK
        + layer(FRAMEWORK, name='"x"', runtime="", frameworks='["fw", "other"]')
        + layer(FRAMEWORK, name='"y"', runtime="", frameworks='["other", "fw"]')
        + layer(APPLICATION, frameworks='["x", "y"]'),
        "`applications[0].frameworks` is [`framework-x`, `framework-y`], for which there is no "
        "consistent import order: each of `framework-fw` and `framework-other` has to come before "
        "the other. List a framework before those that it builds on, in the same order everywhere.",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_mistakes_are_told(case: str) -> None:
    text, *messages = WRONG[case]
    assert problems(text) == messages
