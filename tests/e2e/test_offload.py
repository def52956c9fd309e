"""What is written to a container attached read-write arrives in its lake, over a bad link: a second
Forebay and Azurite, read there by the plain SDK."""

import os

import pytest
from harness.forebay import Forebay
from harness.lakes import Front

pytestmark = pytest.mark.forebay_only


def test_what_is_written_here_arrives_there(tmp_path, lake):
    far = lake.make("there", {"old.txt": b"theirs", "doomed": b"x"})
    server = Forebay(tmp_path / "near", accounts=()).start()
    try:
        front = Front(server, lake)
        front.attach("here", "there", "--mode", "read-write")
        near = front.container("here")
        small = {f"d/{i}.bin": os.urandom(16 << 10) for i in range(100)}
        for name, data in small.items():
            near.upload_blob(name, data, metadata={"k": "v"})
        big = os.urandom(40 << 20)
        near.upload_blob("big.bin", big, max_concurrency=4)
        near.upload_blob("old.txt", b"ours", overwrite=True)
        near.delete_blob("doomed")
        near.delete_blob("d/0.bin")
        del small["d/0.bin"]
        front.forebay("lake", "sync", "here", "--wait")

        assert sorted(blob.name for blob in far.list_blobs()) == sorted(
            [*small, "big.bin", "old.txt"]
        )
        assert far.download_blob("big.bin").readall() == big
        assert far.download_blob("old.txt").readall() == b"ours"
        for name, data in small.items():
            assert far.download_blob(name).readall() == data
        assert far.get_blob_client("d/7.bin").get_blob_properties().metadata == {"k": "v"}
        front.assert_no_secret_is_seen()
    finally:
        server.stop()
