"""An image that runs flows of the contract's SDK: the tests' base image, with a copy of its packages.

They lie apart from those of the base, and before them on the path. No registry is asked for anything.
"""

import hashlib
import tarfile
import tempfile
from contextlib import closing
from pathlib import Path

import pytest

from tests.docker_engine import DockerEngine, locked
from tests.docker_images import SITE, add_text, build, files_of, forget, needed_by, python_there

NAME = "headrace-tests-contract"
PLACE = "/opt/contract"
LAUNCHER = "#!/bin/sh\nexec {python} -c 'from prefect.cli import app; app()' \"$@\"\n"
UNUSED = ("prefect/server/ui", "prefect/server/api/static")  # pages, which no run shows
# What a run imports is kept compiled: importing the SDK is nearly all that a short run costs.
DOCKERFILE = """FROM {base}
COPY root /
ENV PYTHONPATH={place}
RUN prefect flow-run execute; {python} -c 'import prefect.flow_engine, prefect.runner'
"""


@pytest.fixture(scope="session")
def contract_image(docker_engine: DockerEngine, base_image: str, peer_python: Path) -> str:
    """The image's name; it is built where it is not there."""
    site = peer_python.parents[1] / "lib" / SITE.name / "site-packages"
    dists = list(needed_by("prefect", path=[str(site)]))
    said = [base_image, *sorted(f"{one.name}=={one.version}" for one in dists)]
    said.append(Path(__file__).read_text())
    name = f"{NAME}:{hashlib.sha256(repr(said).encode()).hexdigest()[:16]}"
    lock = Path(tempfile.gettempdir()) / "headrace-contract-image.lock"
    with locked(lock), closing(docker_engine.client(timeout=150)) as client:
        if client.images(name=name):
            return name
        forget(client, NAME)
        with tempfile.TemporaryFile() as file:
            with tarfile.open(fileobj=file, mode="w") as tar:
                for target, source in files_of(dists):
                    if not target.startswith(UNUSED):
                        tar.add(source, f"root{PLACE}/{target}", recursive=False)
                launcher = LAUNCHER.format(python=python_there())
                add_text(tar, "root/usr/local/bin/prefect", launcher, 0o755)
                steps = DOCKERFILE.format(base=base_image, place=PLACE, python=python_there())
                add_text(tar, "Dockerfile", steps)
            file.seek(0)
            build(client, name, file)
    return name
