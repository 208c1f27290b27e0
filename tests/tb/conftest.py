"""The benches import each other by bare names, as they do inside the simulator."""

from __future__ import annotations

import sys

from generator.assets import asset_folder

sys.path.insert(0, str(asset_folder("tb")))
