"""The wire itself: versions, slashes, wrong bodies, unknown routes, and real clients."""

from __future__ import annotations

import gzip
import json
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
import requests
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import (
    SalesforceExpiredSession,
    SalesforceMalformedRequest,
    SalesforceResourceNotFound,
)

JSON = {"Content-Type": "application/json"}
LEAD = {"LastName": "L", "Company": "C"}


def test_the_versions_are_listed_without_a_token_and_without_a_limit_header(wire):
    for path in ("/services/data", "/services/data/"):
        answer = wire.get(path, headers={"Authorization": None})
        assert answer.json()[0] == {"label": "Release 59.0", "url": "/services/data/v59.0", "version": "59.0"}
        assert answer.json()[-1]["version"] == "67.0"
        assert "Sforce-Limit-Info" not in answer.headers


@pytest.mark.parametrize(
    ("version", "status"), [("v59.0", 200), ("v67.0", 200), ("v58.0", 404), ("v68.0", 404), ("v66", 404), ("66.0", 404)]
)
def test_the_supported_versions_answer_and_no_others(wire, version, status):
    assert wire.get(f"/services/data/{version}/limits").status_code == status


@pytest.mark.parametrize(
    "path",
    [
        "/services/data/v66.0",
        "limits",
        "sobjects",
        "sobjects/Lead",
        "sobjects/Lead/describe",
        "query/?q=SELECT Id FROM Lead",
    ],
)
def test_a_trailing_slash_does_not_matter(wire, path):
    name, _, query = path.partition("?")
    for form in (name.rstrip("/"), name.rstrip("/") + "/"):
        assert wire.get(f"{form}?{query}" if query else form).status_code == 200


@pytest.mark.parametrize(
    "path", ["/", "/services", "/services/data/v66.0/nope", "/services/data/v66.0/composite/nope", "/index.html"]
)
def test_an_unknown_route_is_404_in_json(wire, path):
    answer = wire.get(path)
    assert answer.status_code == 404
    assert answer.json() == [{"message": "The requested resource does not exist", "errorCode": "NOT_FOUND"}]


@pytest.mark.parametrize("path", ["search?q=x", "parameterizedSearch", "jobs/ingest", "tooling/query"])
def test_what_is_not_built_says_so(wire, path):
    assert wire.get(path).status_code == 501


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "sobjects/Lead", "GET,HEAD,POST"),
        ("POST", "limits", "GET,HEAD"),
        ("GET", "composite", "POST"),
        ("PUT", "composite/sobjects", "POST,PATCH,DELETE"),
        ("POST", "query", "GET,HEAD"),
    ],
)
def test_a_method_that_does_not_fit_is_405(wire, method, path, allowed):
    answer = wire.call(method, path)
    message = f"HTTP Method '{method}' not allowed. Allowed are {allowed}"
    assert wire.error(answer) == (405, "METHOD_NOT_ALLOWED", message)


@pytest.mark.parametrize(
    "raw", [b"{", b"{'LastName': 'x'}", b"\xff\xfe", b'"text"', b"[]", b"null", b"[" * 100_000, b""]
)
def test_a_body_that_is_no_json_object_is_a_parser_error(wire, raw):
    answer = wire.call("POST", "sobjects/Lead", data=raw, headers=JSON)
    assert wire.error(answer)[:2] == (400, "JSON_PARSER_ERROR")


def test_a_body_of_another_type_is_415(wire):
    answer = wire.call("POST", "sobjects/Lead", data=LEAD)
    assert wire.error(answer)[:2] == (415, "UNSUPPORTED_MEDIA_TYPE")


def test_a_compressed_body_is_read_and_a_broken_one_refused(wire):
    headers = {**JSON, "Content-Encoding": "gzip"}
    packed = gzip.compress(json.dumps(LEAD).encode())
    assert wire.call("POST", "sobjects/Lead", data=packed, headers=headers).status_code == 201
    assert wire.call("POST", "sobjects/Lead", data=b"nonsense", headers=headers).status_code == 400


def test_a_url_beyond_16384_bytes_is_414_and_with_the_headers_431(wire):
    soql = "SELECT Id FROM Lead WHERE Email IN ({})".format(",".join(f"'{n:020}@x.example'" for n in range(500)))
    assert wire.query(soql).status_code == 414
    assert wire.get("limits", headers={"X-Big": "x" * 16_384}).status_code == 431


def test_the_same_long_query_works_inside_a_composite(wire):
    soql = "SELECT Id FROM Lead WHERE Email IN ({})".format(",".join(f"'{n:020}@x.example'" for n in range(2000)))
    sub = {"method": "GET", "url": f"/services/data/v66.0/query?q={soql.replace(' ', '+')}", "referenceId": "q"}
    (answer,) = wire.post("composite", {"compositeRequest": [sub]}).json()["compositeResponse"]
    assert answer["httpStatusCode"] == 200


