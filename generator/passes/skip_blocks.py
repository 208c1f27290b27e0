"""The part of a network that decides a skip FIFO's depth: from the writer of its fork to its join."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace

from generator.design import AddStage, CloneStage, ConvStage, Holding, SkipSizing, Stage, Storage, Stream
from generator.passes.stage_timing import joined_stream
from generator.passes.token_flow import WaitFor
from generator.passes.token_model import inputs_of, outputs_of
from generator.passes.token_order import LiveDepth


@dataclass(frozen=True, slots=True, kw_only=True)
class SkipBlock:
    """Stages in dataflow order and the streams at their ends.

    Attributes:
        skip: the stream that enters the join.
        join: the stage that reads it.
        tapped: the stage whose ring feeds the side branch through a tap, or None.
    """

    stages: tuple[ConvStage | Stage, ...]
    streams: tuple[Stream, ...]
    skip: Stream
    join: str
    tapped: str | None


def find_block(stages: Sequence[Stage], streams: Mapping[str, Stream], skip: str) -> SkipBlock:
    """The block of the stream that enters a join.

    It holds every stage between fork and join, the fork, and the stage in front of it where that one fills
    the fork's readers itself or a ring is the fork. What lies further upstream is taken to be always ready.
    """
    by_name = {stage.name: stage for stage in stages}
    join = by_name[streams[skip].sink or ""]
    main = join.main if isinstance(join, AddStage) else join.input
    on_main, on_side = _upstream(main, by_name, streams), _upstream(skip, by_name, streams)
    fork = by_name[next(name for name in on_side if name in on_main)]
    beyond = set(_upstream(fork.input, by_name, streams)) if not isinstance(fork, AddStage) else set()
    names = ({*on_main, *on_side} - beyond) | {join.name, fork.name}
    front = by_name.get(streams[inputs_of(fork)[0]].source or "")
    if front is not None and (isinstance(fork, ConvStage) or streams[inputs_of(fork)[0]].storage is Storage.NONE):
        names |= {front.name} | _direct_clones(front, by_name, streams)
    inside = tuple(stage for stage in stages if stage.name in names)
    ends = {name for stage in inside for name in (*inputs_of(stage), *outputs_of(stage))}
    return SkipBlock(
        stages=inside,
        streams=tuple(stream for name, stream in streams.items() if name in ends),
        skip=streams[skip],
        join=join.name,
        tapped=fork.name if isinstance(fork, ConvStage) and fork.tap is not None else None,
    )


def _upstream(stream: str, by_name: Mapping[str, Stage], streams: Mapping[str, Stream]) -> list[str]:
    """Stages that feed a stream, nearest first."""
    found: list[str] = []
    queue = [streams[stream].source]
    while queue:
        name = queue.pop(0)
        if name is None or name in found:
            continue
        found.append(name)
        queue += [streams[source].source for source in inputs_of(by_name[name])]
    return found


def _direct_clones(front: Stage, by_name: Mapping[str, Stage], streams: Mapping[str, Stream]) -> set[str]:
    """Clone stages without storage that pass on what `front` writes."""
    found: set[str] = set()
    queue = list(outputs_of(front))
    while queue:
        stream = streams[queue.pop(0)]
        reader = by_name.get(stream.sink or "")
        if stream.storage is Storage.NONE and isinstance(reader, CloneStage):
            found.add(reader.name)
            queue += reader.outputs
    return found


def signature(block: SkipBlock) -> object:
    """What the token model sees of a block, without names: equal signatures have equal depths."""
    numbers = {name: place for place, name in enumerate(dict.fromkeys(_ends(block.stages)))}
    shape: list[object] = [numbers[block.skip.name]]
    for stage in block.stages:
        shape.append(type(stage).__name__)
        shape.append([numbers[name] for name in (*inputs_of(stage), *outputs_of(stage))])
        if isinstance(stage, ConvStage):
            plain = [getattr(stage, field.name) for field in fields(stage) if field.name in _GEOMETRY]
            join = stage.join
            shape.append((plain, joined_stream(stage) is not None, stage.tap is not None))
            shape.append(None if join is None else (join.after_relu, join.projection is None))
    flows = [
        (stream.lanes, stream.shape, stream.depth_words, stream.storage is Storage.NONE, stream.name == "x")
        for stream in sorted(block.streams, key=lambda stream: numbers[stream.name])
    ]
    return repr((shape, flows))


_GEOMETRY = (
    "in_shape", "out_shape", "kernel", "stride", "padding", "pe", "simd", "ring_pixels", "form", "skip_padding",
    "multiplier", "packed",
)  # fmt: skip


def block_names(block: SkipBlock) -> tuple[str, ...]:
    """Stages and streams in an order that is the same for blocks of equal signature."""
    return (*dict.fromkeys(_ends(block.stages)), *(stage.name for stage in block.stages))


def renamed(sizing: SkipSizing, names: Mapping[str, str], skip: str) -> SkipSizing:
    """A sizing of an equal block, told with the names of this one."""
    path = tuple(
        Holding(stream=names[held.stream], stage=names[held.stage], pixels=held.pixels) for held in sizing.path
    )
    ring = None if sizing.ring is None else names[sizing.ring]
    return replace(sizing, skip=skip, stream=names[sizing.stream], ring=ring, path=path)


def forcing_path(block: SkipBlock, live: LiveDepth) -> tuple[Holding, ...]:
    """What lies on the main path when the skip's oldest pixel cannot leave yet."""
    flows = {stream.name: stream for stream in block.streams}
    convs = {stage.name: stage for stage in block.stages if isinstance(stage, ConvStage)}
    held = []
    for step in live.chain:
        stage = step.agent.partition(".load")[0].partition(".tap")[0]
        if step.reason is not WaitFor.WORDS or step.agent not in convs or step.stream == block.skip.name:
            continue
        conv, stream = convs[step.agent], flows[step.stream]
        place = (step.firing - 1) % conv.out_shape.pixels
        row, column = divmod(place, conv.out_shape.width)
        frame = (step.firing - 1) // conv.out_shape.pixels
        centre = row * conv.stride[0] * conv.in_shape.width + column * conv.stride[1]
        read = frame * conv.in_shape.pixels + centre
        words = stream.words_per_frame // conv.in_shape.pixels
        written = step.fired // words if step.other.endswith((".load", ".tap")) else step.fired
        held.append(Holding(stream=step.stream, stage=stage, pixels=written - read))
    return tuple(held)


def _ends(stages: Sequence[Stage]) -> Iterator[str]:
    for stage in stages:
        yield from inputs_of(stage)
        yield from outputs_of(stage)
