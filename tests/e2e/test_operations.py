"""Running the server: health, metrics, logs, key rotation, certificates, draining, limits."""

import dataclasses
import http.client
import json
import re
import socket
import ssl
import subprocess
import threading
import time

import pytest
from azure.storage.blob import BlobServiceClient
from harness import trees
from harness.accounts import DEVELOPMENT, SECOND, make_key
from harness.raw import RawClient
from harness.server import free_port
from harness.waiting import until

pytestmark = pytest.mark.forebay_only


# --- health, metrics, logs ---------------------------------------------------------------------------
def test_health_and_readiness(own_server):
    assert own_server.admin("/healthz")[0] == 200
    assert own_server.admin("/readyz")[0] == 200
    assert own_server.admin("/nothing-here")[0] == 404


def test_metrics_count_requests_and_bytes(own_server):
    client = RawClient(own_server)
    client.create_container("metrics")

    def total():
        status, text = own_server.admin("/metrics")
        assert status == 200
        # Every line is a comment or a sample: what Prometheus would read.
        for line in text.splitlines():
            assert re.match(r"^(#.*|[a-zA-Z_:][\w:]*(\{.*\})? [-+0-9.eENaInf]+)$", line), line
        samples = re.findall(r"^forebay_\w*requests_total(?:\{.*\})? (\d+)", text, re.M)
        return sum(map(int, samples))

    before = total()
    for index in range(10):
        client.put_blob("metrics", f"blob-{index}", b"x" * 1000)
    assert total() >= before + 10


def test_one_log_line_a_request(own_server):
    client = RawClient(own_server)
    client.create_container("logged")
    client.put_blob("logged", "name with space", b"x", {"x-ms-client-request-id": "look-for-me"})
    until(lambda: "look-for-me" in own_server.log(200))
    lines = [line for line in own_server.log(200).splitlines() if "look-for-me" in line]
    assert len(lines) == 1
    assert "201" in lines[0] and "PUT" in lines[0].upper()
    sas = DEVELOPMENT.account_sas()
    unsigned = RawClient(own_server, sign=False)
    assert unsigned.request("GET", f"/logged?restype=container&comp=list&{sas}").status == 200
    until(lambda: "comp=list" in own_server.log(200) or "ListBlobs" in own_server.log(200))
    signature = re.search(r"sig=([^&]+)", sas).group(1)
    assert signature not in own_server.log(500), "a signature must never reach the log"


# --- keys and certificates without a restart ---------------------------------------------------------
def test_keys_rotate_on_sighup(make_server):
    server = make_server(accounts=[DEVELOPMENT, SECOND]).start()
    pid = server.process.pid
    renewed = dataclasses.replace(SECOND, key=make_key("renewed"))

    def accepts(account):
        return RawClient(server, account).request("GET", "/?comp=list").status == 200

    assert accepts(SECOND) and not accepts(renewed)
    server.accounts = [DEVELOPMENT, dataclasses.replace(SECOND, second_key=renewed.key)]
    server.write_config()
    server.reload()
    until(lambda: accepts(renewed))
    assert accepts(SECOND), "both keys are good while one is rotated"
    server.accounts = [DEVELOPMENT, renewed]
    server.write_config()
    server.reload()
    until(lambda: not accepts(SECOND))
    assert accepts(renewed) and server.process.pid == pid and server.alive


def test_a_broken_file_on_sighup_changes_nothing(make_server):
    server = make_server().start()
    server.config.write_text("this is no TOML at all [")
    server.reload()
    until(lambda: "reload" in server.log(50).lower() or "toml" in server.log(50).lower())
    assert server.alive
    assert RawClient(server).request("GET", "/?comp=list").status == 200


@dataclasses.dataclass
class Tls:
    certificate: str
    key: str

    def renew(self, name):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-days", "2", "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1",
             "-keyout", self.key, "-out", self.certificate],
            check=True, capture_output=True,
        )  # fmt: skip


def served_certificate(port):
    return ssl.get_server_certificate(("127.0.0.1", port))


