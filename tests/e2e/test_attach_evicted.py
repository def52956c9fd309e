"""Writing onto blobs that eviction gave to the lake: block lists that keep their blocks, appends and
flushes of the Data Lake API; killed in between, and read back here and in the lake."""

import base64
import threading

import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobBlock, BlockState
from azure.storage.filedatalake import DataLakeServiceClient
from harness import trees
from harness.accounts import DEVELOPMENT, LAKE
from harness.lakes import Front

pytestmark = pytest.mark.forebay_only
BLOCK = 1_500_000


@pytest.fixture
def front(lake, make_server):
    front = Front(make_server(accounts=(DEVELOPMENT, LAKE)).start(), lake)
    lake.make("datasets")
    return front


def block_id(n):
    return base64.b64encode(f"block{n:04d}".encode()).decode()


def keep(*numbers):
    return [BlobBlock(block_id(n), state=BlockState.COMMITTED) for n in numbers]


def evict(front, container):
    front.forebay("lake", "sync", container, "--wait")
    said = front.forebay("tier", "evict", container, "**").stdout
    assert "evicted 1 of 1 names" in said, said


def upload(client, count):
    """A blob of so many blocks; their bytes."""
    blocks = [trees.content(f"block {n}", BLOCK) for n in range(count)]
    for n, data in enumerate(blocks):
        client.stage_block(block_id(n), data)
    client.commit_block_list([BlobBlock(block_id(n)) for n in range(count)])
    return blocks


def test_a_block_list_keeps_blocks_of_an_evicted_blob(lake, front):
    front.attach("training", "datasets", "--mode", "read-write")
    near = front.container("training", retries=0).get_blob_client("a")
    far = lake.direct.get_blob_client("datasets", "a")
    blocks = upload(near, 5)
    evict(front, "training")
    near.stage_block(block_id(9), b"patched")
    plan = [*keep(0, 1), BlobBlock(block_id(9), state=BlockState.UNCOMMITTED), *keep(3, 4)]

    # Killed while the bytes come back: nothing has happened, and the next try does it all.
    lake.link.set(down_rate=2 << 20)
    killed = threading.Thread(target=commit_quietly, args=(near, plan), daemon=True)
    killed.start()
    killed.join(1.0)
    front.server.restart_after_kill()
    killed.join(30)
    lake.link.set(down_rate=0)
    near = front.container("training").get_blob_client("a")
    want = b"".join([*blocks[:2], b"patched", *blocks[3:]])
    assert near.download_blob().readall() in (b"".join(blocks), want)
    if near.get_blob_properties().size != len(want):
        near.commit_block_list(plan)
    assert near.download_blob().readall() == want
    assert [block.id for block in near.get_block_list("committed")[0]] == [
        block.id for block in plan
    ]
    front.forebay("lake", "sync", "training", "--wait")
    assert far.download_blob().readall() == want

    # Again, of what a list has put together; and without a link it says so and changes nothing.
    evict(front, "training")
    lake.link.set(black_hole=1)
    near = front.container("training", retries=0).get_blob_client("a")
    with pytest.raises(HttpResponseError) as error:
        near.commit_block_list(keep(4, 0))
    assert error.value.status_code == 503
    lake.link.set(black_hole=0)
    front.wait_for("training", lambda lake: lake["link"]["state"] == "up")
    near = front.container("training").get_blob_client("a")
    near.commit_block_list(keep(4, 0))
    assert near.download_blob().readall() == blocks[4] + blocks[0]
    front.forebay("lake", "sync", "training", "--wait")
    assert far.download_blob().readall() == blocks[4] + blocks[0]
    front.server.stop()
    checked = front.forebay("fsck", "--verify", ok=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def commit_quietly(client, plan):
    try:
        client.commit_block_list(plan)
    except Exception:  # noqa: BLE001: it is killed under it
        return


def test_an_append_goes_onto_an_evicted_file(lake, front):
    container = f"{LAKE.name}/files"
    front.attach(container, "datasets", "--mode", "read-write")

    def client(**options):
        service = DataLakeServiceClient(
            front.server.url(LAKE),
            credential={"account_name": LAKE.name, "account_key": LAKE.key}, **options,
        )  # fmt: skip
        return service.get_file_system_client("files").get_file_client("log")

    file = client()
    text = trees.content("log", 3 * BLOCK)
    file.create_file()
    file.append_data(text, 0)
    file.flush_data(len(text))
    evict(front, container)

    lake.link.set(down_rate=2 << 20)
    file.append_data(b" and more", len(text))
    killed = threading.Thread(
        target=flush_quietly, args=(client(retry_total=0), len(text) + 9), daemon=True
    )
    killed.start()
    killed.join(1.0)
    front.server.restart_after_kill()
    killed.join(30)
    lake.link.set(down_rate=0)
    if file.get_file_properties().size == len(text):
        file.flush_data(len(text) + 9)  # what was appended is still there
    assert file.download_file().readall() == text + b" and more"
    front.forebay("lake", "sync", container, "--wait")
    assert lake.direct.get_blob_client("datasets", "log").download_blob().readall() == text + b" and more"
    evict(front, container)
    assert file.download_file().readall() == text + b" and more"


def flush_quietly(file, position):
    try:
        file.flush_data(position)
    except Exception:  # noqa: BLE001: it is killed under it
        return
