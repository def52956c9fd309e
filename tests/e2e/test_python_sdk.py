"""The Python Blob SDK: what its users do, and the errors they count on."""

import base64
import datetime
import hashlib
import io
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from azure.core import MatchConditions
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.storage.blob import (
    AccessPolicy,
    BlobClient,
    BlobSasPermissions,
    BlobServiceClient,
    ContainerClient,
    ContainerSasPermissions,
    ContentSettings,
    CorsRule,
    Metrics,
    RetentionPolicy,
    generate_blob_sas,
)
from harness import trees
from harness.accounts import DEVELOPMENT

UTC = datetime.timezone.utc


@pytest.fixture
def service(server):
    return BlobServiceClient.from_connection_string(
        server.connection_string(), max_single_put_size=1 << 20, max_block_size=1 << 20,
        max_single_get_size=1 << 20, max_chunk_get_size=1 << 20, retry_total=0,
    )  # fmt: skip


@pytest.fixture
def container(service, container_name):
    return service.create_container(container_name)


def error_code(raises):
    return raises.value.error_code


# --- bytes up and down -------------------------------------------------------------------------------
@pytest.mark.parametrize("size", [0, 1, 1 << 20, (1 << 20) + 1, (5 << 20) + 17])
def test_round_trip(container, size):
    data = trees.content(size, size)
    container.upload_blob("blob", data, overwrite=True)
    assert container.download_blob("blob").readall() == data
    assert container.get_blob_client("blob").get_blob_properties().size == size


def test_a_small_upload_stores_its_md5(container):
    blob = container.upload_blob("blob", b"hello")
    stored = blob.get_blob_properties().content_settings.content_md5
    assert bytes(stored) == hashlib.md5(b"hello").digest()


@pytest.mark.parametrize("how", [True, "md5"])
@pytest.mark.parametrize("size", [1000, 3_500_000])
def test_md5_validation_both_ways(container, how, size):
    data = trees.content("validated", size)
    container.upload_blob("blob", data, validate_content=how)
    assert container.download_blob("blob", validate_content=how).readall() == data


@pytest.mark.forebay_only
@pytest.mark.parametrize("size", [0, 1000, 3_500_000, 9 << 20])
def test_crc64_validation_sends_structured_messages(container, size):
    data = trees.content("structured", size)
    container.upload_blob("blob", io.BytesIO(data), validate_content="crc64")
    assert container.download_blob("blob").readall() == data
    assert container.download_blob("blob", validate_content="crc64").readall() == data


def test_a_generator_and_a_stream_of_unknown_length(container):
    pieces = [trees.content(index, 300_000) for index in range(8)]
    container.upload_blob("generated", (piece for piece in pieces))
    assert container.download_blob("generated").readall() == b"".join(pieces)
    collected = io.BytesIO()
    container.download_blob("generated", max_concurrency=4).readinto(collected)
    assert collected.getvalue() == b"".join(pieces)
    assert b"".join(container.download_blob("generated").chunks()) == b"".join(pieces)


def test_ranges(container):
    data = trees.content("ranges", 3_000_000)
    blob = container.upload_blob("blob", data)
    for offset, length in ((0, 1), (65_535, 2), (1_000_000, 1_500_000), (2_999_999, 10)):
        got = blob.download_blob(offset=offset, length=length).readall()
        assert got == data[offset : offset + length]
    assert blob.download_blob(offset=2_999_000).readall() == data[2_999_000:]
    with pytest.raises(HttpResponseError) as raised:
        blob.download_blob(offset=3_000_000, length=1).readall()
    assert raised.value.status_code == 416
    assert error_code(raised) == "InvalidRange"


def test_many_uploads_at_once(container):
    def put(index):
        container.upload_blob(f"parallel/{index:03d}", trees.content(index, 50_000 + index))
        return index

    with ThreadPoolExecutor(16) as pool:
        assert len(list(pool.map(put, range(200)))) == 200
    for index in (0, 99, 199):
        got = container.download_blob(f"parallel/{index:03d}").readall()
        assert got == trees.content(index, 50_000 + index)
    assert len(list(container.list_blob_names(name_starts_with="parallel/"))) == 200


