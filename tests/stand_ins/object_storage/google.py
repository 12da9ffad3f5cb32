"""Google Cloud Storage's JSON API, as its reference has it: the part that keeps and gives objects."""

import json
import re
from email.parser import BytesParser
from typing import Any

from tests.stand_ins.object_storage.serving import Blob, Exchange, RefusedError, browse

# Query parameters of each method, as the service's discovery document lists them.
_COMMON = {"alt", "fields", "prettyPrint", "quotaUser", "userProject", "key", "uploadType"}
_OF_METHOD = {
    "list": {
        "delimiter", "endOffset", "includeFoldersAsPrefixes", "includeTrailingDelimiter",
        "matchGlob", "maxResults", "pageToken", "prefix", "projection", "softDeleted",
        "startOffset", "versions", "filter",
    },
    "get": {"generation", "ifGenerationMatch", "ifMetagenerationMatch", "projection", "softDeleted"},
    "insert": {
        "contentEncoding", "ifGenerationMatch", "ifGenerationNotMatch", "ifMetagenerationMatch",
        "kmsKeyName", "name", "predefinedAcl", "projection", "upload_id",
    },
    "buckets": {"project", "prefix", "maxResults", "pageToken", "projection", "predefinedAcl"},
}  # fmt: skip
_OBJECT = re.compile(r"/(?:download/)?storage/v1/b/([^/]+)/o/(.+)")


class GoogleExchange(Exchange):
    """One connection to the stand-in."""

    def answer(self, method: str, path: str, query: dict[str, str], body: bytes) -> None:
        if path.startswith("/upload/storage/v1/b/"):
            self._upload(path.split("/")[5], query, body)
        elif found := _OBJECT.fullmatch(path):
            self._object(method, found[1], found[2], query)
        elif path.startswith("/storage/v1/b") and path.rstrip("/").endswith("/o"):
            self._list(path.split("/")[4], query)
        elif path.rstrip("/") == "/storage/v1/b":
            self._buckets(method, query, body)
        elif path.startswith("/storage/v1/b/") and method == "GET":
            name = path.split("/")[4]
            self._bucket(name)
            self._json({"kind": "storage#bucket", "name": name, "id": name})
        else:
            raise RefusedError(501, "the stand-in does not know this")

    def _check(self, method: str, query: dict[str, str]) -> None:
        unknown = query.keys() - _COMMON - _OF_METHOD[method]
        if unknown:
            raise RefusedError(400, f"{method} has no parameter {sorted(unknown)}")

    def _bucket(self, name: str) -> dict[str, Blob]:
        if name not in self.kept.buckets:
            raise RefusedError(404, "The specified bucket does not exist.")
        return self.kept.buckets[name]

    def _buckets(self, method: str, query: dict[str, str], body: bytes) -> None:
        self._check("buckets", query)
        if method == "POST":
            name = json.loads(body)["name"]
            if name in self.kept.buckets:
                raise RefusedError(409, "you already own this bucket")
            self.kept.buckets[name] = {}
            self._json({"kind": "storage#bucket", "name": name, "id": name})
            return
        items = [{"kind": "storage#bucket", "name": name} for name in self.kept.buckets]
        self._json({"kind": "storage#buckets", "items": items})

    def _list(self, bucket: str, query: dict[str, str]) -> None:
        self._check("list", query)
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter")
        blobs, prefixes = browse(self._bucket(bucket), prefix, delimiter)
        items = [_resource(bucket, name, blob) for name, blob in blobs]
        self._json({"kind": "storage#objects", "items": items, "prefixes": prefixes})

    def _object(self, method: str, bucket: str, name: str, query: dict[str, str]) -> None:
        self._check("get", query)
        blob = self._bucket(bucket).get(name)
        if blob is None:
            raise RefusedError(404, f"No such object: {bucket}/{name}")
        if method != "GET":
            raise RefusedError(501, "the stand-in does not know this")
        if query.get("alt") == "media":
            status, content, shown = self.ranged(blob.content, "Range")
            self.send(status, content, Content_Type="application/octet-stream", **shown)
            return
        self._json(_resource(bucket, name, blob))

    def _upload(self, bucket: str, query: dict[str, str], body: bytes) -> None:
        self._check("insert", query)
        self._bucket(bucket)
        kind = query.get("uploadType")
        if kind == "multipart":
            name, content = self._parts(body)
        elif kind == "media":
            name, content = query["name"], body
        elif kind == "resumable" and "upload_id" not in query:
            upload = f"u{len(self.kept.pending)}"
            self.kept.pending[upload] = query.get("name") or json.loads(body)["name"]
            host = self.headers["Host"]
            place = f"http://{host}/upload/storage/v1/b/{bucket}/o?uploadType=resumable&upload_id={upload}"
            self.send(200, Location=place)
            return
        elif kind == "resumable":
            name, content = self.kept.pending[query["upload_id"]], body
            if not re.fullmatch(r"bytes (\*|0-\d+)/\d+", self.headers.get("Content-Range", "")):
                raise RefusedError(501, "the stand-in takes a resumable upload in one piece")
        else:
            raise RefusedError(400, f"an upload is not of the type {kind!r}")
        self._json(_resource(bucket, name, self.kept.put(bucket, name, content)))

    def _parts(self, body: bytes) -> tuple[str, bytes]:
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        message = BytesParser().parsebytes(head + body)
        parts = [part for part in message.walk() if not part.is_multipart()]
        if len(parts) != 2:
            raise RefusedError(400, "a multipart upload has two parts")
        described = json.loads(str(parts[0].get_payload()))
        content = parts[1].get_payload(decode=True)
        assert isinstance(content, bytes)
        return described["name"], content

    def _json(self, value: object) -> None:
        self.send(200, json.dumps(value).encode(), Content_Type="application/json; charset=UTF-8")


def _resource(bucket: str, name: str, blob: Blob) -> dict[str, Any]:
    return {
        "kind": "storage#object",
        "id": f"{bucket}/{name}/{blob.generation}",
        "name": name,
        "bucket": bucket,
        "generation": str(blob.generation),
        "metageneration": "1",
        "contentType": "application/octet-stream",
        "size": str(len(blob.content)),
        "md5Hash": blob.md5,
        "etag": f"e{blob.generation}",
        "timeCreated": "2026-01-01T00:00:00.000Z",
        "updated": "2026-01-01T00:00:00.000Z",
    }
