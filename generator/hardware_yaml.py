"""Reads the hardware configuration (hls4ml's keys) into a `HardwareConfig`, all problems at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from generator.config import HardwareConfig, LayerConfig, SkipConfig
from generator.design import Implementation, Multiplier, Storage
from generator.device import find_device
from generator.errors import ConfigError
from generator.fixed_point import FixedPoint
from generator.unique_yaml import load_yaml
from generator.yaml_reader import MappingReader

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
_TARGETS = ("ReuseFactor", "TargetCycles", "TargetFPS", "MaxDSP")
_MODEL_KEYS = ("Precision", *_TARGETS)
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
        ConfigError: the file is missing, is not YAML, names a key twice, or its content is wrong; every problem of
            the content is named.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        raise ConfigError(f"hardware config {path}: cannot be read ({reason}); name a YAML file") from error
    try:
        data = load_yaml(text)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Target:
    """What decides the reuse factors: one of the four is given."""

    reuse_factor: int | None = None
    target_cycles: int | None = None
    target_fps: float | None = None
    max_dsp: int | None = None


class _Reader(MappingReader):
    """Walks the mappings of a hardware configuration."""

    def __init__(self) -> None:
        super().__init__()
        self._ignored_types: list[str] = []

    def hardware(self, data: object) -> HardwareConfig | None:
        top = self.mapping(data, "the file", _TOP_KEYS, _TOP_NOTED)
        if self.problems and not top:
            return None
        backend = self.one_of(top.get("Backend", "Vitis"), "Backend", BACKENDS)
        clock_ns = self.positive(top.get("ClockPeriod", 5), "ClockPeriod", "nanoseconds")
        part = self.text(top.get("Part", DEFAULT_PART), "Part")
        self._check_io_type(top.get("IOType", "io_stream"))
        project = self.text(top["ProjectName"], "ProjectName") if "ProjectName" in top else None
        if part and clock_ns:
            try:
                find_device(part, clock_ns)
            except ConfigError as error:
                self.problems.append(str(error))
        section = self.mapping(top.get("HLSConfig", {}), "HLSConfig", (*_HLS_KEYS, "LayerType"), _HLS_NOTED)
        if "LayerType" in section:
            self.problems.append("HLSConfig.LayerType: settings by layer type are not supported; use LayerName")
        precision, target = self._model(section)
        layers = self.named(section.get("LayerName"), "HLSConfig.LayerName")
        layer_configs = {name: self._layer(entry, f"HLSConfig.LayerName.{name}") for name, entry in layers.items()}
        default, skips = self._skips(section.get("Skip"))
        lanes = self._lanes(self.mapping(section.get("Stream"), "HLSConfig.Stream", ("Lanes",)).get("Lanes", "auto"))
        multiplier = self.enum(section.get("Multiplier", "auto"), "HLSConfig.Multiplier", Multiplier)
        if target.max_dsp is not None and multiplier is Multiplier.LUT:
            self.problems.append(
                "HLSConfig.Model.MaxDSP: multipliers are built of LUTs (Multiplier: lut); drop one of them"
            )
        if self._ignored_types:
            self.notes.append(f"accumulators are exact here: {', '.join(self._ignored_types)} ignored")
        if self.problems:
            return None
        return HardwareConfig(
            backend=backend,
            part=part,
            clock_ns=clock_ns,
            reuse_factor=target.reuse_factor,
            target_cycles=target.target_cycles,
            target_fps=target.target_fps,
            max_dsp=target.max_dsp,
            project_name=project,
            precision=precision,
            layers=layer_configs,
            skip_default=default,
            skips=skips,
            lanes=lanes,
            multiplier=multiplier or Multiplier.AUTO,
            warnings=tuple(self.notes),
        )

    def _model(self, section: Mapping[str, object]) -> tuple[FixedPoint | None, _Target]:
        where = "HLSConfig.Model"
        model = self.mapping(section.get("Model"), where, _MODEL_KEYS, _NOTED)
        given = model.get("Precision")
        if isinstance(given, dict):
            entry = self.mapping(given, f"{where}.Precision", ("default",), ("maximum",))
            given = entry.get("default")
        precision = self.format(given, f"{where}.Precision")
        targets = [key for key in _TARGETS if key in model]
        if not targets:
            self.problems.append(f"{where}.ReuseFactor is missing; give the most cycles a pixel may take, e.g. 72")
        elif len(targets) > 1:
            self.problems.append(f"{where}: {' and '.join(targets)} cannot hold together; keep one of them")
        else:
            return precision, self._target(targets[0], model[targets[0]], f"{where}.{targets[0]}")
        return precision, _Target()

    def _target(self, key: str, given: object, where: str) -> _Target:
        match key:
            case "ReuseFactor":
                return _Target(reuse_factor=self.count(given, where))
            case "TargetCycles":
                return _Target(target_cycles=self.count(given, where))
            case "MaxDSP":
                return _Target(max_dsp=self.count(given, where))
            case _:
                return _Target(target_fps=self.positive(given, where, "frames a second"))

    def _layer(self, entry: object, where: str) -> LayerConfig:
        layer = self.mapping(entry, where, ("ReuseFactor", "Precision"), _NOTED)
        factor = self.count(layer["ReuseFactor"], f"{where}.ReuseFactor") if "ReuseFactor" in layer else None
        given = layer.get("Precision")
        if not isinstance(given, dict):
            fmt = self.format(given, f"{where}.Precision")
            return LayerConfig(reuse_factor=factor, weight=fmt, bias=fmt, result=fmt)
        ignored = tuple(key for key in given if _is_internal_type(key))
        self._ignored_types += [f"{where}.Precision.{key}" for key in ignored]
        rest = {key: value for key, value in given.items() if key not in ignored}
        formats = {
            key: self.format(value, f"{where}.Precision.{key}")
            for key, value in self.mapping(rest, f"{where}.Precision", _PRECISION_KEYS).items()
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
            for name, entry in self.named(data, "HLSConfig.Skip").items()
        }
        return entries.pop("Default", SkipConfig()), entries

    def _skip(self, entry: object, where: str) -> SkipConfig:
        skip = self.mapping(entry, where, ("Implementation", "Storage", "Depth"))
        given = skip.get("Implementation", "auto")
        implementation = None
        if given != "auto":
            implementation = self.enum(given, f"{where}.Implementation", Implementation, extra=("auto",))
        depth = skip.get("Depth", "auto")
        return SkipConfig(
            implementation=implementation,
            storage=Storage(self.one_of(skip.get("Storage", "auto"), f"{where}.Storage", _STORAGES)),
            depth_pixels=None if depth == "auto" else self.count(depth, f"{where}.Depth", " pixels or auto"),
        )

    def _lanes(self, given: object) -> int | None:
        if given == "auto":
            return None
        if given == "C":
            return 0
        return self.count(given, "HLSConfig.Stream.Lanes", ", auto or C")

    def _check_io_type(self, given: object) -> None:
        if given == "io_parallel":
            self.problems.append(
                "IOType: io_parallel keeps whole feature maps in registers, stages here stream pixels; use io_stream"
            )
        elif given != "io_stream":
            self.problems.append(f"IOType: expected io_stream, got {given!r}")


def _is_internal_type(key: object) -> bool:
    """Whether a Precision key names one of hls4ml's internal types, which are derived exactly here."""
    return isinstance(key, str) and key.endswith(("accum", "table", "accum_t", "table_t", "_type"))
