"""A program and a person that talk to a running service, whatever it answers."""

import base64
import http.client
import json
import re
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import urlencode

from tests.api.wire import Message, Reply
from tests.server import RunningServer

UNAVAILABLE = "UnsupportedOperation.ServiceTemporaryUnavailable"
_numbers = count()
TEXT = base64.b64encode(b"known text").decode()


@dataclass
class Program:
    """Calls the API with one access key."""

    server: RunningServer

    def __post_init__(self) -> None:
        # Made while everything works: it takes a command.
        self._key = self.server.access_key

    def ask(self, action: str, **parameters: Any) -> Reply:
        """Send one action over a connection of its own."""
        host = f"127.0.0.1:{self.server.port}"
        # A number of its own, or two calls of one second would be one signature twice.
        own = {**Message().headers, "X-Call-Number": str(next(_numbers))}
        message = Message(
            action,
            json.dumps(parameters).encode(),
            host=host,
            headers=own,
            signed=("content-type", "host", "x-call-number"),
        )
        signature = message.signature(self._key["SecretKey"])
        headers = message.sent_headers()
        headers["authorization"] = message.authorization(
            self._key["SecretId"], signature
        )
        connection = http.client.HTTPConnection(host, timeout=60)
        try:
            connection.request("POST", "/", message.body, headers)
            answer = connection.getresponse()
            said = {name.lower(): value for name, value in answer.getheaders()}
            return Reply(f"{answer.status} {answer.reason}", said, answer.read())
        finally:
            connection.close()

    def code(self, action: str, **parameters: Any) -> str:
        """Return the error's code, "" for a success; anything but HTTP 200 fails."""
        return self.ask(action, **parameters).code

    def create_key(self, name: str) -> str:
        """Create a key and return its ID."""
        key_id: str = self.ask("CreateKey", Alias=name).response["KeyId"]
        return key_id

    def works_with(self, key_id: str) -> bool:
        """Whether text goes into the key and comes out again."""
        sealed = self.ask("Encrypt", KeyId=key_id, Plaintext=TEXT).response
        if "Error" in sealed:
            return False
        blob = sealed["CiphertextBlob"]
        opened = self.ask("Decrypt", CiphertextBlob=blob).response
        return opened.get("Plaintext") == TEXT

    def names(self) -> set[str]:
        """Return the names of all keys."""
        found: set[str] = set()
        while True:
            answer = self.ask("ListKeyDetail", Offset=len(found), Limit=200).response
            more = {entry["Alias"] for entry in answer["KeyMetadatas"]}
            if not more:
                return found
            found |= more


@dataclass
class Person:
    """Signed in to the console as `admin`."""

    server: RunningServer
    cookies: dict[str, str] = field(default_factory=dict)

    def sign_in(self) -> int:
        """Sign in; returns the status of the answer."""
        page = self.get("/login/")[1]
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert token is not None, page
        data = {
            "account": str(self.server.account),
            "login": "admin",
            "password": self.server.password,
            "csrfmiddlewaretoken": token.group(1),
        }
        return self._send("POST", "/login/", urlencode(data))[0]

    def get(self, path: str) -> tuple[int, str]:
        """Return status and text of a page."""
        return self._send("GET", path)

    def post(self, path: str, **fields: str) -> tuple[int, str]:
        """Send a form; returns status and text of the answer."""
        fields["csrfmiddlewaretoken"] = self.cookies["kmsconsole_csrf"]
        return self._send("POST", path, urlencode(fields))

    def _send(self, method: str, path: str, body: str = "") -> tuple[int, str]:
        host = f"localhost:{self.server.port}"
        headers = {"Host": host, "Origin": f"http://{host}", "Accept-Language": "en"}
        if self.cookies:
            pairs = (f"{name}={value}" for name, value in self.cookies.items())
            headers["Cookie"] = "; ".join(pairs)
        if body:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.server.port, timeout=60
        )
        try:
            connection.request(method, path, body or None, headers)
            answer = connection.getresponse()
            for name, value in answer.getheaders():
                if name.lower() == "set-cookie":
                    pair = value.partition(";")[0]
                    self.cookies[pair.partition("=")[0]] = pair.partition("=")[2]
            return answer.status, answer.read().decode()
        finally:
            connection.close()
