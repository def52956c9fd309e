"""AzCopy at its defaults: up, list, sync, down, remove, and what it attaches to blobs."""

import os
import subprocess
import time

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import BlobServiceClient
from harness import trees
from harness.accounts import DEVELOPMENT

UP = "--from-to=LocalBlob"
DOWN = "--from-to=BlobLocal"


@pytest.fixture
def sas():
    return DEVELOPMENT.account_sas()


@pytest.fixture
def service(server):
    return BlobServiceClient.from_connection_string(server.connection_string())


@pytest.fixture
def container(service, container_name):
    return service.create_container(container_name)


@pytest.fixture
def tree(tmp_path):
    return trees.make_awkward_tree(tmp_path / "tree")


def upload(azcopy, server, tree, container, sas, *options):
    url = server.url(DEVELOPMENT, container.container_name, sas=sas)
    files = len(trees.digest_tree(tree))
    result = azcopy.run("copy", f"{tree}/*", url, "--recursive", UP, *options)
    return result.check(transferred=files).assert_clean_log()


def download(azcopy, server, container, sas, target, *options):
    url = server.url(DEVELOPMENT, container.container_name, "*", sas=sas)
    target.mkdir()
    return azcopy.run("copy", url, target, "--recursive", DOWN, *options)


def test_a_tree_comes_back_byte_for_byte(server, azcopy, container, tree, sas, tmp_path):
    upload(azcopy, server, tree, container, sas)
    url = server.url(DEVELOPMENT, container.container_name, sas=sas)
    assert azcopy.list(url) == {
        name: size for name, (size, _) in trees.digest_tree(tree).items()
    }
    back = tmp_path / "back"
    download(azcopy, server, container, sas, back).check().assert_clean_log()
    trees.assert_same_tree(tree, back)


def test_sync_up_carries_new_changed_and_deleted(server, azcopy, container, tree, sas):
    upload(azcopy, server, tree, container, sas)
    url = server.url(DEVELOPMENT, container.container_name, sas=sas)
    sync = ("sync", tree, url, UP, "--delete-destination=true")
    nothing = azcopy.run(*sync).check().assert_clean_log()
    assert int(nothing.summary["TotalTransfers"]) == 0

    (tree / "new.txt").write_bytes(b"new")
    changed = tree / "plain.txt"
    changed.write_bytes(b"changed content")
    later = time.time() + 3600
    os.utime(changed, (later, later))
    (tree / "100%.txt").unlink()
    azcopy.run(*sync).check(transferred=2).assert_clean_log()
    assert azcopy.list(url) == {
        name: size for name, (size, _) in trees.digest_tree(tree).items()
    }
    assert container.download_blob("plain.txt").readall() == b"changed content"


def test_sync_down_mirrors_the_container(server, azcopy, container, tree, sas, tmp_path):
    upload(azcopy, server, tree, container, sas)
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    (mirror / "stray.txt").write_bytes(b"not in the container")
    url = server.url(DEVELOPMENT, container.container_name, sas=sas)
    sync = ("sync", url, mirror, DOWN, "--delete-destination=true")
    azcopy.run(*sync).check().assert_clean_log()
    trees.assert_same_tree(tree, mirror)
    container.upload_blob("later.txt", b"later")
    container.delete_blob("hash#frag.txt")
    azcopy.run(*sync).check(transferred=1).assert_clean_log()
    assert (mirror / "later.txt").read_bytes() == b"later"
    assert not (mirror / "hash#frag.txt").exists()


def test_remove_takes_a_prefix_and_then_everything(server, azcopy, container, tree, sas):
    upload(azcopy, server, tree, container, sas)
    one = server.url(DEVELOPMENT, container.container_name, "deep", sas=sas)
    remove = ("--recursive", "--from-to=BlobTrash")
    azcopy.run("remove", one, *remove).check().assert_clean_log()
    assert not [b for b in container.list_blob_names() if b.startswith("deep/")]
    everything = server.url(DEVELOPMENT, container.container_name, sas=sas)
    azcopy.run("remove", everything, *remove).check().assert_clean_log()
    assert list(container.list_blob_names()) == []


def test_md5_is_stored_and_checked(server, azcopy, container, tree, sas, tmp_path):
    upload(azcopy, server, tree, container, sas, "--put-md5")
    for blob in container.list_blobs():
        assert blob.content_settings.content_md5, blob.name
    back = tmp_path / "back"
    checked = download(azcopy, server, container, sas, back, "--check-md5=FailIfDifferentOrMissing")
    checked.check().assert_clean_log()
    trees.assert_same_tree(tree, back)


