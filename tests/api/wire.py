"""Signs requests as the official SDK does, part by part changeable, and sends them.

`Sender` calls the WSGI application in this process; `raw` is what travels, so that a
test can change or repeat exactly that.
"""

import hashlib
import hmac
import io
import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

VERSION = "2019-01-18"
HOST = "127.0.0.1:8000"
REGION = "ap-guangzhou"

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


@dataclass(frozen=True)
class Message:
    """One request before it is signed; `replace` changes a part."""

    action: str = "ListKeys"
    body: bytes = b"{}"
    query: str = ""
    method: str = "POST"
    host: str = HOST
    content_type: str = "application/json"
    timestamp: str = field(default_factory=lambda: str(int(time.time())))
    date: str = ""
    service: str = "kms"
    signed: tuple[str, ...] = ("content-type", "host")
    headers: Mapping[str, str] = field(
        default_factory=lambda: {"X-TC-Version": VERSION, "X-TC-Region": REGION}
    )

    def sent_headers(self) -> dict[str, str]:
        """Return every header but Authorization, under its name in lower case."""
        named = {
            "Host": self.host,
            "Content-Type": self.content_type,
            "X-TC-Action": self.action,
            "X-TC-Timestamp": self.timestamp,
            **self.headers,
        }
        return {name.lower(): value for name, value in named.items()}

    def scope_date(self) -> str:
        """Return the date of the credential scope."""
        if self.date:
            return self.date
        return datetime.fromtimestamp(int(self.timestamp), UTC).strftime("%Y-%m-%d")

    def signature(self, secret_key: str, *, fold: bool = False) -> str:
        """Sign; `fold` signs header values in lower case, as the documents say."""
        sent = self.sent_headers()
        lines = ""
        for name in self.signed:
            value = sent.get(name, "")
            lines += f"{name}:{value.strip().lower() if fold else value}\n"
        is_get = self.method == "GET"
        canonical = "\n".join(
            (
                self.method,
                "/",
                self.query if is_get else "",
                lines,
                ";".join(self.signed),
                hashlib.sha256(b"" if is_get else self.body).hexdigest(),
            )
        )
        scope = f"{self.scope_date()}/{self.service}/tc3_request"
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        to_sign = f"TC3-HMAC-SHA256\n{self.timestamp}\n{scope}\n{digest}"
        key = _hmac(f"TC3{secret_key}".encode(), self.scope_date())
        key = _hmac(_hmac(key, self.service), "tc3_request")
        return hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()

    def authorization(self, secret_id: str, signature: str) -> str:
        """Return the Authorization header."""
        scope = f"{secret_id}/{self.scope_date()}/{self.service}/tc3_request"
        return (
            f"TC3-HMAC-SHA256 Credential={scope}, "
            f"SignedHeaders={';'.join(self.signed)}, Signature={signature}"
        )

    def environ(self, authorization: str | None) -> dict[str, Any]:
        """Return what a WSGI server makes of this request."""
        environ: dict[str, Any] = {
            "REQUEST_METHOD": self.method,
            "PATH_INFO": "/",
            "SCRIPT_NAME": "",
            "QUERY_STRING": self.query,
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "8000",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "CONTENT_LENGTH": str(len(self.body)) if self.method == "POST" else "",
            "wsgi.input": io.BytesIO(self.body),
            "wsgi.url_scheme": "http",
        }
        for name, value in self.sent_headers().items():
            key = name.upper().replace("-", "_")
            environ[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value
        if authorization is not None:
            environ["HTTP_AUTHORIZATION"] = authorization
        return environ


@dataclass(frozen=True)
class Reply:
    """What came back: the status line, headers by lower-case name, the body."""

    status: str
    headers: dict[str, str]
    body: bytes

    @property
    def response(self) -> dict[str, Any]:
        """The content of `Response`; checks what is promised of every answer."""
        assert self.status == "200 OK"
        assert self.headers["content-type"] == "application/json"
        assert self.headers["cache-control"] == "no-store"
        assert int(self.headers["content-length"]) == len(self.body)
        response: dict[str, Any] = json.loads(self.body)["Response"]
        assert len(response["RequestId"]) == 36
        return response

    @property
    def code(self) -> str:
        """The error's code, "" for a success."""
        error = self.response.get("Error")
        if error is None:
            return ""
        assert set(error) == {"Code", "Message"}
        assert error["Message"]
        return str(error["Code"])


def call(application: Application, environ: dict[str, Any]) -> Reply:
    """Run one request through a WSGI application."""
    started: list[Any] = []

    def start_response(status: str, headers: list[tuple[str, str]], *_: Any) -> None:
        started.append((status, {name.lower(): value for name, value in headers}))

    body = b"".join(application(environ, start_response))
    status, headers = started[-1]
    return Reply(status, headers, body)


@dataclass(frozen=True)
class Sender:
    """An access key in the hands of a client."""

    application: Application
    secret_id: str
    secret_key: str

    def environ(self, message: Message) -> dict[str, Any]:
        """Sign a message and return it as it travels."""
        signature = message.signature(self.secret_key)
        return message.environ(message.authorization(self.secret_id, signature))

    def send(self, message: Message) -> Reply:
        """Sign and send a message."""
        return call(self.application, self.environ(message))

    def ask(self, action: str, *, region: str = REGION, **parameters: Any) -> Reply:
        """Send an action as the SDK would."""
        headers = {"X-TC-Version": VERSION}
        if region:
            headers["X-TC-Region"] = region
        body = json.dumps(parameters).encode()
        return self.send(Message(action, body, headers=headers))

    def get(self, action: str, parameters: Mapping[str, str], **parts: Any) -> Reply:
        """Send an action by GET, its parameters flattened already."""
        message = Message(
            action,
            b"",
            query=urlencode(parameters),
            method="GET",
            content_type="application/x-www-form-urlencoded",
        )
        return self.send(replace(message, **parts))
