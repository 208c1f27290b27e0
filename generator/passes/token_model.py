"""When pixels move: a model of the stages' start rules, on whole pixels instead of clock cycles.

Every stage starts a pixel at the latest of a few earlier events (its own last pixel, inputs loaded,
room in its output), so all times follow from maxima and sums; no clock is simulated. With streams
one pixel wide the times are those of the RTL; with narrower words a pixel counts as moved when its
last word has moved, which errs on the late side by less than a pixel.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from generator.design import AddStage, CloneStage, ConvStage, PoolStage, Stage, Stream

OFFER_CYCLES = 2
"""From the cycle in which a word is written to a FIFO to the first in which it can be taken."""
PLACE_CYCLES = 1
"""From the cycle in which a word is taken to the first in which its place can be promised again."""
START_CYCLES = 1
"""From the cycle that loads the last word a pixel waits for to the pixel's first beat."""
SUM_CYCLES = 2
"""From a group's last beat to its sums, and to the write of its only word: RAM, product and sum."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """What a run of the model tells.

    Attributes:
        finished: False if the stages wait for each other.
        frame_ends: cycle of the last word of each frame at the top's output.
        occupancy: most words held, by stream.
    """

    finished: bool
    frame_ends: tuple[int, ...]
    occupancy: Mapping[str, int]

    @property
    def interval_cycles(self) -> int | None:
        """Largest distance of the ends of frames n and n+1, n >= 2 counted from 1."""
        ends = self.frame_ends
        if not self.finished or len(ends) < 3:
            return None
        return max(later - earlier for earlier, later in pairwise(ends[1:]))

    @property
    def latency_cycles(self) -> int | None:
        """First input word to last output word of the first frame."""
        return self.frame_ends[0] if self.frame_ends else None


class _Channel:
    """A stream's pixels: when each was completely written and completely read."""

    def __init__(self, stream: Stream, depth_words: int | None) -> None:
        self.name = stream.name
        self.words = stream.words_per_pixel
        self.pixels = stream.shape.pixels
        self.depth = depth_words
        self.written: list[int] = []
        self.read: list[int] = []
        self.spread = list(range(self.words - 1, -1, -1))
        """Cycles from the write of each word of a pixel to that of its last."""

    def room(self, pixel: int) -> int | None:
        """Earliest cycle with room for all of `pixel`; None if that is not known yet."""
        if self.depth is None:
            return 0
        must_be_read = (pixel + 1) * self.words - self.depth
        if must_be_read <= 0:
            return 0
        index, offset = divmod(must_be_read - 1, self.words)
        if index >= len(self.read):
            return None
        prompt = self.read[index] == self.written[index] + OFFER_CYCLES
        ahead = self.spread[offset] if prompt else self.words - 1 - offset
        return self.read[index] - ahead + PLACE_CYCLES

    def occupancy(self) -> int:
        """Most words between write and read at any time, in whole pixels."""
        most = oldest = 0
        for index, time in enumerate(self.written):
            while oldest < len(self.read) and self.read[oldest] < time:
                oldest += 1
            most = max(most, index + 1 - oldest)
        return most * self.words


