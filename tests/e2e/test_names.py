"""Names that hurt: each is written, read, listed, copied and deleted, and none is taken for another."""

import urllib.parse
import xml.etree.ElementTree as ElementTree

import pytest
from azure.storage.blob import BlobServiceClient
from harness.accounts import DEVELOPMENT
from harness.raw import RawClient

NAMES = (
    "a", "A", "a/", "a//b", "a/b", "a/b/", "/leading", "//double-leading", "trailing.", "trailing...",
    "trailing/", "dot/./inside", "dots/../inside", "...", "a/...", "space name", " leading space",
    "trailing space ", "plus+plus", "percent%", "percent%2Fslash", "percent%252F", "percent%zz",
    "question?mark", "hash#tag", "amp&ersand", "less<greater>", "quote'\"", "semi;colon", "comma,name",
    "colon:name", "at@name", "equals=name", "dollar$", "tilde~", "caret^", "pipe|", "back\\slash",
    "brackets[0]", "braces{0}", "grave`", "ünïcödé", "e\u0301", "\u00e9", "日本語", "emoji🌊", "עברית",
    "zero\u200dwidth", "control\u0085next", "\ufb01ligature", "restype=container", "comp=list", "$root",
)  # fmt: skip
# 1,024 UTF-16 code units in one segment, in the most segments there may be (254), and in Unicode.
LONGEST = ("n" * 1024, "dd/" * 253 + "n" * 265, "日" * 1024)


@pytest.fixture(scope="module")
def client(server):
    return RawClient(server)


@pytest.fixture
def container(client, container_name):
    assert client.create_container(container_name).status == 201
    return container_name


def listing(client, container, query=""):
    """(names, prefixes, next marker) as the XML has them."""
    answer = client.request("GET", f"/{container}?restype=container&comp=list{query}")
    assert answer.status == 200, answer.body
    root = ElementTree.fromstring(answer.body)
    names = [decoded(element) for element in root.findall("./Blobs/Blob/Name")]
    prefixes = [decoded(element) for element in root.findall("./Blobs/BlobPrefix/Name")]
    return names, prefixes, root.findtext("NextMarker") or ""


def decoded(element):
    """Names that XML cannot carry come percent-encoded and say so."""
    text = element.text or ""
    return urllib.parse.unquote(text) if element.get("Encoded") == "true" else text


def test_all_of_them_are_different_blobs(client, container):
    """A flat account's names are bytes: nothing is normalised, folded or trimmed."""
    for name in NAMES:
        answer = client.put_blob(container, name, name.encode())
        assert answer.status == 201, (name, answer.status, answer.body)
    for name in NAMES:
        answer = client.get_blob(container, name)
        assert (answer.status, answer.body) == (200, name.encode()), name
    names, _, marker = listing(client, container)
    assert marker == ""
    assert names == sorted(NAMES, key=lambda name: name.encode())
    for index, name in enumerate(NAMES):
        target = f"/{container}/{urllib.parse.quote(name, safe='')}"
        assert client.request("DELETE", target).status == 202, name
        assert client.get_blob(container, name).status == 404, name
        assert len(listing(client, container)[0]) == len(NAMES) - index - 1, name


@pytest.mark.parametrize("name", LONGEST, ids=["flat", "deep", "unicode"])
def test_the_longest_name(client, container, name):
    assert client.put_blob(container, name, b"long").status == 201
    assert client.get_blob(container, name).body == b"long"
    assert listing(client, container)[0] == [name]
    assert client.put_blob(container, name + "n", b"").status == 400


def test_one_page_at_a_time_sees_each_once(client, container):
    for name in NAMES:
        assert client.put_blob(container, name, b"").status == 201, name
    seen, marker = [], None
    while marker != "":
        query = f"&maxresults=7&marker={urllib.parse.quote(marker, safe='')}" if marker else "&maxresults=7"
        names, _, marker = listing(client, container, query)
        assert 0 < len(names) <= 7
        seen += names
    assert seen == sorted(NAMES, key=lambda name: name.encode())


def test_hierarchy_keeps_empty_components(client, container):
    for name in ("a//b", "a/b", "/leading", "//double", "a", "a/"):
        assert client.put_blob(container, name, b"").status == 201, name
    names, prefixes, _ = listing(client, container, "&delimiter=%2F")
    assert (names, prefixes) == (["a"], ["/", "a/"])
    names, prefixes, _ = listing(client, container, "&delimiter=%2F&prefix=a%2F")
    assert (names, prefixes) == (["a/", "a/b"], ["a//"])
    names, prefixes, _ = listing(client, container, "&delimiter=%2F&prefix=%2F")
    assert (names, prefixes) == (["/leading"], ["//"])


def test_a_literal_slash_and_an_escaped_one_are_the_same(client, container):
    assert client.put_blob(container, "x/y z+ü", b"same").status == 201  # Everything escaped.
    for target in ("x/y%20z+%C3%BC", "x%2fy%20z%2B%c3%bc"):
        answer = client.request("GET", f"/{container}/{target}")
        assert (answer.status, answer.body) == (200, b"same"), target


@pytest.mark.parametrize("target", ["%zz", "%", "%ff%fe", "%00"])
def test_what_is_no_name_is_refused(client, container, target):
    answer = client.request(
        "PUT", f"/{container}/{target}", b"", {"x-ms-blob-type": "BlockBlob"}
    )
    assert answer.status == 400, answer.body


def test_the_python_sdk_agrees(server, client, container):
    service = BlobServiceClient.from_connection_string(server.connection_string(DEVELOPMENT))
    sdk = service.get_container_client(container)
    # What the SDK itself changes before it sends is left out: it strips or resolves these.
    names = [name for name in NAMES if "./" not in name and "/." not in name and name[0] != "/"]
    for name in names:
        sdk.upload_blob(name, name.encode())
    for name in names:
        assert client.get_blob(container, name).body == name.encode(), name
    assert list(sdk.list_blob_names()) == sorted(names, key=lambda name: name.encode())
