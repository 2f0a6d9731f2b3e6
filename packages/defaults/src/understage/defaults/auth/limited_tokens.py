"""Limited user tokens: derived by whoever holds a user's token, with the proof that the auth plugin put into it."""

from datetime import UTC, datetime
from functools import lru_cache

from understage.defaults.auth.tokens import (
    LIMITED_USER_TYPE,
    USER_TYPE,
    InvalidTokenError,
    encode_json_segment,
    parse_token,
    required_text,
    required_time,
)
from understage.errors import AuthenticationError
from understage.plugin_api import LimitedUserToken


# The same few users ask again and again.
@lru_cache(maxsize=1000)
def derive_limited_token(token: str) -> LimitedUserToken:
    """Derives the limited token of a verified user token.

    The claim `uip` is the auth plugin's signature of the header `{"typ","alg","kid"}` and the payload
    `{"sub","iat","exp"}`, members in that order, compact JSON. Limited tokens, and old ones without a type, are
    returned unchanged.

    Args:
        token: a user token that was verified before.

    Raises:
        AuthenticationError: it is no user token, or holds no proof of identity.
    """
    parsed = parse_token(token)
    if parsed is None or parsed.type not in (USER_TYPE, LIMITED_USER_TYPE, None):
        raise AuthenticationError("Failed to create limited user token, the token is not a user's")
    header, claims = parsed.header, parsed.claims
    try:
        expires_at = required_time(claims, "exp")
        if parsed.type == USER_TYPE:
            limited_header = {"typ": LIMITED_USER_TYPE, "alg": header["alg"], "kid": header["kid"]}
            limited_claims = {"sub": claims["sub"], "iat": claims["iat"], "exp": expires_at}
            proof = required_text(claims, "uip")
            token = f"{encode_json_segment(limited_header)}.{encode_json_segment(limited_claims)}.{proof}"
    except (InvalidTokenError, KeyError) as error:
        raise AuthenticationError("Failed to create limited user token, the user token lacks a claim for it") from error
    return LimitedUserToken(token, datetime.fromtimestamp(expires_at, UTC))
