"""Compiles modules to byte code that is the same on every machine.

A script for an interpreter of the layer's version, which need not be that of the actions: it uses
the standard library only, and imports nothing of ours. Its argument is a JSON file: ``version``
(``X.Y``, or ``X.Yt``), ``output``, and ``files``, each with the source, the path of the module
among others, the name that the byte code has for it, and whether Python compares it with its
source. The byte code of each goes into the zip archive `output`, at the place beside the module
where Python looks for it. A file that is no Python of this version is left out.

``marshal`` writes what happens to be known of an object: whether something else in the process uses
it, too, and the order in which a set has its members. So what it wrote is written once more.
"""

from __future__ import annotations

import importlib.util
import json
import marshal
import re
import sys
import warnings
import zipfile
from types import CodeType

# PEP 552: the first bit says "validated by hash", the second "compare it with the source".
CHECKED, UNCHECKED = 0b11, 0b01

_FLAG = 0x80
# The kinds of objects that are always the same, and of numbers; with the bytes of these.
_CONSTANTS = frozenset((b"0", b"N", b"F", b"T", b"S", b"."))
_SIZES = {**dict.fromkeys(_CONSTANTS, 0), b"i": 4, b"I": 8, b"g": 8, b"y": 16}
# The kinds of texts, each as it is when interned and when not.
_TEXTS = {b"z": b"Zz", b"Z": b"Zz", b"a": b"Aa", b"A": b"Aa", b"t": b"uu", b"u": b"uu"}
_SHORT = b"Zz"
# Whether a text is interned depends on the other modules of the process. Python itself interns the
# constants that look like names, and all names, when it makes a code object.
_NAME = re.compile(rb"[A-Za-z0-9_]*")
_SLICE = b":"
_CONTAINERS = frozenset((b"(", b")", b"<", b">", b"[", _SLICE))
_SETS = frozenset((b"<", b">"))

# Of a code object: the bytes of its numbers, its objects, the bytes of its first line, and the
# objects behind that.
_CODE = (20, 8, 4, 2) if sys.version_info >= (3, 11) else (24, 8, 4, 1)


class _Node:
    """An object in the output of ``marshal``; equal ones are one node, except code objects."""

    __slots__ = ("children", "head", "index", "kind", "plain", "tail_at", "uses")

    def __init__(self, kind: bytes, head: bytes, children: tuple[_Node, ...] | None) -> None:
        self.kind = kind
        self.head = head
        """What is written before the children; of a code object, a second part is among them."""
        self.children = children
        self.tail_at = -1
        self.uses = 0
        self.index = -1
        self.plain = b""


