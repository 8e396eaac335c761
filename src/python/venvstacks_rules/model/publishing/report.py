"""The report on a publish: for people, and for programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from venvstacks_rules.model.json_codec import to_data
from venvstacks_rules.model.publishing.plan import (
    CREATED,
    MOVED,
    ChannelChange,
    PlannedLayer,
    PublishedDelta,
    PublishPlan,
    PublishResult,
)
from venvstacks_rules.model.wording import and_more, counted, quoted, size_text

_MOST_NAMES = 5
"""Of new segments, in a line."""


def plan_text(plan: PublishPlan) -> str:
    """What a publish would do."""
    if not plan.changes:
        return "\n".join([_nothing(plan), *_left(plan.left)])
    lines = [f"To publish to {plan.repository}:", *_table(plan, "to send")]
    lines += [
        f"  {stack.name} {stack.version} for {stack.platform} is new"
        for stack in plan.stacks
        if not stack.known
    ]
    lines += [_planned(channel) for channel in plan.channels if channel.changes]
    return "\n".join([*lines, *_left(plan.left)])


def result_text(result: PublishResult) -> str:
    """What a publish did."""
    plan = result.plan
    if not plan.changes:
        return "\n".join([_nothing(plan), *_left(result.left)])
    lines = [f"Published to {plan.repository}:", *_table(plan, "sent")]
    others = plan.new_size - result.sent_size
    if others > 0:
        lines.append(f"  {size_text(others)} of it had come from another publish by then")
    lines += [
        f"  {stack.name} {stack.version} for {stack.platform} is new"
        for stack in plan.stacks
        if not stack.known
    ]
    lines += (f"  {delta_line(delta)}" for delta in result.deltas)
    for channel in result.channels:
        if channel.changes:
            lines.append(_moved(channel))
        if channel.overtaken:
            lines.append(
                f"    another publisher had moved it to {quoted(channel.overtaken)} meanwhile;"
                " that is in its history"
            )
    return "\n".join([*lines, *_left(result.left)])


def plan_data(plan: PublishPlan) -> dict[str, Any]:
    """What a publish would do, for programs."""
    return {
        "repository": plan.repository,
        "changes": plan.changes,
        "bytes_to_send": plan.new_size,
        "bytes_shared": plan.shared_size,
        "layers": to_data(plan.layers),
        "stacks": to_data(plan.stacks),
        "channels": to_data(plan.channels),
        "missing_blobs": list(plan.missing),
        "missing_archives": list(plan.archives),
    }


def _nothing(plan: PublishPlan) -> str:
    return f"Nothing new for {plan.repository}: it has {counted(len(plan.layers), 'layer')}."


def _table(plan: PublishPlan, sent: str) -> Iterator[str]:
    rows = [_row(layer) for layer in plan.new_layers]
    if len(rows) > 1:
        size = sum(layer.new_size for layer in plan.new_layers)
        shared = sum(layer.size for layer in plan.new_layers) - size
        rows.append(("together", "", size_text(size), size_text(shared), ""))
    widths = [max((len(row[i]) for row in rows), default=0) for i in range(4)]
    for name, platform, new_size, shared_size, segments in rows:
        yield (
            f"    {name:{widths[0]}}  {platform:{widths[1]}}  {new_size:>{widths[2]}} {sent},"
            f" {shared_size:>{widths[3]}} shared{segments}"
        )
    known = len(plan.layers) - len(plan.new_layers)
    if known:
        yield f"  {counted(known, 'layer')} {'is' if known == 1 else 'are'} there already"
    if plan.archives:
        yield (
            f"  {counted(len(plan.archives), 'file')} of archives,"
            f" {size_text(plan.archives_size)} {sent}"
        )


def _row(layer: PlannedLayer) -> tuple[str, str, str, str, str]:
    new = len(layer.new_segments)
    # A wheel with large files has several.
    sources = tuple(dict.fromkeys(layer.new_segments))
    names = f" ({and_more(sources, _MOST_NAMES)})" if new else ""
    return (
        layer.install_target,
        layer.platform,
        size_text(layer.new_size),
        size_text(layer.size - layer.new_size),
        f"; segments: {layer.segments - new} shared, {new} new{names}",
    )


def delta_line(delta: PublishedDelta) -> str:
    """What became of a delta, for people."""
    place = f"{delta.source} for {delta.platform}"
    if delta.problem:
        return f"no delta of {place}: {delta.problem}"
    return (
        f"a delta of {place}: clients fetch {size_text(delta.size)} in place of"
        f" {size_text(delta.full_size)}"
    )


def _planned(change: ChannelChange) -> str:
    place = _place(change)
    if change.change == CREATED:
        return f"  {place} is new, and will point at {change.version}"
    return f"  {place} will move from {change.before} to {change.version}"


def _moved(change: ChannelChange) -> str:
    place = _place(change)
    if change.change == MOVED:
        return f"  {place} moved from {change.before} to {change.version}"
    return f"  {place} is new, and points at {change.version}"


def _left(changes: Iterable[ChannelChange]) -> Iterator[str]:
    for change in changes:
        yield f"  {_place(change)} still points at {change.before}: {change.reason}"


def _place(change: ChannelChange) -> str:
    return f"the channel `{change.channel}` of {change.name} for {change.platform}"
