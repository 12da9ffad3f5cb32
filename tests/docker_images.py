"""Images for tests, made from this machine's own interpreter: no registry is asked.

The base holds Python, what Headrace depends on, a shell and the libraries they need. Headrace itself is
a second layer. Both are named by what is in them, and made again only when that changes.
"""

import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from importlib.metadata import Distribution
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any

import pytest
from docker.errors import DockerException
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.docker_engine import PROJECT, DockerEngine, locked

BASE, RUNS = "headrace-tests-base", "headrace-tests"
SITE = Path(sys.base_prefix) / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}"
UNUSED = {
    "test",
    "tests",
    "idlelib",
    "tkinter",
    "turtledemo",
    "lib2to3",
    "site-packages",
    "pydoc_data",
}
PROGRAMS = ("sh", "true", "sleep", "cat", "env")
LIBRARY = re.compile(r"(/\S+) \(0x")
LAUNCHER = "#!/bin/sh\nexec {python} -c 'from headrace.cli import main; main()' \"$@\"\n"


@pytest.fixture(scope="session")
def base_image(docker_engine: DockerEngine) -> str:
    """An image with Python, pip and what Headrace depends on."""
    lock = Path(tempfile.gettempdir()) / "headrace-base-image.lock"
    with locked(lock), closing(docker_engine.client()) as client:
        return make_base(client)


@pytest.fixture(scope="session")
def runs_image(docker_engine: DockerEngine, base_image: str) -> str:
    """An image that runs flows."""
    lock = Path(tempfile.gettempdir()) / "headrace-runs-image.lock"
    with locked(lock), closing(docker_engine.client()) as client:
        return make_runs(client, base_image)


def make_base(client: Any) -> str:
    """The base image, imported where it is not there; its name."""
    versions = sorted(f"{dist.name}=={dist.version}" for dist in _dependencies())
    said = [sys.version, sys.base_prefix, *versions, Path(__file__).read_text()]
    name = f"{BASE}:{hashlib.sha256(repr(said).encode()).hexdigest()[:16]}"
    if not client.images(name=name):
        forget(client, BASE)
        with tempfile.TemporaryFile() as file:
            _pack(dict(_base_files()), file)
            file.seek(0)
            path = f"/usr/local/bin:{sys.base_prefix}/bin:/usr/bin:/bin"
            changes = [f"ENV PATH={path}", "ENV LANG=C.UTF-8", 'CMD ["/bin/sh"]']
            _import(client, file, name, changes)
    return name


def _import(client: Any, file: Any, name: str, changes: list[str]) -> None:
    repository, _, tag = name.partition(":")
    client.import_image_from_data(file, repository=repository, tag=tag, changes=changes)


def make_runs(client: Any, base: str) -> str:
    """The image with this source tree's Headrace; its name."""
    source = PROJECT / "src" / "headrace"
    files = [p for p in sorted(source.rglob("*")) if p.is_file() and p.suffix != ".pyc"]
    digest = hashlib.sha256(base.encode())
    for path in files:
        digest.update(str(path.relative_to(source)).encode() + path.read_bytes())
    name = f"{RUNS}:{digest.hexdigest()[:16]}"
    if client.images(name=name):
        return name
    forget(client, RUNS)
    site = str(SITE / "site-packages").lstrip("/")
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path in files:
            tar.add(path, f"root/{site}/headrace/{path.relative_to(source)}", recursive=False)
        info = _own_metadata()
        for path in info.iterdir():
            tar.add(path, f"root/{site}/{info.name}/{path.name}", recursive=False)
        add_text(tar, "root/usr/local/bin/headrace", LAUNCHER.format(python=python_there()), 0o755)
        compile_all = f"RUN {python_there()} -m compileall -q /{site}/headrace"
        add_text(tar, "Dockerfile", f"FROM {base}\nCOPY root /\n{compile_all}\n")
    buffer.seek(0)
    build(client, name, buffer)
    return name


def build(client: Any, name: str, context: Any) -> None:
    """Build an image from a tar file that holds a Dockerfile."""
    for step in client.build(fileobj=context, custom_context=True, tag=name, decode=True, rm=True):
        assert "error" not in step, step


