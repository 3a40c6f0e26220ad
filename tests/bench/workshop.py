"""Where the benchmark works: the libraries to compare with, the engine's bundle, and fresh processes that run them."""

from __future__ import annotations

import json
import os
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import venv
import zipfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from tests.bench.pages import Pages
    from tests.e2e.jupyter import Server

ROOT = Path(__file__).parents[2]
SCRIPTS = Path(__file__).parent / "layout"

NPM_PEERS = ("@dagrejs/dagre@3.1.3", "elkjs@0.12.1", "d3-dag@1.2.2")
WHEEL_PEERS = {
    "netron==9.3.3": ("netron/dagre.js", "netron/dagre.mjs"),
    "ai-edge-model-explorer==0.1.34": (
        "model_explorer/web_app/static_files/worker_deps.js",
        "model_explorer/worker_deps.js",
    ),
}
"""What holds each layout script in a wheel, and where the scripts here look for it."""

LONG = 8000.0
"""Milliseconds of CPU time from which one run is enough."""

PYTHON_PEERS = ("onnx==1.23.2",)
"""What rows need from PyPI and nbviz does not: kept apart, so that no environment changes."""

TORCH_PEERS = ("torchinfo==1.8.0", "torchview==0.2.7", "torchvista==0.2.13", "graphviz==0.21")
"""What shows PyTorch models too. They need PyTorch and what a notebook has: pip must not look for either."""

VIEWERS = ("netron==9.3.3", "ai-edge-model-explorer==0.1.34", "model-explorer-onnx==0.4.2", "onnx==1.23.2")
"""What shows ONNX files in a browser, with what it asks for: an environment of its own."""

JUDGING = 200
"""Seconds that judging a drawing may take beyond the layout."""

Judgement = Literal["sound", "quality"]
"""Whether only what has to be 0 is counted, or crossings and lengths too."""


@dataclass(frozen=True)
class Run:
    """Medians over fresh processes: CPU and wall time in milliseconds, peak memory in MB, the drawing's quality."""

    cpu: float
    wall: float
    memory: float
    quality: dict[str, float] | None = None
    capped: bool = False