def test_overlapping_overwrites_leave_one_of_them_whole(container):
    """Readers see one version or the other, never a mixture, while writers replace the blob."""
    versions = [bytes([index]) * 700_000 for index in range(4)]
    blob = container.upload_blob("hot", versions[0])
    stop = threading.Event()
    mixtures = []

    def read():
        while not stop.is_set():
            data = blob.download_blob().readall()
            if data not in versions:
                mixtures.append(set(data))

    with ThreadPoolExecutor(8) as pool:
        readers = [pool.submit(read) for _ in range(3)]
        writers = [
            pool.submit(blob.upload_blob, versions[index % 4], overwrite=True) for index in range(60)
        ]
        for writer in writers:
            writer.result()
        stop.set()
        for reader in readers:
            reader.result()
    assert mixtures == []


# --- block lists -------------------------------------------------------------------------------------
def test_block_lists(container):
    blob = container.get_blob_client("blocks")
    ids = [base64.b64encode(b"%04d" % index).decode() for index in range(4)]
    for index, block in enumerate(ids):
        blob.stage_block(block, bytes([65 + index]) * 10)
    assert "blocks" not in list(container.list_blob_names())
    assert [b.name for b in container.list_blobs(include=["uncommittedblobs"])] == ["blocks"]
    committed, uncommitted = blob.get_block_list("all")
    assert committed == []
    assert sorted((b.id, b.size) for b in uncommitted) == sorted(
        (base64.b64decode(i).decode() if i not in [b.id for b in uncommitted] else i, 10) for i in ids
    )
    blob.commit_block_list([ids[2], ids[0], ids[2]], content_settings=ContentSettings("text/plain"))
    assert blob.download_blob().readall() == b"C" * 10 + b"A" * 10 + b"C" * 10
    committed, uncommitted = blob.get_block_list("all")
    assert (len(committed), uncommitted) == (3, [])
    with pytest.raises(HttpResponseError) as raised:
        blob.commit_block_list([ids[1]])  # It was staged, and forgotten by the commit.
    assert error_code(raised) == "InvalidBlockList"
    assert blob.download_blob().readall() == b"C" * 10 + b"A" * 10 + b"C" * 10


def test_block_ids_of_different_length_are_refused(container):
    blob = container.get_blob_client("blocks")
    blob.stage_block("AAAA", b"one")
    with pytest.raises(HttpResponseError) as raised:
        blob.stage_block("AAAAAAAA", b"two")
    assert error_code(raised) in ("InvalidBlobOrBlock", "InvalidBlockId")


# --- conditions and errors ---------------------------------------------------------------------------
def test_conditional_headers(container):
    blob = container.upload_blob("blob", b"one")
    first = blob.get_blob_properties()
    with pytest.raises(ResourceExistsError) as raised:
        container.upload_blob("blob", b"two")  # If-None-Match: *
    assert error_code(raised) == "BlobAlreadyExists"
    blob.upload_blob(
        b"two", overwrite=True, etag=first.etag, match_condition=MatchConditions.IfNotModified
    )
    with pytest.raises(ResourceModifiedError) as raised:
        blob.upload_blob(
            b"three", overwrite=True, etag=first.etag, match_condition=MatchConditions.IfNotModified
        )
    assert error_code(raised) == "ConditionNotMet"
    assert blob.download_blob().readall() == b"two"
    current = blob.get_blob_properties().etag
    with pytest.raises(HttpResponseError) as raised:
        blob.download_blob(etag=current, match_condition=MatchConditions.IfModified).readall()
    assert raised.value.status_code == 304
    with pytest.raises(HttpResponseError) as raised:
        blob.get_blob_properties(
            if_unmodified_since=datetime.datetime(2001, 1, 1, tzinfo=UTC)
        )
    assert raised.value.status_code == 412
    with pytest.raises(HttpResponseError) as raised:
        blob.get_blob_properties(
            if_modified_since=datetime.datetime.now(UTC) + datetime.timedelta(hours=-0)
        )
    assert raised.value.status_code == 304


