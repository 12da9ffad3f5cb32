"""What is worth having imported before a run begins: installed modules that earlier runs used."""

import contextlib
import json
import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from headrace.worker.warm.child import site_directories

_MOST = 64  # modules; a run that uses more is not kept waiting by its imports alone
_LOOK_AGAIN = 1.0  # seconds between looks at the installation


@dataclass(slots=True)
class Preload:
    """The learned modules of this interpreter, kept in a file, and whether packages changed.

    Args:
        path: Where they are kept; one file for each interpreter.
    """

    path: Path
    modules: list[str] = field(default_factory=list[str])
    refused: set[str] = field(default_factory=set[str])
    _stamp: tuple[int, ...] = ()
    _looked: float = 0.0

    def load(self) -> None:
        """Read what earlier workers learned; a broken file is nothing learned."""
        self._stamp = _installation_stamp()
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            kept = json.loads(self.path.read_bytes())
            if kept["interpreter"] == sys.executable:
                self.modules = [str(name) for name in kept["modules"]][:_MOST]
                self.refused = {str(name) for name in kept["refused"]}

    def learn(self, modules: list[str]) -> bool:
        """Add modules; whether there were new ones."""
        known = self.refused.union(self.modules)
        new = [name for name in modules if name not in known][: _MOST - len(self.modules)]
        self.modules += new
        if new:
            self._keep()
        return bool(new)

    def refuse(self, modules: list[str]) -> None:
        """Never ask for these again: they start threads, or fail."""
        if self.refused.issuperset(modules):
            return
        self.refused.update(modules)
        self.modules = [name for name in self.modules if name not in self.refused]
        self._keep()

    def wanted(self) -> tuple[str, ...]:
        """What a parent should import, in the order learned."""
        return tuple(name for name in self.modules if name not in self.refused)

    def packages_changed(self) -> bool:
        """Whether something was installed or removed since the last look."""
        now = time.monotonic()
        if now - self._looked < _LOOK_AGAIN:
            return False
        self._looked = now
        stamp = _installation_stamp()
        changed = stamp != self._stamp
        self._stamp = stamp
        if changed:
            self.refused.clear()
        return changed

    def _keep(self) -> None:
        content = {
            "interpreter": sys.executable,
            "modules": self.modules,
            "refused": sorted(self.refused),
        }
        new = self.path.with_suffix(".new")
        with contextlib.suppress(OSError):
            new.write_text(json.dumps(content))
            new.replace(self.path)


def _installation_stamp() -> tuple[int, ...]:
    """Changes when a distribution is installed, upgraded or removed."""
    stamp: list[int] = []
    for directory in site_directories():
        with contextlib.suppress(OSError):
            stamp.append(os.stat(directory).st_mtime_ns)  # noqa: PTH116  # called once a second
    return tuple(stamp)