@dataclass
class Workshop:
    """A cache folder with everything that the rows need.

    Attributes
    ----------
    runs
        Fresh processes per figure.
    cap
        Seconds of CPU time after which a library is stopped.
    peers
        Runs of other libraries from an earlier benchmark, to be used instead of running them again.
    flags
        What the browser is started with, beyond what it always is.
    """

    cache: Path
    runs: int = 3
    cap: int = 120
    peers: dict[str, Run] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    _open: ExitStack = field(default_factory=ExitStack)

    @property
    def judges_times(self) -> bool:
        """Whether missing a limit of time fails the benchmark: not after one run, which what else runs may have slowed down."""
        return self.runs > 1

    @cached_property
    def _node(self) -> str:
        """Node itself: on the path there may be a script that starts it and changes its exit status."""
        asked = subprocess.run(["node", "-p", "process.execPath"], capture_output=True, text=True, check=True)
        return asked.stdout.strip()

    @cached_property
    def pages(self) -> Pages:
        """A browser, started for the first row that needs one."""
        from tests.bench.pages import Pages

        pages = Pages(*self.flags)
        self._open.callback(pages.close)
        return pages

    @property
    def has_pages(self) -> bool:
        """Whether a row has needed the browser."""
        return "pages" in self.__dict__

    @cached_property
    def lab(self) -> Server:
        """A JupyterLab, started for the first row that needs one, with the front end as it is now."""
        from tests.e2e.jupyter import Server

        self.front_end()
        server = Server(Path(self._open.enter_context(tempfile.TemporaryDirectory(prefix="nbviz-lab-"))))
        self._open.callback(server.stop)
        return server

    def close(self) -> None:
        """End what was started for several rows."""
        self._open.close()

    def prepare(self) -> None:
        """Install the other libraries at fixed versions, and bundle the engine as it is now."""
        self.cache.mkdir(parents=True, exist_ok=True)
        wanted = json.dumps([NPM_PEERS, list(WHEEL_PEERS)])
        stamp = self.cache / "peers.json"
        if not stamp.is_file() or stamp.read_text() != wanted:
            self._install()
            stamp.write_text(wanted)
        self.bundle(ROOT / "js/src/layout/index.ts", "engine.mjs")

    def _install(self) -> None:
        (self.cache / "package.json").write_text('{"private": true}\n')
        quiet = ("--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error")
        subprocess.run(["npm", "install", *quiet, *NPM_PEERS], cwd=self.cache, check=True)
        wheels = self.cache / "wheels"
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(wheels)]
        subprocess.run([*pip, *WHEEL_PEERS], check=True)
        for wheel in wheels.glob("*.whl"):
            with zipfile.ZipFile(wheel) as archive:
                for inside, outside in WHEEL_PEERS.values():
                    if inside in archive.namelist():
                        target = self.cache / outside
                        target.parent.mkdir(exist_ok=True)
                        target.write_bytes(archive.read(inside))

    def bundle(self, entry: Path, name: str) -> Path:
        """Build one module out of TypeScript."""
        target = self.cache / name
        subprocess.run(["node", SCRIPTS / "bundle.mjs", entry, target], check=True)
        return target

    def python(self) -> Path:
        """Install PYTHON_PEERS into a folder of their own; return it."""
        return self._python("python", PYTHON_PEERS)

    def torch(self) -> Path:
        """Install TORCH_PEERS into a folder of their own, without what they ask for; return it."""
        return self._python("torch", TORCH_PEERS, "--no-deps")

    def viewers(self) -> Path:
        """Install VIEWERS into an environment of their own; return its Python."""
        folder = self.cache / "viewers"
        python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        stamp = self.cache / "viewers.json"
        wanted = json.dumps(VIEWERS)
        if not stamp.is_file() or stamp.read_text() != wanted:
            venv.create(folder, clear=True, with_pip=True)
            subprocess.run([python, "-m", "pip", "install", "--quiet", *VIEWERS], check=True)
            stamp.write_text(wanted)
        return python

    @property
    def has_viewers(self) -> bool:
        """Whether they could be installed."""
        return (self.cache / "viewers.json").is_file()

    def _python(self, name: str, pins: Sequence[str], *options: str) -> Path:
        folder = self.cache / name
        stamp = self.cache / f"{name}.json"
        wanted = json.dumps(pins)
        if not stamp.is_file() or stamp.read_text() != wanted:
            self.cache.mkdir(parents=True, exist_ok=True)
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--upgrade", *options, "--target", str(folder)]
            subprocess.run([*pip, *pins], check=True)
            stamp.write_text(wanted)
        return folder

    def front_end(self) -> Path:
        """Build the widget as it is now; return the folder of its files."""
        subprocess.run(["npm", "run", "--silent", "build"], cwd=ROOT / "js", check=True, stdout=sys.stderr)
        return ROOT / "nbviz/static"

    def graph(self, name: str, make: Callable[[], dict[str, Any]] | None = None) -> Path:
        """The file of a graph: of this name in ``graphs.mjs``, or what ``make`` returns, which is kept."""
        file = self.cache / "graphs" / f"{name}.json"
        file.parent.mkdir(exist_ok=True)
        if make is None:
            subprocess.run(["node", SCRIPTS / "write.mjs", name, file], check=True)
        elif not file.is_file():
            file.write_text(json.dumps(make()))
        return file

    def layouts(
        self, file: Path, libraries: Sequence[str], *, judged: Mapping[str, Judgement] | None = None
    ) -> dict[str, Run]:
        """Lay one graph out with several libraries in turn, so that a busy moment meets all of them.

        ``judged`` says for each library what is wanted of its drawing.
        """
        found: dict[str, list[Run]] = {library: [] for library in libraries}
        for turn in range(self.runs):
            for library in libraries:
                known = self.peers.get(f"{library} {file.stem}")
                if known is not None and not library.startswith("ours"):
                    found[library] = [known]
                elif turn == 0 or found[library][0].cpu < LONG:
                    judgement = (judged or {}).get(library) if turn == 0 else None
                    found[library].append(self._layout(library, file, judgement))
        result = {library: _median(runs) for library, runs in found.items()}
        self.peers.update({f"{library} {file.stem}": run for library, run in result.items()})
        return result

    def _layout(self, library: str, file: Path, judgement: Judgement | None) -> Run:
        arguments = [SCRIPTS / "one.mjs", self.cache, library, file, *([judgement] if judgement else [])]
        lines = self.node(arguments, cap=self.cap + (JUDGING if judgement else 1))
        if not lines or lines[0]["cpu"] > 1000 * self.cap:
            return Run(1000.0 * self.cap, 1000.0 * self.cap, 0.0, capped=True)
        timing, *quality = lines
        return Run(timing["cpu"], timing["wall"], timing["memory"], quality[0] if quality else None)

    def empty(self) -> float:
        """Memory of a process that does nothing, in MB: the floor of the others'."""
        arguments = [SCRIPTS / "one.mjs", self.cache, "ours", "-"]
        return statistics.median(self.node(arguments, cap=60)[0]["memory"] for _ in range(self.runs))

    def node(self, arguments: Sequence[str | Path], *, cap: int) -> list[Any]:
        """Run a script for at most ``cap`` seconds of CPU time; return its output, JSON by lines.

        Libraries that recurse need the deeper stack; all get the same.
        """

        def limit() -> None:
            resource.setrlimit(resource.RLIMIT_CPU, (cap, cap + 1))

        command = [self._node, "--stack-size=4000", "--max-old-space-size=8192", *map(str, arguments)]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, preexec_fn=limit, env={**os.environ, "NO_COLOR": "1"}
        )
        if done.returncode not in {0, -signal.SIGXCPU, -signal.SIGKILL}:
            raise RuntimeError(f"{' '.join(command)}\n{done.stderr[-2000:]}")
        return [json.loads(line) for line in done.stdout.splitlines()]

    def keep(self, file: Path) -> None:
        """Write the runs of other libraries for a later benchmark."""
        kept = {key: asdict(run) for key, run in self.peers.items() if not key.startswith("ours")}
        file.write_text(json.dumps(kept, indent=1))

    def reuse(self, file: Path) -> None:
        """Take the runs of other libraries from an earlier benchmark."""
        if file.is_file():
            self.peers.update({key: Run(**run) for key, run in json.loads(file.read_text()).items()})


def _median(runs: Sequence[Run]) -> Run:
    return Run(
        statistics.median(run.cpu for run in runs),
        statistics.median(run.wall for run in runs),
        max(run.memory for run in runs),
        runs[0].quality,
        runs[0].capped,
    )
