"""Azure Blob Storage's REST API, as its reference has it: the part that keeps and gives blobs.

Every request has to be signed with the account's key, as the service wants it.
"""

import base64
import hashlib
import hmac
from html import escape
from urllib.parse import parse_qsl, urlsplit
from xml.etree import ElementTree as Xml

from tests.stand_ins.object_storage.serving import Blob, Exchange, RefusedError, browse

ACCOUNT = "devstoreaccount1"
KEY = base64.b64encode(b"a key of the stand-in's own").decode()
_DATE = "Thu, 01 Jan 2026 00:00:00 GMT"
_SIGNED = (
    "Content-Encoding", "Content-Language", "Content-Length", "Content-MD5", "Content-Type", "Date",
    "If-Modified-Since", "If-Match", "If-None-Match", "If-Unmodified-Since", "Range",
)  # fmt: skip


def connection_string(url: str) -> str:
    """What leads a client to a stand-in at this address."""
    return (
        f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};"
        f"BlobEndpoint={url}/{ACCOUNT};"
    )


class AzureExchange(Exchange):
    """One connection to the stand-in."""

    def answer(self, method: str, path: str, query: dict[str, str], body: bytes) -> None:
        self._check_signature()
        account, _, rest = path.strip("/").partition("/")
        if account != ACCOUNT:
            raise RefusedError(403, f"the key is not of the account {account!r}")
        container, _, name = rest.partition("/")
        if not container and query.get("comp") == "list":
            names = "".join(
                f"<Container><Name>{escape(one)}</Name><Properties><Last-Modified>{_DATE}"
                "</Last-Modified><Etag>e</Etag></Properties></Container>"
                for one in self.kept.buckets
                if one.startswith(query.get("prefix", ""))
            )
            self._xml(f"<EnumerationResults><Containers>{names}</Containers><NextMarker/>")
        elif query.get("restype") == "container":
            self._container(method, container, query)
        elif name:
            self._blob(method, container, name, query, body)
        else:
            raise RefusedError(501, "the stand-in does not know this")

    def _container(self, method: str, name: str, query: dict[str, str]) -> None:
        if method == "PUT":
            if name in self.kept.buckets:
                self._fault(409, "ContainerAlreadyExists")
                return
            self.kept.buckets[name] = {}
            self.send(201, ETag='"e"', Last_Modified=_DATE)
        elif name not in self.kept.buckets:
            self._fault(404, "ContainerNotFound")
        elif query.get("comp") == "list":
            self._list(name, query)
        elif method in {"GET", "HEAD"}:
            self.send(200, ETag='"e"', Last_Modified=_DATE)
        else:
            raise RefusedError(501, "the stand-in does not know this")

    def _list(self, container: str, query: dict[str, str]) -> None:
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter")
        blobs, prefixes = browse(self.kept.buckets[container], prefix, delimiter)
        found = [_described(name, blob) for name, blob in blobs]
        found += [f"<BlobPrefix><Name>{escape(one)}</Name></BlobPrefix>" for one in prefixes]
        head = f'<EnumerationResults ContainerName="{container}"><Prefix>{escape(prefix)}</Prefix>'
        self._xml(f"{head}<Blobs>{''.join(found)}</Blobs><NextMarker/>")

    def _blob(
        self, method: str, container: str, name: str, query: dict[str, str], body: bytes
    ) -> None:
        blobs = self.kept.buckets.get(container)
        if blobs is None:
            self._fault(404, "ContainerNotFound")
        elif method == "PUT":
            self._put(container, name, query, body)
        elif name not in blobs:
            self._fault(404, "BlobNotFound")
        elif method in {"GET", "HEAD"}:
            self._get(blobs[name])
        else:
            raise RefusedError(501, "the stand-in does not know this")

    def _put(self, container: str, name: str, query: dict[str, str], body: bytes) -> None:
        blocks = self.kept.pending.setdefault(f"{container}/{name}", {})
        match query.get("comp"):
            case "block":
                blocks[query["blockid"]] = body
                self.send(201)
                return
            case "blocklist":
                body = b"".join(blocks[one.text or ""] for one in Xml.fromstring(body))
            case None if self.headers.get("x-ms-blob-type") == "BlockBlob":
                pass
            case _:
                raise RefusedError(501, "the stand-in keeps block blobs")
        blob = self.kept.put(container, name, body)
        self.send(201, ETag=f'"e{blob.generation}"', Last_Modified=_DATE)

    def _get(self, blob: Blob) -> None:
        header = "x-ms-range" if self.headers.get("x-ms-range") else "Range"
        status, content, shown = self.ranged(blob.content, header)
        self.send(
            status,
            content,
            Content_Type="application/octet-stream",
            ETag=f'"e{blob.generation}"',
            Last_Modified=_DATE,
            x_ms_blob_type="BlockBlob",
            Content_MD5=blob.md5,
            Content_Length=str(len(content)),
            **shown,
        )

    def _check_signature(self) -> None:
        if not self.headers.get("x-ms-version") or not self.headers.get("x-ms-date"):
            raise RefusedError(400, "a request names its version and its date")
        scheme, _, given = (self.headers.get("Authorization") or "").partition(" ")
        name, _, signature = given.partition(":")
        if (scheme, name) != ("SharedKey", ACCOUNT):
            raise RefusedError(403, "a request is signed by the account")
        made = hmac.new(base64.b64decode(KEY), self._to_sign().encode(), hashlib.sha256).digest()
        if not hmac.compare_digest(signature, base64.b64encode(made).decode()):
            raise RefusedError(403, "the signature is not that of the account's key")

    def _to_sign(self) -> str:
        """The request as the service's reference has it signed."""
        values = [self.headers.get(name) or "" for name in _SIGNED]
        values[2] = "" if values[2] == "0" else values[2]
        ours = sorted(
            (k.lower(), v.strip()) for k, v in self.headers.items() if k.lower()[:5] == "x-ms-"
        )
        parts = urlsplit(self.path)
        resource = [f"/{ACCOUNT}{parts.path}"]
        for name, value in sorted(parse_qsl(parts.query, keep_blank_values=True)):
            resource.append(f"{name.lower()}:{value}")
        lines = [self.command, *values, *(f"{k}:{v}" for k, v in ours), *resource]
        return "\n".join(lines)

    def _xml(self, text: str) -> None:
        whole = f'<?xml version="1.0" encoding="utf-8"?>{text}</EnumerationResults>'
        self.send(200, whole.encode(), Content_Type="application/xml")

    def _fault(self, status: int, code: str) -> None:
        text = f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>{code}</Message></Error>'
        self.send(status, text.encode(), Content_Type="application/xml", x_ms_error_code=code)


def _described(name: str, blob: Blob) -> str:
    return (
        f"<Blob><Name>{escape(name)}</Name><Properties><Etag>e{blob.generation}</Etag>"
        f"<Last-Modified>{_DATE}</Last-Modified><Content-Length>{len(blob.content)}</Content-Length>"
        f"<Content-MD5>{blob.md5}</Content-MD5><BlobType>BlockBlob</BlobType></Properties></Blob>"
    )
