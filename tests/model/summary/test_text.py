from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.summaries import PLATFORM, a_large_stack, a_layer
from venvstacks_rules.model.layers.names import LayerKind
from venvstacks_rules.model.locks.freshness import LockState
from venvstacks_rules.model.platforms.target_platforms import PLATFORMS
from venvstacks_rules.model.summary.stack import Overview
from venvstacks_rules.model.summary.text import WIDTH, Ink, render_text
from venvstacks_rules.model.summary.wording import LOCK_WORDS
from venvstacks_rules.model.wording import size_text

RUNTIME = a_layer(LayerKind.RUNTIME, "py", (), [("numpy", 20_000_000)], built=False)
FRAMEWORK = a_layer(
    LayerKind.FRAMEWORK,
    "large",
    [RUNTIME],
    [(f"package-{i}", 1_000 * i) for i in range(1, 13)],
    state=LockState.STALE,
    reasons=("requirement `a` was added", "`[tool.uv]` changed"),
    platforms=tuple(PLATFORMS),
)
FOREIGN = a_layer(LayerKind.FRAMEWORK, "mac", [RUNTIME], platforms=("macosx_arm64",), built=False)
APP = a_layer(
    LayerKind.APPLICATION,
    "app",
    [FRAMEWORK, RUNTIME],
    state=LockState.MISSING,
    built=False,
    description="Does\nit all.",
)
TEXT = """\
src/stack on linux_x86_64: 4 layers

runtimes
└─ py               locked              not built, 50.0 MB to download
     address    src/stack:py
     python     cpython@3.11.13
     platforms  linux_x86_64, macosx_arm64
     packages   1, by wheel size
                  numpy  1.2.3   20.0 MB

frameworks
├─ framework-large  lock is stale       238.0 kB unpacked, 59.5 kB archive
│    address    src/stack:large
│    layers     py
│    platforms  all 6
│    lock       src/stack/requirements/framework-large/pylock.framework-large.toml is stale:
│               requirement `a` was added; `[tool.uv]` changed. Run
│               `./pants generate-lockfiles --resolve=src/stack:large`.
│    packages   12, by unpacked size
│                 package-12  1.2.3   36.0 kB
│                 package-11  1.2.3   33.0 kB
│                 package-10  1.2.3   30.0 kB
│                 package-9   1.2.3   27.0 kB
│                 package-8   1.2.3   24.0 kB
│                 package-7   1.2.3   21.0 kB
│                 package-6   1.2.3   18.0 kB
│                 package-5   1.2.3   15.0 kB
│                 package-4   1.2.3   12.0 kB
│                 package-3   1.2.3    9.0 kB
│               and 2 more: package-2 1.2.3, package-1 1.2.3
│    shared     from py: numpy 1.2.3
└─ framework-mac    locked
     address    src/stack:mac
     layers     py
     platforms  macosx_arm64

applications
└─ app-app          no lock             not built
     address    src/stack:app
     about      Does it all.
     starts     python -m app
     layers     framework-large, py
     platforms  linux_x86_64, macosx_arm64
     lock       there is no src/stack/requirements/app-app/pylock.app-app.toml. Run
                `./pants generate-lockfiles --resolve=src/stack:app`.

a problem with the definitions of layers
  * src/stack:x: first
    - second
"""


def test_the_whole() -> None:
    problems = ["src/stack:x: first\n- second"]
    overview = Overview.of(PLATFORM, [RUNTIME, FRAMEWORK, FOREIGN, APP], problems)
    assert render_text(overview) == TEXT


def test_lines_end_before_the_margin_and_hold_no_blanks_at_the_end() -> None:
    text = render_text(a_large_stack(8, 9))
    for line in text.splitlines():
        assert len(line) <= WIDTH
        assert line == line.rstrip()
    assert text.endswith("\n")


def test_colours_do_not_move_anything() -> None:
    overview = a_large_stack(4, 5)
    inks = set()

    def paint(text: str, ink: Ink) -> str:
        inks.add(ink)
        return f"\x1b[1m{text}\x1b[0m"

    painted = render_text(overview, paint)
    assert painted.replace("\x1b[1m", "").replace("\x1b[0m", "") == render_text(overview)
    assert inks == {Ink.NAME, Ink.GOOD, Ink.WARNING, Ink.BAD}


def test_layers_of_other_places_have_their_address() -> None:
    base = replace(RUNTIME, place="base", address="base:py")
    framework = replace(FRAMEWORK, lower=(("py", "base:py"),))
    text = render_text(Overview.of(PLATFORM, [base, framework]))
    assert "│" not in text
    assert "base, src/stack on linux_x86_64: 2 layers" in text
    assert "     layers     py (base:py)\n" in text


def test_generated_layers_of_one_target_are_of_one_place() -> None:
    place = "src:stack"
    low = replace(RUNTIME, place=place, address="src:stack#py")
    high = replace(
        FRAMEWORK, place=place, address="src:stack#framework-large", lower=(("py", low.address),)
    )
    assert "     layers     py\n" in render_text(Overview.of(PLATFORM, [low, high]))


def test_generated_layers_of_a_target_with_the_name_of_its_folder_are_of_one_place() -> None:
    low = replace(RUNTIME, place="src/stack:stack", address="src/stack#py")
    high = replace(
        FRAMEWORK,
        place="src/stack:stack",
        address="src/stack#framework-large",
        lower=(("py", low.address),),
    )
    assert "     layers     py\n" in render_text(Overview.of(PLATFORM, [low, high]))


def test_what_is_left_out_has_a_line() -> None:
    layer = replace(FRAMEWORK, excluded_size=22_060_547)
    lines = render_text(Overview.of(PLATFORM, [layer])).splitlines()
    assert "     left out   22.1 MB of files of packages" in lines
    assert not [line for line in TEXT.splitlines() if "left out" in line]


def test_notes_and_packages_without_a_wheel() -> None:
    (package,) = RUNTIME.packages
    bare = replace(package, wheel=None, wheel_size=None)
    layer = replace(RUNTIME, packages=(bare,), notes=("x.json does not count: old",))
    text = render_text(Overview.of(PLATFORM, [layer]))
    assert "                  numpy  1.2.3  no wheel fits\n" in text
    assert "     note       x.json does not count: old\n" in text


def test_nothing_speaks_to_the_terminal() -> None:
    evil = "\x1b]0;gone\x07\x9b31m\r\u202e\u2066\ud800"
    layer = replace(RUNTIME, description=evil, notes=(evil,))
    text = render_text(Overview.of(PLATFORM, [layer], [evil]))
    assert not set(text) & set("\x1b\x07\x9b\r\u202e\u2066\ud800")


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (None, ""),
        (0, "0 B"),
        (999, "999 B"),
        (1_000, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (28_725_691, "28.7 MB"),
        (999_999_999, "1.0 GB"),
        (2_345_000_000_000, "2345.0 GB"),
    ],
)
def test_sizes_for_people(size: int | None, text: str) -> None:
    assert size_text(size) == text


def test_every_state_of_a_lock_has_words() -> None:
    assert set(LockState) == set(LOCK_WORDS)
