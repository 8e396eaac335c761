"""The fields that say how large a layer may become, and whether `lint` looks at it."""

from __future__ import annotations

from typing import Optional, Union

from pants.engine.addresses import Address
from pants.engine.target import BoolField, Field, InvalidFieldTypeException
from pants.util.strutil import softwrap


class SizeLimitField(Field):
    """A number of bytes, as written; the model says what is wrong with it."""

    value: Optional[Union[int, str]]
    default = None

    @classmethod
    def compute_value(
        cls, raw_value: Optional[Union[int, str]], address: Address
    ) -> Optional[Union[int, str]]:
        """Refuse what is neither a number nor a text."""
        value: Optional[Union[int, str]] = super().compute_value(raw_value, address)
        if value is not None and (isinstance(value, bool) or not isinstance(value, (int, str))):
            raise InvalidFieldTypeException(
                address,
                cls.alias,
                raw_value,
                expected_type="a number of bytes, or a text like '250 MB' or '1.5 GiB'",
            )
        return value


class MaxArchiveSizeField(SizeLimitField):
    """How large an archive may become."""

    alias = "max_archive_size"
    help = softwrap(
        """
        The largest size of the layer's archive, for each platform: a number of bytes, or a text
        with a unit, `"250 MB"` or `"1.5 GiB"`. `package` fails if an archive is larger, and lists
        the largest packages. The default is no limit.
        """
    )


class MaxUnpackedSizeField(SizeLimitField):
    """How large the unpacked files may become."""

    alias = "max_unpacked_size"
    help = softwrap(
        """
        The largest size of what the layer's archive unpacks to, for each platform, written like
        `max_archive_size`. `package` fails if it is larger, and lists the largest packages. The
        default is no limit.
        """
    )


class SkipLintField(BoolField):
    """Whether `lint` leaves a layer alone."""

    alias = "skip_venvstacks_lint"
    default = False
    help = softwrap(
        """
        If true, `lint` does not look at the layer: it warns neither of what is in it nor of what
        it has in common with other layers.
        """
    )


SIZE_FIELDS = (MaxArchiveSizeField, MaxUnpackedSizeField, SkipLintField)
"""The fields of this module; every layer has them."""
