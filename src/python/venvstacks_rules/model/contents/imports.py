"""The modules that programs can import from the packages of a layer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from venvstacks_rules.model.contents.segments import Segment, by_source
from venvstacks_rules.model.contents.top_level import top_level_module

# Folders that some wheels leave in site-packages by mistake; programs do not import them.
_STRAY = frozenset({"benchmarks", "docs", "examples", "test", "tests"})


def declared_distributions(
    requirements: Iterable[str], environment: Mapping[str, str]
) -> tuple[str, ...]:
    """The normalised names of the requirements that apply in a marker environment, sorted."""
    parsed = [Requirement(text) for text in requirements]
    return tuple(
        sorted(
            {
                str(canonicalize_name(requirement.name))
                for requirement in parsed
                if requirement.marker is None or requirement.marker.evaluate(dict(environment))
            }
        )
    )


def top_level_modules(
    segments: Iterable[Segment], site_packages: PurePosixPath
) -> dict[str, tuple[str, ...]]:
    """The modules that each wheel puts into site-packages, by normalised distribution name.

    If two layers have the same distribution, the first one counts, as in an import. Private modules
    count only if a wheel has no others.
    """
    found: dict[str, tuple[str, ...]] = {}
    for source, parts in by_source(segments).items():
        if not source.endswith(".whl"):
            continue
        distribution = str(canonicalize_name(source.split("-")[0]))
        names = {
            name
            for segment in parts
            for file in segment.files
            if (name := top_level_module(PurePosixPath(file.path), site_packages)) is not None
        }
        for unwanted in ({n for n in names if n in _STRAY}, {n for n in names if n[0] == "_"}):
            names = names - unwanted or names
        found.setdefault(distribution, tuple(sorted(names)))
    return found
