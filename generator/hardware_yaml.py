"""Reads the hardware configuration (hls4ml's keys) into a `HardwareConfig`, all problems at once."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

import yaml

from generator.config import HardwareConfig, LayerConfig, SkipConfig
from generator.design import Implementation, Multiplier, Storage
from generator.device import find_device
from generator.errors import ConfigError, NumericsError
from generator.fixed_point import FixedPoint, parse_format

_Choice = TypeVar("_Choice", bound=StrEnum)

BACKENDS = ("Vivado", "Vitis", "RTL")
DEFAULT_PART = "xcu200-fsgd2104-2-e"

_TOP_KEYS = ("Backend", "Part", "ClockPeriod", "ProjectName", "IOType", "HLSConfig")
_TOP_NOTED = (
    "OutputDir",
    "ClockUncertainty",
    "Stamp",
    "WriterConfig",
    "Version",
    "PytorchModel",
    "InputShape",
    "InputData",
    "OutputPredictions",
)
_HLS_KEYS = ("Model", "LayerName", "Skip", "Stream", "Multiplier")
_HLS_NOTED = ("Flows", "Optimizers", "SkipOptimizers")
_MODEL_KEYS = ("Precision", "ReuseFactor", "TargetCycles", "TargetFPS", "MaxDSP")
_NOTED = (
    "Strategy",
    "Trace",
    "TraceOutput",
    "granularity",
    "Granularity",
    "BramFactor",
    "Compression",
    "ConvImplementation",
    "ParallelizationFactor",
    "ChannelsLastConversion",
    "TransposeOutputs",
)
_PRECISION_KEYS = ("default", "weight", "bias", "result")
_STORAGES = tuple(storage for storage in Storage if storage is not Storage.NONE)


def read_hardware(path: Path) -> HardwareConfig:
    """The configuration of a YAML file.

    Raises:
        ConfigError: the file is missing, is not YAML, or its content is wrong; every problem is named.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        raise ConfigError(f"hardware config {path}: cannot be read ({reason}); name a YAML file") from error
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}" if mark else ""
        reason = getattr(error, "problem", None) or "the text cannot be parsed"
        raise ConfigError(f"hardware config {path}{place}: is not plain YAML ({reason})") from error
    return parse_hardware(data, str(path))


def parse_hardware(data: object, origin: str) -> HardwareConfig:
    """The configuration of parsed YAML or of a dictionary in hls4ml's form.

    Args:
        data: nested mappings as in DESIGN section 10.
        origin: what messages call it, e.g. the file's path.

    Raises:
        ConfigError: one message with every problem.
    """
    reader = _Reader()
    config = reader.hardware(data)
    if config is None or reader.problems:
        problems = reader.problems
        if len(problems) == 1:
            raise ConfigError(f"hardware config {origin}: {problems[0]}")
        lines = "".join(f"\n  - {problem}" for problem in problems)
        raise ConfigError(f"hardware config {origin}: {len(problems)} problems{lines}")
    return config


def nearest(name: str, known: Iterable[str]) -> str:
    """The ending of a message about an unknown name: the nearest known one, or all of them."""
    names = list(known)
    folded = {entry.lower(): entry for entry in names}
    close = difflib.get_close_matches(name.lower(), folded, n=1, cutoff=0.5)
    if close:
        return f"the nearest known one is {folded[close[0]]!r}"
    return f"known are {', '.join(names)}" if names else "none is known here"


