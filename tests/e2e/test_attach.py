"""A container in front of a lake, read-only: Azurite and a second Forebay, both behind a link with a
round trip of 15 ms and 1 % of 503s."""

import itertools
import json
import signal
import threading
import time

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from harness import trees, waiting
from harness.accounts import DEVELOPMENT
from harness.lakes import Front
from harness.raw import RawClient

pytestmark = pytest.mark.forebay_only


@pytest.fixture
def front(lake, make_server):
    return Front(make_server(accounts=(DEVELOPMENT,)).start(), lake)


def blobs_of(count, size, seed="blob"):
    return {f"dir-{i % 7}/{seed}-{i:04d}": trees.content(f"{seed}{i}", size) for i in range(count)}


def reads_of(front):
    """What bytes have cost; the lake is looked at for changes besides."""
    traffic = front.status("training")["traffic"]
    return [cause for cause in traffic if cause["cause"] in ("read_through", "prefetch")]


def asked_for_readers(front):
    traffic = front.status("training")["traffic"]
    return sum(cause["requests"] for cause in traffic if cause["cause"] == "read_through")


def read_all(container, blobs):
    for name, data in blobs.items():
        assert container.download_blob(name).readall() == data, name


def test_what_azcopy_puts_into_the_lake_is_read_here(lake, front, azcopy, tmp_path):
    tree = trees.make_awkward_tree(tmp_path / "tree")
    far = lake.make("datasets")
    azcopy.run(
        "copy", f"{tree}/*", lake.server.url(lake.account, "datasets", sas=lake.account.account_sas()),
        "--recursive", "--put-md5", "--from-to=LocalBlob",
    ).check()  # fmt: skip
    sas = front.secret("lake.sas", lake.account.container_sas("datasets", "rlt"))
    said = front.attach("training", "datasets", credential=f"sas:@{sas}")
    assert "made the container devstoreaccount1/training" in said.stdout
    near = front.container("training")
    expected = {blob.name: blob for blob in far.list_blobs()}
    listed = {blob.name: blob for blob in near.list_blobs()}
    assert sorted(listed) == sorted(expected)
    for name, blob in expected.items():
        assert near.download_blob(name).readall() == far.download_blob(name).readall(), name
        got = near.get_blob_client(name).get_blob_properties()
        assert got.size == blob.size
        assert got.content_settings.content_md5 == blob.content_settings.content_md5
        assert got.last_modified == blob.last_modified
    # And by AzCopy, byte for byte, from here; not one byte comes from the lake a second time.
    down = reads_of(front)
    target = tmp_path / "down"
    azcopy.run(
        "copy", front.server.url(lake.account, "training", sas=lake.account.account_sas()),
        str(target), "--recursive", "--check-md5=FailIfDifferent", "--from-to=BlobLocal",
    ).check(transferred=len(expected))  # fmt: skip
    trees.assert_same_tree(tree, target / "training")
    assert reads_of(front) == down
    front.assert_no_secret_is_seen(said.stdout, said.stderr, str(front.status("training")))


def test_everything_is_there_from_the_first_moment(lake, front):
    lake.link.set(rtt_ms=100)
    blobs = blobs_of(300, 2000)
    lake.make("datasets", blobs)
    front.attach("training", "datasets", wait=False)
    near = front.container("training")
    last = sorted(blobs)[-1]
    assert near.download_blob(last).readall() == blobs[last]
    assert [blob.name for blob in near.list_blobs()] == sorted(blobs)
    with pytest.raises(ResourceNotFoundError):
        near.download_blob("nothing")
    status = front.wait_for("training", lambda lake: lake["import"]["finished"])
    assert status["import"]["names"] == len(blobs)
    said = front.forebay("lake", "status", "training").stdout
    assert "imported 300 names" in said and "link up" in said, said


def test_writes_are_refused_read_only(lake, front):
    lake.make("datasets", {"a": b"lake"})
    front.attach("training", "datasets")
    client = RawClient(front.server)
    assert client.put_blob("training", "a", b"mine").status in (403, 409)
    assert client.request("DELETE", "/training/a").status in (403, 409)
    assert lake.direct.get_container_client("datasets").download_blob("a").readall() == b"lake"


