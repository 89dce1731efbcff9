import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from services.boot import imds, patience
from services.boot.failure import Failure

Answers = list[tuple[int, bytes]]


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Answers]:
    """What the metadata service answers, one after another, the last one for ever."""
    waiting: Answers = []
    monkeypatch.setattr(patience, "FIRST_PAUSE", 0.01)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = (self.path, self.headers["Authorization"]) == ("/opc/v2/instance/", "Bearer Oracle")
            status, body = (waiting.pop(0) if len(waiting) > 1 else waiting[0]) if asked else (403, b"")
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        monkeypatch.setenv("OCI_METADATA_BASE_URL", f"http://127.0.0.1:{server.server_port}/opc/v2")
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield waiting
        server.shutdown()


def test_the_metadata_of_the_instance_is_read_past_any_proxy(answers: Answers) -> None:
    answers.append((200, json.dumps({"metadata": {"mlops_bucket": "b@n"}, "shape": "x"}).encode()))
    assert imds.metadata() == {"mlops_bucket": "b@n"}


def test_an_instance_may_have_none(answers: Answers) -> None:
    answers.append((200, b"{}"))
    assert imds.metadata() == {}


def test_a_service_that_comes_late_is_waited_for(answers: Answers) -> None:
    answers.extend([(404, b""), (503, b""), (200, b"half a docu"), (200, b"{}")])
    assert imds.metadata() == {}


@pytest.mark.parametrize("body", [b"[]", b'"text"', b'{"metadata": []}', b"7"])
def test_another_document_is_refused(answers: Answers, body: bytes) -> None:
    answers.append((200, body))
    with pytest.raises(Failure, match="has no map `metadata`"):
        imds.metadata()


def test_a_service_that_never_comes_is_given_up(answers: Answers) -> None:
    answers.append((500, b""))
    with pytest.raises(Failure, match="it answers 500 Internal Server Error"):
        imds.metadata(wait_seconds=0.1)


def test_a_machine_without_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCI_METADATA_BASE_URL", "http://127.0.0.1:9/opc/v2")
    with pytest.raises(Failure, match=r"the metadata service at .*Connection refused"):
        imds.metadata(wait_seconds=0.1)
