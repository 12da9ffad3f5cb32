"""The git program: run with a time limit, asking nobody anything, with credentials that nobody sees.

Credentials reach git through a small askpass program and that process's environment: never its
arguments, a file or a message. They are given to the host that they are for and to no other, as a
sub-module elsewhere would ask for them too.
"""

import os
import stat
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from headrace.errors import CodeUnavailable

GIT_SECONDS = 600.0  # for one command: a server that says nothing must not hold up a run for ever
_SHOWN = 2000  # characters of what git said that are in a message

_ASKPASS = """#!/bin/sh
# Answers git's questions for the one host that the credentials are for.
case "$1" in
  *"//$HEADRACE_GIT_HOST'"*|*"@$HEADRACE_GIT_HOST'"*) ;;
  *) exit 1 ;;
esac
case "$1" in
  Username*) printf '%s\\n' "$HEADRACE_GIT_USERNAME" ;;
  *) printf '%s\\n' "$HEADRACE_GIT_PASSWORD" ;;
esac
"""


@dataclass(frozen=True, slots=True)
class Login:
    """Who asks a host for a repository.

    Args:
        username: May be anything where the password is a token.
        password: A password or access token.
    """

    username: str
    password: str = field(repr=False)


def split_login(url: str) -> tuple[str, Login | None]:
    """An address without the credentials that stand in it, and these.

    Raises:
        CodeUnavailable: It is no address of a repository.
    """
    if url.startswith("-") or not url or "\n" in url:
        message = f"{url!r} is no address of a git repository"
        raise CodeUnavailable(message)
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or parts.username is None:
        return url, None
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    name, password = unquote(parts.username), unquote(parts.password or "")
    return bare, Login(name, password) if password else Login("x-access-token", name)


def run_git(
    *arguments: str,
    directory: Path | None = None,
    url: str = "",
    login: Login | None = None,
    settings: Mapping[str, str] | None = None,
) -> str:
    """Run git; what it wrote to its output.

    Args:
        arguments: Its own.
        directory: Where; here if none is given.
        url: The repository's address without credentials, where it is spoken to.
        login: For that address' host.
        settings: Of git's configuration, for this command.

    Raises:
        CodeUnavailable: Git is missing, failed or took too long.
    """
    with tempfile.TemporaryDirectory(prefix="headrace-git-") as folder:
        environment = _environment(Path(folder), url, login)
        options = [
            part for key, value in (settings or {}).items() for part in ("-c", f"{key}={value}")
        ]
        if login is not None:
            options += ["-c", "credential.helper="]  # nobody else is asked, or told
        try:
            ended = subprocess.run(  # noqa: S603  # arguments, not a shell's line
                ["git", *options, *arguments],  # noqa: S607  # the one that is in the path
                cwd=directory,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=GIT_SECONDS,
                check=False,
            )
        except FileNotFoundError:
            message = (
                "code from a git repository needs the program `git`, which is not installed here"
            )
            raise CodeUnavailable(message) from None
        except subprocess.TimeoutExpired:
            message = (
                f"git {arguments[0]} of {url} took longer than {GIT_SECONDS:g} s and was ended"
            )
            raise CodeUnavailable(message) from None
    if ended.returncode:
        said = ended.stderr.decode("utf-8", "replace").strip()[-_SHOWN:]
        message = f"git {arguments[0]} {url or ''} failed: {said or ended.returncode}"
        raise CodeUnavailable(message)
    return ended.stdout.decode("utf-8", "replace")


def _environment(folder: Path, url: str, login: Login | None) -> dict[str, str]:
    environment = {
        **os.environ,
        "GIT_TERMINAL_PROMPT": "0",
        "GCM_INTERACTIVE": "never",
        "LC_ALL": "C",
    }
    environment.setdefault("GIT_ASKPASS", "true")  # says nothing: a question is a failure
    environment.setdefault("GIT_SSH_COMMAND", "ssh -o BatchMode=yes -o ConnectTimeout=30")
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):  # of a hook that started us
        environment.pop(name, None)
    if login is not None:
        program = folder / "askpass"
        program.write_text(_ASKPASS)
        program.chmod(stat.S_IRWXU)
        environment |= {
            "GIT_ASKPASS": str(program),
            "HEADRACE_GIT_HOST": urlsplit(url).netloc,
            "HEADRACE_GIT_USERNAME": login.username,
            "HEADRACE_GIT_PASSWORD": login.password,
        }
    return environment
