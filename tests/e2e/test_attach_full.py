"""A disk that fills with bytes which the lake does not have yet: writes wait with a clear error, all
else goes on, nothing is lost, and writing resumes by itself once the link is back."""

import pytest
from harness import disks, needs, trees
from harness.accounts import DEVELOPMENT
from harness.lakes import Front, Lake
from harness.raw import RawClient

pytestmark = [pytest.mark.forebay_only, needs.left_out("MOUNT")]
SIZE_MIB = 192
RESERVE_MIB = 64
BLOB = 4 << 20


@pytest.fixture
def lake(tmp_path):
    lake = Lake("forebay", tmp_path / "lake", rtt_ms=2)
    yield lake
    lake.stop()


@pytest.fixture
def small_disk(tmp_path):
    with disks.small_disk(tmp_path / "disk", SIZE_MIB) as disk:
        yield disk


@pytest.fixture
def make_front(lake, make_server, small_disk):
    servers = []

    def make(*settings):
        server = make_server(
            accounts=(DEVELOPMENT,),
            extra=f'[storage]\ndisk_reserve = "{RESERVE_MIB}MiB"\n[lake]\n' + "\n".join(settings),
        )
        server.data = small_disk / "data"
        server.write_config()
        servers.append(server.start())
        lake.make("datasets")
        front = Front(server, lake)
        front.attach("training", "datasets", "--mode", "read-write")
        return front

    yield make
    for server in servers:
        server.kill()  # before its disk goes


def fill(client, stored, prefix="a", container="training"):
    """Puts blobs until one is refused; answers the refusal."""
    for n in range(200):
        name = f"{prefix}{n:03d}"
        data = trees.content(name, BLOB)
        answer = client.put_blob(container, name, data)
        if answer.status != 201:
            return answer
        stored[name] = data
    raise AssertionError("nothing ever was refused")


def metric(front, name):
    status, text = front.server.admin("/metrics")
    assert status == 200
    return next(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name + " "))


def assert_busy(answer):
    assert (answer.status, answer.code) == (503, "ServerBusy"), (answer.status, answer.body)
    assert int(answer.headers["Retry-After"]) >= 2
    assert b"the lake does not have yet" in answer.body, answer.body


def test_a_disk_full_of_what_waits_for_the_lake(lake, make_front):
    front = make_front()
    client = RawClient(front.server)
    client.create_container("plain")
    lake.link.set(black_hole=1)
    stored = {}
    assert_busy(fill(client, stored))
    assert len(stored) * BLOB > (SIZE_MIB - RESERVE_MIB) // 2 << 20, "most of the disk was used"

    # Where the cause can be read: status, metrics, log.
    status = front.wait_for("training", lambda lake: lake["backlog"].get("writes_held"))
    assert "the lake does not have yet" in status["backlog"]["writes_held"]
    assert status["backlog"]["bytes"] >= len(stored) * BLOB
    said = front.forebay("lake", "status", "training", ok=False)
    assert said.returncode == 2 and "the lake does not have yet" in said.stdout, said.stdout
    assert metric(front, "forebay_lake_writes_held") == 1
    assert metric(front, "forebay_lake_writes_refused_total") >= 1
    assert metric(front, "forebay_lake_unsent_bytes") >= len(stored) * BLOB
    assert "the disks are full of bytes that their lakes do not have yet" in front.server.log(1000)

    # All else goes on, and so it does after a restart.
    front.server.restart_after_kill()
    client = RawClient(front.server)
    names = sorted(stored)
    assert client.get_blob("training", names[0]).body == stored[names[0]]
    assert client.request("DELETE", f"/training/{names[1]}").status == 202
    del stored[names[1]]
    metadata = {"x-ms-meta-still": "works"}
    assert client.request("PUT", f"/training/{names[0]}?comp=metadata", b"", metadata).status == 200
    front.wait_for("training", lambda lake: lake["backlog"].get("writes_held"))
    assert_busy(client.put_blob("training", "late", b"x" * 100_000))
    # Who has no lake may write on: a reserve is left.
    assert client.put_blob("plain", "mine", b"y" * 1000).status in (201, 507)

    # The link is back: all that was acknowledged arrives, makes room, and writing resumes.
    lake.link.set(black_hole=0)
    client.put_blob_when_taken("training", "late", b"z" * BLOB)
    stored["late"] = b"z" * BLOB
    for n in range(SIZE_MIB // 4 * (1 << 20) // BLOB):  # more than there was room for
        stored[f"b{n:03d}"] = trees.content(f"b{n:03d}", BLOB)
        client.put_blob_when_taken("training", f"b{n:03d}", stored[f"b{n:03d}"])
    front.forebay("lake", "sync", "training", "--wait")
    far = lake.direct.get_container_client("datasets")
    assert {blob.name for blob in far.list_blobs()} == set(stored)
    for name, data in stored.items():
        assert far.download_blob(name).readall() == data, name
        assert client.get_blob("training", name).body == data, name
    status = front.wait_for("training", lambda lake: not lake.get("problem"))
    assert "writes_held" not in status["backlog"]
    front.server.stop()
    checked = front.forebay("fsck", ok=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_a_container_may_have_so_much_waiting(lake, make_front):
    front = make_front('backlog_limit = "20MiB"')
    client = RawClient(front.server)
    client.create_container("plain")
    lake.link.set(black_hole=1)
    stored = {}
    answer = fill(client, stored)
    assert (answer.status, answer.code) == (503, "ServerBusy")
    assert b"lake.backlog_limit" in answer.body and int(answer.headers["Retry-After"]) >= 2
    assert 5 <= len(stored) <= 8, "a look that would wait for the disk lets a write through"
    assert "lake.backlog_limit" in front.forebay("lake", "status", "training", ok=False).stdout
    assert client.put_blob("plain", "mine", b"y" * BLOB).status == 201
    lake.link.set(black_hole=0)
    client.put_blob_when_taken("training", "late", b"z" * BLOB)
    front.forebay("lake", "sync", "training", "--wait")
    far = lake.direct.get_container_client("datasets")
    assert {blob.name for blob in far.list_blobs()} == {*stored, "late"}
