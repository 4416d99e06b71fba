"""The laptop's AWS lets a function do what its role lets it do in an account, and nothing else.

A function signs with its own name for an access key. Who signs otherwise may do anything.
"""

import io
import json
import re
import sys
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qs

from deployed.rights import OBJECTS, RIGHTS

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# `name/day/region/service/aws4_request`, of a header or a URL.
_SIGNED = re.compile(r"Credential=([\w-]+)(?:/|%2F)\d{8}(?:/|%2F)[\w-]+(?:/|%2F)(\w+)(?:/|%2F)")
# Two fields of a presigned form, as boto3 orders them: before its file.
_FORM = re.compile(
    rb'name="key"\r\n\r\n(?P<key>[^\r]*)\r\n.*?'
    rb'name="x-amz-credential"\r\n\r\n(?P<by>[\w-]+)/',
    re.DOTALL,
)
_READS = ("GET", "HEAD")


class Call(NamedTuple):
    """`action` on `on`, as in `deployed.rights`."""

    function: str
    action: str
    on: str

    @property
    def allowed(self) -> bool:
        return any(
            self.action in right.actions and self.on in right.on for right in RIGHTS[self.function]
        )


class Guard:
    """WSGI: what is not among a function's rights is answered as AWS does, and told in the log."""

    def __init__(self, app: "WSGIApplication") -> None:
        self._app = app

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        call = _call(environ)
        if call is None or call.allowed:
            return self._app(environ, start_response)
        sys.stderr.write(f"DENIED: {call.function} may not {call.action} on {call.on}\n")
        sys.stderr.flush()
        if call.action.startswith("s3:"):
            return _answer(start_response, HTTPStatus.FORBIDDEN, "application/xml", _XML)
        return _answer(start_response, HTTPStatus.BAD_REQUEST, "application/x-amz-json-1.1", _JSON)


_XML = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
_JSON = json.dumps({"__type": "AccessDeniedException", "message": "not authorized"}).encode()


def _answer(
    start_response: "StartResponse", status: HTTPStatus, kind: str, body: bytes
) -> Iterable[bytes]:
    headers = [("Content-Type", kind), ("Content-Length", str(len(body)))]
    start_response(f"{status.value} {status.phrase}", headers)
    return [body]


def _call(environ: "WSGIEnvironment") -> Call | None:
    """What one of our functions asks for, or who has a URL or a form of its; None of all others."""
    query = environ["QUERY_STRING"]
    if signed := _SIGNED.search(environ.get("HTTP_AUTHORIZATION") or query):
        function, service = signed.groups()
        if function not in RIGHTS:
            return None
        if service == "s3":
            return Call(function, *_of_s3(environ["REQUEST_METHOD"], environ["PATH_INFO"], query))
        operation = environ["HTTP_X_AMZ_TARGET"].rpartition(".")[2].removesuffix("Batch")
        return Call(function, f"{service}:{operation}", _named(json.loads(_body(environ))))
    if "multipart/form-data" in environ.get("CONTENT_TYPE", ""):
        form = _FORM.search(_body(environ))
        if form and (function := form["by"].decode()) in RIGHTS:
            return Call(function, "s3:PutObject", _folder(form["key"].decode()))
    return None


def _body(environ: "WSGIEnvironment") -> bytes:
    """To be read again by whoever is asked next."""
    from werkzeug.wsgi import get_input_stream

    body = get_input_stream(environ).read()
    environ["wsgi.input"] = io.BytesIO(body)
    return body


def _of_s3(method: str, path: str, query: str) -> tuple[str, str]:
    key = path.removeprefix("/").partition("/")[2]
    asked = parse_qs(query, keep_blank_values=True)
    if not key:
        return ("s3:ListBucketVersions" if "versions" in asked else "s3:ListBucket"), "bucket"
    if method in _READS:
        action = "GetObject"
    elif method != "DELETE":
        action = "PutObject"
    elif "uploadId" in asked:
        action = "AbortMultipartUpload"
    else:
        action = "DeleteObjectVersion" if "versionId" in asked else "DeleteObject"
    return f"s3:{action}", _folder(key)


def _folder(key: str) -> str:
    return next((below for below in OBJECTS if key.startswith(below)), key)


def _named(body: Mapping[str, str]) -> str:
    """The last word of a secret's name, or of a queue's."""
    secret = body.get("SecretId")
    if secret:
        return secret.rpartition("/")[2]
    return body.get("QueueUrl", "").rpartition("-")[2]