def test_errors_have_azures_codes(service, container, container_name):
    with pytest.raises(ResourceNotFoundError) as raised:
        container.get_blob_client("missing").download_blob()
    assert error_code(raised) == "BlobNotFound"
    with pytest.raises(ResourceNotFoundError) as raised:
        container.get_blob_client("missing").get_blob_properties()
    assert error_code(raised) == "BlobNotFound"
    with pytest.raises(ResourceNotFoundError) as raised:
        service.get_container_client("never-made").upload_blob("blob", b"")
    assert error_code(raised) == "ContainerNotFound"
    with pytest.raises(ResourceExistsError) as raised:
        service.create_container(container_name)
    assert error_code(raised) == "ContainerAlreadyExists"
    with pytest.raises(HttpResponseError) as raised:
        service.create_container("Bad_Name")
    assert error_code(raised) in ("InvalidResourceName", "InvalidContainerName")


def test_a_wrong_key_is_refused(server):
    wrong = server.connection_string().replace(DEVELOPMENT.key, base64.b64encode(b"x" * 64).decode())
    with pytest.raises(ClientAuthenticationError) as raised:
        list(BlobServiceClient.from_connection_string(wrong, retry_total=0).list_containers())
    assert error_code(raised) == "AuthenticationFailed"


# --- properties, metadata, tags ----------------------------------------------------------------------
def test_headers_metadata_tags_and_tier(container):
    blob = container.upload_blob("blob", b"bytes", metadata={"a": "1"}, tags={"t": "x"})
    before = blob.get_blob_properties()
    blob.set_http_headers(ContentSettings("text/css", "gzip", "en", "inline", "max-age=1"))
    blob.set_blob_metadata({"b": "2", "Mixed": "Case"})
    blob.set_standard_blob_tier("Cool")
    blob.set_blob_tags({"t": "y", "u": "z"})
    after = blob.get_blob_properties()
    settings = after.content_settings
    assert (settings.content_type, settings.content_encoding) == ("text/css", "gzip")
    assert (settings.content_language, settings.content_disposition) == ("en", "inline")
    assert settings.cache_control == "max-age=1"
    assert {k.lower(): v for k, v in after.metadata.items()} == {"b": "2", "mixed": "Case"}
    assert after.blob_tier == "Cool" and after.tag_count == 2
    assert after.etag != before.etag
    assert blob.get_blob_tags() == {"t": "y", "u": "z"}
    listed = next(iter(container.list_blobs(include=["metadata", "tags"])))
    assert listed.tags == {"t": "y", "u": "z"} and listed.blob_tier == "Cool"


@pytest.mark.forebay_only
def test_tags_under_conditions(container):
    """The SDK sends them as x-ms-blob-if-match and so on."""
    blob = container.upload_blob("blob", b"one", tags={"t": "kept"})
    old = blob.get_blob_properties().etag
    new = blob.upload_blob(b"two", overwrite=True, tags={"t": "kept"})["etag"]
    unmodified = MatchConditions.IfNotModified
    with pytest.raises(ResourceModifiedError) as raised:
        blob.set_blob_tags({"t": "lost"}, etag=old, match_condition=unmodified)
    assert error_code(raised) == "ConditionNotMet"
    assert blob.get_blob_tags(etag=new, match_condition=unmodified) == {"t": "kept"}
    blob.set_blob_tags({"t": "set"}, etag=new, match_condition=unmodified)
    assert blob.get_blob_tags() == {"t": "set"}
    assert blob.download_blob().properties.blob_tier == "Hot"


@pytest.mark.forebay_only
def test_find_blobs_by_tags(service, container):
    for index in range(5):
        container.upload_blob(f"b{index}", b"", tags={"stage": "raw" if index % 2 else "done"})
    query = f"@container='{container.container_name}' AND \"stage\"='raw'"
    assert sorted(b.name for b in service.find_blobs_by_tags(query)) == ["b1", "b3"]
    assert sorted(b.name for b in container.find_blobs_by_tags("stage = 'done'")) == ["b0", "b2", "b4"]
    with pytest.raises(HttpResponseError) as raised:
        container.upload_blob("b1", b"", overwrite=True, if_tags_match_condition="stage='done'")
    assert error_code(raised) == "ConditionNotMet"


