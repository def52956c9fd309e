"""A container of ours that is larger than its disk: what does not fit overflows into a lake, is read back
after a kill byte for byte, and leaves nothing there that is not needed; and two servers that have the
same part of a lake."""

import subprocess

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
            '[lake]\nhigh_watermark = 60\nlow_watermark = 25\noverflow_min_size = "64KiB"',
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


def went(client, name):
    """Whether the lake has a body of it."""
    return "x-forebay-residency" in client.request("HEAD", f"/scratch/{name}").headers


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
    below = [f"a/n{i}" for i in range(4)]
    for name in below:
        client.put_blob_when_taken("scratch", name, trees.content(name, 60_000))
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
    for name in below:
        assert client.get_blob("scratch", name).body == trees.content(name, 60_000), name
    assert any(went(client, name) for name in names)
    assert not any(went(client, name) for name in below), "they are below lake.overflow_min_size"
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


@pytest.fixture
def two(tmp_path, make_server):
    """A server whose lake is room for it, and another one for a copy of its data directory."""
    lake = Lake("forebay", tmp_path / "lake", rtt_ms=1)
    lake.make("datasets")
    fronts = [Front(make_server(accounts=(DEVELOPMENT,)), lake) for _ in range(2)]
    fronts[0].server.start()
    yield fronts
    for front in fronts:
        front.server.kill()
    lake.stop()


def test_two_servers_on_copies_of_one_directory(two):
    """A restored backup beside the server, say: whose the part of the lake is may write and delete there."""
    first, copy = two
    first.attach("scratch", "datasets/room", "--mode", "capacity")
    before = RawClient(first.server)
    for name in ("kept", "deleted"):
        assert before.put_blob("scratch", name, trees.content(name, 100_000)).status == 201
    first.forebay("tier", "evict", "scratch", "**")
    sent = far_names(first)
    assert len(sent) == 2
    first.server.stop()
    subprocess.run(["cp", "-a", first.server.data, copy.server.data], check=True)
    for front in two:
        front.server.start()

    # The copy shows everything, says whose it is, and leaves it alone.
    status = copy.wait_for("scratch", lambda lake: "problem" in lake)
    assert str(first.server.data) in status["problem"] and "takeover" in status["problem"], status
    there = RawClient(copy.server)
    assert there.get_blob("scratch", "kept").body == trees.content("kept", 100_000)
    assert there.put_blob("scratch", "of-copy", trees.content("of-copy", 100_000)).status == 201
    delete(there, "deleted")
    copy.wait_for("scratch", lambda lake: lake["overflow"]["to_delete"] == 1)
    for refused in (("tier", "evict", "scratch", "of-copy"), ("lake", "detach", "scratch")):
        done = copy.forebay(*refused, ok=False)
        assert done.returncode != 0 and str(first.server.data) in done.stderr, done.stderr
    assert far_names(first) == sent

    # The first one goes on as if it were alone.
    here = RawClient(first.server)
    assert here.put_blob("scratch", "of-first", trees.content("of-first", 100_000)).status == 201
    first.forebay("tier", "evict", "scratch", "of-first")
    assert len(far_names(first)) == 3
    for name in ("kept", "deleted", "of-first"):
        assert here.get_blob("scratch", name).body == trees.content(name, 100_000), name

    # Until it is said to be gone for good: then it is the other way round.
    first.server.kill()
    copy.forebay("lake", "takeover", "scratch")
    copy.forebay("tier", "evict", "scratch", "of-copy")
    first.server.start()
    status = first.wait_for("scratch", lambda lake: "problem" in lake)
    assert str(copy.server.data) in status["problem"], status
    assert RawClient(first.server).get_blob("scratch", "kept").body == trees.content("kept", 100_000)
    for name in ("kept", "of-copy"):
        assert there.get_blob("scratch", name).body == trees.content(name, 100_000), name