def raw_exchange(url, request):
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as connection:
        connection.sendall(request)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
    return received


def test_a_huge_body_is_refused_before_it_is_read(standin):
    request = b"POST /services/data/v66.0/sobjects/Lead HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n"
    assert b"413" in raw_exchange(standin.url, request).split(b"\r\n")[0]


@pytest.mark.parametrize("header", [b"Content-Length: -5", b"Content-Length: x", b"Transfer-Encoding: chunked"])
def test_a_body_without_a_plain_length_is_refused(standin, header):
    request = b"POST /services/data/v66.0/sobjects/Lead HTTP/1.1\r\nHost: x\r\n" + header + b"\r\n\r\n"
    assert b"411" in raw_exchange(standin.url, request).split(b"\r\n")[0]


def test_many_calls_share_one_connection(standin):
    request = b"GET /services/data/ HTTP/1.1\r\nHost: x\r\n\r\n" * 4
    request += b"GET /services/data/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    assert raw_exchange(standin.url, request).count(b"HTTP/1.1 200 OK") == 5


def test_a_head_call_has_no_body(wire):
    answer = wire.call("HEAD", "limits")
    assert (answer.status_code, answer.content) == (200, b"")


class PlainHttp(requests.adapters.HTTPAdapter):
    """simple-salesforce always builds https URLs; this sends them to the stand-in as plain http."""

    def send(self, request, *args, **more):
        request.url = request.url.replace("https://", "http://", 1)
        return super().send(request, *args, **more)


@pytest.fixture
def salesforce(standin):
    session = requests.Session()
    session.trust_env = False
    session.mount("https://", PlainHttp())
    with session:
        yield Salesforce(session_id=standin.token(), instance_url=standin.url, version="66.0", session=session)


def test_simple_salesforce_writes_reads_and_pages(salesforce):
    made = salesforce.Lead.create({**LEAD, "Email": "a@x.example"})
    assert made["success"] is True
    assert salesforce.Lead.update(made["id"], {"Title": "T"}) == 204
    assert salesforce.Lead.get(made["id"])["Title"] == "T"
    assert salesforce.Lead.get_by_custom_id("Email", "a@x.example")["Id"] == made["id"]
    assert salesforce.Lead.upsert("Email/b@x.example", LEAD) == 201
    assert salesforce.Lead.describe()["name"] == "Lead"
    found = salesforce.query_all("SELECT Id FROM Lead", headers={"Sforce-Query-Options": "batchSize=200"})
    assert found["totalSize"] == 2
    assert salesforce.limits()["DailyApiRequests"]["Max"] == 100_000
    assert salesforce.Lead.delete(made["id"]) == 204


def test_simple_salesforce_sends_composites_through_restful(salesforce):
    sub = {"method": "POST", "url": "/services/data/v66.0/sobjects/Lead", "referenceId": "a", "body": LEAD}
    answer = salesforce.restful("composite", method="POST", json={"compositeRequest": [sub]})
    assert answer["compositeResponse"][0]["httpStatusCode"] == 201
    assert salesforce.api_usage["api-usage"].used == 1


def test_simple_salesforce_raises_its_own_errors(salesforce, standin):
    with pytest.raises(SalesforceMalformedRequest):
        salesforce.query("SELECT Nope FROM Lead")
    with pytest.raises(SalesforceResourceNotFound):
        salesforce.Lead.get("00QWs0000009999")
    standin.site.gate.revoke_all()
    with pytest.raises(SalesforceExpiredSession):
        salesforce.query("SELECT Id FROM Lead")


def test_the_module_runs_by_itself_and_prints_one_line_when_ready():
    command = [sys.executable, "-m", "contactsync.standin", "--client-id", "id", "--client-secret", "s"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline()
            url = line.split(" at ")[1].split(",")[0]
            form = {"grant_type": "client_credentials", "client_id": "id", "client_secret": "wrong"}
            assert requests.post(f"{url}/services/oauth2/token", data=form, timeout=10).status_code == 400
        finally:
            process.terminate()
    assert "development tool" in line


def test_calls_at_the_same_time_each_get_their_own_record(wire):
    token = wire.session.headers["Authorization"]

    def send(_):
        url = f"{wire.url}/services/data/v66.0/sobjects/Lead"
        return requests.post(url, json=LEAD, headers={"Authorization": token}, timeout=10).json()["id"]

    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(send, range(64)))
    assert len(set(ids)) == 64
    assert {row["Id"] for row in wire.rows("SELECT Id FROM Lead")} == set(ids)
    assert wire.admin("calls")["count"] == 65
