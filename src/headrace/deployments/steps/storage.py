"""Steps that put a project's code into object storage, and get it from there."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from headrace.errors import StepExecutionError
from headrace.sources.remote import download_directory, upload_directory

IGNORE_FILES = (".headraceignore", ".prefectignore")
"""What a file that says what is not uploaded is called; the first that is there counts."""

_S3_KEYS = {
    "aws_access_key_id": "key",
    "aws_secret_access_key": "secret",
    "aws_session_token": "token",
    "profile_name": "profile",
}
"""What credentials for AWS have, and what the file system for S3 calls it."""


def push_to_s3(
    bucket: str,
    folder: str,
    credentials: Any = None,
    client_parameters: dict[str, Any] | None = None,
    ignore_file: str | None = None,
) -> dict[str, str]:
    """Put the working directory's code into an S3 bucket.

    Args:
        bucket: Its name.
        folder: Where in it.
        credentials: A block or mapping with `aws_access_key_id` and the like; the machine's own when
            not given.
        client_parameters: Of the S3 client, as `endpoint_url`.
        ignore_file: Says what is left out; `.headraceignore` or `.prefectignore` when not given.

    Raises:
        HeadraceError: The storage refuses, or does not answer.
    """
    settings = _s3_settings(credentials, client_parameters)
    return _push("s3", {"bucket": bucket, "folder": folder}, ignore_file, settings)


def pull_from_s3(
    bucket: str,
    folder: str,
    credentials: Any = None,
    client_parameters: dict[str, Any] | None = None,
) -> dict[str, str]:
    """Get code from an S3 bucket into the working directory.

    Args and raises as `push_to_s3`.
    """
    settings = _s3_settings(credentials, client_parameters)
    return _pull("s3", {"bucket": bucket, "folder": folder}, settings)


def push_to_gcs(
    bucket: str,
    folder: str,
    project: str | None = None,
    credentials: Any = None,
    ignore_file: str | None = None,
) -> dict[str, str]:
    """Put the working directory's code into a Google Cloud Storage bucket.

    Args:
        bucket: Its name.
        folder: Where in it.
        project: The Google Cloud project.
        credentials: A block or mapping with `service_account_info` or `service_account_file`; the
            machine's own when not given.
        ignore_file: As of `push_to_s3`.

    Raises:
        HeadraceError: The storage refuses, or does not answer.
    """
    settings = _gcs_settings(project, credentials)
    return _push("gs", {"bucket": bucket, "folder": folder}, ignore_file, settings)


def pull_from_gcs(
    bucket: str, folder: str, project: str | None = None, credentials: Any = None
) -> dict[str, str]:
    """Get code from a Google Cloud Storage bucket into the working directory.

    Args and raises as `push_to_gcs`.
    """
    settings = _gcs_settings(project, credentials)
    return _pull("gs", {"bucket": bucket, "folder": folder}, settings)


def push_to_azure_blob_storage(
    container: str, folder: str, credentials: Any = None, ignore_file: str | None = None
) -> dict[str, str]:
    """Put the working directory's code into an Azure Blob Storage container.

    Args:
        container: Its name.
        folder: Where in it.
        credentials: A block or mapping with `connection_string`, or `account_url` and a key.
        ignore_file: As of `push_to_s3`.

    Raises:
        HeadraceError: The storage refuses, or does not answer.
    """
    place = {"container": container, "folder": folder}
    return _push("az", place, ignore_file, _azure_settings(credentials))


def pull_from_azure_blob_storage(
    container: str, folder: str, credentials: Any = None
) -> dict[str, str]:
    """Get code from an Azure Blob Storage container into the working directory.

    Args and raises as `push_to_azure_blob_storage`.
    """
    place = {"container": container, "folder": folder}
    return _pull("az", place, _azure_settings(credentials))


def _push(
    scheme: str, place: dict[str, str], ignore_file: str | None, settings: Mapping[str, Any]
) -> dict[str, str]:
    url = f"{scheme}://{'/'.join(place.values())}"
    upload_directory(url, ".", _ignored(ignore_file), **settings)
    return place


def _pull(scheme: str, place: dict[str, str], settings: Mapping[str, Any]) -> dict[str, str]:
    here = Path.cwd()
    download_directory(f"{scheme}://{'/'.join(place.values())}", here, **settings)
    return {**place, "directory": str(here)}


def _ignored(given: str | None) -> str | None:
    if given is not None:
        return given
    return next((name for name in IGNORE_FILES if Path(name).is_file()), None)


def _s3_settings(credentials: Any, parameters: Mapping[str, Any] | None) -> dict[str, Any]:
    given = _mapping(credentials)
    settings: dict[str, Any] = {
        ours: given[theirs] for theirs, ours in _S3_KEYS.items() if given.get(theirs)
    }
    client = dict(parameters or {}) | _mapping(given.get("aws_client_parameters"))
    if given.get("region_name"):
        client.setdefault("region_name", given["region_name"])
    known = {
        k: v for k, v in client.items() if k in {"endpoint_url", "region_name", "use_ssl", "verify"}
    }
    return settings | ({"client_kwargs": known} if known else {})


def _gcs_settings(project: str | None, credentials: Any) -> dict[str, Any]:
    given = _mapping(credentials)
    token = given.get("service_account_info") or given.get("service_account_file")
    settings = {"project": project or given.get("project"), "token": token}
    return {name: value for name, value in settings.items() if value}


def _azure_settings(credentials: Any) -> dict[str, Any]:
    given = _mapping(credentials)
    account = str(given.get("account_url") or "").removeprefix("https://").partition(".")[0]
    settings = {
        "connection_string": given.get("connection_string"),
        "account_name": given.get("account_name") or account,
        "account_key": given.get("account_key"),
        "sas_token": given.get("sas_token"),
    }
    return {name: value for name, value in settings.items() if value}


def _mapping(value: Any) -> dict[str, Any]:
    """The fields of a block or mapping, as a placeholder for a block comes to."""
    if value is None:
        return {}
    if isinstance(value, Mapping):
        return dict(cast("Mapping[str, Any]", value))
    fields = getattr(value, "model_dump", None)
    if fields is None:
        message = f"credentials are a block or a mapping, not {type(value).__name__}"
        raise StepExecutionError(message)
    return fields()
