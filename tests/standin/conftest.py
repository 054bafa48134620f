"""One stand-in over real HTTP for all tests here, as fresh as new before each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from contactsync.standin import Options, RunningStandin, serve

V = "/services/data/v66.0"


class Wire:
    """A caller with a token: paths are relative to `/services/data/v66.0`, or whole when they begin with a slash."""

    def __init__(self, standin: RunningStandin) -> None:
        self.standin = standin
        self.url = standin.url
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers["Authorization"] = f"Bearer {standin.token()}"

    def call(self, method: str, path: str, **more: Any) -> requests.Response:
        target = path if path.startswith("/") else f"{V}/{path}"
        return self.session.request(method, self.url + target, timeout=10, **more)

    def get(self, path: str, **more: Any) -> requests.Response:
        return self.call("GET", path, **more)

    def post(self, path: str, body: Any, **more: Any) -> requests.Response:
        return self.call("POST", path, json=body, **more)

    def patch(self, path: str, body: Any, **more: Any) -> requests.Response:
        return self.call("PATCH", path, json=body, **more)

    def delete(self, path: str, **more: Any) -> requests.Response:
        return self.call("DELETE", path, **more)

    def query(self, soql: str, **more: Any) -> requests.Response:
        return self.get("query", params={"q": soql}, **more)

    def rows(self, soql: str) -> list[dict[str, Any]]:
        answer = self.query(soql)
        assert answer.status_code == 200, answer.text
        return [{name: row[name] for name in row if name != "attributes"} for row in answer.json()["records"]]

    def lead(self, **values: Any) -> str:
        answer = self.post("sobjects/Lead", {"LastName": "Lovelace", "Company": "Engines", **values})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def contact(self, **values: Any) -> str:
        answer = self.post("sobjects/Contact", {"LastName": "Lovelace", **values})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def admin(self, path: str, body: Any = None, *, method: str | None = None) -> Any:
        answer = self.call(method or ("GET" if body is None else "POST"), f"/_standin/{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def seed(self, sobject: str, **values: Any) -> str:
        return str(self.admin("records", {sobject: [values]})[sobject][0])

    @staticmethod
    def error(answer: requests.Response) -> tuple[int, str, str]:
        """Status, code and message of a refused single call."""
        (body,) = answer.json()
        return answer.status_code, body["errorCode"], body["message"]

    def get_row(self, sobject: str, record_id: str) -> dict[str, Any]:
        answer = self.get(f"sobjects/{sobject}/{record_id}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


@pytest.fixture(scope="session")
def running() -> Iterator[RunningStandin]:
    with serve() as standin:
        yield standin


@pytest.fixture
def standin(running: RunningStandin) -> RunningStandin:
    running.org.options = Options()
    running.site.gate.revoke_all()
    running.site.reset()
    return running


@pytest.fixture
def wire(standin: RunningStandin) -> Iterator[Wire]:
    caller = Wire(standin)
    yield caller
    caller.session.close()