class _Reader:
    """Reads what ``marshal`` wrote."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._references: list[_Node | None] = []
        self._known: dict[object, _Node] = {}

    def node(self) -> _Node:
        code = self._data[self._at]
        self._at += 1
        kind = bytes((code & ~_FLAG,))
        if kind == b"r":
            found = self._references[self._number(4)]
            assert found is not None
            return found
        place = -1
        if code & _FLAG:
            place = len(self._references)
            self._references.append(None)
        node = self._content(kind)
        if place >= 0:
            self._references[place] = node
        return node

    def _content(self, kind: bytes) -> _Node:
        if kind in _TEXTS:
            return self._text(kind)
        if kind == b"c":
            return self._code()
        if kind in _CONTAINERS:
            return self._container(kind)
        if kind in _SIZES:
            return self._one(kind, self._take(_SIZES[kind]), None)
        if kind == b"s":
            return self._one(kind, self._take(4 + self._following()), None)
        if kind == b"l":
            return self._one(kind, self._take(4 + 2 * abs(self._following())), None)
        raise ValueError(f"marshal wrote an object of kind {kind!r}")

    def _text(self, kind: bytes) -> _Node:
        kinds = _TEXTS[kind]
        start = self._at
        size = self._number(1 if kinds == _SHORT else 4)
        text = self._take(size)
        kind = kinds[:1] if _NAME.fullmatch(text) else kinds[1:]
        return self._one(kind, self._data[start : self._at], None)

    def _code(self) -> _Node:
        numbers, objects, line, others = _CODE
        head = self._take(numbers)
        children = [self.node() for _ in range(objects)]
        first_line = _Node(b"", self._take(line), None)
        children += [first_line, *(self.node() for _ in range(others))]
        node = _Node(b"c", head, tuple(children))
        node.tail_at = objects
        return node

    def _container(self, kind: bytes) -> _Node:
        start = self._at
        count = 3 if kind == _SLICE else self._number(1 if kind == b")" else 4)
        head = self._data[start : self._at]
        children = [self.node() for _ in range(count)]
        if kind in _SETS:
            children.sort(key=_plain)
        return self._one(kind, head, tuple(children))

    def _one(self, kind: bytes, head: bytes, children: tuple[_Node, ...] | None) -> _Node:
        key = (kind, head, children)
        node = self._known.get(key)
        if node is None:
            node = self._known[key] = _Node(kind, head, children)
        return node

    def _following(self) -> int:
        """The number that is next, negative for an integer below zero."""
        return int.from_bytes(self._data[self._at : self._at + 4], "little", signed=True)

    def _number(self, size: int) -> int:
        return int.from_bytes(self._take(size), "little")

    def _take(self, size: int) -> bytes:
        start = self._at
        self._at += size
        return self._data[start : self._at]


def _plain(node: _Node) -> bytes:
    """The object as it would be written alone; it orders the members of a set."""
    if not node.plain:
        inner = b"".join(map(_plain, node.children or ()))
        node.plain = node.kind + node.head + inner
    return node.plain


def _count(node: _Node) -> None:
    node.uses += 1
    if node.uses == 1 and node.children is not None:
        for child in node.children:
            _count(child)


def _write(node: _Node, out: list[bytes], written: list[_Node]) -> None:
    if node.index >= 0:
        out.append(b"r" + node.index.to_bytes(4, "little"))
        return
    kind = node.kind
    # Objects that are used again have a number, in the order in which they are met.
    if node.uses > 1 and kind not in _CONSTANTS:
        node.index = len(written)
        written.append(node)
        kind = bytes((kind[0] | _FLAG,))
    out.append(kind)
    out.append(node.head)
    for child in node.children or ():
        _write(child, out, written)


def canonical(data: bytes) -> bytes:
    """The output of ``marshal`` for a code object, in a form that depends on the object alone."""
    root = _Reader(data).node()
    _count(root)
    out: list[bytes] = []
    _write(root, out, [])
    return b"".join(out)


def byte_code(source: bytes, shown: str, *, checked: bool) -> bytes | None:
    """The content of the file with the byte code; None if `source` is no Python of this version."""
    try:
        code = compile(source, shown, "exec", dont_inherit=True, optimize=0)
        data = canonical(marshal.dumps(code))
        same = _is_same(code, marshal.loads(data))  # noqa: S302 - our own bytes
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
        return None
    # Python compiles the file itself then, as one that is no Python.
    if not same:
        return None
    flags = CHECKED if checked else UNCHECKED
    header = importlib.util.MAGIC_NUMBER + flags.to_bytes(4, "little")
    return header + importlib.util.source_hash(source) + data


def _is_same(code: CodeType, again: CodeType) -> bool:
    # A constant that is no number equals nothing, not even itself.
    return code == again or _alone(code) == _alone(again)


def _alone(code: CodeType) -> bytes:
    return _plain(_Reader(marshal.dumps(code)).node())


def _version() -> str:
    import sysconfig

    free_threaded = "t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""
    return f"{sys.version_info[0]}.{sys.version_info[1]}{free_threaded}"


def main(argv: list[str]) -> int:
    """Do what the request says whose path is the only argument."""
    with open(argv[0], encoding="utf-8") as stream:
        request = json.load(stream)
    if sys.implementation.name != "cpython" or request["version"] != _version():
        print(f"it is {sys.implementation.name} {_version()}", file=sys.stderr)
        return 3
    # Those of other people's sources.
    warnings.simplefilter("ignore")
    with zipfile.ZipFile(request["output"], "x") as out:
        for path, module, shown, checked in request["files"]:
            with open(path, "rb") as stream:
                compiled = byte_code(stream.read(), shown, checked=checked)
            if compiled is not None:
                folder, _, base = module.rpartition("/")
                name = f"{base[: -len('.py')]}.{sys.implementation.cache_tag}.pyc"
                target = f"{folder}/__pycache__/{name}"
                info = zipfile.ZipInfo(target.lstrip("/"), (1980, 1, 2, 0, 0, 0))
                out.writestr(info, compiled)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
