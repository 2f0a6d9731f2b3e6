"""Session answers: what the frontend's sign-in page reads."""

import base64
import binascii
import time
from typing import Any

import msgspec
from starlette.responses import Response

from understage.auth_api.types import BackstageIdentity, ProfileInfo, Session, SignInResult, UserIdentity
from understage.errors import InputError


class _Claims(msgspec.Struct):
    sub: str
    exp: float | None = None
    ent: tuple[str, ...] | None = None


def backstage_identity(result: SignInResult, *, now: float | None = None) -> BackstageIdentity:
    """Returns the identity part of a session.

    Args:
        result: what the sign-in resolver returned.
        now: the time, in seconds since 1970; by default the present.

    Raises:
        InputError: the token is no JWT with a `sub`.
    """
    claims = _read_claims(result.token)
    identity = result.identity or UserIdentity(claims.sub, claims.ent or ())
    if claims.exp is None:
        return BackstageIdentity(result.token, identity)
    return BackstageIdentity(result.token, identity, int((claims.exp - (time.time() if now is None else now)) // 1))


def session_response(
    profile: ProfileInfo, sign_in_result: SignInResult | None, *, provider_info: dict[str, Any] | None = None
) -> Response:
    """Returns the answer to a refresh: `{"profile", "providerInfo"?, "backstageIdentity"?}`.

    Args:
        profile: what the identity provider tells of the person.
        sign_in_result: what the sign-in resolver returned; None if nobody signs in this way.
        provider_info: what the provider hands to the frontend.
    """
    identity = None if sign_in_result is None else backstage_identity(sign_in_result)
    session = Session(profile=profile, provider_info=provider_info, backstage_identity=identity)
    return Response(msgspec.json.encode(session), media_type="application/json; charset=utf-8")


def _read_claims(token: str) -> _Claims:
    try:
        payload = token.split(".")[1]
        raw = base64.b64decode(payload + "=" * (-len(payload) % 4), b"-_", validate=True)
        return msgspec.json.decode(raw, type=_Claims)
    except (IndexError, binascii.Error, ValueError, msgspec.DecodeError) as error:
        raise InputError("the sign-in resolver returned a token that is no JWT with a 'sub' claim", error) from error
