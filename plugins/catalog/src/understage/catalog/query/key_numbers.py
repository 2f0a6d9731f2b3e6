"""Numbers that stand for keys in the search index."""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b


@lru_cache(maxsize=16384)
def key_number(key: str) -> int:
    """Returns the number under which a key's rows are stored and found.

    Each text in a list is a key as well, so there are as many keys as entities, and as texts they were half of the
    index. A hash needs no table of keys that replicas would have to agree on. Of a million keys, two share a number
    with a probability of one to thirty million.

    Args:
        key: a dotted path in lower case.

    Returns:
        64 bits, with sign, as both dialects store them.
    """
    return int.from_bytes(blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big", signed=True)
