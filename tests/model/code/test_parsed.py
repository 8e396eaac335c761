"""The imports of a Python file, by its syntax tree."""

from __future__ import annotations

import pytest

from venvstacks_rules.model.code.parsed import ParsedImport, parsed_imports


def names(source: str, path: str = "acme/server/main.py") -> list[str]:
    return [each.name for each in parsed_imports(source, path)]


def test_all_names_of_a_statement() -> None:
    source = "import os, yaml.cyaml as y\nfrom rich import (\n    console,\n    table as t,\n)\n"
    assert parsed_imports(source, "a.py") == (
        ParsedImport("os", 1, True),
        ParsedImport("yaml.cyaml", 1, True),
        ParsedImport("rich.console", 3, False),
        ParsedImport("rich.table", 4, False),
    )


def test_stars_and_repetitions() -> None:
    source = "from rich import *\ndef f():\n    import yaml\nclass C:\n    import yaml\n"
    assert parsed_imports(source, "a.py") == (
        ParsedImport("rich", 1, True),
        ParsedImport("yaml", 3, True),
    )


@pytest.mark.parametrize(
    ("source", "path", "expected"),
    [
        ("from . import x", "acme/server/main.py", ["acme.server.x"]),
        ("from .x import y", "acme/server/__init__.py", ["acme.server.x.y"]),
        ("from ..util import text", "acme/server/main.py", ["acme.util.text"]),
        ("from ... import x", "acme/server/main.py", []),
        ("from . import x", "main.py", []),
        ("from .util import *", "acme/main.py", ["acme.util"]),
    ],
)
def test_relative_imports(source: str, path: str, expected: list[str]) -> None:
    assert names(source, path) == expected


@pytest.mark.parametrize(
    "source",
    [
        "try:\n    import a\nexcept ImportError:\n    import b as a\n",
        "try:\n    import a\nexcept ModuleNotFoundError as e:\n    a = 0\nelse:\n    import a.b\n",
        "try:\n    import a\nexcept (OSError, ImportError) as e:\n    pass\n",
        "try:\n    import a\nexcept builtins.Exception:\n    pass\n",
        "try:\n    import a\nexcept:\n    pass\n",
        "with contextlib.suppress(ImportError):\n    import a\n",
        "if TYPE_CHECKING: import a\n",
        "if typing.TYPE_CHECKING:\n    import a\nelse:\n    import b\n",
        'if (\n    sys.platform == "win32"\n    and ready\n):\n    import a\n',
        'if platform.system() == "Darwin":\n    import a\n',
        'if os.name == "nt":\n    if x:\n        import a\n',
        "if sys.version_info < (3, 11):\n    import a\n",
        'if importlib.util.find_spec("a"):\n    import a\n',
        "import a  # pants: no-infer-dep\n",
        "from a import (\n    b,  # pants: no-infer-dep\n)\n",
        "from a import (\n    b,\n    c,\n)  # pants: no-infer-dep\n",
    ],
)
def test_imports_with_an_alternative(source: str) -> None:
    assert names(source) == []


@pytest.mark.parametrize(
    "source",
    [
        "try:\n    import a\nexcept ValueError:\n    pass\n",
        "try:\n    pass\nexcept ImportError:\n    pass\nfinally:\n    import a\n",
        "with open(x):\n    import a\n",
        "if ready:\n    import a\n",
        'if __name__ == "__main__":\n    import a\n',
        "if TYPE_CHECKING:\n    import a\ndef f():\n    import a\n",
        "import a  # pants: no-infer\n",
        "x = '''\nif TYPE_CHECKING:\n'''\nimport a\n",
    ],
)
def test_imports_without(source: str) -> None:
    assert names(source) == ["a"]


def test_what_this_python_cannot_parse() -> None:
    with pytest.raises(SyntaxError):
        parsed_imports("import a b", "a.py")
