"""Requirements as other tools write them."""

from __future__ import annotations

import pytest
from packaging.requirements import Requirement

from venvstacks_rules.model.layers.meant_requirements import meant_instead
from venvstacks_rules.model.layers.requirements import requirement_problem


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("requests 2.0", "requests==2.0"),
        ("requests=2.31", "requests==2.31"),
        ("requests = 2.*", "requests==2.*"),
        ("requests[socks]@2.31.0", "requests[socks]==2.31.0"),
        ("requests v2", "requests==2"),
        ("requests ^2.1", "requests>=2.1,<3"),
        ("requests@^0.3.1", "requests>=0.3.1,<0.4"),
        ("requests ^0.0.2", "requests>=0.0.2,<0.0.3"),
        ("requests ^0", "requests>=0,<1"),
        ("requests ~1.2", "requests~=1.2"),
        ("requests ~1", "requests==1.*"),
    ],
)
def test_versions_of_other_tools(written: str, meant: str) -> None:
    Requirement(meant)
    problem = requirement_problem(written)
    assert problem is not None
    assert problem.startswith(f"is {written!r}, which is not a requirement: ")
    assert problem.endswith(f". Did you mean {meant!r}?")


@pytest.mark.parametrize(
    ("written", "remedy"),
    [
        ("-r reqs.txt", "a `python_requirements` target: write its address, for example '//3rdp"),
        ("--requirement reqs.txt", "a `python_requirements` target"),
        (
            "-e .",
            "belongs to `dependencies`: a `python_sources` target, or a `python_distribution`.",
        ),
        ("../lib", "belongs to `dependencies`"),
        ("git+https://h/x@main", "before it: 'NAME @ git+https://h/x@main'."),
        ("https://h/a_b-1.0-py3-none-any.whl#x", "'a_b @ https://h/a_b-1.0-py3-none-any.whl#x'."),
        ("./w/a_b-1.0-1-py3-none-any.whl", "'a_b @ file:./w/a_b-1.0-1-py3-none-any.whl'."),
        ("rich>>13", "Write it as in PEP 508, for example 'scikit-learn>=1.5'."),
        ("not a requirement", "Write it as in PEP 508"),
    ],
)
def test_what_is_no_requirement(written: str, remedy: str) -> None:
    assert remedy in str(requirement_problem(written))


def test_credentials_are_not_repeated() -> None:
    assert "secret" not in str(requirement_problem("git+https://me:secret@h/x@main"))


@pytest.mark.parametrize("length", [10, 10_000])
def test_long_text_takes_no_time(length: int) -> None:
    for text in ("a-" * length + "!", "a " + "1." * length + "!", "-" * length, "../" * length):
        meant_instead(text)
