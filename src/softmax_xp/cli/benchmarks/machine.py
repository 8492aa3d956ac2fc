"""The machine, as far as times depend on it."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

from .threads import usable_cores

CPUINFO = Path("/proc/cpuinfo")
CACHES = Path("/sys/devices/system/cpu/cpu0/cache")


def describe() -> dict[str, Any]:
    """Return the processor, its caches, how many cores are usable, how busy they are, and the system."""
    return {
        "cpu": cpu_name(),
        "cores": usable_cores(),
        "caches": caches(),
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def cpu_name() -> str:
    """Return the name of the processor, or of its kind."""
    try:
        lines = CPUINFO.read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return next(iter(names), "") or platform.processor() or platform.machine()


def caches() -> dict[str, str]:
    """Return the sizes of the data caches of a core, where the system tells them."""
    found = {}
    try:
        for index in sorted(CACHES.glob("index*")):
            kind, level, size = ((index / name).read_text().strip() for name in ("type", "level", "size"))
            if kind != "Instruction":
                found[f"L{level}"] = size
    except OSError:
        return {}
    return found
