import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understage.errors import InputError
from understage.events.bodies import PublishRequest, check_storable, json_value, parse
from understage.events.bodies import _publish_request as publish_request

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_any_payload_survives(payload: Any) -> None:
    """E2, E3: whatever JSON a payload is, what is stored is the same value."""
    body = json.dumps({"event": {"topic": "t", "payload": payload}}).encode()
    assert json.loads(publish_request(body).payload) == payload


@given(st.one_of(st.binary(), JSON.map(lambda value: json.dumps(value).encode())))
def test_any_body_is_read_or_refused(body: bytes) -> None:
    """E2: whatever is sent, it is a request or an input error."""
    try:
        request = publish_request(body)
    except InputError:
        return
    assert isinstance(request, PublishRequest)


@given(st.text())
def test_what_is_storable_can_be_encoded(text: str) -> None:
    """E1, E2: a text that passes has neither NUL characters nor halves of characters."""
    try:
        check_storable(text, "it")
    except InputError:
        assert "\0" in text or any("\ud800" <= character <= "\udfff" for character in text)
    else:
        assert b"\0" not in text.encode()


async def test_large_bodies_are_read_elsewhere() -> None:
    """E2: a large body is read in a thread, with the same result and the same errors."""
    large = json.dumps("x" * 400_000).encode()
    assert await parse(json_value, large) == json.loads(large)
    with pytest.raises(InputError, match="not valid JSON"):
        await parse(json_value, large[:-1])
