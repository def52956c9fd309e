"""AzCopy from service to service: the bytes never leave the server, what is attached travels along."""

import pytest
from azure.storage.blob import BlobServiceClient, ContentSettings, StandardBlobTier, StandardBlobTier
from harness import trees
from harness.accounts import DEVELOPMENT, SECOND

pytestmark = pytest.mark.forebay_only
S2S = "--from-to=BlobBlob"


@pytest.fixture
def service(server):
    return BlobServiceClient.from_connection_string(server.connection_string())


@pytest.fixture
def source(server, service, container_name):
    return service.create_container(container_name)


def fill(container):
    """Blobs of every way to be stored: empty, small, one block, a block list."""
    contents = {
        "empty": b"",
        "small.txt": b"small",
        "dir/one-block.bin": trees.content("one block", 5 << 20),
        "dir/ünïcödé %2F name.bin": trees.content("awkward", 70_001),
        "blocks.bin": trees.content("blocks", 20 << 20),
    }
    for name, data in contents.items():
        if name == "blocks.bin":
            blob = container.get_blob_client(name)
            for index in range(5):
                blob.stage_block(f"block-{index:04d}", data[index << 22 : (index + 1) << 22])
            blob.commit_block_list([f"block-{index:04d}" for index in range(5)])
        else:
            container.upload_blob(name, data)
    return contents


def read_all(container):
    return {name: container.download_blob(name).readall() for name in container.list_blob_names()}


def test_container_to_container(server, azcopy, service, source, container_name):
    contents = fill(source)
    target = service.create_container(f"{container_name}-copy")
    sas = DEVELOPMENT.account_sas()
    azcopy.run(
        "copy", server.url(DEVELOPMENT, source.container_name, "*", sas=sas),
        server.url(DEVELOPMENT, target.container_name, sas=sas), "--recursive", S2S,
    ).check(transferred=len(contents)).assert_clean_log()  # fmt: skip
    assert read_all(target) == contents


def test_between_two_accounts_the_container_is_made(server, azcopy, source):
    contents = fill(source)
    azcopy.run(
        "copy", server.url(DEVELOPMENT, source.container_name, sas=DEVELOPMENT.account_sas()),
        server.url(SECOND, sas=SECOND.account_sas()), "--recursive", S2S,
    ).check(transferred=len(contents)).assert_clean_log()  # fmt: skip
    other = BlobServiceClient.from_connection_string(server.connection_string(SECOND))
    copied = other.get_container_client(source.container_name)
    assert read_all(copied) == contents


def test_one_blob_with_all_that_is_attached(server, azcopy, source):
    source.upload_blob(
        "from.json", b'{"a": 1}', metadata={"project": "forebay"}, tags={"stage": "raw"},
        standard_blob_tier=StandardBlobTier.COOL,
        content_settings=ContentSettings(content_type="application/json", content_language="fr"),
    )  # fmt: skip
    sas = DEVELOPMENT.account_sas()
    azcopy.run(
        "copy", server.url(DEVELOPMENT, source.container_name, "from.json", sas=sas),
        server.url(DEVELOPMENT, source.container_name, "to.json", sas=sas), S2S,
        "--s2s-preserve-blob-tags=true", "--s2s-preserve-access-tier=true",
    ).check(transferred=1).assert_clean_log()  # fmt: skip
    copy = source.get_blob_client("to.json")
    properties = copy.get_blob_properties()
    assert copy.download_blob().readall() == b'{"a": 1}'
    # Go folds the case of header names, and metadata names ignore it.
    assert {k.lower(): v for k, v in properties.metadata.items()} == {"project": "forebay"}
    assert properties.blob_tier == "Cool"
    assert properties.content_settings.content_type == "application/json"
    assert properties.content_settings.content_language == "fr"
    assert copy.get_blob_tags() == {"stage": "raw"}


def test_a_copy_survives_its_source(server, azcopy, source):
    data = trees.content("source", 12 << 20)
    source.upload_blob("from.bin", data)
    sas = DEVELOPMENT.account_sas()
    azcopy.run(
        "copy", server.url(DEVELOPMENT, source.container_name, "from.bin", sas=sas),
        server.url(DEVELOPMENT, source.container_name, "to.bin", sas=sas), S2S, "--block-size-mb=4",
    ).check(transferred=1).assert_clean_log()  # fmt: skip
    source.upload_blob("from.bin", b"overwritten", overwrite=True)
    source.delete_blob("from.bin")
    server_side = source.download_blob("to.bin").readall()
    assert server_side == data


def test_sync_between_containers(server, azcopy, service, source, container_name):
    contents = fill(source)
    target = service.create_container(f"{container_name}-sync")
    target.upload_blob("stray", b"goes away")
    sas = DEVELOPMENT.account_sas()
    command = (
        "sync", server.url(DEVELOPMENT, source.container_name, sas=sas),
        server.url(DEVELOPMENT, target.container_name, sas=sas), S2S, "--delete-destination=true",
    )  # fmt: skip
    azcopy.run(*command).check(transferred=len(contents)).assert_clean_log()
    assert read_all(target) == contents
    azcopy.run(*command).check().assert_clean_log()
    source.upload_blob("one-more", b"more")
    azcopy.run(*command).check(transferred=1).assert_clean_log()
    assert read_all(target) == {**contents, "one-more": b"more"}


def test_a_source_that_may_not_be_read_is_refused(server, azcopy, source):
    source.upload_blob("secret", b"secret")
    sas = DEVELOPMENT.account_sas()
    write_only = DEVELOPMENT.container_sas(source.container_name, "wl")
    result = azcopy.run(
        "copy", server.url(DEVELOPMENT, source.container_name, "secret", sas=write_only),
        server.url(DEVELOPMENT, source.container_name, "stolen", sas=sas), S2S,
    )  # fmt: skip
    assert result.returncode != 0
    assert list(source.list_blob_names()) == ["secret"]