@pytest.mark.parametrize("moment", ["import", "fetch"])
def test_a_kill_in_the_middle_costs_nothing(lake, front, moment):
    blobs = blobs_of(400, 1000) if moment == "import" else blobs_of(6, 3 << 20)
    lake.make("datasets", blobs)
    if moment == "import":
        lake.link.set(rtt_ms=300)
        front.attach("training", "datasets", wait=False)
        front.server.restart_after_kill()
        lake.link.set(rtt_ms=15)
    else:
        front.attach("training", "datasets")
        lake.link.set(down_rate=4 << 20)
        reader = threading.Thread(target=read_quietly, args=(front, sorted(blobs)), daemon=True)
        reader.start()
        time.sleep(1.5)
        front.server.restart_after_kill()
        lake.link.set(down_rate=0)
        reader.join(30)
    began = time.monotonic()
    status = front.wait_for("training", lambda lake: lake["import"]["finished"])
    assert time.monotonic() - began < 30, "no lease of a dead process is waited for"
    assert status["import"]["names"] == len(blobs)
    read_all(front.container("training"), blobs)
    front.server.stop()
    checked = front.forebay("fsck", "--verify", ok=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def read_quietly(front, names):
    container = front.container("training", retries=0)
    for name in names:
        try:
            container.download_blob(name).readall()
        except Exception:  # noqa: BLE001: it is killed under it
            return


def test_a_link_that_swallows_everything(lake, front):
    blobs = {"here": trees.content("here", 300_000), "absent": trees.content("absent", 300_000)}
    lake.make("datasets", blobs)
    front.attach("training", "datasets")
    near = front.container("training", retries=0)
    assert near.download_blob("here").readall() == blobs["here"]
    lake.link.set(black_hole=1)
    client = RawClient(front.server)
    asked = []
    for _ in range(5):
        answer = client.get_blob("training", "absent")
        assert (answer.status, answer.code) == (503, "ServerBusy")
        assert int(answer.headers["Retry-After"]) >= 1
        asked.append(asked_for_readers(front))
        assert near.download_blob("here").readall() == blobs["here"]
        assert [blob.name for blob in near.list_blobs()] == sorted(blobs)
        assert asked_for_readers(front) == asked[-1], "what is here asks nobody"
    # A reader waits for one request, and that below a second (watch_test.cc).
    assert all(after - before <= 1 for before, after in itertools.pairwise(asked)), asked
    status = front.status("training")
    assert status["link"]["state"] != "up" and "out of reach" in status["problem"], status
    # It starts without the lake as well, and mends by itself.
    front.server.restart_after_kill()
    assert front.container("training").download_blob("here").readall() == blobs["here"]
    lake.link.set(black_hole=0)
    deadline = time.monotonic() + 60
    while True:
        try:
            assert front.container("training", 0).download_blob("absent").readall() == blobs["absent"]
            break
        except HttpResponseError:
            assert time.monotonic() < deadline, front.status("training")
            time.sleep(0.2)
    front.wait_for("training", lambda lake: lake["link"]["state"] == "up" and not lake.get("problem"))


def test_what_is_wrong_with_a_lake_is_said(lake, front):
    blobs = {"a": b"first", "b": b"second"}
    lake.make("datasets", blobs)
    expired = front.secret("lake.sas", lake.account.container_sas("datasets", "rlt", hours=-1))
    refused = front.forebay(
        "lake", "attach", "training", "--endpoint", lake.endpoint("datasets"),
        "--credential", f"sas:@{expired}", ok=False,
    )  # fmt: skip
    assert refused.returncode == 1 and "refuses our credential" in refused.stderr, refused.stderr
    assert "The SAS has expired: it was good until 20" in refused.stderr, refused.stderr
    assert "not there" in front.forebay(
        "lake", "attach", "training", "--endpoint", lake.endpoint("nowhere"),
        "--credential", f"key:@{front.secret('key', lake.account.key)}", ok=False,
    ).stderr  # fmt: skip
    missing = front.forebay(
        "lake", "attach", "training", "--endpoint", lake.endpoint("datasets"),
        "--credential", "sas:@/no/such/file", ok=False,
    )  # fmt: skip
    assert "/no/such/file" in missing.stderr
    # A SAS that was renewed in the same file: no command, no restart.
    sas = front.secret("lake.sas", lake.account.container_sas("datasets", "rlt"))
    front.attach("training", "datasets", credential=f"sas:@{sas}")
    near = front.container("training", retries=0)
    assert near.download_blob("a").readall() == b"first"
    front.secret("lake.sas", lake.account.container_sas("datasets", "rlt", hours=-1))
    time.sleep(1.1)  # files are looked at once a second
    with pytest.raises(HttpResponseError) as error:
        near.download_blob("b")
    assert error.value.status_code == 503, "the client's own credential is fine"
    status = front.wait_for("training", lambda lake: lake.get("problem"))
    assert "refuses our credential. The SAS has expired" in status["problem"]
    assert front.forebay("lake", "status", "training", ok=False).returncode == 2
    front.secret("lake.sas", lake.account.container_sas("datasets", "rlt", hours=5))
    time.sleep(1.1)
    assert near.download_blob("b").readall() == b"second"
    front.wait_for("training", lambda lake: not lake.get("problem"))
    front.assert_no_secret_is_seen(refused.stderr, missing.stderr, str(front.status("training")))


# Azurite asks for no date.
@pytest.mark.parametrize("lake", ["forebay"], indirect=True)
def test_a_lake_whose_clock_is_wrong(lake, front):
    lake.make("datasets", {"here": b"kept", "absent": b"there", "later": b"too"})
    front.attach("training", "datasets")
    near = front.container("training", retries=0)

    def events():
        return front.forebay("lake", "events", "training").stdout

    assert near.download_blob("here").readall() == b"kept"
    for ahead, words, name in ((1200, "20 minutes ahead of ours", "absent"),
                               (-1200, "20 minutes behind ours", "later")):  # fmt: skip
        lake.link.set(clock_ahead_s=ahead)
        with pytest.raises(HttpResponseError) as error:
            near.download_blob(name)
        assert error.value.status_code == 503, "the client's own clock is fine"
        status = front.wait_for("training", lambda lake: lake.get("problem"))
        assert words in status["problem"] and "Set the clock" in status["problem"], status
        said = front.forebay("lake", "status", "training", ok=False)
        assert said.returncode == 2 and words in said.stdout, said.stdout
        waiting.until(lambda words=words: words in events())
        refused = front.forebay(
            "lake", "attach", "another", "--endpoint", lake.endpoint("datasets"),
            "--credential", f"key:@{front.server.directory / 'lake.key'}", ok=False,
        )  # fmt: skip
        assert refused.returncode == 1 and words in refused.stderr, refused.stderr
        assert near.download_blob("here").readall() == b"kept"
        # A SAS has no time of ours in it.
        sas = front.secret("lake.sas", lake.account.container_sas("datasets", "rlt"))
        front.attach("signed", "datasets", credential=f"sas:@{sas}")
        front.forebay("lake", "detach", "signed")
        lake.link.set(clock_ahead_s=0)
        assert len(near.download_blob(name).readall()) > 0
        front.wait_for("training", lambda lake: not lake.get("problem"))
        waiting.until(lambda: events().count("lake_reached") == events().count("lake_clock_skew"))


def test_a_lake_whose_container_is_deleted(lake, front):
    lake.make("datasets", {"here": b"kept", "absent": b"lost"})
    front.attach("training", "datasets")
    near = front.container("training", retries=0)
    assert near.download_blob("here").readall() == b"kept"
    lake.direct.delete_container("datasets")
    with pytest.raises(HttpResponseError):
        near.download_blob("absent")
    status = front.wait_for("training", lambda lake: lake.get("problem"))
    assert "container is not there" in status["problem"], status
    assert near.download_blob("here").readall() == b"kept"


def test_prefetch_pin_evict(lake, front):
    blobs = blobs_of(60, 40_000)
    lake.make("datasets", blobs)
    front.attach("training", "datasets")
    wanted = [name for name in blobs if name.startswith("dir-3/")]
    done = front.forebay("prefetch", "training", "dir-3/**", "--wait")
    assert f"{len(wanted)} of {len(wanted)} names" in done.stdout, done.stdout
    assert "\r" not in done.stderr, "no progress bar where nobody looks"
    near = front.container("training", retries=0)
    before = reads_of(front)
    for name in wanted:
        assert near.download_blob(name).readall() == blobs[name]
    assert reads_of(front) == before, "nothing is asked of the lake twice"
    whole = len(wanted) * 40_000
    status = front.wait_for("training", lambda lake: lake["residency"]["resident_bytes"] == whole)
    assert status["residency"]["total_bytes"] == sum(len(data) for data in blobs.values())
    assert "here of" in front.forebay("lake", "status", "training").stdout
    front.forebay("tier", "pin", "training", wanted[0])
    said = front.forebay("tier", "evict", "training", "**").stdout
    assert f"evicted {len(wanted) - 1} of {len(blobs)} names" in said and "1 are pinned" in said, said
    assert "both" in front.forebay("tier", "status", "training", wanted[0]).stdout
    assert "lake, 0 B here" in front.forebay("tier", "status", "training", wanted[1]).stdout
    front.forebay("tier", "hydrate", "training", wanted[1])
    front.forebay("tier", "unpin", "training", wanted[0])
    said = front.forebay("tier", "status", "training").stdout
    assert f"{len(blobs)} names" in said and "2 here and in the lake" in said, said
    read_all(near, blobs)


@pytest.mark.parametrize("lake", ["forebay"], indirect=True)
def test_a_prefetch_is_watched_left_and_ended(lake, front):
    blobs = blobs_of(40, 100_000)
    lake.make("datasets", blobs)
    front.attach("training", "datasets")
    lake.link.set(black_hole=1)  # it is under way as long as the test likes
    watched = front.terminal("prefetch", "training", "dir-[0-3]/**", "--wait")
    watched.read_until("prefetching [^\r]* names \\[=* +\\] +\\d+ %")
    watched.process.send_signal(signal.SIGINT)
    said = watched.read_until("the job goes on: .*--watch (\\d+)")
    assert watched.process.wait(60) == 130
    job = said.group(1)
    # It goes on where it was, whoever looks and whatever happens to the server.
    front.server.restart_after_kill()
    listed = front.forebay("prefetch", "training", "--list").stdout
    assert f" {job} " in listed and "running" in listed, listed
    lake.link.set(black_hole=0)
    front.forebay("prefetch", "training", "--watch", job)
    assert sum(cause["bytes_down"] for cause in reads_of(front)) <= sum(map(len, blobs.values()))
    # One that is ended stays ended.
    lake.link.set(black_hole=1)
    begun = front.forebay("prefetch", "training", "dir-[4-6]/**", "--json").stdout
    job = str(json.loads(begun)["id"])
    assert "cancelled" in front.forebay("prefetch", "training", "--cancel", job).stdout
    lake.link.set(black_hole=0)
    over = front.forebay("prefetch", "training", "--watch", job, ok=False)
    assert over.returncode == 1 and "cancelled" in over.stderr, over.stderr


def test_detach_leaves_what_is_here(lake, front):
    blobs = blobs_of(5, 1000)
    far = lake.make("datasets", blobs)
    front.attach("training", "datasets")
    here = sorted(blobs)[0]
    assert front.container("training").download_blob(here).readall() == blobs[here]
    front.forebay("lake", "detach", "training")
    assert "no container is attached" in front.forebay("lake", "status").stdout
    assert {blob.name for blob in far.list_blobs()} == set(blobs), "the lake keeps everything"
    client = RawClient(front.server)
    assert client.put_blob("training", "new", b"writable again").status == 201
