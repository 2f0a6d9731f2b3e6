"""Signatures of requests to S3 and other services of AWS, version 4."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import parse_qsl, quote, urlsplit

from understage.integration.base import host_of

EMPTY_SHA256: Final = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True, slots=True)
class AwsKeys:
    """Keys of an account.

    Attributes:
        access_key_id: the public part.
        secret_access_key: the secret.
        session_token: goes with temporary keys.
    """

    access_key_id: str
    secret_access_key: str
    session_token: str | None = None

    def __repr__(self) -> str:
        return f"AwsKeys({self.access_key_id!r})"


def sign_get(url: str, keys: AwsKeys, region: str, now: datetime, service: str = "s3") -> Mapping[str, str]:
    """Returns the headers of a signed GET request without body.

    Args:
        url: the address, percent-encoded.
        keys: whose request it is.
        region: where the store is.
        now: the time, in UTC.
        service: whom the request is for.
    """
    parts = urlsplit(url)
    stamp = now.strftime("%Y%m%dT%H%M%SZ")
    signed = {"host": host_of(parts), "x-amz-content-sha256": EMPTY_SHA256, "x-amz-date": stamp}
    if keys.session_token:
        signed["x-amz-security-token"] = keys.session_token
    names = ";".join(sorted(signed))
    query = sorted(
        (quote(name, safe="~"), quote(value, safe="~"))
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
    )
    request = "\n".join(
        [
            "GET",
            parts.path or "/",
            "&".join(f"{name}={value}" for name, value in query),
            *(f"{name}:{signed[name]}" for name in sorted(signed)),
            "",
            names,
            EMPTY_SHA256,
        ]
    )
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    signature = _signature(request, scope, stamp, keys)
    credential = f"{keys.access_key_id}/{scope}"
    authorization = f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}"
    return {**{name: value for name, value in signed.items() if name != "host"}, "Authorization": authorization}


def presign_get(
    host: str, query: Mapping[str, str], keys: AwsKeys, region: str, now: datetime, *, service: str, seconds: int
) -> str:
    """Returns the address of a signed GET request of a host's root, without its scheme.

    Args:
        host: the host, with its port.
        query: what the request says.
        keys: whose request it is.
        region: where the service is.
        now: the time, in UTC.
        service: whom the request is for.
        seconds: for how long it counts.
    """
    stamp = now.strftime("%Y%m%dT%H%M%SZ")
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    values = {
        **query,
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"{keys.access_key_id}/{scope}",
        "X-Amz-Date": stamp,
        "X-Amz-Expires": str(seconds),
        "X-Amz-SignedHeaders": "host",
        **({"X-Amz-Security-Token": keys.session_token} if keys.session_token else {}),
    }
    text = "&".join(sorted(f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in values.items()))
    request = "\n".join(["GET", "/", text, f"host:{host}", "", "host", EMPTY_SHA256])
    return f"{host}/?{text}&X-Amz-Signature={_signature(request, scope, stamp, keys)}"


def _signature(request: str, scope: str, stamp: str, keys: AwsKeys) -> str:
    digest = hashlib.sha256(request.encode()).hexdigest()
    key = f"AWS4{keys.secret_access_key}".encode()
    for part in scope.split("/"):
        key = _hmac(key, part)
    return _hmac(key, f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{digest}").hex()


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
