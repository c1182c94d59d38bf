"""What a PLY file says is in it, from its header."""

from dataclasses import dataclass

from ..headers import Unreadable

_TYPES = {
    "char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1",
    "short": "i2", "int16": "i2", "ushort": "u2", "uint16": "u2",
    "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4",
    "float": "f4", "float32": "f4", "double": "f8", "float64": "f8",
}  # fmt: skip
_ORDERS = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}
_LONGEST = 1 << 16  # bytes


@dataclass(frozen=True)
class Property:
    """A number of each row, or a list of numbers with its length in front.

    `kind` is numpy's name of the type, such as '<f4'; `length` that of a list's length, '' for
    a single number.
    """

    name: str
    kind: str
    length: str = ""


@dataclass(frozen=True)
class Element:
    """`count` rows of the same properties."""

    name: str
    count: int
    properties: tuple[Property, ...]


@dataclass(frozen=True)
class Header:
    """Byte order ('<', '>', '' for text), elements, `obj_info` by name, and the header's bytes."""

    order: str
    elements: tuple[Element, ...]
    notes: dict[str, str]
    size: int


def read_header(content: bytes) -> Header:
    """The header at the start of `content`; Unreadable if it is not one of a PLY."""
    if content[:3] != b"ply":
        raise Unreadable("is not a PLY file, whatever its name says; check what it is")
    end = content.find(b"end_header", 0, _LONGEST)
    if end < 0:
        raise Unreadable("has a PLY header without an end; download or export it again")
    size = _after_line(content, end)
    order, elements, notes = None, [], {}
    for line in content[:end].decode("latin-1").splitlines():
        word, _, rest = line.strip().partition(" ")
        if word == "format":
            order = _order(rest)
        elif word == "element":
            elements.append(_element(rest))
        elif word == "property":
            _add(elements, _property(rest, order or ""))
        elif word == "obj_info":
            name, _, value = rest.strip().partition(" ")
            notes[name] = value.strip()
    if order is None:
        raise Unreadable("has a PLY header without its format; export it again")
    return Header(order, tuple(elements), notes, size)


def _after_line(content: bytes, place: int) -> int:
    """Where the line after `place` starts; it ends in \\n, \\r\\n or, rarely, \\r."""
    place += len(b"end_header")
    while content[place : place + 1] in (b" ", b"\t"):
        place += 1
    if content[place : place + 2] == b"\r\n":
        return place + 2
    return place + 1


def _order(rest: str) -> str:
    name = rest.split()[0] if rest.split() else ""
    if name not in _ORDERS:
        raise Unreadable(f"has a PLY header with the unknown format {name[:40]!r}; export it again")
    return _ORDERS[name]


def _element(rest: str) -> Element:
    words = rest.split()
    if len(words) != 2 or not words[1].isascii() or not words[1].isdigit():
        raise Unreadable("has a PLY header with a damaged element; export it again")
    return Element(words[0], int(words[1][:19]), ())


def _property(rest: str, order: str) -> Property:
    words = rest.split()
    types = words[1:3] if words[:1] == ["list"] else words[:1]
    if len(words) != (4 if len(types) == 2 else 2) or any(t not in _TYPES for t in types):
        raise Unreadable("has a PLY header with a damaged property; export it again")
    kinds = [order + _TYPES[t] for t in types]
    return Property(words[-1], kinds[-1], kinds[0] if len(kinds) == 2 else "")


def _add(elements: list[Element], new: Property) -> None:
    if not elements:
        raise Unreadable("has a PLY header with a property of nothing; export it again")
    last = elements[-1]
    if any(new.name == old.name for old in last.properties):
        raise Unreadable(f"has a PLY header that names {new.name[:40]!r} twice; export it again")
    elements[-1] = Element(last.name, last.count, (*last.properties, new))