def test_tls_and_a_renewed_certificate(make_server, tmp_path):
    tls = Tls(str(tmp_path / "cert.pem"), str(tmp_path / "key.pem"))
    tls.renew("first")
    server = make_server(tls=tls).start()
    service = BlobServiceClient.from_connection_string(
        server.connection_string(), connection_verify=tls.certificate
    )
    container = service.create_container("secure")
    data = trees.content("tls", 9_000_000)
    container.upload_blob("blob", data)
    assert container.download_blob("blob").readall() == data
    before = served_certificate(server.port)
    tls.renew("second")
    server.reload()
    until(lambda: served_certificate(server.port) != before)
    assert server.alive


def test_the_webhook_speaks_tls(make_server, tmp_path):
    tls = Tls(str(tmp_path / "cert.pem"), str(tmp_path / "key.pem"))
    tls.renew("first")
    port = free_port()
    server = make_server(
        extra=f'lake.events_listen = "127.0.0.1:{port}"\n'
        f'lake.events_tls_cert = "{tls.certificate}"\nlake.events_tls_key = "{tls.key}"'
    ).start()
    hook = "/v1/lakes/azure-events?token=" + (server.data / "events.token").read_text().strip()

    def post(connection, event, **headers):
        connection.request("POST", hook, json.dumps(event), {"Content-Type": "application/json", **headers})
        answer = connection.getresponse()
        return answer.status, answer.read()

    trusting = ssl.create_default_context(cafile=tls.certificate)
    handshake = [{"id": "1", "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent", "subject": "",
                  "eventTime": "2026-11-21T00:00:00Z", "dataVersion": "1",
                  "topic": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/acct",
                  "data": {"validationCode": "512d38b6-c7b8"}}]  # fmt: skip
    status, said = post(
        http.client.HTTPSConnection("127.0.0.1", port, timeout=60, context=trusting), handshake,
        **{"aeg-event-type": "SubscriptionValidation"},
    )  # fmt: skip
    assert (status, json.loads(said)) == (200, {"validationResponse": "512d38b6-c7b8"})
    with pytest.raises((OSError, http.client.HTTPException)):
        post(http.client.HTTPConnection("127.0.0.1", port, timeout=60), handshake)
    before = served_certificate(port)
    tls.renew("second")
    server.reload()
    until(lambda: served_certificate(port) != before)
    assert server.alive


def test_systemd_is_told(make_server, tmp_path, monkeypatch):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        supervisor.bind(str(tmp_path / "notify"))
        supervisor.settimeout(60)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        server = make_server()
        for act, words in (
            (server.start, ["READY=1"]), (server.reload, ["RELOADING=1", "READY=1"]), (server.stop, ["STOPPING=1"]),
        ):  # fmt: skip
            act()
            assert [supervisor.recv(4096).decode().split("\n")[0] for _ in words] == words
        assert server.process.returncode == 0