class _Reader:
    """Walks the mappings; collects problems and notes instead of stopping at the first."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.notes: list[str] = []
        self._ignored_types: list[str] = []

    def hardware(self, data: object) -> HardwareConfig | None:
        top = self._mapping(data, "the file", _TOP_KEYS, _TOP_NOTED)
        if self.problems and not top:
            return None
        backend = self._one_of(top.get("Backend", "Vitis"), "Backend", BACKENDS)
        clock_ns = self._positive(top.get("ClockPeriod", 5), "ClockPeriod", "nanoseconds")
        part = self._text(top.get("Part", DEFAULT_PART), "Part")
        self._check_io_type(top.get("IOType", "io_stream"))
        project = self._text(top["ProjectName"], "ProjectName") if "ProjectName" in top else None
        if part and clock_ns:
            try:
                find_device(part, clock_ns)
            except ConfigError as error:
                self.problems.append(str(error))
        section = self._mapping(top.get("HLSConfig", {}), "HLSConfig", (*_HLS_KEYS, "LayerType"), _HLS_NOTED)
        if "LayerType" in section:
            self.problems.append("HLSConfig.LayerType: settings by layer type are not supported; use LayerName")
        precision, reuse_factor = self._model(section)
        layers = self._named(section.get("LayerName"), "HLSConfig.LayerName")
        layer_configs = {name: self._layer(entry, f"HLSConfig.LayerName.{name}") for name, entry in layers.items()}
        default, skips = self._skips(section.get("Skip"))
        lanes = self._lanes(self._mapping(section.get("Stream"), "HLSConfig.Stream", ("Lanes",)).get("Lanes", "auto"))
        multiplier = self._enum(section.get("Multiplier", "auto"), "HLSConfig.Multiplier", Multiplier)
        if self._ignored_types:
            self.notes.append(f"accumulators are exact here: {', '.join(self._ignored_types)} ignored")
        if self.problems:
            return None
        return HardwareConfig(
            backend=backend,
            part=part,
            clock_ns=clock_ns,
            reuse_factor=reuse_factor,
            project_name=project,
            precision=precision,
            layers=layer_configs,
            skip_default=default,
            skips=skips,
            lanes=lanes,
            multiplier=multiplier or Multiplier.AUTO,
            warnings=tuple(self.notes),
        )

    def _model(self, section: Mapping[str, object]) -> tuple[FixedPoint | None, int]:
        where = "HLSConfig.Model"
        model = self._mapping(section.get("Model"), where, _MODEL_KEYS, _NOTED)
        for key in ("TargetCycles", "TargetFPS", "MaxDSP"):
            if key in model:
                self.problems.append(f"{where}.{key}: this version does not search reuse factors; give ReuseFactor")
        given = model.get("Precision")
        if isinstance(given, dict):
            entry = self._mapping(given, f"{where}.Precision", ("default",), ("maximum",))
            given = entry.get("default")
        precision = self._format(given, f"{where}.Precision")
        if "ReuseFactor" in model:
            return precision, self._count(model["ReuseFactor"], f"{where}.ReuseFactor")
        if not {"TargetCycles", "TargetFPS", "MaxDSP"} & model.keys():
            self.problems.append(f"{where}.ReuseFactor is missing; give the most cycles a pixel may take, e.g. 72")
        return precision, 1

    def _layer(self, entry: object, where: str) -> LayerConfig:
        layer = self._mapping(entry, where, ("ReuseFactor", "Precision"), _NOTED)
        factor = self._count(layer["ReuseFactor"], f"{where}.ReuseFactor") if "ReuseFactor" in layer else None
        given = layer.get("Precision")
        if not isinstance(given, dict):
            fmt = self._format(given, f"{where}.Precision")
            return LayerConfig(reuse_factor=factor, weight=fmt, bias=fmt, result=fmt)
        ignored = tuple(key for key in given if _is_internal_type(key))
        self._ignored_types += [f"{where}.Precision.{key}" for key in ignored]
        rest = {key: value for key, value in given.items() if key not in ignored}
        formats = {
            key: self._format(value, f"{where}.Precision.{key}")
            for key, value in self._mapping(rest, f"{where}.Precision", _PRECISION_KEYS).items()
        }
        default = formats.get("default")
        return LayerConfig(
            reuse_factor=factor,
            weight=formats.get("weight") or default,
            bias=formats.get("bias") or default,
            result=formats.get("result") or default,
        )

    def _skips(self, data: object) -> tuple[SkipConfig, dict[str, SkipConfig]]:
        entries = {
            name: self._skip(entry, f"HLSConfig.Skip.{name}")
            for name, entry in self._named(data, "HLSConfig.Skip").items()
        }
        return entries.pop("Default", SkipConfig()), entries

    def _skip(self, entry: object, where: str) -> SkipConfig:
        skip = self._mapping(entry, where, ("Implementation", "Storage", "Depth"))
        given = skip.get("Implementation", "auto")
        implementation = None
        if given != "auto":
            implementation = self._enum(given, f"{where}.Implementation", Implementation, extra=("auto",))
        depth = skip.get("Depth", "auto")
        return SkipConfig(
            implementation=implementation,
            storage=Storage(self._one_of(skip.get("Storage", "auto"), f"{where}.Storage", _STORAGES)),
            depth_pixels=None if depth == "auto" else self._count(depth, f"{where}.Depth", " pixels or auto"),
        )

    def _lanes(self, given: object) -> int | None:
        if given == "auto":
            return None
        if given == "C":
            return 0
        return self._count(given, "HLSConfig.Stream.Lanes", ", auto or C")

    def _check_io_type(self, given: object) -> None:
        if given == "io_parallel":
            self.problems.append(
                "IOType: io_parallel keeps whole feature maps in registers, stages here stream pixels; use io_stream"
            )
        elif given != "io_stream":
            self.problems.append(f"IOType: expected io_stream, got {given!r}")

    def _mapping(
        self, data: object, where: str, known: tuple[str, ...], noted: tuple[str, ...] = ()
    ) -> dict[str, object]:
        """The entries of a mapping; unknown keys become problems, noted ones notes."""
        entries = self._named(data, where, empty_is_problem=where == "the file")
        kept: dict[str, object] = {}
        prefix = "" if where == "the file" else f"{where}."
        for key, value in entries.items():
            if key in known:
                kept[key] = value
            elif key in noted:
                self.notes.append(f"{prefix}{key} has no effect here and is ignored")
            else:
                self.problems.append(f"unknown key {key!r} in {where}; {nearest(key, known)}")
        return kept

    def _named(self, data: object, where: str, *, empty_is_problem: bool = False) -> dict[str, object]:
        if data is None and not empty_is_problem:
            return {}
        if not isinstance(data, Mapping):
            self.problems.append(f"{where}: expected keys and values, got {_shown(data)}")
            return {}
        return {str(key): value for key, value in data.items()}

    def _format(self, given: object, where: str) -> FixedPoint | None:
        if given is None or given in ("auto", "from_checkpoint"):
            return None
        try:
            return parse_format(given if isinstance(given, str) else repr(given))
        except NumericsError as error:
            self.problems.append(f"{where}: {error}")
            return None

    def _count(self, given: object, where: str, alternatives: str = "") -> int:
        if isinstance(given, bool) or not isinstance(given, int) or given < 1:
            self.problems.append(f"{where}: expected a whole number of at least 1{alternatives}, got {_shown(given)}")
            return 1
        return given

    def _positive(self, given: object, where: str, unit: str) -> float:
        if isinstance(given, bool) or not isinstance(given, int | float) or not 0 < given < float("inf"):
            self.problems.append(f"{where}: expected {unit} above 0, got {_shown(given)}")
            return 0.0
        return float(given)

    def _text(self, given: object, where: str) -> str:
        if not isinstance(given, str) or not given:
            self.problems.append(f"{where}: expected text, got {_shown(given)}")
            return ""
        return given

    def _one_of(self, given: object, where: str, known: tuple[str, ...]) -> str:
        if isinstance(given, str) and given in known:
            return given
        self.problems.append(f"{where}: {_shown(given)} is not one of {', '.join(known)}")
        return known[0]

    def _enum(self, given: object, where: str, kind: type[_Choice], extra: tuple[str, ...] = ()) -> _Choice | None:
        known = (*extra, *kind)
        if isinstance(given, str) and given in tuple(kind):
            return kind(given)
        self.problems.append(f"{where}: {_shown(given)} is not one of {', '.join(known)}")
        return None


def _is_internal_type(key: object) -> bool:
    """Whether a Precision key names one of hls4ml's internal types, which are derived exactly here."""
    return isinstance(key, str) and key.endswith(("accum", "table", "accum_t", "table_t", "_type"))


def _shown(value: object) -> str:
    return "nothing" if value is None else repr(value)
