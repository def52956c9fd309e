"""Several data directories: spread, drained and removed under load, one lost; the scrub."""

import hashlib
import json
import os
import shutil
import threading
import time

import pytest
from azure.storage.blob import BlobServiceClient
from harness import trees
from harness.forebay import run_forebay
from harness.raw import RawClient

pytestmark = pytest.mark.forebay_only

BLOB = 300_000  # above the threshold of what lives with the metadata


@pytest.fixture
def three_disks(make_server):
    server = make_server()
    server.disks = [server.directory / name for name in ("disk0", "disk1", "disk2")]
    use_disks(server, server.disks)
    return server.start()


def use_disks(server, disks, extra=""):
    listed = ", ".join(f'"{disk}"' for disk in disks)
    server.write_config()
    lines = server.config.read_text().splitlines()
    lines[0] = f"data = [{listed}]"
    server.config.write_text("\n".join([extra, *lines]) + "\n")


def forebay(server, *arguments, timeout=120):
    return run_forebay(*arguments, "--config", server.config, timeout=timeout)


def volumes(server):
    listed = forebay(server, "volume", "list", "--json")
    assert listed.returncode == 0, listed.stderr
    return {volume["path"]: volume for volume in json.loads(listed.stdout)["volumes"]}


def fill(server, names, container="disks"):
    client = RawClient(server)
    client.create_container(container)
    blobs = {name: trees.content(name, BLOB) for name in names}
    for name, data in blobs.items():
        assert client.put_blob(container, name, data).status == 201
    client.close()
    return blobs


def damage(directory, data):
    """Flips one byte of `data` where it lies in a segment below `directory`; None if it is not there."""
    for segment in sorted((directory / "segments").iterdir()):
        text = segment.read_bytes()
        at = text.find(data[1000:1064])
        if at >= 0:
            with open(segment, "r+b") as file:
                file.seek(at)
                file.write(bytes([text[at] ^ 0xFF]))
            return segment
    return None


class Readers:
    """Read blobs over and over through the SDK and remember every wrong answer."""

    def __init__(self, server, blobs, threads=2):
        self.blobs = {name: hashlib.md5(data).digest() for name, data in blobs.items()}
        self.server, self.reads, self.problems = server, 0, []
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(i,)) for i in range(threads)]

    def run(self, index):
        service = BlobServiceClient.from_connection_string(
            self.server.connection_string(), retry_total=0
        )
        container = service.get_container_client("disks")
        names = sorted(self.blobs)
        while not self.stop.is_set():
            name = names[(index * 7 + self.reads) % len(names)]
            try:
                data = container.download_blob(name).readall()
                if hashlib.md5(data).digest() != self.blobs[name]:
                    self.problems.append(f"{name}: wrong bytes")
            except Exception as error:  # noqa: BLE001: whatever it is, it is a failure
                self.problems.append(f"{name}: {error}")
            self.reads += 1

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join()


def test_bytes_are_spread_over_all_disks(three_disks):
    fill(three_disks, [f"b{i}" for i in range(30)])
    live = [volume["live_bytes"] for volume in volumes(three_disks).values()]
    assert len(live) == 3
    assert min(live) > 0.5 * max(live), live
    status, text = three_disks.admin("/metrics")
    assert status == 200
    assert text.count('state="active"') == 3


def test_a_disk_is_drained_and_removed_while_clients_work(three_disks, azcopy, tmp_path):
    """Reads, an AzCopy download and writes go on; not one of them fails."""
    server = three_disks
    blobs = fill(server, [f"b{i}" for i in range(60)])
    leaving = str(server.disks[2])
    refused = forebay(server, "volume", "remove", leaving)
    assert refused.returncode == 1 and "drained" in refused.stderr
    with Readers(server, blobs) as readers:
        drain = forebay(server, "volume", "drain", leaving, "--wait")
        assert drain.returncode == 0, drain.stderr
        assert "\r" not in drain.stderr, "no progress bar where nobody looks"
        blobs |= fill(server, [f"late{i}" for i in range(10)])
        target = tmp_path / "down"
        azcopy.run(
            "copy", server.url(server.accounts[0], "disks", sas=server.accounts[0].account_sas()),
            str(target), "--recursive", "--from-to=BlobLocal",
        ).check(transferred=len(blobs))  # fmt: skip
        removed = forebay(server, "volume", "remove", leaving)
        assert removed.returncode == 0, removed.stderr
    assert not readers.problems, readers.problems[:5]
    assert readers.reads > 20
    for name, data in blobs.items():
        assert (target / "disks" / name).read_bytes() == data, name
    assert set(volumes(server)) == {str(disk) for disk in server.disks[:2]}
    # The disk may go: the next start does not miss it.
    server.stop()
    shutil.rmtree(leaving)
    use_disks(server, server.disks[:2])
    server.start()
    client = RawClient(server)
    for name, data in blobs.items():
        assert client.get_blob("disks", name).body == data, name
    # An empty disk in its place is a new one.
    server.stop()
    use_disks(server, server.disks)
    server.start()
    assert volumes(server)[leaving]["live_bytes"] == 0
    fill(server, [f"new{i}" for i in range(9)])
    assert volumes(server)[leaving]["live_bytes"] > 0


def test_the_metadata_disk_stays(three_disks):
    refused = forebay(three_disks, "volume", "remove", three_disks.disks[0], "--force")
    assert refused.returncode == 1 and "metadata" in refused.stderr


