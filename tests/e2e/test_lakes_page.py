"""docs/lakes.md keeps its word: its shell blocks are run as they stand, in order, in one shell. And
docs/openapi.json: what a server answers is what its schemas say."""

import http.client
import json
import os

import pytest
from harness import pages, paths
from harness.accounts import DEVELOPMENT
from harness.forebay import Forebay
from harness.lakes import Front, Lake
from harness.server import free_port

pytestmark = pytest.mark.forebay_only
OPENAPI = json.loads((paths.ROOT / "docs/openapi.json").read_text())


def test_the_page(tmp_path):
    server = Forebay(tmp_path / "near", accounts=()).start()
    markers = ("lakes-page", "lakes-page-http")
    script = "\n".join(block for marker in markers for block in pages.blocks("docs/lakes.md", marker))
    assert script.count("forebay lake") >= 8, "the page has lost its commands"
    script = script.replace("127.0.0.1:11000", f"127.0.0.1:{free_port()}")
    try:
        output = pages.shell(
            script, tmp_path, FOREBAY_DATA=str(server.data),
            AZURE_STORAGE_CONNECTION_STRING=server.connection_string(DEVELOPMENT),
            PATH=f"{paths.SERVER.parent}:{paths.CLIENTS}/venv/bin:{os.environ['PATH']}",
        )  # fmt: skip
        for words in (
            "imported 21 names", "cat dog", "6000007 bytes in 21 blobs", "prefetched 10 of 10 names",
            "the lake has everything", "no conflicts", "would be deleted", "the policy is put",
            "detached devstoreaccount1/training",
            '"lakes": []',
        ):  # fmt: skip
            assert words in output, (words, output)
        secret = (tmp_path / "lake.sas").read_text().strip().split("sig=")[-1]
        assert secret not in output and secret not in server.log(2000)
    finally:
        server.kill()


def ask(server, method, path, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", server.admin_port, timeout=30)
    token = (server.data / "admin.token").read_text()
    connection.request(
        method, path, json.dumps(body) if body is not None else None,
        {"Authorization": f"Bearer {token}"},
    )  # fmt: skip
    response = connection.getresponse()
    return response.status, json.loads(response.read())


def check(schema, value, where="$"):
    """Holds a value to a schema of the document; a field that it does not name is wrong, too."""
    if "$ref" in schema:
        schema = OPENAPI["components"]["schemas"][schema["$ref"].split("/")[-1]]
    kind = schema["type"]
    if kind == "object":
        assert isinstance(value, dict), where
        assert set(schema.get("required", ())) <= set(value), (where, value)
        for name, field in value.items():
            if schema.get("additionalProperties"):
                continue  # a document of Azure's
            assert name in schema["properties"], f"{where}.{name} is not described"
            check(schema["properties"][name], field, f"{where}.{name}")
    elif kind == "array":
        for i, item in enumerate(value):
            check(schema["items"], item, f"{where}[{i}]")
    else:
        types = {"string": str, "integer": int, "boolean": bool}
        assert type(value) is types[kind], (where, value)
        assert value in schema.get("enum", [value]), (where, value)


def test_answers_are_what_the_document_says(tmp_path, make_server):
    lake = Lake("forebay", tmp_path / "lake", rtt_ms=1)
    front = Front(make_server(accounts=(DEVELOPMENT,)).start(), lake)
    lake.make("datasets", {"a": b"text", "models/best.pt": b"weights"})
    key = front.secret("key", lake.account.key)
    adapted = {
        "/v1/lakes/attach": {
            "container": "training", "endpoint": lake.endpoint("datasets"),
            "credential": f"key:@{key}", "mode": "read-write",
        },
        "/v1/backup": {"to": str(tmp_path / "backup")},
    }  # fmt: skip
    refused = {
        "/v1/volumes/drain", "/v1/volumes/activate", "/v1/volumes/remove", "/v1/scrub/cancel",
        "/v1/lakes/approve", "/v1/lakes/conflicts/resolve", "/v1/prefetch/cancel",
        "/v1/lakes/verify", "/v1/lakes/takeover",
    }  # fmt: skip
    # Attach first, detach last; the examples of the others are about what is attached.
    last = ("/v1/lakes/detach", "/v1/lifecycle/delete")
    order = sorted(OPENAPI["paths"], key=lambda p: (p != "/v1/lakes/attach", p in last, p))
    values = {"container": "training", "account": "devstoreaccount1"}
    answered = 0
    try:
        for path in order:
            for method, operation in sorted(OPENAPI["paths"][path].items(), reverse=True):
                body = None
                if "requestBody" in operation:
                    content = operation["requestBody"]["content"]["application/json"]
                    body = adapted.get(path, content["example"])
                    check(content["schema"], body, f"{path} example")
                required = [p for p in operation.get("parameters", ()) if p["required"]]
                query = "&".join(f"{p['name']}={values[p['name']]}" for p in required)
                target = f"{path}?{query}" if query else path
                status, answer = ask(front.server, method.upper(), target, body)
                if path in refused:
                    assert status in (400, 404, 409), (path, status, answer)
                    check({"$ref": "Error"}, answer, path)
                    assert "There is no /v1" not in answer["error"]["message"]
                    continue
                assert status == 200, (path, status, answer)
                schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
                check(schema, answer, f"{method} {path}")
                answered += 1
        assert answered >= 15
    finally:
        lake.stop()