# --- listing -----------------------------------------------------------------------------------------
def test_pages_and_hierarchy(container):
    names = [f"{d}/{i:02d}" for d in ("a", "b") for i in range(12)] + ["top"]
    for name in names:
        container.upload_blob(name, b"1")
    pages = [
        [blob.name for blob in page] for page in container.list_blobs(results_per_page=10).by_page()
    ]
    assert [len(page) for page in pages] == [10, 10, 5]
    assert sum(pages, []) == sorted(names)
    pager = container.list_blobs(results_per_page=10).by_page()
    next(pager)
    resumed = container.list_blobs(results_per_page=50).by_page(pager.continuation_token)
    assert [blob.name for blob in next(resumed)] == sorted(names)[10:]
    walked = [item.name for item in container.walk_blobs(delimiter="/")]
    assert walked == ["a/", "b/", "top"]
    assert [item.name for item in container.walk_blobs("a/", delimiter="/")] == names[:12]


def test_list_containers_with_metadata(service, container_name):
    for index in range(3):
        service.create_container(f"{container_name}-{index}", metadata={"index": str(index)})
    found = list(service.list_containers(container_name + "-", include_metadata=True))
    assert [c.name for c in found] == [f"{container_name}-{index}" for index in range(3)]
    assert [c.metadata["index"] for c in found] == ["0", "1", "2"]
    service.delete_container(f"{container_name}-1")
    assert len(list(service.list_containers(container_name + "-"))) == 2


# --- copies ------------------------------------------------------------------------------------------
def test_copy_blob(container):
    data = trees.content("copied", 2_500_000)
    source = container.upload_blob("from", data, metadata={"kept": "yes"})
    target = container.get_blob_client("to")
    status = target.start_copy_from_url(source.url)
    assert status["copy_status"] == "success"
    assert target.download_blob().readall() == data
    properties = target.get_blob_properties()
    assert properties.metadata == {"kept": "yes"}
    assert properties.copy.status == "success" and properties.copy.source.endswith("/from")
    with pytest.raises(HttpResponseError) as raised:
        target.abort_copy(status["copy_id"])
    assert error_code(raised) == "NoPendingCopyOperation"


@pytest.mark.forebay_only
def test_put_blob_and_block_from_url(container):
    data = trees.content("from url", 2_500_000)
    source = container.upload_blob("from", data)
    sas = DEVELOPMENT.container_sas(container.container_name, "r")
    url = f"{source.url}?{sas}"
    whole = container.get_blob_client("whole")
    whole.upload_blob_from_url(url)
    assert whole.download_blob().readall() == data
    parts = container.get_blob_client("parts")
    parts.stage_block_from_url("MDE=", url, source_offset=1_000_000, source_length=1_000_000)
    parts.stage_block_from_url("MDI=", url, source_offset=0, source_length=10)
    parts.commit_block_list(["MDE=", "MDI="])
    assert parts.download_blob().readall() == data[1_000_000:2_000_000] + data[:10]
    synchronous = container.get_blob_client("sync")
    synchronous.start_copy_from_url(url, requires_sync=True)
    assert synchronous.download_blob().readall() == data


@pytest.mark.forebay_only
@pytest.mark.parametrize(
    "url", ["http://169.254.169.254/metadata", "http://127.0.0.1:1/x", "http://[::1]:1/x"]
)
def test_a_source_on_a_private_address_is_refused(container, url):
    with pytest.raises(HttpResponseError) as raised:
        container.get_blob_client("stolen").upload_blob_from_url(url)
    assert 400 <= raised.value.status_code < 500
    assert list(container.list_blob_names()) == []


