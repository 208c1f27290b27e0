"""Where an executor first goes wrong: what its streams carried in the first frame, held against the reference."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from generator.build_plan import MARKER
from generator.errors import ToolError
from generator.fixed_point import FixedPoint, IntArray, parse_format
from generator.names import identifier
from generator.trace import Difference, first_difference
from generator.vectors import STREAMS


@dataclass(frozen=True, slots=True, kw_only=True)
class TracedStream:
    """A stream of a project and what the reference says that it carries.

    Attributes:
        tensor: of the graph.
        expected: (1, H, W, C) int64, in LSBs of `format`.
    """

    name: str
    tensor: str
    format: FixedPoint
    lanes: int
    expected: IntArray

    @property
    def words(self) -> int:
        """Of a frame."""
        return self.expected.size // self.lanes

    def cpp_name(self) -> str:
        """Of the hls::stream."""
        return f"{self.name}_stream" if self.name in ("x", "y") else identifier(self.name)


def read_traced_streams(project: Path) -> tuple[TracedStream, ...]:
    """The streams of a project in the order of the data; () where it was written without them.

    Raises:
        ToolError: the project's files are damaged.
    """
    if not (project / STREAMS).is_file():
        return ()
    try:
        described = json.loads((project / MARKER).read_text(encoding="utf-8"))
        streams = {str(stream["name"]): stream for stream in described["streams"]}
        traced = []
        for line in (project / STREAMS).read_text(encoding="utf-8").splitlines():
            tensor, names, *integers = line.split()
            values = np.array(list(map(int, integers)), dtype=np.int64)
            for name in names.split(","):
                stream = streams[name]
                traced.append(
                    TracedStream(
                        name=name,
                        tensor=tensor,
                        format=parse_format(stream["format"]),
                        lanes=int(stream["lanes"]),
                        expected=values.reshape(1, *stream["shape"]),
                    )
                )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ToolError(f"project {project}: {STREAMS} is damaged; generate the project again") from error
    return tuple(traced)


def locate(streams: tuple[TracedStream, ...], files: dict[str, Path]) -> Difference | None:
    """The first layer, pixel and channel in which recorded streams differ from the reference.

    Args:
        files: stream -> its words, a line of hexadecimal each; streams without a whole frame are left out.
    """
    recorded = {}
    for stream in streams:
        if stream.name in files and files[stream.name].is_file():
            words = files[stream.name].read_text(encoding="utf-8").split()[: stream.words]
            if len(words) == stream.words:
                recorded[stream.name] = _unpack(words, stream)
    expected = {stream.name: stream.expected for stream in streams}
    found = first_difference(expected, recorded)
    if found is None:
        return None
    tensor = next(stream.tensor for stream in streams if stream.name == found.layer)
    return found.renamed(tensor)


def _unpack(words: list[str], stream: TracedStream) -> IntArray:
    """Words as the integers that they carry, the first channel in the lowest bits."""
    width, mask = stream.format.width, (1 << stream.format.width) - 1
    sign = 1 << (width - 1) if stream.format.signed else 0
    fields = [
        (word >> (lane * width)) & mask for word in (int(text, 16) for text in words) for lane in range(stream.lanes)
    ]
    values = [(field ^ sign) - sign for field in fields]
    return np.array(values, dtype=np.int64).reshape(stream.expected.shape)
