from __future__ import annotations

from venvstacks_rules.model.outputs.clashes import Output, overwritten


def test_targets_that_write_the_same_files_agree() -> None:
    outputs = [
        Output("a:x", "a:x", "the archive of `app-x`"),
        Output("a:stack", "a:x", "the archive of `app-x`"),
        Output("a:stack", "a:stack", "the manifest of a stack"),
        Output("a:y", "a:y", "the archive of `app-y`"),
    ]
    assert overwritten("a/linux_x86_64", outputs) == ()


def test_each_pair_of_targets_is_named_once() -> None:
    outputs = [
        Output("b:two", "b:two", "the manifest of a stack"),
        Output("a:one", "a:one", "the manifest of a stack"),
        Output("b:two", "b:x", "the archive of `app-X`"),
        Output("b:x", "b:x", "the archive of `app-X`"),
        Output("a:one", "a:x", "the archive of `app-x`"),
    ]
    assert overwritten("out", outputs) == (
        "a:one: it would write the archive of `app-x` to `dist/out`, as b:two does. "
        "Set `output_path` of one of them.",
        "b:two: it would write the manifest of a stack to `dist/out`, as a:one does. "
        "Set `output_path` of one of them.",
    )
