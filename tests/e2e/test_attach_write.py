"""A container in front of a lake, read-write: what is done here is found there, as ordinary blobs."""

import json
import threading
import time

import pytest
from azure.storage.blob import ContentSettings, StandardBlobTier
from azure.storage.filedatalake import DataLakeServiceClient
from harness import trees, waiting
from harness.accounts import DEVELOPMENT, LAKE
from harness.lakes import Front
from harness.raw import RawClient

pytestmark = pytest.mark.forebay_only


@pytest.fixture
def front(lake, make_server):
    front = Front(make_server(accounts=(DEVELOPMENT,)).start(), lake)
    lake.make("datasets", {"old": b"was there"})
    front.attach("training", "datasets", "--mode", "read-write")
    return front


def sync(front, container="training"):
    said = front.forebay("lake", "sync", container, "--wait")
    assert "the lake has everything" in said.stdout
    status = front.status(container)
    assert status["backlog"]["files"] == 0, status


def test_what_azcopy_puts_in_here_is_read_there(lake, front, azcopy, tmp_path):
    tree = trees.make_awkward_tree(tmp_path / "tree")
    azcopy.run(
        "copy", f"{tree}/*", front.server.url(lake.account, "training", sas=lake.account.account_sas()),
        "--recursive", "--put-md5", "--from-to=LocalBlob",
    ).check()  # fmt: skip
    sync(front)
    far = lake.direct.get_container_client("datasets")
    near = front.container("training")
    expected = {blob.name: blob for blob in near.list_blobs()}
    got = {blob.name: blob for blob in far.list_blobs()}
    assert sorted(got) == sorted(expected)
    for name, blob in expected.items():
        assert far.download_blob(name).readall() == near.download_blob(name).readall(), name
        assert got[name].content_settings.content_md5 == blob.content_settings.content_md5, name
        assert got[name].content_settings.content_type == blob.content_settings.content_type, name


def test_attributes_overwrites_and_deletes_travel(lake, front):
    near = front.container("training")
    far = lake.direct.get_container_client("datasets")
    near.upload_blob(
        "a", b"one", metadata={"stage": "raw"},
        content_settings=ContentSettings(content_type="text/x-one", cache_control="no-cache"),
    )  # fmt: skip
    near.upload_blob("b", b"to be deleted")
    sync(front)
    assert far.download_blob("b").readall() == b"to be deleted"
    near.upload_blob("a", b"two", overwrite=True, metadata={"stage": "done"})
    near.get_blob_client("a").set_standard_blob_tier(StandardBlobTier.COOL)
    near.delete_blob("b")
    near.upload_blob("old", b"changed here", overwrite=True)
    sync(front)
    assert far.download_blob("a").readall() == b"two"
    properties = far.get_blob_client("a").get_blob_properties()
    assert properties.metadata == {"stage": "done"}
    assert properties.blob_tier == "Cool"
    assert not far.get_blob_client("b").exists()
    assert far.download_blob("old").readall() == b"changed here"


def test_a_kill_in_the_middle_of_the_offload(lake, front):
    lake.link.set(up_rate=6 << 20)
    near = front.container("training")
    blobs = {f"run/{i:03d}": trees.content(i, 20_000) for i in range(120)}
    blobs["checkpoint"] = trees.content("checkpoint", 24 << 20)
    for name, data in blobs.items():
        near.upload_blob(name, data, overwrite=True)
    for _ in range(3):
        time.sleep(0.7)
        front.server.restart_after_kill()
    lake.link.set(up_rate=0)
    sync(front)
    far = lake.direct.get_container_client("datasets")
    for name, data in blobs.items():
        assert far.download_blob(name).readall() == data, name
    assert json.loads(front.forebay("lake", "conflicts", "training", "--json").stdout)["conflicts"] == []


