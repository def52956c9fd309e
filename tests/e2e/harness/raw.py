"""The Blob REST API by hand: one request, signed with SharedKey, no retry and no opinion.

For what an SDK hides: exact headers, odd targets, and load whose every answer is counted.
One `RawClient` is one connection and belongs to one thread.
"""

import base64
import email.utils
import hashlib
import hmac
import http.client
import urllib.parse

from . import waiting
from .accounts import DEVELOPMENT

VERSION = "2025-07-05"
_SIGNED_HEADERS = (
    "content-encoding", "content-language", "content-length", "content-md5", "content-type", "date",
    "if-modified-since", "if-match", "if-none-match", "if-unmodified-since", "range",
)  # fmt: skip


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def code(self):
        return self.headers.get("x-ms-error-code")


def string_to_sign(method, target, headers, account):
    """The SharedKey string-to-sign of version 2015-02-21 and later."""
    lower = {name.lower(): value for name, value in headers.items()}
    if lower.get("content-length") == "0":
        lower["content-length"] = ""
    split = urllib.parse.urlsplit(target)
    lines = [method, *(lower.get(name, "") for name in _SIGNED_HEADERS)]
    lines += [f"{name}:{lower[name].strip()}" for name in sorted(lower) if name.startswith("x-ms-")]
    resource = f"/{account.name}{split.path}"
    parameters = {}
    for name, value in urllib.parse.parse_qsl(split.query, keep_blank_values=True):
        parameters.setdefault(name.lower(), []).append(value)
    for name in sorted(parameters):
        resource += f"\n{name}:{','.join(sorted(parameters[name]))}"
    return "\n".join([*lines, resource])


def authorization(method, target, headers, account):
    text = string_to_sign(method, target, headers, account)
    digest = hmac.new(base64.b64decode(account.key), text.encode(), hashlib.sha256).digest()
    return f"SharedKey {account.name}:{base64.b64encode(digest).decode()}"


class RawClient:
    def __init__(self, server, account=DEVELOPMENT, timeout=60, sign=True):
        self.server = server
        self.account = account
        self.timeout = timeout
        self.sign = sign
        self.connection = None

    def request(self, method, target, body=b"", headers=None, version=VERSION):
        """`target` starts after the account: "/container/blob?comp=…", already percent-encoded."""
        target = f"/{self.account.name}{target}"
        sent = {
            "x-ms-date": email.utils.formatdate(usegmt=True),
            "Content-Length": str(len(body)),
            **({"x-ms-version": version} if version else {}),
            **(headers or {}),
        }
        if self.sign:
            sent["Authorization"] = authorization(method, target, sent, self.account)
        if self.connection is None:
            self.connection = self.server.connect(self.timeout)
        try:
            self.connection.putrequest(method, target, skip_accept_encoding=True)
            for name, value in sent.items():
                self.connection.putheader(name, value)
            self.connection.endheaders(body)
            return Answer(self.connection.getresponse())
        except (OSError, http.client.HTTPException):
            self.close()
            raise

    def put_blob(self, container, blob, data, headers=None):
        return self.request(
            "PUT", f"/{container}/{urllib.parse.quote(blob, safe='')}", data,
            {"x-ms-blob-type": "BlockBlob", **(headers or {})},
        )  # fmt: skip

    def put_blob_when_taken(self, container, blob, data, seconds=120):
        """As often as it is refused for the moment."""

        def taken():
            answer = self.put_blob(container, blob, data)
            if answer.status == 201:
                return True
            assert (answer.status, answer.code) == (503, "ServerBusy"), (answer.status, answer.body)
            assert int(answer.headers["Retry-After"]) >= 1
            return False

        waiting.until(taken, seconds)

    def get_blob(self, container, blob, headers=None):
        return self.request("GET", f"/{container}/{urllib.parse.quote(blob, safe='')}", headers=headers)

    def create_container(self, container):
        return self.request("PUT", f"/{container}?restype=container")

    def close(self):
        if self.connection is not None:
            self.connection.close()
        self.connection = None
