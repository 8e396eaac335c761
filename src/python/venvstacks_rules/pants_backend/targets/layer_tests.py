"""The targets ``venvstacks_test`` and ``venvstacks_tests``: tests that run in deployed layers."""

from __future__ import annotations

from typing import ClassVar

from pants.backend.python.target_types import (
    InterpreterConstraintsField,
    PythonDependenciesField,
    PythonGeneratingSourcesBase,
    PythonResolveField,
    PythonSourceField,
)
from pants.core.goals.test import TestExtraEnvVarsField, TestTimeoutField
from pants.engine.target import (
    COMMON_TARGET_FIELDS,
    BoolField,
    Field,
    OverridesField,
    StringField,
    Target,
    TargetFilesGenerator,
)
from pants.util.strutil import softwrap

from venvstacks_rules.pants_backend.engine import EnvironmentField
from venvstacks_rules.pants_backend.targets.misspelt_fields import NamesMisspeltFields


class LayerTestSourceField(PythonSourceField):
    """The file with the tests."""

    help = softwrap(
        """
        A file with tests, in the style of pytest or of unittest. It is no code of a layer, even if
        a layer depends on it.
        """
    )


class LayerTestSourcesField(PythonGeneratingSourcesBase):
    """The files with the tests."""

    default = ("test_*.py", "*_test.py", "tests.py")
    help = softwrap(
        """
        Globs of files with tests, relative to the BUILD file. Each file becomes a
        `venvstacks_test`.
        """
    )


class TestedLayerField(StringField):
    """The layer that tests run in."""

    __test__ = False

    alias = "layer"
    required = True
    value: str
    help = softwrap(
        """
        The address of the layer that the tests run in, as it is deployed: an application, or a
        framework or a runtime.
        """
    )


class TestToolsField(StringField):
    """The layer that has pytest."""

    __test__ = False

    alias = "tools"
    required = True
    value: str
    help = softwrap(
        """
        The address of a layer that has pytest, its plugins, and `coverage` if you want that: a
        `venvstacks_framework` on the same runtime. Its own lockfile pins them, and no application
        has to be on it. All layers of `layer` come before it: where both have a package, the tests
        run with that of `layer`.
        """
    )


class LayerTestDependenciesField(PythonDependenciesField):
    """What tests need beside the layers."""

    supports_transitive_excludes = True
    help = softwrap(
        """
        Code that the tests need and the layers do not have: `python_sources`, `resources`, `files`,
        other tests. Pants infers what the tests import, and the `conftest.py` files above them.
        """
    )


class LayerTestTimeoutField(TestTimeoutField):
    """How long a file of tests may run."""


class LayerTestExtraEnvVarsField(TestExtraEnvVarsField):
    """The environment variables of tests."""


class SkipLayerTestsField(BoolField):
    """Whether the goal `test` passes over the target."""

    alias = "skip_tests"
    default = False
    help = "If true, `test` passes over this target."


class LayerTestOverridesField(OverridesField):
    """Fields of single files."""

    help = softwrap(
        """
        Other values of fields for some of the files: `{"test_slow.py": {"timeout": 600}}`. A key
        can be a tuple of files.
        """
    )


_MOVED_FIELDS = (
    LayerTestDependenciesField,
    TestedLayerField,
    TestToolsField,
    PythonResolveField,
    InterpreterConstraintsField,
    LayerTestTimeoutField,
    LayerTestExtraEnvVarsField,
    SkipLayerTestsField,
    EnvironmentField,
)


class VenvstacksTest(NamesMisspeltFields, Target):
    """A file of tests."""

    alias = "venvstacks_test"
    core_fields: ClassVar[tuple[type[Field], ...]] = (
        *COMMON_TARGET_FIELDS,
        *_MOVED_FIELDS,
        LayerTestSourceField,
    )
    help = softwrap(
        """
        A file of tests for pytest that run in the layers of an application as they are deployed:
        with its interpreter, its packages and its code. pytest comes from a layer of its own.
        """
    )


class VenvstacksTests(NamesMisspeltFields, TargetFilesGenerator):
    """Files of tests."""

    alias = "venvstacks_tests"
    core_fields: ClassVar[tuple[type[Field], ...]] = (
        *COMMON_TARGET_FIELDS,
        LayerTestSourcesField,
        LayerTestOverridesField,
    )
    generated_target_cls = VenvstacksTest
    copied_fields = COMMON_TARGET_FIELDS
    moved_fields = _MOVED_FIELDS
    help = "A `venvstacks_test` for each file in `sources`."