def test_work_goes_on_without_a_link(lake, front):
    near = front.container("training", retries=0)
    assert near.download_blob("old").readall() == b"was there"
    lake.link.set(black_hole=1)
    near.upload_blob("written offline", b"x" * 300_000)
    near.upload_blob("deleted offline", b"y")
    near.delete_blob("deleted offline")
    assert near.download_blob("old").readall() == b"was there"
    front.server.restart_after_kill()
    near = front.container("training", retries=0)
    assert {blob.name for blob in near.list_blobs()} == {"old", "written offline"}
    backlog = front.status("training")["backlog"]
    assert backlog["files"] >= 1 and backlog["bytes"] >= 300_000
    said = front.forebay("lake", "status", "training", ok=False).stdout
    assert "backlog" in said and "oldest" in said, said
    lake.link.set(black_hole=0)
    sync(front)
    far = lake.direct.get_container_client("datasets")
    assert {blob.name for blob in far.list_blobs()} == {"old", "written offline"}


def test_a_rate_is_taken_up_without_a_restart(lake, front):
    server, far = front.server, lake.direct.get_container_client("datasets")

    def reload(rate):
        before = server.log(10_000).count("configuration reloaded")
        server.extra = f'lake.upload_rate = "{rate}"'
        server.write_config()
        server.reload()
        waiting.until(lambda: server.log(10_000).count("configuration reloaded") > before)

    reload("paused")
    process = server.process.pid
    front.container("training").upload_blob("held", b"x" * 300_000)
    for _ in range(5):
        backlog = front.status("training")["backlog"]
        assert (backlog["files"], backlog["bytes"]) == (1, 300_000), backlog
        assert [blob.name for blob in far.list_blobs()] == ["old"]
    reload("*=unlimited")
    sync(front)
    assert far.download_blob("held").readall() == b"x" * 300_000
    assert server.process.pid == process and server.alive


def test_an_acknowledged_write_is_in_the_lake(lake, front):
    lake.make("strict")
    front.attach("strict", "strict", "--mode", "read-write", "--ack", "lake")
    far = lake.direct.get_container_client("strict")
    client = RawClient(front.server)
    for i in range(5):
        assert client.put_blob("strict", f"n{i}", b"%d" % i).status == 201
        assert far.download_blob(f"n{i}").readall() == b"%d" % i


def test_detach_drains_first(lake, front):
    lake.link.set(up_rate=2 << 20)
    front.container("training").upload_blob("late", b"z" * (3 << 20))
    draining = threading.Thread(target=front.forebay, args=("lake", "detach", "training"))
    draining.start()
    draining.join(120)
    far = lake.direct.get_container_client("datasets")
    assert far.download_blob("late").readall() == b"z" * (3 << 20)
    assert "no container is attached" in front.forebay("lake", "status").stdout


# Azurite has no copies that are done when they are answered, so that nothing moves in it.
@pytest.mark.parametrize("lake", ["forebay"], indirect=True)
def test_what_the_data_lake_api_acknowledges_is_in_the_lake(lake, make_server):
    """Paths that are made, renamed and deleted: each answer waits for the lake as those of blobs do."""
    front = Front(make_server(accounts=(LAKE,)).start(), lake)
    lake.make("strict")
    front.attach("strict", "strict", "--mode", "read-write", "--ack", "lake")
    far = lake.direct.get_container_client("strict")
    near = DataLakeServiceClient(
        front.server.url(LAKE), {"account_name": LAKE.name, "account_key": LAKE.key}
    ).get_file_system_client("strict")

    def there():
        return {blob.name for blob in far.list_blobs()}

    near.create_directory("d")
    assert there() == {"d"}
    file = near.create_file("d/a")
    assert there() == {"d", "d/a"}
    file.upload_data(b"content", overwrite=True)
    assert far.download_blob("d/a").readall() == b"content"
    file.rename_file("strict/d/b")
    assert there() == {"d", "d/b"}
    near.get_directory_client("d").rename_directory("strict/e")
    assert there() == {"e", "e/b"}
    near.delete_directory("e")
    assert there() == set()
