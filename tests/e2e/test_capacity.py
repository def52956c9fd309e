"""A container of ours that is larger than its disk: what does not fit overflows into a lake, is read back
after a kill byte for byte, and leaves nothing there that is not needed."""

import pytest
from harness import disks, needs, trees
from harness.accounts import DEVELOPMENT
from harness.lakes import Front, Lake
from harness.raw import RawClient

pytestmark = [pytest.mark.forebay_only, needs.left_out("MOUNT")]
SIZE_MIB = 112
RESERVE_MIB = 40
BLOB = 4 << 20
BLOBS = 3 * SIZE_MIB * (1 << 20) // BLOB


@pytest.fixture
def front(tmp_path, make_server):
    lake = Lake("forebay", tmp_path / "lake", rtt_ms=1)
    with disks.small_disk(tmp_path / "disk", SIZE_MIB) as disk:
        server = make_server(
            accounts=(DEVELOPMENT,),
            extra=f'[storage]\ndisk_reserve = "{RESERVE_MIB}MiB"\n'
            "[lake]\nhigh_watermark = 60\nlow_watermark = 25",
        )
        server.data = disk / "data"
        server.write_config()
        server.start()
        lake.make("datasets")
        yield Front(server, lake)
        server.kill()  # before its disk goes
    lake.stop()


def expect(client, name):
    answer = client.get_blob("scratch", name)
    assert answer.status == 200 and answer.body == trees.content(name, BLOB), name


def delete(client, name):
    assert client.request("DELETE", f"/scratch/{name}").status == 202, name


def far_blobs(front):
    return [blob.name for blob in front.lake.direct.get_container_client("datasets").list_blobs()]


def far_names(front):
    """What lies there, but for the one that says whose it is."""
    return [name for name in far_blobs(front) if not name.endswith("/owner")]


def test_a_container_of_three_times_the_disk(front):
    front.attach("scratch", "datasets/overflow", "--mode", "capacity")
    client = RawClient(front.server)
    names = [f"dir/n{i:03d}" for i in range(BLOBS)]
    for name in names:
        client.put_blob_when_taken("scratch", name, trees.content(name, BLOB))

    # Nothing there has a name of ours, and status says what there is.
    least = (BLOBS * BLOB - (SIZE_MIB << 20)) // BLOB
    status = front.wait_for(
        "scratch", lambda lake: lake["overflow"]["bodies"] >= least and not lake.get("problem")
    )
    assert status["mode"] == "capacity" and "backlog" not in status
    text = front.forebay("lake", "status", "scratch").stdout
    assert "in the lake" in text and "import" not in text, text
    for far in far_names(front):
        assert far.startswith("overflow/forebay-") and "dir" not in far, far

    front.server.restart_after_kill()
    client = RawClient(front.server)
    for name in names:
        expect(client, name)
    part = client.request("GET", f"/scratch/{names[0]}", headers={"x-ms-range": "bytes=70000-170000"})
    assert part.status == 206 and part.body == trees.content(names[0], BLOB)[70000:170001]

    # What is deleted or overwritten here goes there too; names do not matter.
    kept = names[:4]
    for name in names[6:]:
        delete(client, name)
    for name in names[4:6]:
        client.put_blob_when_taken("scratch", name, b"small")
    status = front.wait_for(
        "scratch",
        lambda lake: lake["overflow"]["bodies"] <= len(kept) and lake["overflow"]["to_delete"] == 0,
    )
    assert len(far_names(front)) == status["overflow"]["bodies"]
    for name in kept:
        expect(client, name)
    verified = front.forebay("lake", "verify", "scratch").stdout
    assert f"{len(kept)} blobs" in verified and "0 damaged" in verified, verified

    # It comes back, and the lake is as it was before.
    dropped = front.forebay("lake", "detach", "scratch", "--drop", ok=False)
    assert dropped.returncode != 0 and "would be lost" in dropped.stderr, dropped.stderr
    front.forebay("lake", "detach", "scratch")
    assert far_blobs(front) == []
    front.server.restart_after_kill()
    client = RawClient(front.server)
    for name in kept:
        expect(client, name)
    for name in names[4:6]:
        assert client.get_blob("scratch", name).body == b"small"
    front.server.stop()
    checked = front.forebay("fsck", ok=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
