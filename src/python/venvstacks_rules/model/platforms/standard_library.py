"""The modules of the standard library, by version of CPython.

As `sys.stdlib_module_names` has them, those of all systems; with `test`, which some builds have.
Python finds them before packages, so a file of such a name in site-packages is never imported.
"""

from __future__ import annotations

import functools

from venvstacks_rules.model.platforms.python_versions import release_numbers

_ALWAYS = """
    __future__ _abc _ast _asyncio _bisect _blake2 _bz2 _codecs _codecs_cn _codecs_hk
    _codecs_iso2022 _codecs_jp _codecs_kr _codecs_tw _collections _collections_abc
    _compat_pickle _compression _contextvars _csv _ctypes _curses _curses_panel _datetime _dbm
    _decimal _elementtree _frozen_importlib _frozen_importlib_external _functools _gdbm _hashlib
    _heapq _imp _io _json _locale _lsprof _lzma _markupbase _md5 _multibytecodec
    _multiprocessing _opcode _operator _osx_support _overlapped _pickle _posixshmem
    _posixsubprocess _py_abc _pydecimal _pyio _queue _random _scproxy _sha1 _sha3 _signal
    _sitebuiltins _socket _sqlite3 _sre _ssl _stat _statistics _string _strptime _struct
    _symtable _thread _threading_local _tkinter _tracemalloc _uuid _warnings _weakref
    _weakrefset _winapi abc antigravity argparse array ast asyncio atexit base64 bdb binascii
    bisect builtins bz2 cProfile calendar cmath cmd code codecs codeop collections colorsys
    compileall concurrent configparser contextlib contextvars copy copyreg csv ctypes curses
    dataclasses datetime dbm decimal difflib dis doctest email encodings ensurepip enum errno
    faulthandler fcntl filecmp fileinput fnmatch fractions ftplib functools gc genericpath
    getopt getpass gettext glob grp gzip hashlib heapq hmac html http idlelib imaplib importlib
    inspect io ipaddress itertools json keyword linecache locale logging lzma mailbox marshal
    math mimetypes mmap modulefinder msvcrt multiprocessing netrc nt ntpath nturl2path numbers
    opcode operator optparse os pathlib pdb pickle pickletools pkgutil platform plistlib poplib
    posix posixpath pprint profile pstats pty pwd py_compile pyclbr pydoc pydoc_data pyexpat
    queue quopri random re readline reprlib resource rlcompleter runpy sched secrets select
    selectors shelve shlex shutil signal site smtplib socket socketserver sqlite3 sre_compile
    sre_constants sre_parse ssl stat statistics string stringprep struct subprocess symtable sys
    sysconfig syslog tabnanny tarfile tempfile termios test textwrap this threading time timeit
    tkinter token tokenize trace traceback tracemalloc tty turtle turtledemo types typing
    unicodedata unittest urllib uuid venv warnings wave weakref webbrowser winreg winsound
    wsgiref xml xmlrpc zipapp zipfile zipimport zlib
"""

# The first and the last Y of the versions 3.Y that have them; None if there is no end.
_AT_TIMES = {
    (0, 8): """
        _dummy_thread dummy_threading
    """,
    (0, 9): """
        _bootlocale formatter parser symbol
    """,
    (0, 10): """
        binhex
    """,
    (0, 11): """
        _sha256 _sha512 asynchat asyncore distutils imp smtpd
    """,
    (0, 12): """
        _crypt _msi aifc audioop cgi cgitb chunk crypt imghdr lib2to3 mailcap msilib nis nntplib
        ossaudiodev pipes sndhdr spwd sunau telnetlib uu xdrlib
    """,
    (9, 9): """
        _peg_parser
    """,
    (9, 11): """
        _bootsubprocess
    """,
    (9, None): """
        _aix_support _zoneinfo graphlib zoneinfo
    """,
    (11, None): """
        _tokenize _typing tomllib
    """,
    (12, None): """
        _pydatetime _pylong _sha2
    """,
    (13, None): """
        _android_support _colorize _interpchannels _interpqueues _interpreters _ios_support
        _opcode_metadata _pyrepl _suggestions _sysconfig _wmi
    """,
    (14, None): """
        _apple_support _ast_unparse _hmac _py_warnings _remote_debugging _types _zstd annotationlib
        compression
    """,
    (15, None): """
        profiling
    """,
}


@functools.cache
def standard_library(python_version: str) -> frozenset[str]:
    """The top-level modules of the standard library of a version, ``X.Y`` or ``X.Y.Z``."""
    minor = release_numbers(python_version)[1]
    names = set(_ALWAYS.split())
    for (first, last), some in _AT_TIMES.items():
        if first <= minor and (last is None or minor <= last):
            names.update(some.split())
    return frozenset(names)


def every_standard_module() -> frozenset[str]:
    """The top-level modules of the standard library of any version."""
    names = set(_ALWAYS.split())
    for some in _AT_TIMES.values():
        names.update(some.split())
    return frozenset(names)
