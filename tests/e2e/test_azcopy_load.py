"""AzCopy under load: large files, very many small ones, and no retry or 503 at its default concurrency.

FOREBAY_E2E_SMALL_FILES and FOREBAY_E2E_LARGE_MIB shrink the load for a quick look.
"""

import os
import time

import pytest
from azure.storage.blob import BlobServiceClient
from harness import trees
from harness.accounts import DEVELOPMENT

SMALL_FILES = int(os.environ.get("FOREBAY_E2E_SMALL_FILES", "100000"))
LARGE_MIB = int(os.environ.get("FOREBAY_E2E_LARGE_MIB", "1024"))


@pytest.fixture
def container(server, container_name):
    service = BlobServiceClient.from_connection_string(server.connection_string())
    return service.create_container(container_name)


def note(record_property, name, started):
    record_property(f"{name}_seconds", round(time.monotonic() - started, 1))


def test_a_large_file_in_many_blocks(server, azcopy, container, tmp_path, record_property):
    size = LARGE_MIB << 20
    path = trees.make_large_file(tmp_path / "up" / "large.bin", size)
    sas = DEVELOPMENT.account_sas()
    url = server.url(DEVELOPMENT, container.container_name, "large.bin", sas=sas)
    started = time.monotonic()
    azcopy.run(
        "copy", path, url, "--from-to=LocalBlob", "--block-size-mb=8", "--put-md5"
    ).check(transferred=1).assert_clean_log()
    note(record_property, "upload", started)
    blob = container.get_blob_client("large.bin")
    committed, uncommitted = blob.get_block_list("all")
    assert (len(committed), len(uncommitted)) == (size // (8 << 20), 0)
    assert blob.get_blob_properties().size == size

    back = tmp_path / "back"
    back.mkdir()
    started = time.monotonic()
    azcopy.run(
        "copy", url, back / "large.bin", "--from-to=BlobLocal", "--check-md5=FailIfDifferentOrMissing"
    ).check(transferred=1).assert_clean_log()
    note(record_property, "download", started)
    trees.assert_same_tree(path.parent, back)


def test_very_many_small_files(server, azcopy, container, tmp_path, record_property):
    tree = trees.make_small_files(tmp_path / "tree", SMALL_FILES)
    sas = DEVELOPMENT.account_sas()
    url = server.url(DEVELOPMENT, container.container_name, sas=sas)
    started = time.monotonic()
    azcopy.run(
        "copy", f"{tree}/*", url, "--recursive", "--from-to=LocalBlob", "--log-level=INFO"
    ).check(transferred=SMALL_FILES).assert_clean_log()
    note(record_property, "upload", started)
    started = time.monotonic()
    assert len(azcopy.list(url)) == SMALL_FILES
    note(record_property, "list", started)

    back = tmp_path / "back"
    back.mkdir()
    everything = server.url(DEVELOPMENT, container.container_name, "*", sas=sas)
    started = time.monotonic()
    azcopy.run(
        "copy", everything, back, "--recursive", "--from-to=BlobLocal"
    ).check(transferred=SMALL_FILES).assert_clean_log()
    note(record_property, "download", started)
    trees.assert_same_tree(tree, back)

    started = time.monotonic()
    azcopy.run("remove", url, "--recursive", "--from-to=BlobTrash").check().assert_clean_log()
    note(record_property, "remove", started)
    assert list(container.list_blob_names()) == []
