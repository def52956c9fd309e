"""kill -9 under load, again and again: everything acknowledged is there and right, nothing is half there.

Writers put blobs over keep-alive connections and note each acknowledgement in this process's memory; the
server is killed at a random moment and started again; then all that was ever acknowledged is read back.
"""

import base64
import hashlib
import http.client
import os
import random
import threading
import time
import urllib.parse

import pytest
from harness.raw import RawClient

ROUNDS = int(os.environ.get("FOREBAY_E2E_CRASH_ROUNDS", "6"))
WRITERS = 12
# Below, at and above the size up to which a value lives in the key-value store, and more than a chunk.
SIZES = (0, 1, 300, 4096, 20_000, 70_000, 300_000, 5 << 20)
CONTAINER = "durable"


def content(name, generation, size):
    seed = hashlib.sha256(f"{name}/{generation}".encode()).digest()
    return (seed * (size // len(seed) + 1))[:size]


class Writer(threading.Thread):
    """Puts, overwrites, block lists and deletes of its own names until its connection breaks.

    `acknowledged`: name → (generation, size), or None once a delete was acknowledged. `doubtful`: what the
    one request that got no answer would have made; either outcome of it is right.
    """

    def __init__(self, server, round_number, index):
        super().__init__(daemon=True)
        self.client = RawClient(server, timeout=20)
        self.rng = random.Random(f"{round_number}/{index}")
        self.prefix = f"round-{round_number}/writer-{index:02d}"
        self.acknowledged = {}
        self.doubtful = None
        self.unexpected = []

    def run(self):
        generation = 0
        while not self.unexpected:
            generation += 1
            name = f"{self.prefix}/{self.rng.randrange(40):02d}"
            size = self.rng.choices(SIZES, weights=(4, 8, 16, 16, 8, 8, 3, 1))[0]
            dice = self.rng.random()
            try:
                if dice < 0.08 and self.acknowledged.get(name):
                    self.doubtful = (name, None)
                    self.expect(202, self.client.request("DELETE", f"/{CONTAINER}/{quote(name)}"))
                    self.acknowledged[name] = None
                else:
                    self.doubtful = (name, (generation, size))
                    put = self.put_blocks if dice < 0.2 else self.put_blob
                    put(name, content(name, generation, size))
                    self.acknowledged[name] = (generation, size)
                self.doubtful = None
            except (OSError, http.client.HTTPException):
                return  # The server is gone; `doubtful` says what was under way.

    def put_blob(self, name, data):
        self.expect(201, self.client.put_blob(CONTAINER, name, data))

    def put_blocks(self, name, data):
        ids, target = [], f"/{CONTAINER}/{quote(name)}"
        for index in range(3):
            third = data[index * len(data) // 3 : (index + 1) * len(data) // 3] or b"-"
            ids.append(base64.b64encode(b"%08d" % index).decode())
            block = urllib.parse.quote(ids[-1], safe="")
            self.expect(201, self.client.request("PUT", f"{target}?comp=block&blockid={block}", third))
        # Empty thirds were sent as one byte, for a block may not be empty; they are not named then.
        named = [i for n, i in enumerate(ids) if data[n * len(data) // 3 : (n + 1) * len(data) // 3]]
        body = "<BlockList>" + "".join(f"<Latest>{i}</Latest>" for i in named) + "</BlockList>"
        self.expect(201, self.client.request("PUT", f"{target}?comp=blocklist", body.encode()))

    def expect(self, status, answer):
        if answer.status != status:
            self.unexpected.append((answer.status, answer.code, answer.body[:200]))
            raise ConnectionError("unexpected answer")


def quote(name):
    return urllib.parse.quote(name, safe="")


def check_all(server, writers):
    """Reads back everything that any writer of any round knows about; returns how much that is."""
    client = RawClient(server)
    checked = 0
    for writer in writers:
        for name, expected in writer.acknowledged.items():
            allowed = [expected]
            if writer.doubtful and writer.doubtful[0] == name:
                allowed.append(writer.doubtful[1])
            verify_one(client, name, allowed)
            checked += 1
        if writer.doubtful and writer.doubtful[0] not in writer.acknowledged:
            verify_one(client, writer.doubtful[0], [None, writer.doubtful[1]])
    client.close()
    return checked


def verify_one(client, name, allowed):
    answer = client.get_blob(CONTAINER, name)
    if answer.status == 404:
        assert None in allowed, f"{name} was acknowledged and is gone"
        return
    assert answer.status == 200, (name, answer.status, answer.body[:300])
    contents = [content(name, *version) for version in allowed if version is not None]
    assert answer.body in contents, f"{name}: {len(answer.body)} bytes that nobody wrote"


def listed_sizes(client):
    from xml.etree import ElementTree

    sizes, marker = {}, None
    while marker != "":
        query = f"&marker={urllib.parse.quote(marker, safe='')}" if marker else ""
        answer = client.request("GET", f"/{CONTAINER}?restype=container&comp=list{query}")
        assert answer.status == 200, answer.body
        root = ElementTree.fromstring(answer.body)
        for blob in root.findall("./Blobs/Blob"):
            sizes[blob.findtext("Name")] = int(blob.findtext("./Properties/Content-Length"))
        marker = root.findtext("NextMarker") or ""
    return sizes


@pytest.mark.forebay_only
def test_everything_acknowledged_survives_kill_9(own_server):
    read_by_start, answered, written = own_server.io_bytes()[0], 0, 0
    assert RawClient(own_server).create_container(CONTAINER).status == 201
    rng, everyone, checked = random.Random("moments"), [], 0
    for round_number in range(ROUNDS):
        writers = [Writer(own_server, round_number, index) for index in range(WRITERS)]
        for writer in writers:
            writer.start()
        time.sleep(rng.uniform(0.4, 3.0))
        written += own_server.io_bytes()[1] - answered
        own_server.kill()
        for writer in writers:
            writer.join(30)
            assert not writer.is_alive()
            assert not writer.unexpected, writer.unexpected
        everyone += writers
        own_server.start()
        # The log is read, and not what is stored.
        assert own_server.io_bytes()[0] < read_by_start + written / 2, "recovery reads what is stored"
        checked = check_all(own_server, everyone)
        answered = own_server.io_bytes()[1]  # what was read back is no load
        done = sum(len(writer.acknowledged) for writer in writers)
        assert done > WRITERS, f"round {round_number}: only {done} acknowledged, that is no load"
    assert checked > ROUNDS * WRITERS
    # A listing and the blobs agree: no entry without bytes, no size of another version.
    client = RawClient(own_server)
    for name, size in listed_sizes(client).items():
        assert len(client.get_blob(CONTAINER, name).body) == size, name
