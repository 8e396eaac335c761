"""Which files a list of modules and folders names."""

from __future__ import annotations

import pytest

from venvstacks_rules.model.code.filters import is_wanted


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ((), True),
        (("acme",), True),
        (("acme.util",), True),
        (("acme.util.text",), True),
        (("src/python",), True),
        (("src/python/acme/",), True),
        (("src/python/acme/util/text.py",), True),
        (("other", "acme.util"), True),
        (("acme.ut",), False),
        (("src/py",), False),
        (("acme.util.text.shout",), False),
        (("other",), False),
    ],
)
def test_wanted(wanted: tuple[str, ...], expected: bool) -> None:
    assert is_wanted("src/python/acme/util/text.py", "acme/util/text.py", wanted) is expected