# --- the end -----------------------------------------------------------------------------------------
def test_sigterm_drains(own_server):
    """A request that is under way finishes; new connections are refused; then the server ends with 0."""
    client = RawClient(own_server)
    client.create_container("drain")
    size = 4 << 20
    slow = socket.create_connection(("127.0.0.1", own_server.port))
    target = f"/{DEVELOPMENT.name}/drain/slow?{DEVELOPMENT.account_sas()}"
    slow.sendall(
        f"PUT {target} HTTP/1.1\r\nHost: 127.0.0.1:{own_server.port}\r\nx-ms-version: 2025-07-05\r\n"
        f"x-ms-blob-type: BlockBlob\r\nContent-Length: {size}\r\n\r\n".encode()
    )
    slow.sendall(b"x" * (size // 2))
    time.sleep(0.3)
    own_server.terminate()

    def refuses():
        try:
            socket.create_connection(("127.0.0.1", own_server.port), timeout=1).close()
            return False
        except OSError:
            return True

    until(refuses)
    assert own_server.alive, "it must wait for the upload"
    slow.sendall(b"x" * (size - size // 2))
    answer = http.client.HTTPResponse(slow)
    answer.begin()
    assert answer.status == 201
    answer.read()
    assert own_server.process.wait(20) == 0
    own_server.start()
    assert RawClient(own_server).get_blob("drain", "slow").body == b"x" * size


def test_sigterm_waits_for_no_idle_connection(make_server):
    # What is waited for may take a day, and `stop` has less patience.
    times = "\n".join(f'limits.{name} = "1d"' for name in ("drain_timeout", "idle_timeout"))
    server = make_server(extra=times).start()
    idle = [RawClient(server) for _ in range(20)]
    for client in idle:
        client.request("GET", "/?comp=list")
    assert server.stop() == 0


# --- memory and rude clients -------------------------------------------------------------------------
def test_memory_is_bounded_over_large_uploads(own_server):
    client = RawClient(own_server)
    client.create_container("memory")
    assert own_server.resident_kib() < 80 << 10, "idle"
    peak = 0
    stop = threading.Event()

    def watch():
        nonlocal peak
        while not stop.is_set():
            peak = max(peak, own_server.resident_kib())
            time.sleep(0.02)

    def put(index):
        uploader = RawClient(own_server, timeout=300)
        answer = uploader.put_blob("memory", f"blob-{index}", body)
        statuses.append(answer.status)

    body, statuses = b"m" * (32 << 20), []
    watcher = threading.Thread(target=watch)
    watcher.start()
    threads = [threading.Thread(target=put, args=(index,)) for index in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stop.set()
    watcher.join()
    assert statuses == [201] * 32
    assert peak < 400 << 10, f"{peak >> 10} MiB"


def test_rude_clients_do_no_harm(own_server):
    """Garbage, half requests and connections that say nothing; the next request is answered."""
    rude = []
    for data in (
        b"", b"\x00" * 100, b"GET / HTTP/9.9\r\n\r\n", b"GET /" + b"a" * 100_000, b"PUT /x HTTP/1.1\r\nHo",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"PUT /devstoreaccount1/c/b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: " + b"y" * 100_000 + b"\r\n\r\n",
    ):  # fmt: skip
        rude.append(socket.create_connection(("127.0.0.1", own_server.port)))
        try:
            rude[-1].sendall(data)
        except OSError:
            pass  # It may hang up on us in the middle; that is its right.
    assert RawClient(own_server).request("GET", "/?comp=list").status == 200
    for connection in rude:
        connection.close()
    assert own_server.alive


def address_of_this_machine():
    """Of the interface that leads out, or loopback where none does; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return probe.getsockname()[0]


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_a_copy_source_on_a_listener_of_its_own_stays_in_the_server(make_server, host):
    """By whatever name or address: fetched over the network it would be refused, as what is at the
    other port is."""
    server = make_server(accounts=(SECOND,), host=host).start()
    client = RawClient(server, account=SECOND)
    client.create_container("box")
    assert client.put_blob("box", "source", b"ours").status == 201

    def copy_from(place):
        url = f"http://{place}/{SECOND.name}/box/source"
        return client.put_blob("box", f"from {place}", b"", {"x-ms-copy-source": url})

    own = {"localhost", "127.0.0.1"}
    if host == "0.0.0.0":
        own |= {"127.0.0.2", address_of_this_machine()}
    for name in sorted(own):
        answer = copy_from(f"{name}:{server.port}")
        assert answer.status == 201, f"{name}: {answer.body}"
        assert client.get_blob("box", f"from {name}:{server.port}").body == b"ours"
        assert copy_from(f"{name}:{server.admin_port}").status >= 400, name
    client.close()


def test_expect_100_continue_spares_the_body(own_server):
    RawClient(own_server).create_container("expect")
    connection = socket.create_connection(("127.0.0.1", own_server.port), timeout=10)
    connection.sendall(
        b"PUT /devstoreaccount1/expect/blob?sv=2020-01-01&sig=bad HTTP/1.1\r\nHost: x\r\n"
        b"Expect: 100-continue\r\nx-ms-blob-type: BlockBlob\r\nContent-Length: 1000000\r\n\r\n"
    )
    answer = connection.recv(4096).decode()
    assert answer.startswith("HTTP/1.1 403"), answer