def _own_metadata() -> Path:
    for entry in sys.path:
        found = list(Path(entry).glob("headrace-*.dist-info"))
        if found:
            return found[0]
    raise AssertionError("headrace is not installed")


def forget(client: Any, repository: str) -> None:
    """Remove the older ones, as far as no container uses them."""
    for image in client.images(name=repository):
        for tag in image["RepoTags"] or []:
            try:
                client.remove_image(tag, force=True)
            except DockerException as error:  # in use by another run of the tests
                sys.stdout.write(f"{tag} stays: {error}\n")


def _base_files() -> Iterator[tuple[str, Path]]:
    found = dict(_interpreter())
    found |= {f"{SITE}/site-packages/{name}": path for name, path in files_of(_dependencies())}
    for program in PROGRAMS:
        found[f"/bin/{program}"] = Path(shutil.which(program) or f"/bin/{program}").resolve()
    needing = [p for p in found.values() if ".so" in p.name or p.parent.name == "bin"]
    found |= {path: Path(path).resolve() for path in _libraries(needing)}
    yield from found.items()


def python_there() -> str:
    """The interpreter, in an image."""
    return f"{sys.base_prefix}/bin/{SITE.name}"


def _interpreter() -> Iterator[tuple[str, Path]]:
    yield python_there(), Path(python_there()).resolve()
    yield f"{sys.base_prefix}/bin/python", Path(python_there()).resolve()
    for folder, names, files in os.walk(SITE):
        names[:] = [n for n in names if n not in UNUSED and not n.startswith("config-")]
        for name in files:
            if not name.endswith((".opt-1.pyc", ".opt-2.pyc", ".a")):
                yield f"{folder}/{name}", Path(folder) / name
    for path in (SITE / "site-packages" / "pip").rglob("*"):
        if path.is_file():
            yield str(path), path


def needed_by(name: str, *, path: Sequence[str] = ()) -> Iterator[Distribution]:
    """All that a distribution needs, itself first; as installed here, or in the directories of `path`."""
    waiting, seen = [name], set[str]()
    while waiting:
        wanted = canonicalize_name(waiting.pop())
        if wanted in seen:
            continue
        seen.add(wanted)
        where = {"path": list(path)} if path else {}
        dist = next(iter(Distribution.discover(name=wanted, **where)))
        for text in dist.requires or []:
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(requirement.name)
        yield dist


def files_of(dists: Iterable[Distribution]) -> Iterator[tuple[str, Path]]:
    """The files of distributions, by their place in site-packages."""
    for dist in dists:
        for file in dist.files or []:
            path = Path(str(dist.locate_file(file)))
            if not str(file).startswith("..") and path.is_file():
                yield str(file), path
                kept = Path(cache_from_source(path))
                if path.suffix == ".py" and kept.is_file():
                    # Else each container compiles it anew: four times the work of its imports.
                    yield str(file.parent / "__pycache__" / kept.name), kept


def _dependencies() -> list[Distribution]:
    return [dist for dist in needed_by("headrace") if dist.name != "headrace"]


def _libraries(needing: Iterable[Path]) -> set[str]:
    """The shared libraries that these files load, their loader included."""
    own = sysconfig.get_config_var("LIBDIR")
    found: set[str] = set()
    for path in needing:
        told = subprocess.run(["ldd", str(path)], capture_output=True, text=True, check=False)
        found |= {
            name
            for name in LIBRARY.findall(told.stdout)
            if "site-packages" not in name and (name.startswith(("/lib", "/usr")) or own in name)
        }
    return found


def _pack(files: dict[str, Path], to: Any) -> None:
    with tarfile.open(fileobj=to, mode="w", dereference=True) as tar:
        for target, source in sorted(files.items()):
            tar.add(source, target.lstrip("/"), recursive=False)
        add_text(tar, "etc/passwd", "root:x:0:0:root:/root:/bin/sh\n")
        add_text(tar, "etc/group", "root:x:0:\n")
        folder = tarfile.TarInfo("tmp")
        folder.type, folder.mode = tarfile.DIRTYPE, 0o1777
        tar.addfile(folder)


def add_text(tar: tarfile.TarFile, name: str, text: str, mode: int = 0o644) -> None:
    """Add a file with this text."""
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(text.encode()), mode
    tar.addfile(info, io.BytesIO(text.encode()))
