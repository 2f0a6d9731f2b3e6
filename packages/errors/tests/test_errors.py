import pytest
from hypothesis import given
from hypothesis import strategies as st

from understage.errors import (
    AuthenticationError,
    ConflictError,
    ForwardedError,
    InputError,
    NotAllowedError,
    NotFoundError,
    NotModifiedError,
    ResponseError,
    ServiceUnavailableError,
    UnderstageError,
    UnsupportedOperationError,
    deserialize_error,
    error_document,
    error_name,
    error_status,
    retry_after_seconds,
    serialize_error,
    to_error,
)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NotModifiedError(), 304),
        (InputError("x"), 400),
        (AuthenticationError("x"), 401),
        (NotAllowedError("x"), 403),
        (NotFoundError("x"), 404),
        (ConflictError("x"), 409),
        (UnsupportedOperationError("x"), 501),
        (ServiceUnavailableError("x"), 503),
        (ValueError("x"), 500),
    ],
)
def test_the_name_decides_the_status(error: BaseException, status: int) -> None:
    """H21: each error name has its status, and an unknown name is 500."""
    assert error_status(error) == status


def test_an_explicit_status_wins() -> None:
    """H21: an integer status_code or status from 100 to 599 on the error beats its name."""

    class TeapotError(InputError):
        status_code = 418

    class OddError(InputError):
        status = 9999

    assert error_status(TeapotError("short")) == 418
    assert error_status(OddError("out of range")) == 400


def test_names_count_not_classes() -> None:
    """H22: an error that came over the wire, or a duplicate class of the same name, maps by its name."""
    duplicate = type("NotFoundError", (Exception,), {})
    assert error_status(duplicate("gone")) == 404
    assert error_status(deserialize_error({"name": "ConflictError", "message": "m"})) == 409
    forwarded = ForwardedError("while reading", NotFoundError("no such file"))
    assert error_status(forwarded) == 404
    assert str(forwarded) == "while reading; caused by NotFoundError: no such file"


def test_serialized_errors_have_placeholders() -> None:
    """H25: a missing name or message is replaced by a placeholder, and the stack is dropped unless asked for."""
    empty = deserialize_error({})
    assert error_name(empty) == "Unknown"
    assert str(empty) == "<unknown reason>"
    with pytest.raises(InputError) as caught:
        raise InputError("bad")
    assert serialize_error(caught.value) == {"name": "InputError", "message": "bad"}
    assert "test_errors.py" in serialize_error(caught.value, include_stack=True)["stack"]


def test_the_cause_is_serialized() -> None:
    """H25: the cause that an error was given is part of its JSON form, at every level, and is read back."""
    error = InputError("no entity", ForwardedError("while reading", NotFoundError("no such file")))
    form = serialize_error(error)
    assert form == {
        "name": "InputError",
        "message": "no entity; caused by NotFoundError: while reading; caused by NotFoundError: no such file",
        "cause": {
            "name": "NotFoundError",
            "message": "while reading; caused by NotFoundError: no such file",
            "cause": {"name": "NotFoundError", "message": "no such file"},
        },
    }
    again = deserialize_error(form)
    assert isinstance(again.cause, NotFoundError)
    assert again.__cause__ is again.cause
    assert serialize_error(again) == form
    assert "stack" in serialize_error(error, include_stack=True)["cause"]
    remote = ResponseError.from_body("GET", "http://x", 404, "", b'{"error":{"name":"NotFoundError","message":"gone"}}')
    assert serialize_error(remote)["cause"] == {"name": "NotFoundError", "message": "gone"}


def test_what_is_only_chained_stays_out() -> None:
    """H25: an error that is chained with `raise ... from` is not shown; its text was not written for clients."""
    with pytest.raises(InputError) as caught:
        raise InputError("not now") from OSError("10.0.0.7 refused")
    assert serialize_error(caught.value) == {"name": "InputError", "message": "not now"}


def test_causes_in_a_circle() -> None:
    """H25: an error whose causes lead back to itself is serialised without them."""
    one, two = InputError("one"), ConflictError("two")
    one.cause, two.cause = two, one
    assert serialize_error(one) == {"name": "InputError", "message": "one"}


def test_anything_becomes_an_error() -> None:
    """H26: any value can be turned into an error, and an error stays itself."""
    error = InputError("x")
    assert to_error(error) is error
    assert str(to_error("boom")) == "unknown error 'boom'"
    assert error_name(to_error({"name": "ConflictError", "message": "taken"})) == "ConflictError"


def test_the_document_has_the_recorded_shape() -> None:
    """H20: the body names the error, the request as the handler saw it, and the status."""
    document = error_document(NotFoundError("Unknown auth provider 'nope'"), method="GET", url="/nope/refresh")
    assert document == {
        "error": {"name": "NotFoundError", "message": "Unknown auth provider 'nope'"},
        "request": {"method": "GET", "url": "/nope/refresh"},
        "response": {"statusCode": 404},
    }


def test_a_remote_error_passes_its_status_on() -> None:
    """H22: a remote answer's status is passed on, and its described error is the cause."""
    body = b'{"error":{"name":"ConflictError","message":"taken"},"response":{"statusCode":409}}'
    error = ResponseError.from_body("GET", "http://x/api/y", 409, "Conflict", body)
    assert error_status(error) == 409
    assert error.cause.name == "ConflictError"
    assert "taken" in str(error)
    plain = ResponseError.from_body("GET", "http://x", 502, "", b"<html>")
    assert error_status(plain) == 502
    assert "<html>" in str(plain)


def test_retry_after_is_rounded_up() -> None:
    """A Retry-After header carries whole seconds, never fewer than asked for."""
    assert retry_after_seconds(ServiceUnavailableError("x", retry_after=0.2)) == 1
    assert retry_after_seconds(ServiceUnavailableError("x")) is None


@given(
    st.recursive(
        st.none() | st.text() | st.integers(), lambda inner: st.dictionaries(st.text(), inner) | st.lists(inner)
    )
)
def test_any_json_deserializes(data: object) -> None:
    """H25: no JSON value makes deserialization fail, and the result serializes again."""
    error = deserialize_error(data)
    assert isinstance(error, UnderstageError)
    assert set(serialize_error(error)) >= {"name", "message"}
