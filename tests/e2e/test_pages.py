"""docs/administration.md and docs/mount.md keep their word: their shell blocks are run as they stand, in
order, in one shell. docs/lakes.md has test_lakes_page.py, the README test_readme.py."""

import os

import pytest
from azure.storage.blob import BlobServiceClient
from harness import needs, pages, paths
from harness.accounts import DEVELOPMENT
from harness.mount import Mount
from harness.raw import RawClient

pytestmark = pytest.mark.forebay_only
PATH = f"{paths.SERVER.parent}:{os.environ['PATH']}"


def test_looking_after_a_store(make_server, tmp_path):
    disks = [tmp_path / "disk1", tmp_path / "disk2"]
    server = make_server(accounts=(DEVELOPMENT,))
    text = server.config.read_text()
    listed = ", ".join(f'"{disk}"' for disk in disks)
    server.config.write_text(text.replace(f'data = ["{server.data}"]', f"data = [{listed}]"))
    server.start()
    client = RawClient(server)
    client.create_container("box")
    for n in range(4):  # something on either disk
        assert client.put_blob("box", f"blob{n}", os.urandom(1 << 20)).status == 201

    script = "\n".join(pages.blocks("docs/administration.md", "administration-page"))
    assert script.count("forebay ") >= 8, "the page has lost its commands"
    script = script.replace("/disk2", str(disks[1])).replace("/backup", str(tmp_path / "backup"))
    script = script.replace("/new", str(tmp_path / "new")).replace("DATA/", f"{disks[0]}/")
    output = pages.shell(script, tmp_path, PATH=PATH, FOREBAY_CONFIG=str(server.config))
    assert str(disks[1]) in output and "active" in output, output
    assert '"volumes"' in output, output
    remaining = output[output.index('"volumes"') :]
    assert str(disks[0]) in remaining and str(disks[1]) not in remaining, "it was drained and removed"
    assert (tmp_path / "new1/forebay").is_dir()


@needs.left_out("MOUNT")
def test_mounting(make_server, tmp_path):
    needs.need_fuse()
    server = make_server(accounts=()).start()
    (script,) = pages.blocks("docs/mount.md", "mount-page")
    url = "http://127.0.0.1:10000/devlakeaccount1"
    ours = url.replace("10000", str(server.port))
    lake = BlobServiceClient(
        ours, {"account_name": "devlakeaccount1", "account_key": DEVELOPMENT.key}
    )
    training = lake.create_container("training")
    place = tmp_path / "training"
    place.mkdir()
    assert url in script and script.count("/mnt/training") >= 4
    script = script.replace(url, ours).replace("/mnt/training", str(place))
    script = script.replace("forebay mount ", f"forebay mount -o log={tmp_path / 'mount.log'} ")
    mount = Mount(server, "training", place)
    try:
        output = pages.shell(script, tmp_path, PATH=PATH)
    finally:
        mount.close()
    assert "note.txt" in output, output
    assert not os.listdir(place), "it is unmounted"
    assert training.download_blob("note.txt").readall().count(b"\n") == 1
