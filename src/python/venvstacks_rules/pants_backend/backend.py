"""All rules and target types of the backend."""

from __future__ import annotations

from collections.abc import Iterable

from pants.core.subsystems import python_bootstrap
from pants.engine.target import Target

from venvstacks_rules.pants_backend.build import (
    analysis,
    archives,
    bundles,
    carried_wheels,
    chains,
    contents,
    descriptions,
    documents,
    exports,
    image_bases,
    image_layers,
    images,
    imports,
    interfaces,
    judged,
    layer_byte_code,
    layer_indexes,
    layer_parts,
    limits,
    manifests,
    measured_coverage,
    other_outputs,
    output_folders,
    own_byte_code,
    own_segments,
    portable_archives,
    publications,
    published_archives,
    pytest_processes,
    released,
    repository_plans,
    segments,
    staged_tests,
)
from venvstacks_rules.pants_backend.goals import (
    check,
    export,
    export_resolves,
    generate_lockfiles,
    layer_tests,
    lint,
    linted_layers,
    lock_options,
    package,
    package_bundle,
    package_image,
    package_release,
    package_report,
    package_run,
    package_targets,
    publish,
    publish_image,
    publish_skips,
    remarks,
    repl,
    repository,
    run,
    show,
    shown_layers,
    tailor,
    tailor_applications,
    test,
)
from venvstacks_rules.pants_backend.graph import (
    bundles as bundle_targets,
)
from venvstacks_rules.pants_backend.graph import (
    code_targets,
    dependencies,
    distributions,
    layer_code,
    layer_modules,
    layer_targets,
    layers,
    module_files,
    module_owners,
    platforms,
    releases,
    repository_modules,
    requirement_targets,
    stack_files,
    stack_targets,
    stacks,
    tested_layers,
    tests_edges,
)
from venvstacks_rules.pants_backend.graph import (
    images as image_targets,
)
from venvstacks_rules.pants_backend.inputs import (
    commits,
    compilers,
    downloads,
    interpreters,
    repository_files,
    source_builds,
    wheels,
)
from venvstacks_rules.pants_backend.locks import (
    distributions as distribution_wheels,
)
from venvstacks_rules.pants_backend.locks import (
    earlier,
    freshness,
    local_wheels,
    lockfiles,
    locking,
    outcomes,
    python_resolves,
    rivals,
    stale_below,
    uv_config,
)
from venvstacks_rules.pants_backend.processes import (
    actions,
    actions_lock,
    bare,
    byte_code,
    libraries,
    library_wheels,
    network,
    network_actions,
    python,
    sources,
    work,
)
from venvstacks_rules.pants_backend.subsystems.actions import ActionsSubsystem
from venvstacks_rules.pants_backend.subsystems.layer_tests import VenvstacksPytestSubsystem
from venvstacks_rules.pants_backend.subsystems.lint import VenvstacksLintSubsystem
from venvstacks_rules.pants_backend.subsystems.publish import VenvstacksPublishSubsystem
from venvstacks_rules.pants_backend.subsystems.venvstacks import VenvstacksSubsystem
from venvstacks_rules.pants_backend.targets.bundles import VenvstacksBundle
from venvstacks_rules.pants_backend.targets.images import VenvstacksImage
from venvstacks_rules.pants_backend.targets.layer_tests import VenvstacksTest, VenvstacksTests
from venvstacks_rules.pants_backend.targets.layers import (
    VenvstacksApplication,
    VenvstacksClient,
    VenvstacksFramework,
    VenvstacksRuntime,
)
from venvstacks_rules.pants_backend.targets.manifests import VenvstacksManifest
from venvstacks_rules.pants_backend.targets.releases import VenvstacksRelease
from venvstacks_rules.pants_backend.targets.stacks import VenvstacksStack

_MODULES = (
    *(
        actions,
        bare,
        byte_code,
        libraries,
        library_wheels,
        actions_lock,
        network,
        network_actions,
        python,
        sources,
        work,
    ),
    *(code_targets, dependencies, distributions, layer_code, layer_modules, layer_targets, layers),
    *(module_files, module_owners, platforms, releases, repository_modules, requirement_targets),
    *(stack_files, stack_targets, stacks, tested_layers, tests_edges),
    *(distribution_wheels, earlier, freshness, local_wheels, lockfiles, locking, outcomes),
    *(python_resolves, rivals, stale_below, uv_config),
    *(commits, compilers, downloads, interpreters, repository_files, source_builds, wheels),
    *(analysis, archives, chains, contents, descriptions, documents, exports, imports),
    *(
        interfaces,
        judged,
        layer_byte_code,
        layer_indexes,
        layer_parts,
        limits,
        manifests,
        measured_coverage,
        other_outputs,
        output_folders,
        own_byte_code,
        own_segments,
        pytest_processes,
        segments,
    ),
    *(image_bases, image_layers, images, image_targets),
    *(publications, published_archives, released, repository_plans),
    *(bundle_targets, bundles, carried_wheels, package_bundle, portable_archives),
    *(staged_tests, layer_tests),
    *(check, export, export_resolves, generate_lockfiles, lint, linted_layers, lock_options),
    *(
        package,
        package_image,
        package_release,
        package_report,
        package_run,
        package_targets,
        publish,
        publish_image,
        publish_skips,
        remarks,
    ),
    *(repl, repository, run, show, shown_layers),
    *(tailor, tailor_applications, test),
)
"""The modules with rules, room by room."""


def target_types() -> Iterable[type[Target]]:
    """The targets that a BUILD file can use."""
    return (
        VenvstacksRuntime,
        VenvstacksFramework,
        VenvstacksApplication,
        VenvstacksBundle,
        VenvstacksClient,
        VenvstacksImage,
        VenvstacksManifest,
        VenvstacksRelease,
        VenvstacksStack,
        VenvstacksTest,
        VenvstacksTests,
    )


def rules() -> Iterable[object]:
    """All rules of the backend."""
    return (
        *(rule for module in _MODULES for rule in module.rules()),
        *ActionsSubsystem.rules(),
        *python_bootstrap.rules(),  # type: ignore[no-untyped-call]
        *VenvstacksLintSubsystem.rules(),
        *VenvstacksPublishSubsystem.rules(),
        *VenvstacksSubsystem.rules(),
        *VenvstacksPytestSubsystem.rules(),
    )
