from __future__ import annotations

from venvstacks_rules.model.libraries.analyzed import AnalyzedWheel
from venvstacks_rules.model.libraries.hidden_modules import hidden_module_warnings

WHEELS = (
    AnalyzedWheel("typing-3.7.4.3-py3-none-any.whl", ("typing",), ()),
    AnalyzedWheel("futures-3.4.0-py3-none-any.whl", ("concurrent", "asyncio", "mine"), ()),
    AnalyzedWheel("plain-1.0-py3-none-any.whl", ("plain", "test", "_plain"), ()),
    AnalyzedWheel("asyncore-1.0-py3-none-any.whl", ("asyncore",), ()),
)


def test_each_wheel_with_modules_that_the_standard_library_has() -> None:
    told = "Python 3.12 never imports from there: its standard library has the name. Require a "
    told += "version for this Python, or leave the package out"
    assert list(hidden_module_warnings(WHEELS, "3.12.4")) == [
        f"typing-3.7.4.3-py3-none-any.whl brings `typing`, which {told}",
        f"futures-3.4.0-py3-none-any.whl brings `asyncio`, `concurrent`, which {told}",
    ]


def test_the_version_decides() -> None:
    (warning,) = hidden_module_warnings(WHEELS[3:], "3.11.9")
    assert warning.startswith("asyncore-1.0-py3-none-any.whl brings `asyncore`, which Python 3.11 ")
