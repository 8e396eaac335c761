"""The hashes of the top-level modules of first-party code."""

from __future__ import annotations

from venvstacks_rules.model.code.top_level import top_level_hashes
from venvstacks_rules.model.hashes import hash_module_directory, hash_module_file

ONE, TWO = "1" * 64, "2" * 64


def test_files_and_folders_are_hashed_like_support_modules() -> None:
    files = [("acme/b.py", ONE), ("acme/a/c.txt", TWO), ("tool.py", ONE), ("data.json", TWO)]
    assert top_level_hashes(files) == [
        ("acme", hash_module_directory("acme", [("b.py", ONE), ("a/c.txt", TWO)])),
        ("data.json", hash_module_file("data.json", TWO)),
        ("tool", hash_module_file("tool.py", ONE)),
    ]
