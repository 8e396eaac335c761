"""``venvstacks-show``: the content of a stack, as text, as JSON or as a page."""

from __future__ import annotations

import enum
import logging
import os.path
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from pants.base.build_root import BuildRoot
from pants.core.util_rules.distdir import DistDir
from pants.engine.console import Console
from pants.engine.goal import Goal, GoalSubsystem, Outputting
from pants.engine.target import Targets
from pants.option.option_types import BoolOption, EnumOption, StrOption
from pants.util.strutil import softwrap

from venvstacks_rules.model.errors import VenvstacksError
from venvstacks_rules.model.platforms.target_platforms import PLATFORMS
from venvstacks_rules.model.summary.comparison import compared
from venvstacks_rules.model.summary.page import render_page
from venvstacks_rules.model.summary.stack import Overview
from venvstacks_rules.model.summary.text import Ink, plain, render_text
from venvstacks_rules.pants_backend.engine import collect_rules, goal_rule, implicitly
from venvstacks_rules.pants_backend.goals.dist_files import find_build, read_earlier, write_whole
from venvstacks_rules.pants_backend.goals.shown_layers import ShownLayersRequest, shown_layers

logger = logging.getLogger(__name__)


class PlatformChoice(enum.Enum):
    """The target platforms, for the option."""

    NATIVE = "native"
    LINUX_X86_64 = "linux_x86_64"
    LINUX_AARCH64 = "linux_aarch64"
    MACOSX_ARM64 = "macosx_arm64"
    MACOSX_X86_64 = "macosx_x86_64"
    WIN_AMD64 = "win_amd64"
    WIN_ARM64 = "win_arm64"


assert [choice.value for choice in PlatformChoice] == ["native", *PLATFORMS]


class ShowSubsystem(Outputting, GoalSubsystem):
    """Options of the goal."""

    name = "venvstacks-show"
    help = softwrap(
        """
        Show layers, and all layers below them: the state of their locks, their packages and their
        sizes. The goal locks nothing and builds no layer, only wheels of `python_distribution`
        targets that layers have, to judge their locks.
        """
    )

    json = BoolOption(
        default=False,
        help="Show JSON instead of text. The reference lists its keys.",
    )
    html = StrOption(
        default=None,
        metavar="<path>",
        help=softwrap(
            """
            Write a page with the graph of the layers and their sizes to this file, relative to the
            build root, instead of showing text. The page needs no network and no scripts.
            """
        ),
    )
    compare = StrOption(
        default=None,
        metavar="<path>",
        help=softwrap(
            """
            Say what changed since an earlier run with `--json` wrote this file, relative to the
            build root: layers, versions of packages, sizes. Name the same layers as then.
            """
        ),
    )
    platform = EnumOption(
        default=PlatformChoice.NATIVE,
        help=softwrap(
            """
            The target platform to show packages and sizes for; `native` is that of this machine.
            """
        ),
    )


class Show(Goal):
    """The goal itself."""

    subsystem_cls = ShowSubsystem
    environment_behavior = Goal.EnvironmentBehavior.LOCAL_ONLY


@goal_rule
async def show(
    console: Console,
    targets: Targets,
    options: ShowSubsystem,
    dist_dir: DistDir,
    build_root: BuildRoot,
) -> Show:
    chosen = options.platform
    platform = None if chosen is PlatformChoice.NATIVE else chosen.value
    shown = await shown_layers(ShownLayersRequest(tuple(targets), platform), **implicitly())
    root = build_root.pathlib_path
    layers = []
    for layer in shown.layers:
        expected = layer.expected_build(shown.platform)
        built, notes = find_build(root / dist_dir.relpath, layer.folders, expected)
        if built is not None:
            documents = ((name, Path(path).relative_to(root)) for name, path in built.documents)
            paths = tuple((name, path.as_posix()) for name, path in documents)
            built = replace(built, documents=paths)
        layers.append(layer.summary(shown.platform, built, notes))
    overview = Overview.of(shown.platform, layers, shown.problems, shown.broken_files)
    if options.compare:
        content = read_earlier(root / options.compare, written=options.compare)
        try:
            changes = compared(content, overview.to_dict(), options.compare)
        except VenvstacksError as e:
            raise VenvstacksError(
                f"`--venvstacks-show-compare` is {options.compare!r}, which is not the JSON of an "
                f"earlier run: {e}."
            ) from None
        overview = replace(overview, comparison=changes)
    if not layers and not shown.problems:
        logger.warning("No layers were named. Name targets of layers, or `::` for all.")
    if options.html:
        page = render_page(overview, os.path.relpath(root, (root / options.html).parent))
        write_whole(
            root / options.html, page, option="--venvstacks-show-html", written=options.html
        )
        logger.info("Wrote %s", options.html)
    if options.json or not options.html:
        with options.output(console) as write:
            write(f"{overview.to_json()}\n" if options.json else _text(overview, console, options))
    return Show(exit_code=1 if shown.problems else 0)


def _text(overview: Overview, console: Console, options: ShowSubsystem) -> str:
    if options.output_file:
        return render_text(overview, plain)
    colours = {
        Ink.NAME: console.cyan,
        Ink.GOOD: console.green,
        Ink.WARNING: console.yellow,
        Ink.BAD: console.red,
    }
    return render_text(overview, lambda text, ink: colours[ink](text))


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
