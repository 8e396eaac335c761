"""Imports that nothing in a layer or below provides, and what to do about them."""

from __future__ import annotations

import pytest

from venvstacks_rules.model.code.missing import MissingImport, likely_distributions

START = "src/a.py:3: it imports `yaml.cyaml`, which neither src:app nor a layer below provides. "
END = " If the code does without it, add `# pants: no-infer-dep` to the line."


@pytest.mark.parametrize(
    ("missing", "remedy"),
    [
        (
            MissingImport("src/a.py", 3, "yaml.cyaml", owner="lib:yaml", above="src:top"),
            "Add 'lib:yaml' to the `dependencies` of src:app, or of a layer below.",
        ),
        (
            MissingImport("src/a.py", 3, "yaml.cyaml", unowned="lib/yaml/cyaml.py"),
            "No target owns `lib/yaml/cyaml.py`: add a `python_sources` target for it.",
        ),
        (
            MissingImport("src/a.py", 3, "yaml.cyaml", above="src:top", likely=("pyyaml",)),
            "Only src:top, above, requires 'pyyaml': add it to the `requirements` of src:app, or "
            "of a layer below.",
        ),
        (
            MissingImport("src/a.py", 3, "yaml.cyaml", likely=("pyyaml", "yaml")),
            "Add its distribution, probably 'pyyaml' or 'yaml', to the `requirements` of src:app.",
        ),
        (
            MissingImport("src/a.py", 3, "yaml.cyaml", stripped_by="src:py", likely=("yaml",)),
            "Remove 'yaml' from the `strip_interpreter` of src:py.",
        ),
        (
            MissingImport("src/a.py", 3, "yaml.cyaml"),
            "No file of the repository has it: correct the name, or add the target that generates "
            "it to the `dependencies` of src:app.",
        ),
    ],
)
def test_messages(missing: MissingImport, remedy: str) -> None:
    assert missing.message("src:app") == f"{START}{remedy}{END}"


def test_likely_distributions() -> None:
    known = {"pyyaml": ("yaml", "_yaml"), "opencv-python": ("cv2",), "opencv-headless": ("cv2",)}
    assert likely_distributions("yaml", known) == ("pyyaml",)
    assert likely_distributions("cv2", known) == ("opencv-headless", "opencv-python")
    assert likely_distributions("cv2", known, {"opencv-python", "rich"}) == ("opencv-python",)
    assert likely_distributions("My_Module", known) == ("my-module",)
