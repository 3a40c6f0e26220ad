"""Builds the documentation site, which runs the notebooks."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SITE = ROOT / "build" / "site"


def build() -> Path:
    """Return the folder of the site; what was built from the same sources before is not built again."""
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-j", "2", "notebooks", str(SITE)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        # or Sphinx would find nothing to do the next time, and nothing to warn of
        shutil.rmtree(SITE / ".doctrees", ignore_errors=True)
        pytest.fail(done.stderr[-5000:])
    return SITE
