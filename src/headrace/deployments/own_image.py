"""The image that workers and their runs start from: Headrace as it is installed here, on a Python image."""

import base64
import hashlib
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from importlib.metadata import PathDistribution, distribution
from pathlib import Path
from typing import Final, TextIO

import headrace
from headrace.deployments.images import DockerImage, base_image
from headrace.errors import ConfigurationError

PYTHON: Final = f"python:{sys.version_info.major}.{sys.version_info.minor}-slim"
"""The image to begin with: this interpreter's own version, small."""

_METADATA: Final = ("METADATA", "WHEEL", "entry_points.txt")


def build_own_image(
    name: str | None = None,
    *,
    base: str = PYTHON,
    extras: Sequence[str] = (),
    progress: TextIO | None = sys.stdout,
) -> str:
    """Build an image that holds this installation of Headrace; its name and tag.

    The base must have Python with pip. What Headrace depends on is installed by pip where the base has
    it not.

    Args:
        name: With or without a tag; made from the versions of Headrace and Python when not given.
        base: The image to begin with.
        extras: Extras of Headrace to install as well, as in `headrace[EXTRA]`.
        progress: Where what the engine says is written.

    Raises:
        InfrastructureError: The engine cannot be reached or refuses, or the build fails.
        ConfigurationError: The Docker extra is not installed.
    """
    with tempfile.TemporaryDirectory(prefix="headrace-image-") as folder:
        wheel = pack_wheel(Path(folder))
        dockerfile = Path(folder) / "Dockerfile"
        dockerfile.write_text(own_dockerfile(base, wheel.name, extras))
        made = DockerImage(
            name or base_image(),
            dockerfile=str(dockerfile),
            stream_progress_to=progress,
            context=folder,
        )
        made.build()
        return made.reference


def own_dockerfile(base: str, wheel: str, extras: Sequence[str] = ()) -> str:
    """The Dockerfile that installs a wheel of Headrace."""
    chosen = f"[{','.join(extras)}]" if extras else ""
    place = f"/opt/{wheel}"
    return (
        f"FROM {base}\n"
        f"COPY {wheel} {place}\n"
        f'RUN python -m pip install --no-cache-dir "{place}{chosen}"\n'
        'CMD ["headrace", "--help"]\n'
    )


def pack_wheel(folder: Path) -> Path:
    """Pack the Headrace that runs here, wherever its files are, as a wheel in a folder.

    Raises:
        ConfigurationError: It was not installed as a distribution.
    """
    dist = distribution("headrace")
    if not isinstance(dist, PathDistribution) or dist.read_text("WHEEL") is None:
        message = "this Headrace was not installed by pip or uv, so no image can be made of it"
        raise ConfigurationError(message)
    stem = f"headrace-{dist.version}"
    target = folder / f"{stem}-py3-none-any.whl"
    rows: list[str] = []
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as wheel:
        for name, raw in _contents(dist, f"{stem}.dist-info"):
            wheel.writestr(name, raw)
            digest = base64.urlsafe_b64encode(hashlib.sha256(raw).digest()).rstrip(b"=").decode()
            rows.append(f"{name},sha256={digest},{len(raw)}")
        record = f"{stem}.dist-info/RECORD"
        wheel.writestr(record, "\n".join([*rows, f"{record},,", ""]))
    return target


def _contents(dist: PathDistribution, info: str) -> Iterator[tuple[str, bytes]]:
    package = Path(headrace.__file__).parent
    for path in sorted(package.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield f"headrace/{path.relative_to(package).as_posix()}", path.read_bytes()
    for name in _METADATA:
        text = dist.read_text(name)
        if text is not None:
            yield f"{info}/{name}", text.encode()
