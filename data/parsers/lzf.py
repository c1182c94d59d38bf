"""LZF, Marc Lehmann's compression, in which PCD files are packed."""

from ..headers import Unreadable

_MOST = 264 / 3  # bytes that a byte can stand for: a copy of 264 takes three


def unpack(packed: bytes, size: int) -> bytes:
    """The `size` bytes that `packed` stands for; Unreadable if it does not.

    A byte under 32 is the number, less one, of bytes that follow as they are. Another one has the
    length, less two, of a copy in its upper three bits (7: a byte follows to add) and the
    distance back, less one, in its lower five and the next byte.
    """
    if size > len(packed) * _MOST:
        raise Unreadable("says it unpacks to more than it can; download or export it again")
    out = bytearray()
    place = 0
    try:
        while place < len(packed):
            control = packed[place]
            place += 1
            if control < 32:
                out += packed[place : place + control + 1]
                place += control + 1
                continue
            length = control >> 5
            if length == 7:
                length += packed[place]
                place += 1
            back = ((control & 31) << 8) + packed[place] + 1
            place += 1
            _copy(out, back, length + 2)
    except IndexError:
        raise Unreadable("is cut short or damaged; download or export it again") from None
    if len(out) != size:
        raise Unreadable("unpacks to another size than it says; download or export it again")
    return bytes(out)


def _copy(out: bytearray, back: int, length: int) -> None:
    """Repeats what lies `back` bytes behind the end; if that is less than `length`, over again."""
    start = len(out) - back
    if start < 0:
        raise IndexError
    piece = out[start : start + length]
    out += (piece * (length // len(piece) + 1))[:length] if len(piece) < length else piece
