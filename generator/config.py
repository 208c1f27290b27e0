"""The hardware configuration as frozen values; `generator.hardware_yaml` reads the YAML into them."""

from __future__ import annotations

from dataclasses import dataclass, field

from generator.design import Implementation, Multiplier, Storage
from generator.fixed_point import FixedPoint


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerConfig:
    """What LayerName says of one layer; None means: as the model's default."""

    reuse_factor: int | None = None
    weight: FixedPoint | None = None
    bias: FixedPoint | None = None
    result: FixedPoint | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SkipConfig:
    """How a skip is to be built; None means auto."""

    implementation: Implementation | None = None
    storage: Storage = Storage.AUTO
    depth_pixels: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HardwareConfig:
    """DESIGN section 10 after parsing.

    Attributes:
        precision: Model.Precision; None for `from_checkpoint` or absent.
        reuse_factor: Model.ReuseFactor, an upper bound for every layer; None where a target is searched for.
        target_cycles: Model.TargetCycles, most cycles of a frame in any stage.
        target_fps: Model.TargetFPS, frames a second at the clock.
        max_dsp: Model.MaxDSP, most DSP slices.
        layers: by layer name (module path, or its alias).
        skips: by skip name.
        lanes: None for auto, 0 for C (pixel-wide), n for the largest divisor <= n.
    """

    backend: str
    part: str
    clock_ns: float
    reuse_factor: int | None = None
    target_cycles: int | None = None
    target_fps: float | None = None
    max_dsp: int | None = None
    project_name: str | None = None
    precision: FixedPoint | None = None
    layers: dict[str, LayerConfig] = field(default_factory=dict)
    skip_default: SkipConfig = SkipConfig()
    skips: dict[str, SkipConfig] = field(default_factory=dict)
    lanes: int | None = None
    multiplier: Multiplier = Multiplier.AUTO
    warnings: tuple[str, ...] = ()

    @property
    def lean(self) -> bool:
        """Whether streams are narrow, with all that this allows; pixel-wide ones build the paper's hardware."""
        return self.lanes != 0

    def skip_of(self, name: str, parent: str) -> SkipConfig:
        """What is asked for a skip connection: by its name, its block's, or for all."""
        return self.skips.get(name) or self.skips.get(parent) or self.skip_default
