"""Everything at once, as processes: writers and readers here, somebody else in the lake, a link that flaps,
evictions and kill -9, held against a reference. Rounds of that, and after each the link is healed and both sides
must agree. What must hold all the time:

- no acknowledged byte is lost: a name that only we write reads as of its last acknowledgement, or newer;
- none is stale beyond its bound: once a check of the lake has ended, what was changed there before it began is served;
- none is zero, torn or another blob's: every read is compared byte for byte with what was written under that name.

FOREBAY_E2E_SOAK_SECONDS (30) may be hours; FOREBAY_E2E_SOAK_SEED repeats the decisions of a run, not its timing.
"""

import base64
import hashlib
import http.client
import os
import random
import secrets
import threading
import time
import urllib.parse

import pytest
from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError
from harness.accounts import DEVELOPMENT
from harness.lakes import Front, Lake
from harness.raw import RawClient

pytestmark = pytest.mark.forebay_only

SECONDS = float(os.environ.get("FOREBAY_E2E_SOAK_SECONDS", "30"))
SEED = os.environ.get("FOREBAY_E2E_SOAK_SEED") or secrets.token_hex(8)
ROUND_SECONDS = 8
# Empty, in the record, in the log, in segments, more than a piece of a fetch, and blocks on their way to the lake.
SIZES, WEIGHTS = (0, 700, 20_000, 300_000, 5 << 20, 9 << 20), (1, 6, 8, 6, 1, 1)
WRITERS, READERS, NAMES = 3, 3, 6
HEALTHY = {"rtt_ms": 2, "error_share": 0, "lost_share": 0, "short_share": 0, "reset_share": 0, "black_hole": 0}


