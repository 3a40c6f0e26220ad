"""Draw one of Keras's applications with nbviz and with Keras in turn; print the median times as JSON.

    python -m tests.bench.picture_times ResNet50 3

Milliseconds of wall time by what was written, the bytes of an SVG, and the megapixels of a PNG.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
import warnings
from pathlib import Path

import keras
from PIL import Image

import nbviz


def times(name: str, runs: int, folder: Path) -> dict[str, float]:
    """Draw everything in turn, so that a busy moment meets all of them."""
    model = getattr(keras.applications, name)(weights=None)
    shapes = {"show_shapes": True, "show_layer_names": True}
    ways = {
        "view.png": lambda: nbviz.view(model).save(folder / "view.png"),
        "view.svg": lambda: nbviz.view(model).save(folder / "view.svg"),
        "plot.png": lambda: nbviz.plot_model(model, folder / "plot.png", **shapes, fold=True),
        "plot.svg": lambda: nbviz.plot_model(model, folder / "plot.svg", **shapes, fold=False),
        "keras.png": lambda: keras.utils.plot_model(model, folder / "keras.png", **shapes),
        # its plot_model writes an SVG and then fails to show it
        "keras.svg": lambda: keras.utils.model_to_dot(model, **shapes).write(folder / "keras.svg", format="svg"),
    }
    took: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(runs):
        for way, draw in ways.items():
            start = time.perf_counter()
            draw()
            took[way].append(1000 * (time.perf_counter() - start))
    with Image.open(folder / "view.png") as opened:
        megapixels = opened.width * opened.height / 1e6
    found = {way: statistics.median(measured) for way, measured in took.items()}
    return {**found, "bytes": (folder / "view.svg").stat().st_size, "megapixels": megapixels}


if __name__ == "__main__":
    warnings.simplefilter("ignore", nbviz.PictureWarning)
    Image.MAX_IMAGE_PIXELS = None
    with tempfile.TemporaryDirectory() as temporary:
        sys.stdout.write(json.dumps(times(sys.argv[1], int(sys.argv[2]), Path(temporary))) + "\n")
