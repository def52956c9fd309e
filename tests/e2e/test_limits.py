"""The limits of connections as a server is configured with them: a client too many, a head too large,
clients that are too slow; and thousands of idle connections, which cost little."""

import contextlib
import resource
import socket

import pytest
from harness.raw import RawClient
from harness.waiting import until

pytestmark = pytest.mark.forebay_only
PATIENCE = 30  # for what takes the server a second or two, on a machine that has other work
HELLO = b"GET /devstoreaccount1?comp=list HTTP/1.1\r\nHost: x\r\n\r\n"


def connect(server, receive_buffer=None):
    made = socket.socket()
    if receive_buffer:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    made.settimeout(PATIENCE)
    made.connect(("127.0.0.1", server.port))
    return made


def answer(connection):
    """The head of one answer, read with its body; empty when the connection ends instead."""
    text = b""
    while b"\r\n\r\n" not in text:
        got = connection.recv(65536)
        if not got:
            return b""
        text += got
    head, body = text.split(b"\r\n\r\n", 1)
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    missing = int(lengths[0].split(b":")[1]) - len(body)
    while missing > 0:
        missing -= len(connection.recv(65536))
    return head


def status(connection):
    head = answer(connection)
    return int(head.split()[1]) if head else None


def is_closed(connection):
    """Reads to the end; the end of patience is a failure that says so."""
    with contextlib.suppress(ConnectionError):
        while connection.recv(65536):
            pass
    return True


def test_idle_connections_cost_little(own_server):
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    count = min(3000, hard - 200)
    assert count >= 1000, "raise the limit of open files: ulimit -n"

    def ask(connection):
        connection.sendall(HELLO)
        return status(connection)

    with contextlib.ExitStack() as stack:
        def opened(number):
            made = [stack.enter_context(connect(own_server)) for _ in range(number)]
            # No credentials: an answer of the service all the same, and the connection stays.
            assert {ask(connection) for connection in made} == {403}
            return made

        opened(200)  # what the first ones cost is the server's own
        before = own_server.resident_kib()
        idle = opened(count)
        each = (own_server.resident_kib() - before) * 1024 / count
        assert own_server.metric("forebay_connections") == count + 200
        assert each < 24 << 10, f"an idle connection takes {each:.0f} bytes"
        client = RawClient(own_server)
        assert client.create_container("among-thousands").status == 201
        client.close()
        assert {ask(connection) for connection in idle[::100]} == {403}
    until(lambda: own_server.metric("forebay_connections") == 0)


def test_a_connection_too_many_is_told_so(make_server):
    server = make_server(extra="limits.max_connections = 4").start()
    until(lambda: server.metric("forebay_connections") == 0)
    with contextlib.ExitStack() as stack:
        kept = [stack.enter_context(connect(server)) for _ in range(4)]
        for connection in kept:
            connection.sendall(HELLO)
            assert status(connection) == 403
        with connect(server) as fifth:
            assert status(fifth) == 503
            assert is_closed(fifth)
        assert server.metric("forebay_connections_refused_total") == 1
        kept[0].close()
        until(lambda: server.metric("forebay_connections") == 3)
        with connect(server) as sixth:
            sixth.sendall(HELLO)
            assert status(sixth) == 403


def test_a_head_too_large_is_refused(make_server):
    server = make_server(extra='limits.max_header_size = "8KiB"').start()
    cases = [
        (b"GET /devstoreaccount1?comp=list HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 7000 + b"\r\n\r\n", 403),
        (b"GET /devstoreaccount1?comp=list HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 9000 + b"\r\n\r\n", 431),
        (b"GET /" + b"p" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
    ]
    for request, expected in cases:
        with connect(server) as connection:
            connection.sendall(request)
            assert status(connection) == expected


def test_slow_clients_are_cut_off_and_hold_nobody_up(make_server):
    seconds = "\n".join(f'limits.{name} = "1s"' for name in ("header_timeout", "idle_timeout", "stall_timeout"))
    server = make_server(extra=seconds).start()
    client = RawClient(server)
    assert client.create_container("slow").status == 201
    assert client.put_blob("slow", "large", b"x" * (32 << 20)).status == 201
    sas = client.account.account_sas()
    with contextlib.ExitStack() as stack:
        idle, head, body = (stack.enter_context(connect(server)) for _ in range(3))
        reader = stack.enter_context(connect(server, receive_buffer=4096))
        head.sendall(b"GET /devstoreacc")
        put = f"PUT /devstoreaccount1/slow/never?{sas} HTTP/1.1\r\nHost: x\r\nx-ms-version: 2021-12-02\r\n"
        body.sendall(put.encode() + b"x-ms-blob-type: BlockBlob\r\nContent-Length: 100\r\n\r\nhalf")
        reader.sendall(f"GET /devstoreaccount1/slow/large?{sas} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        # Meanwhile everybody else is served.
        assert RawClient(server).put_blob("slow", "quick", b"quick").status == 201
        for connection in (idle, head, body):
            assert is_closed(connection)
        until(lambda: server.metric("forebay_connection_timeouts_total") >= 4)
        until(lambda: server.metric("forebay_connections") == 0)
    again = RawClient(server)
    assert again.get_blob("slow", "never").status == 404
    assert again.get_blob("slow", "quick").body == b"quick"
