"""A git server over HTTP: the git program's own, behind basic authentication."""

import base64
import os
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit


class GitServer:
    """Serves the bare repositories below a directory; `login` is who may read them.

    `asked` has the service and the client's credentials of each request for references.
    """

    def __init__(self, root: Path, login: str | None = None) -> None:
        self.root = root
        self.login = login
        self.asked: list[tuple[str, str | None]] = []
        backend = subprocess.check_output(["git", "--exec-path"], text=True).strip()
        self.backend = f"{backend}/git-http-backend"
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.answer(self, b"")

            def do_POST(self) -> None:
                size = int(self.headers.get("content-length") or 0)
                outer.answer(self, self.rfile.read(size) if size else read_chunks(self))

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._server.server_address[1]}"

    def url(self, name: str) -> str:
        return f"http://{self.host}/{name}.git"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def answer(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        given = request.headers.get("authorization")
        user = base64.b64decode(given.split()[1]).decode() if given else None
        parts = urlsplit(request.path)
        if parts.path.endswith("/info/refs"):
            self.asked.append((parts.path, user))
        if self.login is not None and user != self.login:
            request.send_response(401)
            request.send_header("www-authenticate", 'Basic realm="git"')
            request.send_header("content-length", "0")
            request.end_headers()
            return
        environment = {
            **os.environ,
            "GIT_PROJECT_ROOT": str(self.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": parts.path,
            "QUERY_STRING": parts.query,
            "REQUEST_METHOD": request.command,
            "CONTENT_TYPE": request.headers.get("content-type", ""),
            "HTTP_CONTENT_ENCODING": request.headers.get("content-encoding", ""),
            "GIT_PROTOCOL": request.headers.get("git-protocol", ""),
            "REMOTE_USER": user or "",
        }
        ran = subprocess.run(
            [self.backend], input=body, env=environment, capture_output=True, check=True
        )
        head, _, content = ran.stdout.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if line)
        request.send_response(int(fields.pop("Status", "200").split()[0]))
        for name, value in fields.items():
            request.send_header(name, value)
        request.send_header("content-length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)


def read_chunks(request: BaseHTTPRequestHandler) -> bytes:
    """A body in chunks, which larger requests of git have."""
    parts: list[bytes] = []
    while size := int(request.rfile.readline() or b"0", 16):
        parts.append(request.rfile.read(size))
        request.rfile.readline()
    return b"".join(parts)


class Repository:
    """A repository that people push to: a working copy and the bare one that is served."""

    def __init__(self, root: Path, name: str) -> None:
        self.bare = root / f"{name}.git"
        self.work = root / f"{name}-work"
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(self.bare)], check=True)
        subprocess.run(
            ["git", "clone", "-q", str(self.bare), str(self.work)], check=True, stderr=-3
        )
        self.git("checkout", "-q", "-B", "main")

    def git(self, *arguments: str) -> str:
        who = [
            "-c",
            "user.name=t",
            "-c",
            "user.email=t@example.org",
            "-c",
            "protocol.file.allow=always",
        ]
        command = ["git", "-C", str(self.work), *who, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def commit(self, name: str, text: str, branch: str = "main") -> str:
        """Push a change of one file; its commit."""
        path = self.work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", name)
        self.git("push", "-q", "origin", f"HEAD:refs/heads/{branch}")
        return self.git("rev-parse", "HEAD")
