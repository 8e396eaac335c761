"""The fields that take a layer out of what goals check, named as those of Pants' own targets."""

from __future__ import annotations

from pants.engine.target import BoolField
from pants.util.strutil import softwrap


class SkipLockCheckField(BoolField):
    """Whether ``check`` is silent about the lock of a layer."""

    alias = "skip_venvstacks_locks"
    default = False
    help = softwrap(
        """
        If true, `check` reports no problems of the layer's lock, also where it checks layers above.
        `package`, `run` and `test` refuse a lock that does not match all the same.
        """
    )


class SkipImportCheckField(BoolField):
    """Whether ``check`` is silent about what the code of a layer imports."""

    alias = "skip_venvstacks_imports"
    default = False
    help = softwrap(
        """
        If true, `check` does not report what the layer's code imports and no layer provides, also
        where it checks layers above. `package` refuses such code all the same.
        """
    )


class SkipTestsField(BoolField):
    """Whether ``test`` leaves out an application."""

    alias = "skip_tests"
    default = False
    help = softwrap(
        """
        If true, `test` does not check the imports of the application, also where it is named as
        part of a stack.
        """
    )
