"""For which platforms there is an image, and what is said of the others."""

from __future__ import annotations

import pytest
from pants.engine.addresses import Address

from venvstacks_rules.model.layers.build_platforms import chosen_platforms
from venvstacks_rules.model.layers.definitions import LayerDefinition
from venvstacks_rules.model.layers.names import LayerKind
from venvstacks_rules.model.layers.resolve import judged_layers
from venvstacks_rules.pants_backend.build.images import image_platforms
from venvstacks_rules.pants_backend.graph.images import ImageFieldSet, ImageLayers
from venvstacks_rules.pants_backend.targets.images import VenvstacksImage

AMD, ARM = "linux_x86_64", "linux_aarch64"


@pytest.mark.parametrize(
    ("asked", "wanted", "layer", "names", "notes"),
    [
        ("all", None, (AMD, ARM, "win_amd64"), (AMD, ARM), ()),
        ("all", [ARM], (AMD, ARM), (ARM,), ()),
        ("all", None, (AMD,), (AMD,), ()),
        (
            "all",
            [AMD, ARM],
            (AMD,),
            (AMD,),
            ("s:image is not packaged for linux_aarch64: its layers are not.",),
        ),
        (
            "macosx_arm64",
            None,
            ("macosx_arm64",),
            (),
            (
                "s:image is not packaged for macosx_arm64: images are for Linux, and for what "
                "`platforms` of the image has. Set `[venvstacks].platforms`.",
            ),
        ),
    ],
)
def test_platforms(
    asked: str,
    wanted: list[str] | None,
    layer: tuple[str, ...],
    names: tuple[str, ...],
    notes: tuple[str, ...],
) -> None:
    definition = LayerDefinition(
        "s:rt",
        LayerKind.RUNTIME,
        "rt",
        python_implementation="cpython@3.11.13",
        platforms=layer,
    )
    found, _ = judged_layers([definition], patch_release_needed=True)
    address = Address("s", target_name="image")
    image = VenvstacksImage({"application": ":app", "platforms": wanted}, address)
    assert image_platforms(
        ImageFieldSet.create(image),
        ImageLayers((found["s:rt"],), ()),
        chosen_platforms([asked], native=AMD, local_interpreters=False),
    ) == (names, notes)
