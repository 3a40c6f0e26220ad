"""Finds a Chromium that starts and a Firefox, or fetches them: the reader of a fresh checkout has to install nothing by hand."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".cache" / "chromium"
FLAGS = [
    "--no-first-run",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome", "microsoft-edge", "msedge")
MAC = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
FIREFOX_NAMES = ("firefox-esr", "firefox")
FIREFOX_MAC = ("/Applications/Firefox.app/Contents/MacOS/firefox",)
# a Chromium inside an npm package, with the libraries it needs: for Linux machines without one and without root
NPM_PACKAGE = "@sparticuz/chromium@153.0.0"
UNPACK = """
import { brotliDecompressSync } from "node:zlib";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { execFileSync } from "node:child_process";
const [from, to] = process.argv.slice(2);
mkdirSync(to, { recursive: true });
for (const name of ["al2023.tar", "fonts.tar", "swiftshader.tar"]) {
  writeFileSync(`${to}/${name}`, brotliDecompressSync(readFileSync(`${from}/${name}.br`)));
  execFileSync("tar", ["xf", `${to}/${name}`, "-C", to]);
}
writeFileSync(`${to}/chromium`, brotliDecompressSync(readFileSync(`${from}/chromium.br`)));
chmodSync(`${to}/chromium`, 0o755);
"""


class NoBrowserError(Exception):
    """No Chromium was found, fetched and started."""


def launch(playwright: Playwright, *more: str) -> Browser:
    """Start the first Chromium that works, with more flags than usual."""
    from playwright.sync_api import Error

    flags = [*FLAGS, *more, "--no-sandbox"] if is_root() else [*FLAGS, *more]
    failed = []
    for executable in candidates(playwright):
        try:
            return playwright.chromium.launch(executable_path=executable, args=flags)
        except Error as error:
            failed.append(f"{executable}: {str(error).splitlines()[0]}")
    raise NoBrowserError(
        "no Chromium could be found, fetched and started; install Chromium or Chrome, or name one with NBVIZ_CHROMIUM. "
        + "; ".join(failed)
    )


def candidates(playwright: Playwright) -> Iterator[str]:
    """Name executables to try: what is there first, then what can be fetched, each only when it is asked for."""
    named = os.environ.get("NBVIZ_CHROMIUM")
    if named:
        yield named
        return
    own = playwright.chromium.executable_path
    if Path(own).is_file():
        yield own
    yield from filter(None, map(shutil.which, NAMES))
    yield from (path for path in MAC if Path(path).is_file())
    run([sys.executable, "-m", "playwright", "install", "chromium"])
    if Path(own).is_file():
        yield own
    if wrapper := from_npm():
        yield str(wrapper)
    if from_debian("chromium", "fonts-liberation"):
        yield from filter(None, map(shutil.which, NAMES))


def find_firefox() -> str | None:
    """Return the path of a Firefox: of one that is there, or else of one that could be fetched."""
    named = os.environ.get("NBVIZ_FIREFOX")
    if named:
        return named
    there = filter(None, [*map(shutil.which, FIREFOX_NAMES), *filter(os.path.isfile, FIREFOX_MAC)])
    return next(there, None) or (shutil.which("firefox-esr") if from_debian("firefox-esr") else firefox_from_mozilla())


def firefox_from_mozilla() -> str | None:
    fetch = ROOT / "js" / "node_modules" / "@puppeteer" / "browsers" / "lib" / "main-cli.js"
    node = shutil.which("node", path=search_path())
    cache = CACHE.with_name("firefox")
    if node and run([node, str(fetch), "install", "firefox@stable", "--path", str(cache)]):
        programs = (cache / "firefox").glob("*/firefox/firefox")  # Linux
        return next(map(str, [*programs, *(cache / "firefox").glob("*/*.app/Contents/MacOS/firefox")]), None)
    return None


def from_debian(*packages: str) -> bool:
    """Tell whether apt has installed the packages."""
    if not (is_root() and shutil.which("apt-get")):
        return False
    run(["apt-get", "update", "-q"])
    return run(["apt-get", "install", "-y", "-q", "--no-install-recommends", *packages])


def is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def run(command: list[str]) -> bool:
    """Tell whether a command that may well fail has worked."""
    try:
        environment = {**os.environ, "PATH": search_path(), "DEBIAN_FRONTEND": "noninteractive"}
        return subprocess.run(command, env=environment, timeout=600, check=False, stdout=sys.stderr).returncode == 0
    except (OSError, subprocess.TimeoutExpired) as error:
        print(f"{command[0]}: {error}", file=sys.stderr)  # noqa: T201
        return False


def search_path() -> str:
    # a Node from PyPI lies beside this Python
    return os.pathsep.join([os.environ.get("PATH", os.defpath), str(Path(sys.executable).parent)])


def from_npm() -> Path | None:
    """Unpack the npm-shipped Chromium with its libraries and a font, behind a script that sets their places."""
    npm, node = shutil.which("npm", path=search_path()), shutil.which("node", path=search_path())
    if sys.platform != "linux" or platform.machine() != "x86_64" or not (npm and node):
        return None
    wrapper = CACHE / "chromium.sh"
    if wrapper.is_file():
        return wrapper
    CACHE.mkdir(parents=True, exist_ok=True)
    unpacked = CACHE / "unpacked"
    program = CACHE / "unpack.mjs"
    program.write_text(UNPACK)
    packed = CACHE / "node_modules" / "@sparticuz" / "chromium" / "bin"
    install = [
        npm,
        "install",
        "--prefix",
        str(CACHE),
        "--no-save",
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
        NPM_PACKAGE,
    ]
    if not run(install) or not run([node, str(program), str(packed), str(unpacked)]):
        return None
    fonts = unpacked / "fonts.conf"
    fonts.write_text(
        '<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>'
        f"<dir>{unpacked}/fonts</dir><dir>/usr/share/fonts</dir><cachedir>{unpacked}/font-cache</cachedir></fontconfig>"
    )
    wrapper.write_text(
        "#!/bin/sh\n"
        f'LD_LIBRARY_PATH="{unpacked}/lib${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}" FONTCONFIG_FILE="{fonts}" '
        f'exec "{unpacked}/chromium" "$@"\n'
    )
    wrapper.chmod(0o755)
    return wrapper
