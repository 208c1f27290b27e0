"""Checks a certificate of skip depths against design.json alone. It shares no code with what made the certificate.

Agents fire: a conv stage (its name) starts pixels; a loader (`<stage>.load`), a tap (`<stage>.tap`), a clone or
add stage (its name) and the input `x` move words. What a firing needs follows from the geometry in
design.json. Firings never disable each other, so one order without a stop proves that no order stops,
and a circle of waits that can never be left proves that every order stops.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from typing import Any

Need = tuple[str, int]
"""An agent, and how often it must have fired."""


def check_certificate(design: Mapping[str, Any], certificate: Mapping[str, Any]) -> tuple[str, ...]:
    """What is wrong with a certificate; empty if it proves what it claims.

    Args:
        design: the content of design.json.
        certificate: the content of certificate.json.
    """
    problems: list[str] = []
    proved: dict[str, str] = {}
    sizes = {sizing["skip"]: sizing for sizing in design["sizing"]}
    for entry in certificate["skips"]:
        try:
            shape = _shape(design, entry, sizes[entry["skip"]])
            if "equal_to" in entry:
                if proved.get(entry["equal_to"]) != shape:
                    problems.append(f"skip {entry['skip']}: its block is not equal to that of {entry['equal_to']}")
                continue
            found = list(_check_entry(design, entry, sizes[entry["skip"]]))
            problems += [f"skip {entry['skip']}: {problem}" for problem in found]
            proved[entry["skip"]] = shape
        except (KeyError, IndexError, ValueError, TypeError) as error:
            problems.append(f"skip {entry.get('skip')}: the certificate is damaged ({error!r})")
    missing = sizes.keys() - {entry["skip"] for entry in certificate["skips"]}
    return (*problems, *(f"skip {name}: has no certificate" for name in sorted(missing)))


def _check_entry(design: Mapping[str, Any], entry: Mapping[str, Any], sizing: Mapping[str, Any]) -> Iterator[str]:
    if entry["depth_live"] != sizing["depth_live"]:
        yield f"proves depth_live {entry['depth_live']}, design.json says {sizing['depth_live']}"
    yield from _check_order(_Block(design, entry, entry["depth_live"]), entry)
    if "blocked" in entry:
        yield from _check_blocked(_Block(design, entry, entry["depth_live"] - 1), entry)


def _check_order(block: _Block, entry: Mapping[str, Any]) -> Iterator[str]:
    """Play the order; it must reach, after two frames, the state after one frame, a frame on."""
    fired = dict.fromkeys(block.agents, 0)
    rounds = {agent: _unpack(packed) for agent, packed in entry["order"].items()}
    join, frame = entry["join"], block.frame[entry["join"]]
    after: list[dict[str, int]] = []
    for firing in range(2 * frame):
        goals = {agent: counts[firing] for agent, counts in rounds.items()} | {join: firing + 1}
        pending = [agent for agent in goals if fired[agent] < goals[agent]]
        while pending:
            moved = False
            for agent in pending:
                while fired[agent] < goals[agent] and block.may_fire(agent, fired):
                    fired[agent] += 1
                    moved = True
            if not moved:
                stuck = pending[0]
                yield f"order: {stuck} cannot fire number {fired[stuck] + 1} before {join} fires number {firing + 1}"
                return
            pending = [agent for agent in pending if fired[agent] < goals[agent]]
        if firing + 1 in (frame, 2 * frame):
            after.append(dict(fired))
    uneven = [agent for agent in fired if after[1][agent] - after[0][agent] != block.frame[agent]]
    if uneven:
        yield f"order: does not repeat, {uneven[0]} does not fire a frame's times in the second frame"


def _check_blocked(block: _Block, entry: Mapping[str, Any]) -> Iterator[str]:
    """Each link must be a need; the last one closes the circle."""
    links = entry["blocked"]
    for link in links:
        needs = dict.fromkeys(block.agents, 0)
        for agent, count in block.needs(link["agent"], link["firing"] - 1):
            needs[agent] = max(needs[agent], count)
        if needs[link["other"]] < link["fired"]:
            yield f"blocked: {link['agent']}'s firing {link['firing']} needs no {link['fired']} of {link['other']}"
    for link, following in zip(links, (*links[1:], links[0]), strict=True):
        if link["other"] != following["agent"] or link["fired"] < following["firing"]:
            yield f"blocked: the chain breaks behind {link['agent']}"


class _Block:
    """The rules of the stages between fork and join, from design.json."""

    def __init__(self, design: Mapping[str, Any], entry: Mapping[str, Any], depth: int) -> None:
        self._streams = {stream["name"]: dict(stream) for stream in design["streams"]}
        names = set(entry["stages"])
        self._stages = {stage["name"]: dict(stage) for stage in design["stages"] if stage["name"] in names}
        if entry["ring"] is None:
            self._streams[entry["stream"]]["depth_words"] = depth
        else:
            self._stages[entry["ring"]]["ring_pixels"] = depth
        self._reader = {name: stage for stage in self._stages.values() for name in stage["inputs"]}
        self._writer = {name: stage for stage in self._stages.values() for name in stage["outputs"]}
        self._walks = {name: _walk(stage) for name, stage in self._stages.items() if stage["kind"] == "conv"}
        self.frame: dict[str, int] = {}
        for name, stage in self._stages.items():
            if stage["kind"] == "conv":
                self.frame[name] = len(self._walks[name][0])
                if self._has_loader(stage):
                    self.frame[f"{name}.load"] = self._frame_words(stage["inputs"][0])
                if stage["tap"]:
                    self.frame[f"{name}.tap"] = self._frame_words(stage["tap"])
            elif not (stage["kind"] == "clone" and self._direct(stage["inputs"][0])):
                self.frame[name] = self._frame_words(stage["inputs"][0])
        if "x" in self._reader:
            self.frame["x"] = self._frame_words("x")
        self.agents = tuple(self.frame)

    def may_fire(self, agent: str, fired: Mapping[str, int]) -> bool:
        """Whether an agent's next firing has all it needs."""
        return all(fired[other] >= count for other, count in self.needs(agent, fired[agent]))

    def needs(self, agent: str, index: int) -> Iterator[Need]:
        """What firing number `index`, from 0, needs."""
        name, _, part = agent.rpartition(".") if agent.endswith((".load", ".tap")) else (agent, "", "")
        if agent == "x":
            yield from self._room("x", index, 1)
            return
        stage = self._stages[name or agent]
        source = stage["inputs"][0]
        if stage["kind"] != "conv":
            for stream in stage["inputs"]:
                yield from self._written(stream, index + 1)
            for stream in stage["outputs"]:
                yield from self._room(stream, index, 1)
            return
        pixels, words = self._pixels(stage), self._frame_words(source) // self._pixels(stage)
        if part == "load":
            yield from self._written(source, index + 1)
            yield from self._slot(stage, index // words - stage["ring_pixels"])
        elif part == "tap":
            per_pixel = self._frame_words(stage["tap"]) // pixels
            yield from self._loaded(stage, index // per_pixel + 1)
            yield from self._room(stage["tap"], index, 1)
        else:
            frame, place = divmod(index, self.frame[stage["name"]])
            yield from self._loaded(stage, frame * pixels + self._walks[stage["name"]][0][place] + 1)
            for stream in stage["inputs"][1:]:
                yield from self._written(stream, (index + 1) * self._streams[stream]["words_per_pixel"])
            yield from self._room(stage["outputs"][0], index, self._streams[stage["outputs"][0]]["words_per_pixel"])

    def _pixels(self, stage: Mapping[str, Any]) -> int:
        height, width, _ = stage["in_shape"]
        return int(height * width)

    def _frame_words(self, name: str) -> int:
        height, width, _ = self._streams[name]["shape"]
        return int(height * width * self._streams[name]["words_per_pixel"])

    def _direct(self, name: str) -> bool:
        return bool(self._streams[name]["storage"] == "none")

    def _has_loader(self, stage: Mapping[str, Any]) -> bool:
        source = stage["inputs"][0]
        return not self._direct(source) and (source in self._writer or source == "x")

    def _loaded(self, stage: Mapping[str, Any], pixels: int) -> Iterator[Need]:
        source = stage["inputs"][0]
        words = pixels * (self._frame_words(source) // self._pixels(stage))
        if self._has_loader(stage):
            yield f"{stage['name']}.load", words
        else:
            yield from self._written(source, words)

    def _written(self, name: str, words: int) -> Iterator[Need]:
        """`words` words of a stream."""
        writer = self._writer.get(name)
        if writer is None:
            if name == "x":
                yield "x", words
        elif writer["kind"] == "clone" and self._direct(writer["inputs"][0]):
            yield from self._written(writer["inputs"][0], words)
        elif writer["kind"] == "conv" and writer["tap"] == name:
            yield f"{writer['name']}.tap", words
        elif writer["kind"] == "conv":
            yield writer["name"], -(-words // self._streams[name]["words_per_pixel"])
        else:
            yield writer["name"], words

    def _room(self, name: str, index: int, each: int) -> Iterator[Need]:
        """Places for the words of a writer's firing number `index`, `each` words at once."""
        stream, reader = self._streams[name], self._reader.get(name)
        if reader is None or reader["kind"] == "pool":
            return
        if not self._direct(name):
            gone = (index + 1) * each - stream["depth_words"]
            if reader["kind"] != "conv":
                yield reader["name"], gone
            elif name == reader["inputs"][0]:
                yield f"{reader['name']}.load", gone
            else:
                yield reader["name"], -(-gone // stream["words_per_pixel"])
        elif reader["kind"] == "clone":
            for output in reader["outputs"]:
                yield from self._room(output, index, each)
        else:
            words = self._frame_words(name) // self._pixels(reader)
            promised = 1 if self._promises(name) else 0
            yield from self._slot(reader, ((index + 1) * each - 1) // words - reader["ring_pixels"] + promised)

    def _promises(self, name: str) -> bool:
        """A conv stage that fills a ring itself wants two free pixels."""
        writer = self._writer.get(name)
        if writer is not None and writer["kind"] == "clone" and self._direct(writer["inputs"][0]):
            return self._promises(writer["inputs"][0])
        return writer is not None and writer["kind"] == "conv"

    def _slot(self, stage: Mapping[str, Any], pixel: int) -> Iterator[Need]:
        """Window and tap are past an input pixel."""
        _, corners, first = self._walks[stage["name"]]
        if pixel >= first:
            frame, place = divmod(pixel - first, self._pixels(stage))
            yield stage["name"], frame * len(corners) + bisect_right(corners, place) + 1
        if stage["tap"] and pixel >= 0:
            yield f"{stage['name']}.tap", (pixel + 1) * self._frame_words(stage["tap"]) // self._pixels(stage)


def _walk(stage: Mapping[str, Any]) -> tuple[list[int], list[int], int]:
    """Of a conv stage: by output pixel the last input pixel needed so far, and how far the window's corner has
    moved after it; and where the corner begins."""
    (height, width, _), (rows, columns, _) = stage["in_shape"], stage["out_shape"]
    (kernel_y, kernel_x), (stride_y, stride_x), (pad_y, pad_x) = stage["kernel"], stage["stride"], stage["padding"]
    needed: list[int] = []
    corners: list[int] = []
    for row in range(rows):
        for column in range(columns):
            top, left = row * stride_y - pad_y, column * stride_x - pad_x
            last = min(top + kernel_y, height) * width - width + min(left + kernel_x, width) - 1
            needed.append(max(last, needed[-1] if needed else last))
            corners.append(top * width + left)
    first = corners[0]
    return needed, [corner - first for corner in (*corners[1:], first + height * width)], first


def _unpack(packed: list[list[int]]) -> list[int]:
    """Counts from runs [increase, times]."""
    counts, count = [], 0
    for increase, times in packed:
        for _ in range(times):
            count += increase
            counts.append(count)
    return counts


_SHAPE = ("kind", "kernel", "stride", "padding", "in_shape", "out_shape", "shape", "ring_pixels")


def _shape(design: Mapping[str, Any], entry: Mapping[str, Any], sizing: Mapping[str, Any]) -> str:
    """What the rules see of a block, without names."""
    names = set(entry["stages"])
    stages = [stage for stage in design["stages"] if stage["name"] in names]
    streams = {stream["name"]: stream for stream in design["streams"]}
    ends = list(dict.fromkeys(name for stage in stages for name in (*stage["inputs"], *stage["outputs"])))
    parts: list[object] = [sizing["depth_live"], entry["join"] and [s["name"] for s in stages].index(entry["join"])]
    parts += [ends.index(entry["stream"]), entry["ring"] and [s["name"] for s in stages].index(entry["ring"])]
    for stage in stages:
        links = [ends.index(name) for name in stage["inputs"]], [ends.index(name) for name in stage["outputs"]]
        parts.append(([stage.get(key) for key in _SHAPE], links, bool(stage.get("tap"))))
    for name in ends:
        stream = streams[name]
        own = name == entry["stream"] and entry["ring"] is None
        depth = None if own else stream["depth_words"]
        parts.append((stream["shape"], stream["words_per_pixel"], depth, stream["storage"] == "none", name == "x"))
    return repr(parts)