def content(name, number, size, start=0):
    """`size` bytes of what operation `number` wrote under the name, from `start`."""
    block = hashlib.sha256(f"{name}/{number}".encode()).digest()
    skip = start % len(block)
    return (block * ((skip + size) // len(block) + 1))[skip : skip + size]


def quote(name):
    return urllib.parse.quote(name, safe="")


class History:
    """What was done to one name by one side; later operations have larger numbers. size None: it was deleted."""

    def __init__(self, name):
        self.name, self.lock = name, threading.Lock()
        self.attempted = {0: None}  # number → size
        self.floor = 0  # nothing older may be seen
        self.newest = 0  # of somebody in the lake who is alone with this name
        self.here = set()  # which numbers are ours, where both sides write

    def begin(self, size):
        with self.lock:
            number = max(self.attempted) + 1
            self.attempted[number] = size
            return number

    def raise_floor(self, number):
        with self.lock:
            self.floor = max(self.floor, number)

    def forget(self):
        """What cannot be seen any more, so that hours of this fit into memory."""
        with self.lock:
            self.attempted = {n: size for n, size in self.attempted.items() if n >= self.floor}
            self.here.clear()

    def since(self, floor):
        with self.lock:
            return {n: size for n, size in self.attempted.items() if n >= floor}

    def match(self, floor, data):
        """The newest operation since `floor` that made these bytes (None: no blob); None: nobody wrote that."""
        for number, size in sorted(self.since(floor).items(), reverse=True):
            if data is None and size is None:
                return number
            if None not in (data, size) and len(data) == size and data == content(self.name, number, size):
                return number
        return None

    def match_range(self, floor, start, data):
        return any(
            size is not None and start + len(data) <= size
            and content(self.name, number, len(data), start) == data
            for number, size in self.since(floor).items()
        )  # fmt: skip


class Soak:
    """The reference, and all that goes wrong."""

    def __init__(self):
        # Written here alone, in the lake alone, and by both. Here each name has one writer, so that what was
        # acknowledged last is what stands.
        self.ours = [[History(f"ours/{w}/{i}") for i in range(NAMES)] for w in range(WRITERS)]
        self.theirs = [History(f"theirs/{i}") for i in range(NAMES)]
        self.shared = [History(f"shared/{w}") for w in range(WRITERS)]  # both sides number in one history
        self.acknowledged_shared = {}  # name → number, of writes here
        self.taken = set()  # (name, bytes' hash) that somebody in the lake replaced, knowing what it was
        self.copies = {}  # the losers of conflicts that are known to be good, with their hash
        self.stop = threading.Event()
        self.wrong, self.lock = [], threading.Lock()
        self.counts = dict.fromkeys(("writes", "reads", "there", "busy", "cut", "kills", "evictions"), 0)

    def count(self, what):
        with self.lock:
            self.counts[what] += 1

    def report(self, text):
        with self.lock:
            self.wrong.append(text)
        self.stop.set()

    def all(self):
        return [history for names in self.ours for history in names] + self.theirs + self.shared


class Worker(threading.Thread):
    """A client here that outlives the server; one connection at a time."""

    def __init__(self, soak, server, seed):
        super().__init__(daemon=True)
        self.soak, self.random = soak, random.Random(seed)
        self.client = RawClient(server, timeout=60)

    def run(self):
        while not self.soak.stop.is_set():
            try:
                self.step()
            except (OSError, http.client.HTTPException):
                self.soak.count("cut")
                self.client.close()
                time.sleep(0.05)
            except Exception as error:  # noqa: BLE001: a thread's failure is the test's
                self.soak.report(f"{type(self).__name__}: {error!r}")
        self.client.close()


class Writer(Worker):
    def __init__(self, soak, server, seed, names, shared):
        super().__init__(soak, server, seed)
        self.names, self.shared = names, shared

    def step(self):
        shared = self.random.random() < 0.15
        history = self.shared if shared else self.random.choice(self.names)
        delete = self.random.random() < 0.1
        size = None if delete else self.random.choices(SIZES, WEIGHTS)[0]
        number = history.begin(size)
        history.here.add(number)
        answer = self.delete(history.name) if delete else self.put(history.name, content(history.name, number, size))
        if answer.status == 503:
            self.soak.count("busy")
            time.sleep(0.05)
        elif answer.status in (201, 202) or (delete and answer.status == 404):
            self.soak.count("writes")
            if shared:
                with self.soak.lock:
                    self.soak.acknowledged_shared[history.name] = number
            else:
                history.raise_floor(number)
        elif not (shared and answer.status in (404, 409, 412)):
            self.soak.report(f"write of {history.name}: {answer.status} {answer.code} {answer.body[:200]}")

    def delete(self, name):
        return self.client.request("DELETE", f"/training/{quote(name)}")

    def put(self, name, data):
        if len(data) < 1 << 20:
            return self.client.put_blob("training", name, data)
        ids, target = [], f"/training/{quote(name)}"
        for index, start in enumerate(range(0, len(data), 4 << 20)):
            ids.append(base64.b64encode(b"%08d" % index).decode())
            block = urllib.parse.quote(ids[-1], safe="")
            answer = self.client.request("PUT", f"{target}?comp=block&blockid={block}", data[start : start + (4 << 20)])
            if answer.status != 201:
                return answer
        body = "<BlockList>" + "".join(f"<Uncommitted>{i}</Uncommitted>" for i in ids) + "</BlockList>"
        return self.client.request("PUT", f"{target}?comp=blocklist", body.encode())


class Reader(Worker):
    def step(self):
        history = self.random.choice(self.soak.all())
        floor = history.floor
        sizes = [size for size in history.since(floor).values() if size]
        ranged = bool(sizes) and self.random.random() < 0.4
        headers, start = {}, 0
        if ranged:
            start = self.random.randrange(sizes[-1])
            headers = {"Range": f"bytes={start}-{start + self.random.randrange(1 << 20)}"}
        answer = self.client.get_blob("training", history.name, headers)
        self.soak.count("reads")
        if answer.status == 503:
            self.soak.count("busy")
        elif answer.status in (200, 206, 404):
            data = None if answer.status == 404 else answer.body
            good = history.match_range(floor, start, data) if ranged and data else history.match(floor, data) is not None
            if not good:
                said = "no blob" if data is None else f"{len(data)} bytes from {start} ({data[:16].hex()})"
                self.soak.report(f"{history.name}: {said}, which nobody wrote since {floor}: {history.since(floor)}")
        elif not (ranged and answer.status == 416):
            self.soak.report(f"read of {history.name}: {answer.status} {answer.code} {answer.body[:200]}")


class Outsider(threading.Thread):
    """Somebody else's client, straight at the lake. On names that both write it replaces only what it has read."""

    def __init__(self, soak, far, seed):
        super().__init__(daemon=True)
        self.soak, self.far, self.random = soak, far, random.Random(seed)

    def run(self):
        while not self.soak.stop.wait(self.random.uniform(0.01, 0.15)):
            try:
                if self.random.random() < 0.3:
                    self.take(self.random.choice(self.soak.shared))
                else:
                    self.write(self.random.choice(self.soak.theirs))
                self.soak.count("there")
            except Exception as error:  # noqa: BLE001: nothing is wrong with its own link
                self.soak.report(f"in the lake: {error!r}")

    def write(self, history):
        blob = self.far.get_blob_client(history.name)
        if self.random.random() < 0.1 and blob.exists():
            number = history.begin(None)
            blob.delete_blob()
        else:
            size = self.random.choices(SIZES, WEIGHTS)[0]
            number = history.begin(size)
            blob.upload_blob(content(history.name, number, size), overwrite=True)
        history.newest = number

    def take(self, history):
        blob = self.far.get_blob_client(history.name)
        try:
            read = blob.download_blob()
            data, etag = read.readall(), read.properties.etag
            condition = {"etag": etag, "match_condition": MatchConditions.IfNotModified}
        except HttpResponseError as error:
            if error.status_code not in (404, 412):
                raise
            data, condition = None, {"match_condition": MatchConditions.IfMissing}
        size = self.random.choices(SIZES, WEIGHTS)[0]
        number = history.begin(size)
        try:
            blob.upload_blob(content(history.name, number, size), overwrite=True, **condition)
        except HttpResponseError as error:
            if error.status_code not in (409, 412):
                raise
            return
        if data is not None:
            with self.soak.lock:
                self.soak.taken.add((history.name, digest(data)))


def trouble(soak, front, link, rng, until):
    """What goes wrong, one thing after the other."""
    while time.monotonic() < until and not soak.stop.is_set():
        dice = rng.random()
        if dice < 0.2:
            front.server.kill()
            time.sleep(rng.uniform(0, 0.3))
            front.server.start()
            soak.count("kills")
        elif dice < 0.4:
            link.set(black_hole=1)
            time.sleep(rng.uniform(0.1, 1.2))
            link.set(black_hole=0)
        elif dice < 0.6:
            share = rng.choice(("error_share", "lost_share", "short_share", "reset_share"))
            link.set(**{share: rng.uniform(0.05, 0.4)})
            time.sleep(rng.uniform(0.1, 0.8))
            link.set(**{share: 0})
        elif dice < 0.85:
            if front.forebay("tier", "evict", "training", "**", ok=False).returncode == 0:
                soak.count("evictions")
        time.sleep(rng.uniform(0, 0.4))
    link.set(**HEALTHY)


def bytes_of(container):
    """All blobs, name to bytes; one that goes between the listing and the reading is not there."""
    found = {}
    for blob in list(container.list_blobs()):
        try:
            found[blob.name] = container.download_blob(blob.name).readall()
        except HttpResponseError as error:
            if error.status_code != 404:
                raise
    return found


def digest(data):
    return hashlib.sha256(data).digest()


def disagreements(soak, near, far):
    """Where the two sides differ from each other or from the reference, with nobody at work."""
    wrong = [f"{name} is not the same here and there" for name in near.keys() | far.keys()
             if near.get(name) != far.get(name)]  # fmt: skip
    for history in soak.all():
        data = far.get(history.name)
        floor = max(history.floor, history.newest)
        if history.match(floor, data) is None:
            said = "no blob" if data is None else f"{len(data)} bytes"
            wrong.append(f"{history.name}: {said} in the lake, but since {floor}: {history.since(floor)}")
    for name in far.keys() - {history.name for history in soak.all()}:  # the losers of conflicts
        known = soak.copies.get(name) == digest(far[name])
        if not known and all(history.match(0, far[name]) is None for history in soak.shared):
            wrong.append(f"{name}: {len(far[name])} bytes that nobody wrote")
    return wrong + lost(soak, far)


def lost(soak, far):
    """Names that both wrote, whose last acknowledged bytes are nowhere, though nobody who knew them replaced them."""
    kept = {digest(data) for data in far.values()}
    wrong = []
    for history in soak.shared:
        number = soak.acknowledged_shared.get(history.name)
        if number is None:
            continue
        later = {n: size for n, size in history.since(number).items() if n in history.here}
        good = {digest(content(history.name, n, size)) for n, size in later.items() if size is not None}
        taken = {found for name, found in soak.taken if name == history.name}
        if None not in later.values() and not good & (kept | taken):
            wrong.append(f"{history.name}: what was acknowledged ({number}) is nowhere in the lake")
    return wrong


def settle(soak, front, far, seconds=180):
    """Healed and with nobody at work, both sides come to agree."""
    deadline = time.monotonic() + seconds
    while True:
        # One that was under way goes on from the middle; the second begins after all that was changed.
        for _ in range(2):
            front.forebay("lake", "check", "training", ok=False, timeout=300)
        synced = front.forebay("lake", "sync", "training", "--wait", ok=False, timeout=300)
        there = bytes_of(far)
        try:
            wrong = disagreements(soak, bytes_of(front.container("training")), there)
        except HttpResponseError as error:
            wrong = [f"a read: {error.status_code} {error.message[:300]}"]
        if synced.returncode == 0 and not wrong:
            break
        assert time.monotonic() < deadline, f"{wrong[:10]}\n{synced.stdout}{synced.stderr}\n{front.status('training')}"
        time.sleep(0.5)
    names = {history.name for history in soak.all()}
    soak.copies = {name: digest(data) for name, data in there.items() if name not in names}
    for history in soak.all():
        history.raise_floor(history.match(max(history.floor, history.newest), there.get(history.name)))
        history.forget()
    soak.acknowledged_shared.clear()
    soak.taken.clear()


def test_everything_at_once(tmp_path, make_server):
    print(f"FOREBAY_E2E_SOAK_SEED={SEED}")
    rng = random.Random(SEED)
    lake = Lake("forebay", tmp_path / "lake", **HEALTHY)
    extra = 'lake.check_interval = "1s"\nlake.cache_size = "6MiB"'
    front = Front(make_server(accounts=(DEVELOPMENT,), extra=extra).start(), lake)
    far = lake.make("datasets")
    front.attach("training", "datasets", "--mode", "read-write")
    soak = Soak()
    end = time.monotonic() + SECONDS
    try:
        while True:
            soak.stop.clear()
            seeds = [rng.random() for _ in range(WRITERS + READERS + 1)]
            workers = [Writer(soak, front.server, seeds[w], soak.ours[w], soak.shared[w]) for w in range(WRITERS)]
            workers += [Reader(soak, front.server, seeds[WRITERS + r]) for r in range(READERS)]
            workers.append(Outsider(soak, far, seeds[-1]))
            for worker in workers:
                worker.start()
            trouble(soak, front, lake.link, rng, min(time.monotonic() + ROUND_SECONDS, end))
            soak.stop.set()
            for worker in workers:
                worker.join(120)
                assert not worker.is_alive(), worker
            assert not soak.wrong, (SEED, soak.wrong[:5])
            settle(soak, front, far)
            if time.monotonic() >= end:
                break
        print(soak.counts)
        assert soak.counts["writes"] > 20 and soak.counts["reads"] > 20 and soak.counts["there"] > 5, soak.counts
        assert front.server.stop() == 0, front.server.log()
        checked = front.forebay("fsck", "--verify", ok=False)
        assert checked.returncode == 0, checked.stdout + checked.stderr
    finally:
        lake.stop()
