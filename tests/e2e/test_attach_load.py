"""Very many small files and one large one through a container in front of a lake: up, on to the lake, given up here,
and down again, byte for byte.

FOREBAY_E2E_SMALL_FILES and FOREBAY_E2E_LARGE_MIB set the load; 10000 and 20480 are the sizes that it is meant for.
"""

import os

import pytest
from harness import trees
from harness.accounts import DEVELOPMENT
from harness.lakes import Front, Lake

pytestmark = pytest.mark.forebay_only

FILES = int(os.environ.get("FOREBAY_E2E_SMALL_FILES", "10000"))
MIB = int(os.environ.get("FOREBAY_E2E_LARGE_MIB", "256"))


@pytest.fixture
def front(tmp_path, make_server):
    lake = Lake("forebay", tmp_path / "lake")
    front = Front(make_server(accounts=(DEVELOPMENT,)).start(), lake)
    lake.make("datasets")
    front.attach("training", "datasets", "--mode", "read-write")
    yield front
    lake.stop()


def url(server, container):
    return server.url(DEVELOPMENT, container, sas=DEVELOPMENT.account_sas())


@pytest.mark.parametrize("kind", ["small", "large"])
def test_there_and_back(front, azcopy, tmp_path, kind):
    tree = tmp_path / "tree"
    if kind == "small":
        trees.make_small_files(tree, FILES)
    else:
        trees.make_large_file(tree / "large.bin", MIB << 20)
    count = FILES if kind == "small" else 1
    lake = front.lake
    azcopy.run(
        "copy", f"{tree}/*", url(front.server, "training"), "--recursive", "--from-to=LocalBlob", "--put-md5",
    ).check(transferred=count)  # fmt: skip
    front.forebay("lake", "sync", "training", "--wait", timeout=3600)
    sent = {cause["cause"]: cause for cause in front.status("training")["traffic"]}["offload"]
    size = sum(path.stat().st_size for path in tree.rglob("*") if path.is_file())
    # Nothing travels twice, but for what the link refused after it had come: one in a hundred, of up to 4 MiB each.
    spare = 32 << 20 if kind == "large" else 64 << 10
    assert size <= sent["bytes_up"] <= size * 1.05 + spare, sent
    azcopy.run(
        "copy", url(lake.server, "datasets"), tmp_path / "there", "--recursive", "--from-to=BlobLocal",
        "--check-md5=FailIfDifferentOrMissing",
    ).check(transferred=count)  # fmt: skip
    trees.assert_same_tree(tree, tmp_path / "there" / "datasets")
    said = front.forebay("tier", "evict", "training", "**", timeout=3600).stdout
    assert f"evicted {count:,} of {count:,} names" in said or f"evicted {count} of {count} names" in said, said
    azcopy.run(
        "copy", url(front.server, "training"), tmp_path / "here", "--recursive", "--from-to=BlobLocal",
        "--check-md5=FailIfDifferentOrMissing",
    ).check(transferred=count)  # fmt: skip
    trees.assert_same_tree(tree, tmp_path / "here" / "training")
    came = [cause for cause in front.status("training")["traffic"] if cause["cause"] in ("read_through", "prefetch")]
    assert size <= sum(cause["bytes_down"] for cause in came) <= size * 1.05 + spare, came
