"""What the REST reference asks for and a client's ordinary day does not show: pending copies, the archive,
directory SAS, conditional answers, odd requests. With the Python SDK where it can ask, by hand elsewhere."""

import base64
import datetime
import hashlib
import hmac
import http.server
import socket
import threading
import time
import urllib.parse

import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceExistsError
from azure.storage.blob import (
    BlobServiceClient,
    ContainerClient,
    ContainerSasPermissions,
    StandardBlobTier,
    generate_container_sas,
)
from harness import trees
from harness.accounts import DEVELOPMENT
from harness.forebay import Forebay
from harness.raw import RawClient
from harness.waiting import until

pytestmark = pytest.mark.forebay_only
UTC = datetime.timezone.utc


@pytest.fixture
def service(server):
    return BlobServiceClient.from_connection_string(server.connection_string(), retry_total=0)


@pytest.fixture
def container(service, container_name):
    return service.create_container(container_name)


def directory_sas(container, directory, permissions):
    """The SDK for Blobs does not make these: the service SAS of 2020-12-06, with sr=d and sdd."""
    expiry = (datetime.datetime.now(UTC) + datetime.timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    version = "2020-12-06"
    text = "\n".join(
        [permissions, "", expiry, f"/blob/{DEVELOPMENT.name}/{container}/{directory}", "", "", "", version,
         "d", "", "", "", "", "", "", ""]
    )  # fmt: skip
    digest = hmac.new(base64.b64decode(DEVELOPMENT.key), text.encode(), hashlib.sha256).digest()
    return urllib.parse.urlencode({
        "sv": version, "se": expiry, "sr": "d", "sdd": str(directory.count("/") + 1), "sp": permissions,
        "sig": base64.b64encode(digest).decode(),
    })  # fmt: skip


# --- directory SAS -----------------------------------------------------------------------------------
def test_a_directory_sas_lists_and_reads_its_directory(server, container, azcopy, tmp_path):
    names = ["dir/sub/one", "dir/sub/deep/two", "dir/subway", "dir/three", "four"]
    for name in names:
        container.upload_blob(name, name.encode())
    sas = directory_sas(container.container_name, "dir/sub", "rl")
    restricted = ContainerClient.from_container_url(
        server.url(DEVELOPMENT, container.container_name) + "?" + sas, retry_total=0
    )
    listed = [blob.name for blob in restricted.list_blobs(name_starts_with="dir/sub/")]
    assert listed == ["dir/sub/deep/two", "dir/sub/one"]
    assert restricted.download_blob("dir/sub/one").readall() == b"dir/sub/one"
    for prefix in (None, "dir/", "dir/sub", "dir/subway", "four"):
        with pytest.raises(ClientAuthenticationError):
            list(restricted.list_blobs(name_starts_with=prefix))
    with pytest.raises(ClientAuthenticationError):
        restricted.download_blob("dir/subway")
    azcopy.run(
        "copy", server.url(DEVELOPMENT, container.container_name, "dir", "sub", sas=sas), str(tmp_path / "out"),
        "--recursive", "--from-to=BlobLocal",
    ).check(transferred=2)  # fmt: skip
    assert (tmp_path / "out" / "sub" / "deep" / "two").read_bytes() == b"dir/sub/deep/two"


# --- pending copies ----------------------------------------------------------------------------------
class Source(http.server.ThreadingHTTPServer):
    """A server elsewhere: slow until told, or breaking off once."""

    def __init__(self, data):
        super().__init__(("127.0.0.1", 0), _SourceHandler)
        self.data = data
        self.go_on = threading.Event()
        self.break_after = None
        self.asked = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/data"

    @property
    def etag(self):
        return f'"{hashlib.md5(self.data).hexdigest()}"'


class _SourceHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        source = self.server
        first = 0
        asked = self.headers.get("Range")
        source.asked.append(asked)
        if asked:
            first = int(asked.removeprefix("bytes=").split("-")[0])
        data = source.data[first:]
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("ETag", source.etag)
        if asked:
            self.send_header("Content-Range", f"bytes {first}-{len(source.data) - 1}/{len(source.data)}")
        self.end_headers()
        try:
            if len(source.asked) > 1:  # the first request only looks
                source.go_on.wait(30)
                if source.break_after is not None:
                    self.wfile.write(data[: source.break_after])
                    source.break_after = None
                    self.close_connection = True
                    return
            self.wfile.write(data)
        except OSError:
            self.close_connection = True

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def copying(tmp_path_factory):
    """A server that may fetch from this machine."""
    extra = 'copy.allow_sources = ["127.0.0.1"]'
    instance = Forebay(tmp_path_factory.mktemp("copying"), extra=extra).start()
    yield instance
    assert instance.alive and instance.stop() == 0, instance.log()


def copy_status(blob):
    return blob.get_blob_properties().copy.status


def test_a_pending_copy_keeps_others_out_and_can_be_aborted(copying):
    source = Source(trees.content("pending", (64 << 20) + 5))
    service = BlobServiceClient.from_connection_string(copying.connection_string(), retry_total=0)
    container = service.create_container("pending")
    blob = container.get_blob_client("copy")
    begun = blob.start_copy_from_url(source.url)
    assert begun["copy_status"] == "pending"

    def refused(action):
        with pytest.raises(HttpResponseError) as raised:
            action()
        assert (raised.value.status_code, raised.value.error_code) == (409, "PendingCopyOperation")

    refused(lambda: blob.upload_blob(b"mine", overwrite=True))
    refused(lambda: blob.set_blob_metadata({"a": "b"}))
    refused(lambda: blob.set_blob_tags({"a": "b"}))
    refused(lambda: blob.set_standard_blob_tier(StandardBlobTier.COOL))
    refused(lambda: blob.stage_block("MDAx", b"block"))
    refused(lambda: blob.start_copy_from_url(source.url))
    refused(blob.delete_blob)
    assert blob.get_blob_properties().size == 0
    blob.abort_copy(begun)
    assert copy_status(blob) == "aborted"
    blob.upload_blob(b"mine", overwrite=True)
    source.go_on.set()
    time.sleep(0.5)
    assert blob.download_blob().readall() == b"mine"
    assert blob.get_blob_properties().copy.status is None

    again = container.get_blob_client("again")
    again.start_copy_from_url(source.url)
    until(lambda: copy_status(again) != "pending")
    assert copy_status(again) == "success"
    assert again.download_blob().readall() == source.data
    source.shutdown()


# --- the archive -------------------------------------------------------------------------------------
def test_the_archive(container):
    blob = container.upload_blob("old", b"content")
    blob.set_standard_blob_tier(StandardBlobTier.ARCHIVE)
    properties = blob.get_blob_properties()
    assert properties.blob_tier == "Archive" and properties.archive_status is None

    def archived(action):
        with pytest.raises((HttpResponseError, ResourceExistsError)) as raised:
            action()
        assert (raised.value.status_code, raised.value.error_code) == (409, "BlobArchived")

    archived(lambda: blob.download_blob().readall())
    archived(lambda: blob.upload_blob(b"new", overwrite=True))
    archived(lambda: blob.set_blob_metadata({"a": "b"}))
    fresh = container.get_blob_client("fresh")
    archived(lambda: fresh.start_copy_from_url(blob.url))
    fresh.start_copy_from_url(blob.url, standard_blob_tier=StandardBlobTier.COOL, rehydrate_priority="High")
    assert fresh.download_blob().readall() == b"content"
    assert fresh.get_blob_properties().blob_tier == "Cool"
    blob.set_standard_blob_tier(StandardBlobTier.HOT, rehydrate_priority="Standard")
    assert blob.download_blob().readall() == b"content"
    # A write that names no tier keeps the one that is there.
    fresh.upload_blob(b"other", overwrite=True)
    assert fresh.get_blob_properties().blob_tier == "Cool"


# --- answers by hand ---------------------------------------------------------------------------------
def test_not_modified_names_the_version(server, container_name):
    client = RawClient(server)
    client.create_container(container_name)
    put = client.put_blob(container_name, "blob", b"content")
    for method in ("GET", "HEAD"):
        answer = client.request(
            method, f"/{container_name}/blob", headers={"If-None-Match": put.headers["ETag"]}
        )
        assert (answer.status, answer.body, answer.code) == (304, b"", "ConditionNotMet")
        assert answer.headers["ETag"] == put.headers["ETag"]
        assert answer.headers["Last-Modified"] == put.headers["Last-Modified"]
    # The connection is in order after a bodiless answer.
    assert client.get_blob(container_name, "blob").body == b"content"


def test_errors_on_head_have_a_code_and_no_body(server, container_name):
    client = RawClient(server)
    client.create_container(container_name)
    for target, code in (
        (f"/{container_name}/none", "BlobNotFound"), (f"/{container_name}-none/x", "ContainerNotFound"),
        (f"/{container_name}?restype=container&comp=nonsense", "InvalidQueryParameterValue"),
    ):  # fmt: skip
        answer = client.request("HEAD", target)
        assert answer.status >= 400 and answer.code == code and answer.body == b""


def test_nothing_is_ever_compressed(server, container_name):
    client = RawClient(server)
    client.create_container(container_name)
    text = b"compressible " * 10_000
    client.put_blob(container_name, "text", text, {"Content-Type": "text/plain"})
    for target in (f"/{container_name}/text", f"/{container_name}?restype=container&comp=list"):
        answer = client.request("GET", target, headers={"Accept-Encoding": "gzip, deflate, br"})
        assert answer.status == 200 and answer.headers["Content-Encoding"] is None
    assert client.get_blob(container_name, "text", {"Accept-Encoding": "gzip"}).body == text


# --- hostile requests --------------------------------------------------------------------------------
def exchange(server, request):
    """What comes back for these bytes, up to the end of the connection or two seconds of silence."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=2) as connection:
        connection.sendall(request)
        answer = b""
        try:
            while data := connection.recv(65536):
                answer += data
        except TimeoutError:
            pass
        return answer


def test_a_body_is_framed_in_one_way_only(server, container_name):
    client = RawClient(server)
    client.create_container(container_name)
    target = f"/{DEVELOPMENT.name}/{container_name}/smuggled?{DEVELOPMENT.account_sas()}"
    hidden = b"GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n"
    for framing in (
        "Content-Length: 5\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Content-Length: 5\r\nContent-Length: 6", "Content-Length: 5, 5", "Content-Length: -5",
        "Content-Length: +5", "Content-Length: 5 5", "Content-Length: 0x5", "Transfer-Encoding: identity, chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "Transfer-Encoding : chunked",
        "Content-Length: 99999999999999999999", "Transfer-Encoding: xchunked",
    ):  # fmt: skip
        answer = exchange(
            server,
            f"PUT {target} HTTP/1.1\r\nHost: x\r\nx-ms-version: 2025-07-05\r\nx-ms-blob-type: BlockBlob\r\n"
            f"{framing}\r\n\r\n".encode() + b"0\r\n\r\n" + hidden,
        )  # fmt: skip
        assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 501")), (framing, answer[:200])
        assert answer.count(b"HTTP/1.1 ") == 1, (framing, answer)
    for chunks in (
        b"-1\r\n\r\n", b"fffffffffffffffff\r\n", b"5\nhello\n0\n\n", b"5\r\nhello!\r\n0\r\n\r\n", b"0x5\r\nhello\r\n",
    ):  # fmt: skip
        answer = exchange(
            server,
            f"PUT {target} HTTP/1.1\r\nHost: x\r\nx-ms-version: 2025-07-05\r\nx-ms-blob-type: BlockBlob\r\n"
            "Transfer-Encoding: chunked\r\n\r\n".encode() + chunks + hidden,
        )  # fmt: skip
        assert answer.startswith(b"HTTP/1.1 400") and answer.count(b"HTTP/1.1 ") == 1, (chunks, answer[:200])
    assert client.get_blob(container_name, "smuggled").status == 404
    huge = exchange(
        server,
        f"PUT {target} HTTP/1.1\r\nHost: x\r\nx-ms-version: 2025-07-05\r\nx-ms-blob-type: BlockBlob\r\n"
        "Content-Length: 18446744073709551615\r\nExpect: 100-continue\r\n\r\n".encode(),
    )  # fmt: skip
    assert huge.startswith(b"HTTP/1.1 413"), huge[:200]


def test_no_path_leads_out_of_its_container(server, service, container):
    """A container's SAS opens that container, whatever the path looks like."""
    other = service.create_container(container.container_name + "-secret")
    other.upload_blob("blob", b"secret")
    name = container.container_name
    container.upload_blob("here", b"here")
    sas = generate_container_sas(
        DEVELOPMENT.name, name, account_key=DEVELOPMENT.key,
        permission=ContainerSasPermissions(read=True, list=True, write=True),
        expiry=datetime.datetime.now(UTC) + datetime.timedelta(hours=1),
    )  # fmt: skip
    client = RawClient(server, sign=False)
    assert client.request("GET", f"/{name}/here?{sas}").body == b"here"
    for path in (
        f"/{name}/../{name}-secret/blob", f"/{name}/..%2F{name}-secret/blob", f"/{name}%2F..%2F{name}-secret/blob",
        f"/{name}/%2e%2e/{name}-secret/blob", f"/{name}//../../{name}-secret/blob", f"/{name}-secret/blob",
        f"//{name}-secret/blob", f"/./{name}-secret/blob", f"/{name}/..\\{name}-secret\\blob",
        f"/{name}/%252e%252e/{name}-secret/blob", f"/{name}%00/../{name}-secret/blob",
    ):  # fmt: skip
        answer = client.request("GET", f"{path}?{sas}")
        assert answer.status in (400, 403, 404) and b"secret</" not in answer.body, (path, answer.status)
        assert answer.body != b"secret", path
    # Put there, such a name is a name like any other.
    put = client.request(
        "PUT", f"/{name}/../{name}-secret/blob?{sas}", b"mine", {"x-ms-blob-type": "BlockBlob"}
    )
    assert put.status == 201
    assert other.download_blob("blob").readall() == b"secret"
    # The SDK folds dots in a URL, so the blob is asked for by hand.
    assert RawClient(server).get_blob(name, f"../{name}-secret/blob").body == b"mine"
