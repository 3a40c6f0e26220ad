"""The rows about pictures without a browser: how long they take beside ``keras.utils.plot_model``, and how large they are."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from tests.bench.figures import Figure
from tests.bench.workshop import ROOT, Workshop


@dataclass(frozen=True)
class PictureRow:
    """One of Keras's applications, from the model object to the file; wall time, as what Keras starts is a process of its own.

    Attributes
    ----------
    faster
        How many times as fast as Keras each way has to be; None reports.
    svg_bytes, svg_seconds
        Limits of ``view.save("net.svg")``.
    """

    name: str
    model: str
    faster: float | None = None
    svg_bytes: int | None = None
    svg_seconds: float | None = None

    def figures(self, workshop: Workshop) -> Iterator[Figure]:
        """Measure."""
        command = [sys.executable, "-m", "tests.bench.picture_times", self.model, str(workshop.runs)]
        environment = {"KERAS_BACKEND": "jax", **os.environ}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
        took = json.loads(done.stdout.splitlines()[-1])
        for what, key in (("view and save a PNG", "view.png"), ("plot_model, folded, PNG", "plot.png")):
            peer = f"{what}, keras.utils.plot_model"
            yield Figure(self.name, peer, took[key], "ms", "faster", took["keras.png"], self.faster)
        peer = "plot_model, all boxes with shapes, SVG, keras.utils.plot_model"
        yield Figure(self.name, peer, took["plot.svg"], "ms", "faster", took["keras.svg"])
        if self.svg_seconds is not None:
            limit = 1000 * self.svg_seconds
            yield Figure(self.name, "view and save an SVG", took["view.svg"], "ms", "limit", target=limit)
        if self.svg_bytes is not None:
            yield Figure(self.name, "that SVG", took["bytes"] / 1000, "kB", "limit", target=self.svg_bytes / 1000)
        yield Figure(self.name, "pixels of that PNG, in megapixels", took["megapixels"], "", "limit", target=8.01)


PICTURES = (
    PictureRow("pictures, ResNet50", "ResNet50", svg_bytes=300_000, svg_seconds=1.0),
    PictureRow("pictures, NASNetLarge", "NASNetLarge", faster=10),
)
