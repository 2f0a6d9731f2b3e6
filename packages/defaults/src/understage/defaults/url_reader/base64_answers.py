"""Contents that hosts send as base64."""

from __future__ import annotations

import binascii
from base64 import b64decode

from understage.errors import InputError, UnderstageError


def decode_base64(text: str, name: str, max_bytes: int) -> bytes:
    """Returns the content behind a text.

    Args:
        text: the base64; blanks and line ends do not count.
        name: the address for errors.
        max_bytes: how long the content may be.

    Raises:
        InputError: the content is too long.
        UnderstageError: it is no base64.
    """
    try:
        content = b64decode("".join(text.split()), validate=True)
    except binascii.Error as error:
        raise UnderstageError(f"{name} could not be read: the host did not answer base64") from error
    if len(content) > max_bytes:
        raise InputError(f"{name} is larger than {max_bytes} bytes")
    return content