def test_a_wrong_md5_fails_the_download(server, azcopy, container, sas, tmp_path):
    """The check can fail: a blob whose stored MD5 is not that of its bytes is refused."""
    from azure.storage.blob import ContentSettings

    wrong = ContentSettings(content_md5=bytearray(16))
    # Block blobs made of a block list keep whatever MD5 the client gives for the whole.
    blob = container.get_blob_client("lies.bin")
    blob.stage_block("MDE=", b"some bytes")
    blob.commit_block_list(["MDE="], content_settings=wrong)
    back = tmp_path / "back"
    result = download(azcopy, server, container, sas, back, "--check-md5=FailIfDifferent")
    assert result.returncode != 0
    assert int(result.summary["TransfersFailed"]) == 1, result.explain()


def test_properties_metadata_tags_and_tier_travel(server, azcopy, container, sas, tmp_path):
    source = tmp_path / "one"
    source.mkdir()
    (source / "a.json").write_bytes(b"{}")
    upload(
        azcopy, server, source, container, sas,
        "--metadata=project=forebay;Owner=tide", "--block-blob-tier=Cool",
        "--blob-tags=stage=raw&team=lake%20side", "--content-type=application/x-test",
        "--cache-control=no-store", "--content-language=de",
    )  # fmt: skip
    blob = container.get_blob_client("a.json")
    properties = blob.get_blob_properties()
    assert {k.lower(): v for k, v in properties.metadata.items()} == {
        "project": "forebay",
        "owner": "tide",
    }
    assert properties.blob_tier == "Cool"
    assert properties.content_settings.content_type == "application/x-test"
    assert properties.content_settings.cache_control == "no-store"
    assert properties.content_settings.content_language == "de"
    assert blob.get_blob_tags() == {"stage": "raw", "team": "lake side"}


def test_set_properties_changes_tier_metadata_and_tags(server, azcopy, container, sas):
    blob = container.upload_blob("a.bin", b"bytes")
    url = server.url(DEVELOPMENT, container.container_name, "a.bin", sas=sas)
    azcopy.run(
        "set-properties", url, "--from-to=BlobNone", "--block-blob-tier=cold",
        "--metadata=k=v", "--blob-tags=t=1",
    ).check().assert_clean_log()  # fmt: skip
    properties = blob.get_blob_properties()
    assert (properties.blob_tier, properties.metadata) == ("Cold", {"k": "v"})
    assert blob.get_blob_tags() == {"t": "1"}


def test_overwrite_false_leaves_what_is_there(server, azcopy, container, sas, tmp_path):
    container.upload_blob("plain.txt", b"was here first")
    source = tmp_path / "one"
    source.mkdir()
    (source / "plain.txt").write_bytes(b"came second")
    url = server.url(DEVELOPMENT, container.container_name, sas=sas)
    azcopy.run("copy", f"{source}/*", url, UP, "--overwrite=false").check(skipped=1).assert_clean_log()
    assert container.download_blob("plain.txt").readall() == b"was here first"


def test_a_pipe_is_uploaded(server, azcopy, container, sas, tmp_path):
    data = trees.content("pipe", 20 << 20)
    (tmp_path / "in").write_bytes(data)
    url = server.url(DEVELOPMENT, container.container_name, "piped.bin", sas=sas)
    # A pipe it must be: AzCopy refuses a file as its standard input.
    with subprocess.Popen(["cat", tmp_path / "in"], stdout=subprocess.PIPE) as source:
        result = azcopy.run("copy", url, "--from-to=PipeBlob", stdin=source.stdout)
    assert result.returncode == 0, result.explain()
    assert container.download_blob("piped.bin").readall() == data


def test_a_container_sas_is_enough_and_a_read_sas_is_not(server, azcopy, container, tree):
    name = container.container_name
    upload(azcopy, server, tree, container, DEVELOPMENT.container_sas(name))
    read_only = DEVELOPMENT.container_sas(name, "rl")
    refused = azcopy.run(
        "copy", tree / "plain.txt", server.url(DEVELOPMENT, name, "copy.txt", sas=read_only), UP
    )
    assert refused.returncode != 0
    assert "AuthorizationPermissionMismatch" in refused.log() + refused.output, refused.explain()
    with pytest.raises(ResourceNotFoundError):
        container.get_blob_client("copy.txt").get_blob_properties()


def test_a_missing_container_is_reported_as_such(server, azcopy, sas, tmp_path):
    target = tmp_path / "back"
    target.mkdir()
    result = azcopy.run(
        "copy", server.url(DEVELOPMENT, "never-made", "*", sas=sas), target, "--recursive", DOWN
    )
    assert result.returncode != 0
    assert "ContainerNotFound" in result.log() + result.output, result.explain()
