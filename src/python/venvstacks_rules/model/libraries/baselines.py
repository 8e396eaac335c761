"""The libraries that a machine itself provides, so that packages need not have them.

Linux: the libraries that PEP 600 and PEP 656 let wheels rely on. macOS: the libraries in the
system's folders. Windows: the documented libraries of the system. Everywhere: the interpreter,
which is already running, and the libraries of device drivers, which are never in a package.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable

from venvstacks_rules.model.libraries.windows import WINDOWS_LIBRARIES
from venvstacks_rules.model.platforms.libc import MUSL, LinuxTarget
from venvstacks_rules.model.platforms.python_versions import language_version
from venvstacks_rules.model.platforms.target_platforms import TargetPlatform

IsProvided = Callable[[str], bool]
"""Whether the machine has a library, by the name that a binary asks for."""

# The policies of PEP 600, which differ in two libraries only. The versions of symbols tell whether
# a binary is too new for a glibc.
_MANYLINUX = frozenset(
    """
    libanl.so.1 libatomic.so.1 libc.so.6 libdl.so.2 libexpat.so.1 libgcc_s.so.1 libGL.so.1
    libglib-2.0.so.0 libgobject-2.0.so.0 libgthread-2.0.so.0 libICE.so.6 libm.so.6 libmvec.so.1
    libnsl.so.1 libpthread.so.0 libresolv.so.2 librt.so.1 libSM.so.6 libstdc++.so.6 libutil.so.1
    libX11.so.6 libXext.so.6 libXrender.so.1 libz.so.1
    """.split()  # noqa: SIM905 - a list of a line each is no easier to read
)
# Those of PEP 656, and names that the C library of musl itself answers to, by their beginning.
_MUSLLINUX = frozenset({"libc.so", "libz.so.1"})
_MUSL_ITSELF = re.compile(
    r"(libc\.musl-|ld-musl-).*\.so\.1|lib(pthread|m|dl|rt|util|crypt|resolv|xnet)\.so(\.\d+)?"
)
_LOADER = re.compile(r"ld-linux(-[a-z0-9-]+)?\.so\.\d")
# The kernel's driver brings the libraries of NVIDIA, AMD, Intel and other devices. OpenCL and
# Vulkan find a driver, and come with one.
_LINUX_DRIVERS = frozenset(
    """
    libcuda.so.1 libnvidia-ml.so.1 libnvcuvid.so.1 libnvidia-encode.so.1
    libnvidia-opticalflow.so.1 libnvidia-ptxjitcompiler.so.1 libnvidia-fbc.so.1 libcudadebugger.so.1
    libnvoptix.so.1 libOpenCL.so.1 libvulkan.so.1 libze_loader.so.1 libdrm.so.2 libdrm_amdgpu.so.1
    libibverbs.so.1 librdmacm.so.1 libmlx5.so.1
    """.split()  # noqa: SIM905 - a list of a line each is no easier to read
)
# What CPython's standard library is linked to on the distributions of Linux, in any version: an
# interpreter that is captured on a machine takes them from the machine.
_LINUX_PYTHON = re.compile(
    r"lib(bz2|crypt|crypto|db-5\.\d|edit|ffi|gdbm|gdbm_compat|intl|lzma|mpdec|ncursesw?|nsl|panelw?|"
    r"readline|sqlite3|ssl|tinfow?|tirpc|uuid|zstd)\.so\.[\d.]+|lib(db-5\.\d|tcl\d\.\d|tk\d\.\d)\.so"
)
_WINDOWS_DRIVERS = frozenset(
    """
    nvcuda.dll nvml.dll nvcuvid.dll nvencodeapi64.dll nvapi64.dll nvoptix.dll opencl.dll
    vulkan-1.dll ze_loader.dll amdhip64.dll amfrt64.dll
    """.split()  # noqa: SIM905 - a list of a line each is no easier to read
)
_WINDOWS_SETS = ("api-ms-win-", "ext-ms-")
_MACOSX_FOLDERS = ("/usr/lib/", "/System/Library/")
# Libraries of /usr/lib that packages have, too. For a name without a folder, dyld looks there last.
_MACOSX_NAMES = frozenset(
    """
    libSystem.B.dylib libarchive.2.dylib libbz2.1.0.dylib libc++.1.dylib libc++abi.dylib
    libcharset.1.dylib libcompression.dylib libcups.2.dylib libcurl.4.dylib libedit.3.dylib
    libexpat.1.dylib libexslt.0.dylib libffi.dylib libform.5.4.dylib libicucore.A.dylib
    libiconv.2.dylib libiodbc.2.dylib liblzma.5.dylib libncurses.5.4.dylib libobjc.A.dylib
    libpam.2.dylib libpanel.5.4.dylib libpcap.A.dylib libresolv.9.dylib libsasl2.2.dylib
    libsqlite3.dylib libstdc++.6.dylib libtidy.A.dylib libutil.dylib libxml2.2.dylib
    libxslt.1.dylib libz.1.dylib
    """.split()  # noqa: SIM905 - a list of a line each is no easier to read
)


def provided_libraries(
    platform: TargetPlatform, python_version: str, linux_target: LinuxTarget
) -> IsProvided:
    """The libraries of a machine of `platform` with Python `python_version` (X.Y[.Z])."""
    major, minor = language_version(python_version).split(".")
    if platform.system == "win":
        return _windows(major, minor)
    if platform.system == "macosx":
        python = re.compile(rf"libpython{major}\.{minor}t?\.dylib")
        return lambda asked: (
            asked.startswith(_MACOSX_FOLDERS)
            or asked in _MACOSX_NAMES
            or python.fullmatch(posixpath.basename(asked)) is not None
        )
    python = re.compile(rf"libpython{major}(\.{minor}t?)?\.so(\.1\.0)?")
    system = _is_musl if linux_target.libc == MUSL else _is_glibc
    return lambda asked: (
        system(asked) or asked in _LINUX_DRIVERS or python.fullmatch(asked) is not None
    )


def is_of_python(platform: TargetPlatform, name: str) -> bool:
    """Whether an interpreter of `platform` may take a library of this name from its machine."""
    return platform.system == "linux" and _LINUX_PYTHON.fullmatch(name) is not None


def _is_glibc(asked: str) -> bool:
    return asked in _MANYLINUX or _LOADER.fullmatch(asked) is not None


def _is_musl(asked: str) -> bool:
    return asked in _MUSLLINUX or _MUSL_ITSELF.fullmatch(asked) is not None


def _windows(major: str, minor: str) -> IsProvided:
    python = re.compile(rf"python{major}({minor})?t?\.dll")
    # The interpreter has these two, and no others of the C++ runtime.
    runtime = {"vcruntime140.dll", "vcruntime140_1.dll"}

    def is_provided(asked: str) -> bool:
        name = asked.lower()
        return (
            name in WINDOWS_LIBRARIES
            or name.startswith(_WINDOWS_SETS)
            or name in _WINDOWS_DRIVERS
            or name in runtime
            or python.fullmatch(name) is not None
        )

    return is_provided
