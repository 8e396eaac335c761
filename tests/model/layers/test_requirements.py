from __future__ import annotations

import pytest

from venvstacks_rules.model.layers.requirements import requirement_problem

NO_WHEEL = (
    "is {!r}, a direct reference to something other than a wheel on a web server. Build a wheel of "
    "it and put it into a folder of `local_wheels`, or name the URL of a wheel, for example "
    "'rich @ https://example.org/rich-13.9.4-py3-none-any.whl'."
)


@pytest.mark.parametrize(
    "written",
    [
        "numpy",
        "NumPy[a,b]>=1.2,<3 ; python_version >= '3.9' and sys_platform == 'linux'",
        "rich @ https://example.org/rich-13.9.4-py3-none-any.whl",
        "rich[x] @ http://localhost:8000/rich-13.9.4-py3-none-any.whl#sha256=0123 ; os_name=='nt'",
        "torch===2.8.0+cpu",
    ],
)
def test_good_requirements(written: str) -> None:
    assert requirement_problem(written) is None


@pytest.mark.parametrize(
    "written",
    [
        "rich @ https://example.org/rich-13.9.4.tar.gz",
        "rich @ https://example.org/?file=rich-13.9.4-py3-none-any.whl",
        "rich @ ftp://example.org/rich-13.9.4-py3-none-any.whl",
    ],
)
def test_only_wheels_on_web_servers_can_be_named(written: str) -> None:
    assert requirement_problem(written) == NO_WHEEL.format(written)


@pytest.mark.parametrize("written", ["", "a b", "rich>>13", "rich==1.x", "name<>", "./rich.whl"])
def test_what_is_no_requirement(written: str) -> None:
    problem = requirement_problem(written)
    assert problem is not None
    # The reason in the middle is that of the release of `packaging` at hand.
    assert problem.startswith(f"is {written!r}, which is not a requirement: ")
    assert problem.endswith(". Write it as in PEP 508, for example 'scikit-learn>=1.5'.")


@pytest.mark.parametrize("password", ["secret", "sec@ret", "s:ecret"])
def test_credentials_are_refused_and_not_shown(password: str) -> None:
    url = f"https://me:{password}@example.org/rich-13.9.4-py3-none-any.whl"
    assert requirement_problem(f"rich @ {url}") == (
        "is 'rich @ https://example.org/rich-13.9.4-py3-none-any.whl', with credentials removed "
        "here; a lockfile would keep them. Put them into netrc, for example.org, and remove them "
        "from the requirement."
    )
    for other in (f"rich @ git+{url}", f"rich?? @ {url}", f"rich {url}"):
        assert password not in str(requirement_problem(other))
