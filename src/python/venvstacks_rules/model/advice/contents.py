"""What layers have that no program needs, by the contents of their wheels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from venvstacks_rules.model.advice.findings import DEBUG, TESTS, Finding, Ignored
from venvstacks_rules.model.advice.linted import LintedLayer
from venvstacks_rules.model.contents import ballast
from venvstacks_rules.model.contents.ballast import Ballast
from venvstacks_rules.model.wording import counted, quoted, size_text

_CHECKS = {ballast.TESTS: TESTS, ballast.DEBUG_FILES: DEBUG, ballast.DEBUG_SECTIONS: DEBUG}


def content_findings(
    layers: Iterable[LintedLayer], *, least: int, ignored: Ignored
) -> list[Finding]:
    """Tests and symbols for debuggers, from `least` bytes of one kind in a package on."""
    found = []
    for layer in sorted(layers, key=lambda layer: layer.address):
        kept = [
            (name, each)
            for name, of_package in layer.ballast
            for each in of_package
            if not ignored.has(_CHECKS[each.kind], name)
        ]
        found += [*_files(layer, kept, least), *_sections(layer, kept, least)]
    return found


def _files(
    layer: LintedLayer, kept: Iterable[tuple[str, Ballast]], least: int
) -> Iterator[Finding]:
    """Files to leave out: one edit for all of a layer."""
    files: dict[tuple[str, str], list[Ballast]] = {}
    for name, each in kept:
        if each.kind != ballast.DEBUG_SECTIONS:
            files.setdefault((name, _CHECKS[each.kind]), []).append(each)
    worth = {key: found for key, found in files.items() if sum(b.size for b in found) >= least}
    if not worth:
        return
    excluded: dict[str, list[str]] = {}
    parts = []
    for (name, check), found in worth.items():
        excluded.setdefault(name, []).extend(each.glob for each in found)
        what = "tests" if check == TESTS else "symbols for debuggers"
        size, count = sum(b.size for b in found), counted(sum(b.files for b in found), "file")
        parts.append(f"{what} of `{name}` ({count}, {size_text(size)})")
    yield Finding(
        tuple(sorted({check for _, check in worth})),
        f"{layer.address}: no program needs {', '.join(parts)}, unless it imports them",
        sum(each.size for found in worth.values() for each in found),
        "unpacked",
        (layer.definition.excluding(excluded),),
    )


def _sections(
    layer: LintedLayer, kept: Iterable[tuple[str, Ballast]], least: int
) -> Iterator[Finding]:
    """Symbols inside of libraries, which no field takes out."""
    # The repository itself says how its distributions are built.
    found = {
        name: each
        for name, each in kept
        if each.kind == ballast.DEBUG_SECTIONS and each.size >= least
        if name not in layer.own_distributions
    }
    if not found:
        return
    parts = [
        f"`{name}` ({counted(each.files, 'file')}, {size_text(each.size)})"
        for name, each in found.items()
    ]
    from_source = [name for name in found if name in layer.layer.build_from_source]
    yield Finding(
        (DEBUG,),
        f"{layer.address}: libraries have symbols for debuggers in them: {', '.join(parts)}",
        sum(each.size for each in found.values()),
        "unpacked",
        (
            f"run `strip --strip-debug` on the libraries in the wheels of {quoted(found)}, and put "
            "the wheels into a folder of the repository:",
            layer.definition.with_wheel_folder(),
            *(
                (f"and remove {quoted(from_source)} from `build_from_source`",)
                if from_source
                else ()
            ),
        ),
    )
