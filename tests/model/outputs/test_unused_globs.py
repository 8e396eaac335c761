"""What is said of globs that leave out nothing."""

from __future__ import annotations

from tests.support.definitions import framework, resolve_layers, runtime
from venvstacks_rules.model.layers.layer import Layer
from venvstacks_rules.model.outputs.chosen_files import ChosenFiles
from venvstacks_rules.model.outputs.unused_globs import UnusedGlobs, unused_globs

GLOBS = ("*.a", "*.lib", "test")


def layer(*platforms: str) -> Layer:
    fields = {"platforms": platforms, "exclude_files": (("torch", GLOBS),)}
    layers, _ = resolve_layers([runtime(), framework("fw", **fields)], patch_release_needed=True)
    return layers["src:fw"]


def excluded(*unused: str, wheel: str = "torch-2.0-cp311-cp311-l.whl") -> tuple[ChosenFiles, ...]:
    return (
        ChosenFiles(
            "torch", wheel, GLOBS, 3, 70, tuple(("exclude_files", glob) for glob in unused)
        ),
    )


def test_a_glob_for_one_platform_is_as_it_should_be() -> None:
    built = {"linux_x86_64": excluded("*.lib"), "win_amd64": excluded("*.a")}
    assert list(unused_globs(layer("linux_x86_64", "win_amd64"), built)) == []


def test_a_glob_for_no_platform() -> None:
    windows = excluded("*.a", "*.lib", "test", wheel="torch-2.0-cp311-cp311-w.whl")
    built = {"linux_x86_64": excluded("*.lib", "test"), "win_amd64": windows}
    assert list(unused_globs(layer("linux_x86_64", "win_amd64"), built)) == [
        UnusedGlobs(
            "src:fw: `exclude_files` of 'torch' has '*.lib', 'test', for no file of "
            "`torch-2.0-cp311-cp311-l.whl`, `torch-2.0-cp311-cp311-w.whl`. Correct or remove it.",
            everywhere=True,
        )
    ]


def test_another_platform_may_need_a_glob() -> None:
    both = layer("linux_x86_64", "win_amd64")
    assert list(unused_globs(both, {"linux_x86_64": excluded("*.lib")})) == [
        UnusedGlobs(
            "src:fw: `exclude_files` of 'torch' has '*.lib', for no file of "
            "`torch-2.0-cp311-cp311-l.whl`; not packaged here, and not looked at: win_amd64",
            everywhere=False,
        )
    ]


def test_all_platforms_have_the_same_portable_wheel() -> None:
    both = layer("linux_x86_64", "win_amd64")
    (found,) = unused_globs(
        both, {"linux_x86_64": excluded("*.a", wheel="torch-2-py3-none-any.whl")}
    )
    assert found.everywhere


def test_a_platform_without_the_distribution() -> None:
    assert list(unused_globs(layer("linux_x86_64"), {"linux_x86_64": ()})) == []


def test_metadata() -> None:
    (found,) = excluded("test")
    assert found.to_dict() == {"globs": ["*.a", "*.lib", "test"], "files": 3, "size": 70}


def test_scripts_that_a_wheel_does_not_have() -> None:
    fields = {"include_scripts": (("jmespath", ("jp", "jp.py")),)}
    layers, _ = resolve_layers([runtime(), framework("fw", **fields)], patch_release_needed=True)
    wheel = "jmespath-1.0.1-py3-none-any.whl"
    chosen = ChosenFiles("jmespath", wheel, (), unused=(("include_scripts", "jp"),))
    assert list(unused_globs(layers["src:fw"], {"linux_x86_64": (chosen,)})) == [
        UnusedGlobs(
            f"src:fw: `include_scripts` of 'jmespath' has 'jp', for no script of `{wheel}`. "
            "Correct or remove it. `console_scripts` is for commands that it defines.",
            everywhere=True,
        )
    ]
