"""What pip installs really has the front end inside; a package without it cannot be made."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("hatchling")

ROOT = Path(__file__).parents[1]
STATIC = Path("nbviz", "static")
IGNORED = shutil.ignore_patterns("node_modules", "__pycache__", "*.egg-info")


@pytest.fixture
def checkout(tmp_path):
    """A copy of what a package is made of, with the bundle that stands in the working tree."""
    copy = tmp_path / "checkout"
    copy.mkdir()
    for name in ("nbviz", "js"):
        shutil.copytree(ROOT / name, copy / name, ignore=IGNORED)
    for name in ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md"):
        shutil.copy(ROOT / name, copy)
    return copy


def build(checkout: Path, target: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", "dist"]
    environment = {**os.environ, "NBVIZ_BUILD_JS": "0", **environment}
    return subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=False)


def built(checkout: Path) -> set[str]:
    return {path.relative_to(checkout).as_posix() for path in (checkout / STATIC).iterdir()}


def test_wheel_has_the_bundle_and_nothing_but_the_package(checkout):
    done = build(checkout, "wheel")
    assert done.returncode == 0, done.stderr
    (wheel,) = (checkout / "dist").glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert built(checkout) | {"nbviz/static/widget.js", "nbviz/py.typed", "nbviz/__init__.py"} <= names
    assert {name.split("/")[0].split("-")[0] for name in names} == {"nbviz"}


def test_sdist_has_the_bundle_and_its_sources(checkout):
    done = build(checkout, "sdist")
    assert done.returncode == 0, done.stderr
    (archive,) = (checkout / "dist").glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        names = {name.partition("/")[2] for name in opened.getnames()}
    assert built(checkout) | {"js/package-lock.json", "js/hatch_build.py", "LICENSE"} <= names
    assert not [name for name in names if "node_modules" in name]


def test_package_without_the_bundle_is_refused(checkout):
    shutil.rmtree(checkout / STATIC)
    done = build(checkout, "wheel")
    assert done.returncode != 0
    assert "nbviz/static lacks widget.js" in done.stderr
    assert not list(checkout.glob("dist/*"))


def test_package_with_a_stale_bundle_is_refused(checkout):
    (checkout / "js" / "src" / "new.ts").write_text("export {};\n")
    done = build(checkout, "wheel")
    assert done.returncode != 0
    assert "built from other sources" in done.stderr


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(sys.platform == "win32", reason="the search path is made of links")
def test_pip_install_needs_no_node_on_the_machine(checkout, tmp_path):
    shutil.rmtree(checkout / STATIC)
    environment = tmp_path / "environment"
    venv.create(environment, with_pip=True)
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("sh", "uname"):
        (tools / name).symlink_to(shutil.which(name) or name)
    python = environment / "bin" / "python"
    settings = {**os.environ, "PATH": f"{environment / 'bin'}{os.pathsep}{tools}", "NBVIZ_BUILD_JS": "auto"}
    assert shutil.which("node", path=settings["PATH"]) is None
    install = [python, "-m", "pip", "install", "--quiet", "."]
    done = subprocess.run(install, cwd=checkout, env=settings, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    where = "import nbviz, pathlib; print(pathlib.Path(nbviz.__file__).parent / 'static' / 'widget.js')"
    answer = subprocess.run([python, "-c", where], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert Path(answer.stdout.strip()).stat().st_size > 10_000
