"""What a benchmark ran on, in words that name neither a host nor a path."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from importlib.metadata import version
from pathlib import Path

from tests.bench.workshop import NPM_PEERS, PYTHON_PEERS, WHEEL_PEERS, Workshop


def machine(workshop: Workshop) -> str:
    """One sentence about the machine, and one about versions: of what was used, and of the libraries compared with."""
    node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip("v\n")
    programs = [f"Python {platform.python_version()}", f"Node {node}"]
    if workshop.has_pages:
        programs += [f"Chromium {workshop.pages.browser.version}", f"JupyterLab {version('jupyterlab')}"]
    libraries = [pin.replace("==", " ") for pin in (*WHEEL_PEERS, *PYTHON_PEERS)]
    libraries += [" ".join(pin.rsplit("@", 1)) for pin in NPM_PEERS]
    runs = "One run" if workshop.runs == 1 else f"Medians of {workshop.runs} runs"
    return f"{runs} on {computer()}. {', '.join(programs)}; {', '.join(sorted(libraries))}."


def computer() -> str:
    """How many cores of which processor, under which system."""
    cores = os.cpu_count() or 1
    return f"{cores} {'core' if cores == 1 else 'cores'} ({processor()}, {platform.system()} {platform.machine()})"


def processor() -> str:
    """The name that the processor gives itself."""
    file = Path("/proc/cpuinfo")
    found = re.search(r"^model name\s*:\s*(.+)$", file.read_text(), re.MULTILINE) if file.is_file() else None
    return found[1].strip() if found else platform.processor() or "unknown processor"
