"""The options of the ``[venvstacks-publish]`` scope."""

from __future__ import annotations

from pants.option.option_types import BoolOption, IntOption, StrListOption, StrOption
from pants.option.subsystem import Subsystem
from pants.util.strutil import softwrap


class VenvstacksPublishSubsystem(Subsystem):
    """Options for ``publish``."""

    options_scope = "venvstacks-publish"
    name = "venvstacks-publish"
    help = "How `publish` sends layers and releases to repositories."
    help_short = help

    dry_run = BoolOption(
        default=False,
        help=softwrap(
            """
            Say what would be published, and how many bytes would be sent, and send nothing.
            """
        ),
    )
    check = BoolOption(
        default=False,
        help=softwrap(
            """
            Like `--venvstacks-publish-dry-run`, and exit with 1 if something would be published.
            """
        ),
    )
    thorough = BoolOption(
        default=False,
        help=softwrap(
            """
            Ask the repository for every blob, instead of believing an index that is there. This
            sends again what somebody removed from the repository.
            """
        ),
    )
    keys = StrListOption(
        help=softwrap(
            """
            The keys that sign the records of channels: files, relative to the build root, or URIs
            of `securesystemslib`, as in `envvar:SIGNING_KEY` or `awskms:alias/releases`. Without
            any, records are not signed.
            """
        ),
    )
    root = StrOption(
        default=None,
        help=softwrap(
            """
            The root of signed repositories that this build believes: a file, relative to the build
            root, or a pin, `sha256:...` or `ed25519:...`. Without it, `publish` takes the root that
            the repository shows, and extends only records that one of its `keys` has signed before.
            """
        ),
    )
    expires_days = IntOption(
        default=30,
        help=softwrap(
            """
            How many days a signed record of a channel is valid. Publish, or sign it again, before.
            """
        ),
    )
    deltas = BoolOption(
        default=True,
        help=softwrap(
            """
            Make deltas of large segments that changed, from the version that a channel points at:
            clients that have it fetch a small part of a patch release of a large package. This
            reads the old segments from the repository, and takes a minute for a library of 500 MB.
            """
        ),
    )
