"""How a preview picture travels: a fixed header, then the bytes of a picture.

Big-endian header of 47 bytes: kind (u8, 1 = frame), protocol (u8), picture format (u8:
1 PNG, 2 JPEG, 3 WebP), stream (16 bytes UUID), epoch (u32), seq (u32), step (u32, 0 for
sliders), base revision (16 bytes UUID). Receivers drop what is not newer by (epoch, seq).
"""

import struct
from dataclasses import dataclass
from enum import IntEnum
from uuid import UUID

KIND_FRAME = 1
PROTOCOL = 1
HEADER = struct.Struct(">BBB16sIII16s")


class PictureFormat(IntEnum):
    PNG = 1
    JPEG = 2
    WEBP = 3


class BadFrameError(ValueError):
    """The bytes are not a frame of this protocol."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of a stream, with its place in it."""

    stream: UUID
    epoch: int
    seq: int
    step: int
    base_revision_id: UUID
    format: PictureFormat
    picture: bytes

    def pack(self) -> bytes:
        header = HEADER.pack(
            KIND_FRAME, PROTOCOL, self.format, self.stream.bytes,
            self.epoch, self.seq, self.step, self.base_revision_id.bytes,
        )  # fmt: skip
        return header + self.picture

    @classmethod
    def unpack(cls, data: bytes) -> "Frame":
        """Return the frame in `data`.

        Raises:
            BadFrameError: too short, of another kind, protocol or picture format.
        """
        if len(data) <= HEADER.size:
            raise BadFrameError(f"{len(data)} bytes")
        kind, protocol, form, stream, epoch, seq, step, base = HEADER.unpack_from(data)
        if kind != KIND_FRAME or protocol != PROTOCOL or form not in set(PictureFormat):
            raise BadFrameError(f"kind {kind}, protocol {protocol}, format {form}")
        return cls(
            stream=UUID(bytes=stream), epoch=epoch, seq=seq, step=step,
            base_revision_id=UUID(bytes=base), format=PictureFormat(form),
            picture=data[HEADER.size :],
        )  # fmt: skip
