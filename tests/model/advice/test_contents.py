"""What no program needs, as the linter says it."""

from __future__ import annotations

from dataclasses import replace

from tests.support.advice import framework, linted, runtime
from venvstacks_rules.model.advice.contents import content_findings
from venvstacks_rules.model.advice.findings import Ignored
from venvstacks_rules.model.advice.linted import LintedLayer
from venvstacks_rules.model.contents.ballast import (
    DEBUG_FILES,
    DEBUG_SECTIONS,
    TESTS,
    Ballast,
)

BALLAST = {
    "numpy": (
        Ballast(DEBUG_SECTIONS, "", 3, 4_000_000),
        Ballast(TESTS, "test", 1, 500),
        Ballast(TESTS, "tests", 300, 8_000_000),
    ),
    "torch": (Ballast(DEBUG_FILES, "*.pdb", 1, 2_000_000),),
    "six": (Ballast(TESTS, "tests", 1, 999), Ballast(DEBUG_SECTIONS, "", 1, 999)),
}


def layers(stack_file: str | None = None) -> list[LintedLayer]:
    return linted(runtime(), framework("fw"), ballast={"fw": BALLAST}, stack_file=stack_file)


def lines(found: list[LintedLayer], *ignored: str, least: int = 1000) -> list[str]:
    findings = content_findings(found, least=least, ignored=Ignored(ignored))
    return [line for each in findings for line in each.lines]


def test_one_edit_for_all_files_of_a_layer() -> None:
    assert lines(layers()) == [
        "src:fw: no program needs tests of `numpy` (301 files, 8.0 MB), symbols for debuggers of "
        "`torch` (1 file, 2.0 MB), unless it imports them. This saves 10.0 MB unpacked. "
        "[debug-symbols, tests]",
        '    src:fw: exclude_files={"numpy": ["test", "tests"], "torch": ["*.pdb"]}',
        "src:fw: libraries have symbols for debuggers in them: `numpy` (3 files, 4.0 MB). This "
        "saves 4.0 MB unpacked. [debug-symbols]",
        "    run `strip --strip-debug` on the libraries in the wheels of `numpy`, and put the "
        "wheels into a folder of the repository:",
        '    src:fw: local_wheels=["wheels"]',
    ]


def test_a_stack_file_has_it_in_overrides() -> None:
    found = lines(layers("src/venvstacks.toml"), "tests")
    assert found[1] == (
        '    src:stack: overrides={"framework-fw": {"exclude_files": {"torch": ["*.pdb"]}}}'
    )
    assert found[-1] == ('    src:stack: overrides={"framework-fw": {"local_wheels": ["wheels"]}}')


def test_what_is_ignored_and_what_is_too_small() -> None:
    assert lines(layers(), "tests", "debug-symbols") == []
    assert lines(layers(), least=9_000_000) == []
    only = lines(layers(), "debug-symbols", least=999)
    assert [line.partition(" (")[0] for line in only[:1]] == [
        "src:fw: no program needs tests of `numpy`"
    ]
    assert '"six": ["tests"]' in only[1]
    assert lines(layers(), "debug-symbols", "tests:numpy") == []


def test_symbols_in_libraries_that_are_built() -> None:
    symbols = (Ballast(DEBUG_SECTIONS, "", 1, 2000),)
    (layer,) = linted(
        runtime(build_from_source=("numpy",)), ballast={"py": {"numpy": symbols, "ours": symbols}}
    )
    assert lines([replace(layer, own_distributions=("ours",))]) == [
        "src:py: libraries have symbols for debuggers in them: `numpy` (1 file, 2.0 kB). This "
        "saves 2.0 kB unpacked. [debug-symbols]",
        "    run `strip --strip-debug` on the libraries in the wheels of `numpy`, and put the "
        "wheels into a folder of the repository:",
        '    src:py: local_wheels=["wheels"]',
        "    and remove `numpy` from `build_from_source`",
    ]
    assert lines([replace(layer, own_distributions=("numpy", "ours"))]) == []