def test_a_lost_disk_costs_its_own_bytes_only(three_disks):
    server = three_disks
    blobs = fill(server, [f"b{i}" for i in range(45)])
    server.stop()
    lost = server.disks[1]
    uuid = None
    for line in (lost / "VOLUME").read_text().splitlines():
        if line.startswith("volume "):
            uuid = line.split()[1]
    shutil.rmtree(lost)
    # Unnoticed it cannot be, neither mounted elsewhere nor empty.
    use_disks(server, [disk for disk in server.disks if disk != lost])
    refused = run_forebay("serve", "--config", server.config)
    assert refused.returncode == 1
    assert uuid in refused.stderr and "--allow-missing-volumes" in refused.stderr
    use_disks(server, server.disks)
    assert run_forebay("serve", "--config", server.config).returncode == 1

    use_disks(server, server.disks, extra="allow_missing_volumes = true")
    server.start()
    assert volumes(server)[str(lost)]["state"] == "missing"

    def read_all():
        client, kept, failed = RawClient(server), 0, 0
        for name, data in blobs.items():
            answer = client.get_blob("disks", name)
            if answer.status == 200:
                assert answer.body == data, name
                kept += 1
            else:
                # An error of the server, said before the first byte, and no lie about the blob.
                assert answer.status in (500, 503), (name, answer.status)
                assert answer.code in ("InternalError", "ServerBusy"), answer.code
                assert client.request("HEAD", f"/disks/{name}").status == 200
                failed += 1
        return kept, failed

    kept, failed = read_all()
    assert kept > 10 and failed > 5, (kept, failed)
    fresh = fill(server, [f"after{i}" for i in range(10)])
    gone = forebay(server, "volume", "remove", uuid, "--force")
    assert gone.returncode == 0, gone.stderr
    server.stop()
    use_disks(server, [disk for disk in server.disks if disk != lost])
    server.start()  # no longer missed
    assert read_all() == (kept, failed)
    client = RawClient(server)
    for name, data in fresh.items():
        assert client.get_blob("disks", name).body == data
    # What is lost can be deleted, and written anew.
    for name, data in blobs.items():
        if client.get_blob("disks", name).status != 200:
            assert client.request("DELETE", f"/disks/{name}").status == 202
            assert client.put_blob("disks", name, data).status == 201
            assert client.get_blob("disks", name).body == data


def test_a_scrub_finds_a_flipped_byte(three_disks):
    server = three_disks
    blobs = fill(server, [f"b{i}" for i in range(12)])
    sound = forebay(server, "scrub", "start", "--rate", "0", "--wait")
    assert sound.returncode == 0 and "0 damaged" in sound.stdout, sound.stdout + sound.stderr
    for victim, data in blobs.items():
        segment = damage(server.disks[1], data)
        if segment:
            break
    assert segment, "no blob lies on the second disk"
    found = forebay(server, "scrub", "start", "--wait")
    assert found.returncode == 2, found.stdout + found.stderr
    assert "1 damaged" in found.stdout and str(segment) in found.stdout
    status = forebay(server, "scrub", "status", "--json")
    assert status.returncode == 2
    assert json.loads(status.stdout)["damaged"] == 1
    assert "forebay_scrub_last_damaged 1" in server.admin("/metrics")[1]
    # Wrong bytes never reach a client: the answer is an error, or ends early.
    client = RawClient(server)
    try:
        answer = client.get_blob("disks", victim)
        assert answer.status >= 500 or answer.body != blobs[victim]
        assert answer.status >= 500
    except Exception:  # noqa: BLE001: cut off in the middle
        client = RawClient(server)
    for name, data in blobs.items():
        if name != victim:
            assert client.get_blob("disks", name).body == data


def test_a_server_scrubs_by_itself_and_goes_on_after_a_restart(make_server):
    server = make_server(extra='[storage]\nscrub_interval = "1s"\nscrub_rate = "64MiB"').start()
    fill(server, [f"b{i}" for i in range(5)])
    deadline = time.monotonic() + 30
    while True:
        status, text = server.admin("/metrics")
        done = [line for line in text.splitlines() if line.startswith("forebay_scrub_completed_total")]
        if done and int(float(done[0].split()[1])) >= 2:
            break
        assert time.monotonic() < deadline, done
        time.sleep(0.2)
    server.restart_after_kill()
    status = forebay(server, "scrub", "status", "--json")
    assert json.loads(status.stdout)["finished"] != "", "it is written down"


def test_the_administration_wants_its_token(own_server):
    import http.client

    def ask(method, path, token=None, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", own_server.admin_port, timeout=10)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read())

    token = (own_server.data / "admin.token").read_text()
    assert os.stat(own_server.data / "admin.token").st_mode & 0o077 == 0
    assert ask("GET", "/v1/volumes")[0] == 401
    assert ask("GET", "/v1/volumes", "0" * 64)[0] == 401
    status, listed = ask("GET", "/v1/volumes", token)
    assert status == 200 and len(listed["volumes"]) == 1
    assert ask("PUT", "/v1/volumes", token)[0] == 405
    status, refused = ask("POST", "/v1/volumes/drain", token, json.dumps({"volume": "nowhere"}))
    assert status == 404 and refused["error"]["code"] == "NotFound"
    assert ask("POST", "/v1/volumes/drain", token, "no json")[0] == 400
