"""What machines provide."""

from __future__ import annotations

import pytest

from venvstacks_rules.model.libraries.baselines import IsProvided, provided_libraries
from venvstacks_rules.model.libraries.windows import WINDOWS_LIBRARIES
from venvstacks_rules.model.platforms.libc import parsed_linux_target
from venvstacks_rules.model.platforms.target_platforms import PLATFORMS


def provided(
    platform: str, linux_target: str = "glibc", python_version: str = "3.11.9"
) -> IsProvided:
    target = parsed_linux_target(linux_target)
    return provided_libraries(PLATFORMS[platform], python_version, target)


@pytest.mark.parametrize(
    ("platform", "linux_target", "there", "missing"),
    [
        (
            "linux_x86_64",
            "glibc",
            "libc.so.6 ld-linux-x86-64.so.2 libstdc++.so.6 libgcc_s.so.1 libz.so.1 libmvec.so.1 "
            "libcuda.so.1 libnvidia-ml.so.1 libpython3.11.so.1.0 libpython3.so libGL.so.1",
            "libc.so libc.musl-x86_64.so.1 libgomp.so.1 libssl.so.3 libpython3.10.so.1.0 "
            "libcudart.so.12 libcrypt.so.1 LIBC.SO.6 ld-linux.so",
        ),
        ("linux_aarch64", "glibc", "ld-linux-aarch64.so.1 libatomic.so.1", "libquadmath.so.0"),
        (
            "linux_x86_64",
            "musl",
            "libc.so libc.musl-x86_64.so.1 ld-musl-x86_64.so.1 libz.so.1 libpthread.so.0 libm.so.6",
            "libc.so.6 libstdc++.so.6 libgcc_s.so.1 libmagic.so.1",
        ),
        (
            "macosx_arm64",
            "glibc",
            "/usr/lib/libSystem.B.dylib /System/Library/Frameworks/Metal.framework/Metal "
            "@rpath/libpython3.11.dylib @executable_path/../lib/libpython3.11.dylib "
            "libSystem.B.dylib libc++.1.dylib",
            "/usr/local/lib/libomp.dylib libomp.dylib @rpath/libpython3.12.dylib "
            "@rpath/libc++.1.dylib",
        ),
        (
            "win_amd64",
            "glibc",
            "KERNEL32.dll api-ms-win-crt-runtime-l1-1-0.dll ext-ms-win-x.dll python3.dll "
            "PYTHON311.DLL VCRUNTIME140.dll vcruntime140_1.dll nvcuda.dll ucrtbase.dll",
            "msvcp140.dll vcomp140.dll python312.dll libomp140.x86_64.dll cudart64_12.dll",
        ),
    ],
)
def test_what_machines_provide(platform: str, linux_target: str, there: str, missing: str) -> None:
    is_provided = provided(platform, linux_target)
    assert [name for name in there.split() if not is_provided(name)] == []
    assert [name for name in missing.split() if is_provided(name)] == []


def test_free_threaded_interpreters() -> None:
    assert provided("linux_x86_64", python_version="3.14.0t")("libpython3.14t.so.1.0")
    assert provided("win_amd64", python_version="3.14.0t")("python314t.dll")


def test_names_of_windows_are_in_lower_case() -> None:
    assert {name.lower() for name in WINDOWS_LIBRARIES} == WINDOWS_LIBRARIES
    assert all(name.endswith((".dll", ".drv", ".cpl")) for name in WINDOWS_LIBRARIES)
