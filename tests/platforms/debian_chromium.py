"""Chromium from Debian, unpacked into a folder. ``python -m tests.platforms.debian_chromium FOLDER`` is `main`.

It is the package that Playwright calls a headless shell: the browser without windows, in half the size. Nothing is
installed, and no font or library of this machine is used.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
from pathlib import Path

from tests.platforms.debian import DownloadError, NotDebianError, extract_file, fill_once, unpack
from tests.platforms.debian_python import ARCHITECTURES, NotInDebianError, use_own_loader

FOLDER = Path(os.environ.get("BROWSER_FOLDER", Path(__file__).parents[2] / ".browser"))
"""The folder that ``make browser`` unpacks the browser into."""

OPTIONS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)
"""Options for a browser that a machine without a screen, and perhaps root, runs, and that connects to loopback only."""

_SUITE = "bookworm"
# For windows and for what is opened in other programs: with OpenGL, LLVM and Perl, half of all bytes.
_NOT_NEEDED = ("x11-utils", "xdg-utils")
_INSTALLED = ("chromium-headless-shell", "chromium")
_WRAPPER = """\
#!/bin/sh
export LD_LIBRARY_PATH='{libraries}' FONTCONFIG_FILE='{root}/fonts.conf'
exec '{root}/usr/lib/chromium/chromium-headless-shell' "$@"
"""
_FONTS = """\
<fontconfig><dir>{root}/usr/share/fonts</dir><cachedir>{root}/var/cache/fontconfig</cachedir></fontconfig>
"""


def main() -> None:
    """Unpack the browser into a folder, unless it is there. Exits with status 1 after a message if that fails."""
    folder = Path(sys.argv[1]).absolute()
    try:
        unpack_chromium(folder, platform.machine())
    except (NotInDebianError, NotDebianError, DownloadError) as error:
        sys.exit(f"Chromium is missing: {error}")


def find_chromium(folder: Path = FOLDER) -> Path | None:
    """Return the browser that was unpacked into a folder, else the one that is installed, None without either."""
    unpacked = folder / "chromium"
    if unpacked.exists():
        return unpacked
    return next((Path(path) for name in _INSTALLED if (path := shutil.which(name))), None)


def unpack_chromium(folder: Path, machine: str) -> Path:
    """Return the path of a browser that was unpacked into a folder, which must not be moved afterwards.

    ``machine`` is the processor's name as in ``platform.machine()``. Raises NotInDebianError, NotDebianError and
    DownloadError.
    """
    architecture = ARCHITECTURES.get(machine)
    if architecture is None:
        message = f"Debian does not have it for {machine}"
        raise NotInDebianError(message)
    root = folder / f"chromium-{architecture.name}"
    wrapper = folder / "chromium"

    def fill() -> None:
        print(f"Unpacking Chromium from Debian {_SUITE} into {folder}", flush=True)
        packages = ["chromium-headless-shell"]
        unpack(packages, root, suite=_SUITE, architecture=architecture.name, without=_NOT_NEEDED)
        extract_file("patchelf", "usr/bin/patchelf", root, suite=_SUITE, architecture=architecture.name)
        executable = root / "usr/lib/chromium/chromium-headless-shell"
        use_own_loader(executable, root, architecture)
        # Libraries with a RUNPATH of their own, such as PulseAudio's, ignore the RPATH of the executable.
        folders = [*architecture.folders(root), root / "usr/lib" / architecture.libraries / "pulseaudio"]
        (root / "fonts.conf").write_text(_FONTS.format(root=root))
        wrapper.write_text(_WRAPPER.format(libraries=os.pathsep.join(map(str, folders)), root=root))
        wrapper.chmod(0o755)

    fill_once(root, fill)
    return wrapper


if __name__ == "__main__":
    main()
