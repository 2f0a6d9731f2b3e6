"""Keys of plugins as keys of a store."""

import base64
import hashlib

_LONGEST = 200


def store_key(plugin_id: str, key: str) -> str:
    """Returns the key under which a store keeps a plugin's value; different keys never meet.

    Stores differ in what a key may hold and how long it may be, so it is encoded, and hashed when it is long.

    Args:
        plugin_id: the plugin.
        key: any text.
    """
    # Lone surrogates are no UTF-8, yet any text is a key.
    text = key.encode("utf-8", "surrogatepass")
    encoded = base64.urlsafe_b64encode(text).decode().rstrip("=")
    space = f"{plugin_id}:"
    if len(space) + len(encoded) > _LONGEST:
        # The dot is no letter of the encoding, so that no short key equals the hash of a long one.
        encoded = f".{hashlib.sha256(text).hexdigest()}"
    return space + encoded