# --- access ------------------------------------------------------------------------------------------
def test_a_blob_sas_reads_one_blob_and_overrides_headers(container):
    container.upload_blob("open", b"open")
    container.upload_blob("closed", b"closed")
    sas = generate_blob_sas(
        DEVELOPMENT.name, container.container_name, "open", account_key=DEVELOPMENT.key,
        permission=BlobSasPermissions(read=True), content_type="text/override",
        expiry=datetime.datetime.now(UTC) + datetime.timedelta(hours=1),
    )  # fmt: skip
    url = container.get_blob_client("open").url
    with_sas = BlobClient.from_blob_url(f"{url}?{sas}", retry_total=0)
    download = with_sas.download_blob()
    assert download.readall() == b"open"
    assert download.properties.content_settings.content_type == "text/override"
    other = BlobClient.from_blob_url(f"{url.replace('open', 'closed')}?{sas}", retry_total=0)
    with pytest.raises(ClientAuthenticationError):
        other.download_blob()
    with pytest.raises(HttpResponseError) as raised:
        with_sas.upload_blob(b"write", overwrite=True)
    assert error_code(raised) == "AuthorizationPermissionMismatch"
    with pytest.raises(HttpResponseError) as raised:
        BlobClient.from_blob_url(url, retry_total=0).download_blob()
    assert raised.value.status_code in (401, 403, 404, 409)


def test_an_expired_and_a_tampered_sas(container):
    container.upload_blob("blob", b"bytes")
    url = container.get_blob_client("blob").url
    name = container.container_name
    for sas in (
        DEVELOPMENT.container_sas(name, "r", hours=-1),
        DEVELOPMENT.container_sas(name, "r").replace("sp=r", "sp=rw"),
    ):
        with pytest.raises(ClientAuthenticationError) as raised:
            BlobClient.from_blob_url(f"{url}?{sas}", retry_total=0).download_blob()
        assert error_code(raised) == "AuthenticationFailed"


def test_stored_access_policies(container):
    container.upload_blob("blob", b"bytes")
    policy = AccessPolicy(
        permission=ContainerSasPermissions(read=True, list=True),
        expiry=datetime.datetime.now(UTC) + datetime.timedelta(hours=1),
        start=datetime.datetime.now(UTC) - datetime.timedelta(hours=1),
    )
    container.set_container_access_policy({"readers": policy})
    assert [i.id for i in container.get_container_access_policy()["signed_identifiers"]] == ["readers"]
    sas = DEVELOPMENT.container_sas(
        container.container_name, permissions=None, hours=None, policy_id="readers"
    )
    reader = ContainerClient.from_container_url(f"{container.url}?{sas}", retry_total=0)
    assert reader.download_blob("blob").readall() == b"bytes"
    assert list(reader.list_blob_names()) == ["blob"]
    with pytest.raises(HttpResponseError):
        reader.upload_blob("new", b"")
    container.set_container_access_policy({})
    with pytest.raises(ClientAuthenticationError):
        reader.download_blob("blob")


def test_public_access(container):
    container.upload_blob("blob", b"bytes")
    anonymous = ContainerClient.from_container_url(container.url, retry_total=0)
    with pytest.raises(HttpResponseError):
        anonymous.download_blob("blob")
    container.set_container_access_policy({}, public_access="blob")
    assert anonymous.download_blob("blob").readall() == b"bytes"
    with pytest.raises(HttpResponseError):
        list(anonymous.list_blob_names())
    container.set_container_access_policy({}, public_access="container")
    assert list(anonymous.list_blob_names()) == ["blob"]
    with pytest.raises(HttpResponseError):
        anonymous.upload_blob("new", b"")


# --- service -----------------------------------------------------------------------------------------
def test_service_properties_and_account_information(service):
    service.set_service_properties(
        cors=[CorsRule(["https://example.com"], ["GET"], max_age_in_seconds=5)],
        hour_metrics=Metrics(enabled=False, retention_policy=RetentionPolicy(enabled=False)),
    )
    properties = service.get_service_properties()
    assert properties["cors"][0].allowed_origins == "https://example.com" or (
        properties["cors"][0].allowed_origins == ["https://example.com"]
    )
    assert service.get_account_information()["account_kind"] in ("StorageV2", "BlobStorage")
