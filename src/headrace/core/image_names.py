"""Names of container images: a repository, perhaps with a tag or a digest."""


def split_image(image: str) -> tuple[str, str | None]:
    """Repository and tag, None where there is none.

    The colon of a registry's port begins no tag; a digest stays with the repository.
    """
    if "@" in image:
        return image, None
    path, slash, last = image.rpartition("/")
    name, _, tag = last.partition(":")
    return f"{path}{slash}{name}", tag or None


def is_moving(image: str) -> bool:
    """Whether the name stands for another image from time to time: `latest`, or no tag at all."""
    return "@" not in image and split_image(image)[1] in {None, "latest"}
