"""Unpacks a frame of Zstandard with a dictionary of raw bytes, as deltas have them.

Both libraries can do that: `zstandard`, and the `compression.zstd` of Python 3.14. The whole frame
is unpacked at once, which needs the dictionary twice and the content twice; three times with the
latter, which has a window of its own.
"""

from __future__ import annotations

import importlib.util

from venvstacks_rules.local.files.streams import DamagedError

_LEAST_WINDOW_LOG = 10


def can_patch() -> bool:
    """Whether there is a library that unpacks such frames."""
    try:
        names = ("zstandard", "compression.zstd")
        return any(importlib.util.find_spec(name) is not None for name in names)
    except ModuleNotFoundError:
        # There is no `compression` before Python 3.14.
        return False


def patched(frame: bytes, dictionary: bytes, size: int) -> bytes:
    """The content of a frame, which has to have `size` bytes; DamagedError if it has not.

    What the frame itself says of its size is compared before anything of that size is unpacked.
    """
    try:
        try:
            import zstandard  # noqa: F401
        except ModuleNotFoundError:
            content = _by_python(frame, dictionary, size)
        else:
            content = _by_zstandard(frame, dictionary, size)
    except MemoryError:
        raise DamagedError(f"there is no memory for a part of {size} bytes") from None
    except Exception as e:
        if type(e).__name__ != "ZstdError":
            raise
        raise DamagedError(f"a part cannot be unpacked: {e}") from None
    if len(content) != size:
        raise DamagedError(f"a part unpacks to {len(content)} bytes, not {size}")
    return content


def _by_zstandard(frame: bytes, dictionary: bytes, size: int) -> bytes:
    import zstandard

    _refuse_other_size(zstandard.frame_content_size(frame), size)
    base = (
        zstandard.ZstdCompressionDict(dictionary, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
        if dictionary
        else None
    )
    decompressor = zstandard.ZstdDecompressor(
        dict_data=base, max_window_size=1 << _most_window_log(size)
    )
    return decompressor.decompress(frame, max_output_size=size)


def _by_python(frame: bytes, dictionary: bytes, size: int) -> bytes:
    from compression import zstd  # pants: no-infer-dep

    _refuse_other_size(zstd.get_frame_info(frame).decompressed_size, size)
    decompressor = zstd.ZstdDecompressor(
        zstd_dict=zstd.ZstdDict(dictionary, is_raw=True) if dictionary else None,
        options={zstd.DecompressionParameter.window_log_max: _most_window_log(size)},
    )
    return bytes(decompressor.decompress(frame, size))


def _most_window_log(size: int) -> int:
    """Of a frame: nobody needs a larger window for a content of `size` bytes."""
    return max(_LEAST_WINDOW_LOG, (size - 1).bit_length())


def _refuse_other_size(found: int | None, size: int) -> None:
    if found != size:
        raise DamagedError(f"a part says that it unpacks to {found} bytes, not {size}")
