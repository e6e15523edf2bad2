"""TensorBoard's event files: TFRecords of protocol buffers, of which the scalars are read; needs neither library.

tensorflow/core/util/event.proto, framework/summary.proto, framework/tensor.proto. Checksums are not compared.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

from .reading.engine import Engine

PRODUCER = "TensorBoard"
_LARGEST = 1 << 26  # bytes of a record; one with more (pictures, a torn length) ends the reading
_MOST_BYTES = 1 << 20  # of an event that could hold scalars worth reading one by one
Field = tuple[int, int, int | bytes]


def looks_like(head: bytes) -> bool:
    """Whether a file begins as an event file does: a short record that tells its version."""
    return len(head) >= 24 and struct.unpack("<Q", head[:8])[0] < 200 and b"brain.Event:" in head[:120]


def read(file: BinaryIO, engine: Engine) -> bool:
    """Reads all scalars of a file into an engine; returns whether its end was torn."""
    for at, record in enumerate(_records(file), 1):
        if record is None:
            return True
        try:
            _event(record, at, engine)
        except (ValueError, IndexError, struct.error):
            engine.not_understood += 1
    return False


def _records(file: BinaryIO) -> Iterator[bytes | None]:
    """The records of a file; None in place of one that is torn."""
    while head := file.read(12):
        size = struct.unpack("<Q", head[:8])[0] if len(head) == 12 else _LARGEST + 1
        if size > _LARGEST:
            yield None
            return
        record = file.read(size)
        if len(record) < size or len(file.read(4)) < 4:
            yield None
            return
        yield record


def _event(record: bytes, at: int, engine: Engine) -> None:
    step, scalars = 0, []
    if len(record) > _MOST_BYTES:
        return
    for number, kind, value in _fields(record):
        if number == 2 and isinstance(value, int):
            step = _signed(value)
        elif number == 5 and isinstance(value, bytes):
            scalars = [_scalar(part) for tag, _, part in _fields(value) if tag == 1 and isinstance(part, bytes)]
        elif number == 7 and kind == 2 and isinstance(value, bytes) and b"\x08\x01" in value[:4]:
            engine.happened("started again")
    told = {name: number for each in scalars if each is not None for name, number in [each]}
    if told:
        engine.add(PRODUCER, at, ("@step", *told), [float(step), *told.values()])


def _scalar(value: bytes) -> tuple[str, float] | None:
    """Summary.Value: its tag and its number; None for a picture, a histogram, a text."""
    tag, number = "", None
    for field, kind, part in _fields(value):
        if field == 1 and isinstance(part, bytes):
            tag = part.decode("utf-8", "replace")
        elif field == 2 and kind == 5 and isinstance(part, bytes):
            number = struct.unpack("<f", part)[0]
        elif field == 8 and isinstance(part, bytes):
            number = _tensor(part)
    return (tag, number) if tag and number is not None else None


def _tensor(value: bytes) -> float | None:
    """TensorProto of one number: float (1) or double (2), as content or as a list."""
    kind, number = 0, None
    for field, wire, part in _fields(value):
        if field == 1 and isinstance(part, int):
            kind = part
        elif field in (4, 5, 6) and isinstance(part, bytes):
            width, code = (8, "<d") if field == 6 or (field == 4 and kind == 2) else (4, "<f")
            known = kind in (1, 2) and (wire != 2 or len(part) == width)
            number = struct.unpack(code, part[:width])[0] if known and len(part) >= width else number
    return number


def _fields(record: bytes) -> Iterator[Field]:
    """(number, wire type, value) of each field. Raises ValueError on what is no message."""
    at = 0
    while at < len(record):
        key, at = _varint(record, at)
        kind = key & 7
        if kind == 0:
            value, at = _varint(record, at)
            yield key >> 3, kind, value
            continue
        if kind == 2:
            size, at = _varint(record, at)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise ValueError("no wire type")
        if at + size > len(record):
            raise ValueError("torn")
        yield key >> 3, kind, record[at : at + size]
        at += size


def _varint(record: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = record[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("no varint")


def _signed(value: int) -> int:
    value &= (1 << 64) - 1
    return value - (1 << 64) if value >> 63 else value
