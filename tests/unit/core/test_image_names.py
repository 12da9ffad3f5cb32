"""Names of images."""

import pytest

from headrace.core.image_names import is_moving, split_image


@pytest.mark.parametrize(
    ("image", "repository", "tag", "moves"),
    [
        ("a", "a", None, True),
        ("a:latest", "a", "latest", True),
        ("a:1", "a", "1", False),
        ("host:5000/a/b", "host:5000/a/b", None, True),
        ("host:5000/a/b:1", "host:5000/a/b", "1", False),
        ("a@sha256:0", "a@sha256:0", None, False),
    ],
)
def test_a_name_s_parts(image: str, repository: str, tag: str | None, moves: bool):
    """A registry's port is no tag, and a digest never stands for another image."""
    assert split_image(image) == (repository, tag)
    assert is_moving(image) is moves
