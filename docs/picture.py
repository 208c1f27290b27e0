"""Renders the picture of the README: `python docs/picture.py demo_out/report.html docs/report.png` (needs Chromium)."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
WIDTH, HEIGHT = 1280, 2620


def render_picture(report: Path, picture: Path) -> None:
    """Take the top of a report as a PNG of few colours."""
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        raise SystemExit(f"picture: expected one of {', '.join(BROWSERS)} on PATH, found none; install Chromium")
    with tempfile.TemporaryDirectory() as folder:
        shot = Path(folder) / "shot.png"
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"]
        flags += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
        size = f"--window-size={WIDTH},{HEIGHT}"
        target = [f"--user-data-dir={folder}/profile", size, f"--screenshot={shot}", report.absolute().as_uri()]
        subprocess.run([browser, *flags, *target], check=True, capture_output=True, timeout=120)
        with Image.open(shot) as image:
            image.convert("RGB").quantize(colors=128, dither=Image.Dither.NONE).save(picture, optimize=True)


if __name__ == "__main__":
    render_picture(Path(sys.argv[1]), Path(sys.argv[2]))