def run_model(
    stages: Sequence[Stage],
    streams: Sequence[Stream],
    frames: int,
    depths: Mapping[str, int | None] | None = None,
) -> Timing:
    """Play frames through stages; the source never idles, the sink is always ready.

    Args:
        stages: in dataflow order. Streams whose source or sink is not among them are fed and drained.
        depths: FIFO depths in words that replace those of `streams`; None means unlimited.
    """
    override = depths or {}
    channels = {stream.name: _Channel(stream, override.get(stream.name, stream.depth_words)) for stream in streams}
    for stage in stages:
        _set_spread(stage, channels)
    written = {name for stage in stages for name in _outputs(stage)}
    read = {name for stage in stages for name in _inputs(stage)}
    steps: list[Callable[[], bool]] = []
    for name, channel in channels.items():
        if name not in written:
            steps.append(_source(channel, frames))
    steps += [_stage_step(stage, channels, frames) for stage in stages]
    drained = [channel for name, channel in channels.items() if name not in read]
    steps += [_sink(channel) for channel in drained]
    while any(step() for step in steps):
        continue
    finished = all(len(channel.written) == frames * channel.pixels for channel in channels.values())
    last = drained[-1]
    ends = tuple(last.read[(frame + 1) * last.pixels - 1] for frame in range(len(last.read) // last.pixels))
    return Timing(
        finished=finished,
        frame_ends=ends,
        occupancy={name: channel.occupancy() for name, channel in channels.items()},
    )


def _set_spread(stage: Stage, channels: Mapping[str, _Channel]) -> None:
    """A conv sends each group of channels when it is done; clone and add keep the rhythm of their input."""
    if isinstance(stage, ConvStage):
        sink = channels[stage.output]
        groups = stage.out_shape.channels // stage.pe
        words_per_group = max(sink.words // groups, 1)
        cycles = stage.reuse_factor // groups
        for word in range(sink.words):
            group = word // words_per_group if sink.words >= groups else groups - 1
            behind = words_per_group - 1 - word % words_per_group
            sink.spread[word] = (groups - 1 - group) * cycles + behind
    elif isinstance(stage, CloneStage | AddStage):
        for name in _outputs(stage):
            channels[name].spread = list(channels[_inputs(stage)[0]].spread)


def _inputs(stage: Stage) -> tuple[str, ...]:
    return (stage.main, stage.skip) if isinstance(stage, AddStage) else (stage.input,)


def _outputs(stage: Stage) -> tuple[str, ...]:
    return stage.outputs if isinstance(stage, CloneStage) else (stage.output,)


def _source(channel: _Channel, frames: int) -> Callable[[], bool]:
    total = frames * channel.pixels

    def step() -> bool:
        moved = False
        while len(channel.written) < total:
            index = len(channel.written)
            room = channel.room(index)
            if room is None:
                break
            before = channel.written[-1] if index else -1
            channel.written.append(max(before + channel.words, room))
            moved = True
        return moved

    return step


def _sink(channel: _Channel) -> Callable[[], bool]:
    def step() -> bool:
        start = len(channel.read)
        for time in channel.written[start:]:
            before = channel.read[-1] if channel.read else -1
            channel.read.append(max(time + OFFER_CYCLES, before + 1))
        return len(channel.read) > start

    return step


def _stage_step(stage: Stage, channels: Mapping[str, _Channel], frames: int) -> Callable[[], bool]:
    match stage:
        case ConvStage():
            return _Conv(stage, channels[stage.input], channels[stage.output], frames).step
        case CloneStage():
            return _word_step((channels[stage.input],), tuple(channels[name] for name in stage.outputs))
        case AddStage():
            return _word_step((channels[stage.main], channels[stage.skip]), (channels[stage.output],))
        case PoolStage():
            return _pool_step(channels[stage.input], channels[stage.output])


def _word_step(inputs: tuple[_Channel, ...], outputs: tuple[_Channel, ...]) -> Callable[[], bool]:
    """Clone and add: a pixel moves when every input has it and every output has room."""

    def step() -> bool:
        moved = False
        while True:
            index = len(inputs[0].read)
            rooms = [channel.room(index) for channel in outputs]
            if any(index >= len(channel.written) for channel in inputs) or None in rooms:
                return moved
            ready = max(channel.written[index] for channel in inputs) + OFFER_CYCLES
            before = inputs[0].read[-1] + inputs[0].words if index else 0
            time = max(ready, before, *(room for room in rooms if room is not None))
            for channel in inputs:
                channel.read.append(time)
            for channel in outputs:
                channel.written.append(time)
            moved = True

    return step


def _pool_step(source: _Channel, sink: _Channel) -> Callable[[], bool]:
    """Global average: each word of a frame's last pixel gives one word of means."""

    def step() -> bool:
        moved = False
        while len(source.read) < len(source.written):
            index = len(source.read)
            frame, pixel = divmod(index, source.pixels)
            time = max(source.written[index] + OFFER_CYCLES, source.read[-1] + source.words if index else 0)
            if pixel == source.pixels - 1:
                room = sink.room(frame)
                if room is None:
                    return moved
                time = max(time, room)
                sink.written.append(time + SUM_CYCLES)
            source.read.append(time)
            moved = True
        return moved

    return step


class _Conv:
    """A conv stage: a loader that fills the ring and a loop that starts pixels."""

    def __init__(self, stage: ConvStage, source: _Channel, sink: _Channel, frames: int) -> None:
        self._source, self._sink = source, sink
        scale = source.pixels // stage.in_shape.pixels
        need, base = window_bounds(stage)
        self._need = [(index + 1) * scale - 1 for index in need]
        self._steps = [(after - before) * scale for before, after in pairwise((*base, base[0] + stage.in_shape.pixels))]
        self._in_pixels = source.pixels
        self._free_at_start = (stage.ring_pixels + base[0]) * scale
        self._cycles = stage.reuse_factor
        # a word wider than simd is written to the ring part by part
        self._load_cycles = max(source.words, stage.in_shape.channels // (stage.simd * scale))
        self._parts = self._load_cycles // source.words
        groups = max(sink.words * stage.pe // stage.out_shape.channels, 1)
        self._behind = stage.reuse_factor - 1 + SUM_CYCLES + (groups if groups > 1 else 0)
        self._total = frames * stage.out_shape.pixels
        self._freed: list[int] = []
        self._started: list[int] = []

    def step(self) -> bool:
        """Load and start as many pixels as the known times allow; False if none."""
        moved = False
        while self._load() or self._start():
            moved = True
        return moved

    def _load(self) -> bool:
        source = self._source
        index = len(source.read)
        if index >= len(source.written):
            return False
        time = source.written[index] + OFFER_CYCLES + self._parts - 1
        if index:
            time = max(time, source.read[-1] + self._load_cycles)
        slot = index - self._free_at_start
        if slot >= 0:
            if slot >= len(self._freed):
                return False
            time = max(time, self._freed[slot] + self._load_cycles)
        source.read.append(time)
        return True

    def _start(self) -> bool:
        pixel = len(self._started)
        if pixel >= self._total:
            return False
        frame, position = divmod(pixel, len(self._need))
        last_input = frame * self._in_pixels + self._need[position]
        room = self._sink.room(pixel)
        if last_input >= len(self._source.read) or room is None:
            return False
        time = max(self._source.read[last_input] + START_CYCLES, room)
        if pixel:
            time = max(time, self._started[-1] + self._cycles)
        self._started.append(time)
        self._sink.written.append(time + self._behind)
        self._freed += [time + self._cycles - 1] * self._steps[position]
        return True


def window_bounds(stage: ConvStage) -> tuple[list[int], list[int]]:
    """Per output pixel of a frame: the last input pixel it needs, and the raster index of its window's corner.

    The corner lies before the frame where the window begins in the padding; what it has passed is free.
    """
    height, width = stage.in_shape.height, stage.in_shape.width
    need, base = [], []
    for row in range(stage.out_shape.height):
        top = row * stage.stride[0] - stage.padding[0]
        bottom = min(top + stage.kernel[0] - 1, height - 1)
        for column in range(stage.out_shape.width):
            left = column * stage.stride[1] - stage.padding[1]
            right = min(left + stage.kernel[1] - 1, width - 1)
            need.append(bottom * width + right)
            base.append(top * width + left)
    return need, base
