"""What the option asks for, and what of it a layer allows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from venvstacks_rules.model.errors import DefinitionError
from venvstacks_rules.model.layers.build_platforms import (
    BuildPlatforms,
    chosen_platforms,
    refuse_shared_folder,
)
from venvstacks_rules.model.layers.definitions import LayerDefinition, Reference
from venvstacks_rules.model.layers.layer import Layer
from venvstacks_rules.model.layers.names import LayerKind
from venvstacks_rules.model.layers.resolve import judged_layers

POSIX = ("linux_x86_64", "linux_aarch64", "macosx_arm64", "macosx_x86_64")
EVERY = (*POSIX, "win_amd64", "win_arm64")


def chosen(*asked: str, local: bool = False) -> BuildPlatforms:
    return chosen_platforms(asked, native="linux_x86_64", local_interpreters=local)


def layers(platforms: tuple[str, ...] | None) -> tuple[Layer, Layer]:
    """A runtime and a framework on it."""
    runtime = LayerDefinition(
        "src:py", LayerKind.RUNTIME, "py", python_implementation="cpython@3.11.13"
    )
    framework = LayerDefinition(
        "src:fw", LayerKind.FRAMEWORK, "fw", runtime=Reference(":py", "src:py")
    )
    found, problems = judged_layers(
        [replace(runtime, platforms=platforms), framework], patch_release_needed=True
    )
    assert not problems
    return found["src:py"], found["src:fw"]


def left_out(platforms: BuildPlatforms, layer: Layer) -> list[str]:
    return [str(some) for some in platforms.of_layer(layer).left_out]


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        (["native"], ("linux_x86_64",)),
        (["all"], EVERY),
        (["macosx_arm64", "linux_aarch64"], ("linux_aarch64", "macosx_arm64")),
        (["native", "linux_x86_64", "native"], ("linux_x86_64",)),
        # What the command line makes of `--venvstacks-platforms=all`.
        (["native", "all"], EVERY),
    ],
)
def test_what_is_asked_for(asked: Sequence[str], names: tuple[str, ...]) -> None:
    assert chosen(*asked).names == names


def test_everything_that_cannot_be_asked_for_is_reported_together() -> None:
    with pytest.raises(DefinitionError) as caught:
        chosen("amiga", "native", "amiga")
    assert str(caught.value) == (
        "`[venvstacks].platforms` cannot be used:\n"
        "  * 'amiga' is not a target platform. Choose from 'native', 'all', 'linux_x86_64', "
        "'linux_aarch64', 'macosx_arm64', 'macosx_x86_64', 'win_amd64', 'win_arm64'."
    )


def test_misspelt_names() -> None:
    with pytest.raises(DefinitionError) as caught:
        chosen("macos_arm64", "natve")
    assert str(caught.value) == (
        "`[venvstacks].platforms` cannot be used:\n"
        "  * 'macos_arm64' is not a target platform. Did you mean 'macosx_arm64'?\n"
        "  * 'natve' is not a target platform. Did you mean 'native'?"
    )


def test_nothing_cannot_be_asked_for() -> None:
    with pytest.raises(DefinitionError) as caught:
        chosen()
    assert str(caught.value) == (
        "`[venvstacks].platforms` cannot be used:\n"
        "  * it is empty. Use 'native', 'all', or names of platforms."
    )


def test_a_layer_is_built_for_what_it_declares() -> None:
    _, framework = layers(("win_amd64", "macosx_arm64", "linux_x86_64"))
    asked = chosen("linux_x86_64", "linux_aarch64", "macosx_x86_64")
    assert asked.of_layer(framework).names == ("linux_x86_64",)
    assert left_out(asked, framework) == [
        "linux_aarch64, macosx_x86_64: its platforms are linux_x86_64, macosx_arm64, win_amd64."
    ]


def test_all_is_whatever_a_layer_declares() -> None:
    _, framework = layers(("win_amd64", "macosx_arm64", "linux_x86_64"))
    assert chosen("all").of_layer(framework).names == ("linux_x86_64", "macosx_arm64", "win_amd64")
    # That it declares no other is nothing to tell.
    assert left_out(chosen("all"), framework) == []
    _, mac = layers(("macosx_arm64",))
    assert left_out(chosen("all"), mac) == []
    _, disabled = layers(())
    assert left_out(chosen("all"), disabled) == [f"{', '.join(EVERY)}: it has no platforms."]


def test_a_disabled_layer() -> None:
    _, framework = layers(())
    assert left_out(chosen("native"), framework) == ["linux_x86_64: it has no platforms."]


def test_local_interpreters_are_those_of_this_machine() -> None:
    runtime, framework = layers(POSIX)
    asked = chosen("all", local=True)
    assert asked.of_layer(runtime).names == ("linux_x86_64",)
    assert left_out(asked, runtime) == [
        "linux_aarch64, macosx_arm64, macosx_x86_64: the interpreter provider `local` has only "
        "that of this machine, linux_x86_64. Set `[venvstacks].python_provider` to `pbs` or "
        "`archive`."
    ]
    assert asked.of_layer(framework).names == POSIX
    assert left_out(asked, framework) == []
    assert chosen("all").of_layer(runtime).names == POSIX


def test_files_of_several_platforms_in_one_folder_need_names_of_their_own() -> None:
    with pytest.raises(DefinitionError) as caught:
        refuse_shared_folder("src:fw", "out", POSIX[:2], tagged=False)
    assert str(caught.value) == (
        "Outputs would overwrite each other:\n"
        "  * src:fw: `output_path` is one folder, 'out', for linux_x86_64, linux_aarch64. Set "
        "`[venvstacks].tag_outputs`, which puts the platform into the names of files, or leave "
        "`output_path` unset."
    )
    refuse_shared_folder("src:fw", "out", POSIX[:2], tagged=True)
    refuse_shared_folder("src:fw", "out", POSIX[:1], tagged=False)
    refuse_shared_folder("src:fw", None, POSIX, tagged=False)
