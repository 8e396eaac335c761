from __future__ import annotations

import json
from dataclasses import replace

from venvstacks_rules.model.publishing.plan import (
    ChannelChange,
    PlannedLayer,
    PlannedStack,
    PublishPlan,
    PublishResult,
)
from venvstacks_rules.model.publishing.report import (
    plan_data,
    plan_text,
    result_text,
)

LINUX = "linux_x86_64"
RUNTIME = PlannedLayer("cpython", "cpython@2", LINUX, "a" * 64, True, 2, (), 40_000_000, 0)
FRAMEWORK = PlannedLayer(
    "framework-web", "framework-web", LINUX, "b" * 64, False, 31, ("rich.whl",), 9_000_000, 30_000
)
APP = PlannedLayer("app-x", "app-x", LINUX, "c" * 64, False, 1, ("layer",), 2_000, 2_000)
CHANNEL = ChannelChange("release", "stable", LINUX, "1.1", "moved", "1.0", 1)
PLAN = PublishPlan(
    "s3://bucket/store",
    (RUNTIME, FRAMEWORK, APP),
    (PlannedStack("release", "1.1", LINUX, False),),
    (CHANNEL,),
    ("d" * 64,),
)
NOTHING = PublishPlan(
    "s3://bucket/store",
    (RUNTIME,),
    (PlannedStack("release", "1.1", LINUX, True),),
    (replace(CHANNEL, change="same", before="1.1"),),
    (),
)


def test_the_plan_for_people() -> None:
    assert plan_text(PLAN) == (
        "To publish to s3://bucket/store:\n"
        "    framework-web  linux_x86_64  30.0 kB to send, 9.0 MB shared; segments: 30 shared, 1"
        " new (rich.whl)\n"
        "    app-x          linux_x86_64   2.0 kB to send,    0 B shared; segments: 0 shared, 1"
        " new (layer)\n"
        "    together                     32.0 kB to send, 9.0 MB shared\n"
        "  1 layer is there already\n"
        "  release 1.1 for linux_x86_64 is new\n"
        "  the channel `stable` of release for linux_x86_64 will move from 1.0 to 1.1"
    )


def test_the_result_for_people() -> None:
    created = replace(CHANNEL, channel="beta", change="created", before=None)
    overtaken = replace(CHANNEL, before="1.0.1", overtaken=("1.0.1",))
    left = replace(CHANNEL, channel="old", change="left", before="2.0", reason="it has moved on")
    text = result_text(PublishResult(PLAN, (overtaken, created, left), 30_000))
    assert text.splitlines()[0] == "Published to s3://bucket/store:"
    assert text.splitlines()[3:] == [
        "    together                     32.0 kB sent, 9.0 MB shared",
        "  1 layer is there already",
        "  2.0 kB of it had come from another publish by then",
        "  release 1.1 for linux_x86_64 is new",
        "  the channel `stable` of release for linux_x86_64 moved from 1.0.1 to 1.1",
        "    another publisher had moved it to `1.0.1` meanwhile; that is in its history",
        "  the channel `beta` of release for linux_x86_64 is new, and points at 1.1",
        "  the channel `old` of release for linux_x86_64 still points at 2.0: it has moved on",
    ]


def test_nothing_new_says_so() -> None:
    expected = "Nothing new for s3://bucket/store: it has 1 layer."
    assert plan_text(NOTHING) == expected
    assert result_text(PublishResult(NOTHING, NOTHING.channels, 0)) == expected
    left = replace(CHANNEL, change="left", before="2.0", reason="it has moved on")
    plan = replace(NOTHING, channels=(left,))
    line = "  the channel `stable` of release for linux_x86_64 still points at 2.0: it has moved on"
    assert plan_text(plan) == f"{expected}\n{line}"
    assert result_text(PublishResult(plan, (left,), 0)) == f"{expected}\n{line}"


def test_archives_have_a_line() -> None:
    plan = replace(NOTHING, archives=("archives/release/1.1/x.zip",), archives_size=5_000_000)
    assert plan.changes
    assert plan_text(plan) == (
        "To publish to s3://bucket/store:\n"
        "  1 layer is there already\n"
        "  1 file of archives, 5.0 MB to send"
    )


def test_the_data_for_programs() -> None:
    data = json.loads(json.dumps(plan_data(PLAN)))
    assert (data["changes"], data["bytes_to_send"], data["bytes_shared"]) == (
        True,
        32_000,
        40_000_000 + 9_000_000 - 30_000,
    )
    assert data["missing_blobs"] == ["d" * 64]
    assert data["layers"][1]["new_segments"] == ["rich.whl"]
    assert data["channels"][0]["change"] == "moved"
    assert data["stacks"] == [
        {"name": "release", "version": "1.1", "platform": LINUX, "known": False}
    ]
