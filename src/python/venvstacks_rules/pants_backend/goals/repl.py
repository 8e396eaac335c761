"""``repl --shell=venvstacks``: the Python of a deployed layer."""

from __future__ import annotations

from collections.abc import Iterable

from pants.core.goals.repl import ReplImplementation, ReplRequest
from pants.engine.unions import UnionRule

from venvstacks_rules.model.errors import DefinitionError
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.goals.run import LaunchedLayerRequest, launched_layer
from venvstacks_rules.pants_backend.graph.stacks import StackLayersRequest, stack_layers
from venvstacks_rules.pants_backend.targets.manifests import ManifestLayersField
from venvstacks_rules.pants_backend.targets.source_fields import LaunchModuleField, is_layer


class LayerRepl(ReplImplementation):
    """The Python of a layer, or of the only application of a stack."""

    name = "venvstacks"
    supports_args = True


@rule
async def layer_repl(repl: LayerRepl) -> ReplRequest:
    layers = [target for target in repl.targets if is_layer(target)]
    stacks = await concurrently(
        stack_layers(StackLayersRequest.of(target), **implicitly())
        for target in repl.targets
        if target.has_field(ManifestLayersField)
    )
    candidates = dict.fromkeys(
        [
            *(address for stack in stacks for address in stack.applications),
            *(target.address for target in layers if target.has_field(LaunchModuleField)),
        ]
    )
    if len(layers) == 1:
        candidates = {layers[0].address: None}
    if len(candidates) != 1:
        named = ", ".join(str(address) for address in candidates)
        raise DefinitionError(
            "`repl` opens the Python of one layer:",
            [
                f"{len(candidates)} applications are named: {named}. Name one layer."
                if candidates
                else "no layer, and no stack with an application, is named. Name one."
            ],
        )
    (address,) = candidates
    launched = await launched_layer(LaunchedLayerRequest(address, interpreter=True), **implicitly())
    return ReplRequest(
        digest=launched.digest,
        args=launched.args,
        immutable_input_digests=launched.immutable_input_digests,
        append_only_caches=launched.append_only_caches,
    )


def rules() -> Iterable[object]:
    """The rules of this module."""
    return [*collect_rules(), UnionRule(ReplImplementation, LayerRepl)]
