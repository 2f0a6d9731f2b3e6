"""Amazon S3 and stores that speak its protocol."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar, Final
from urllib.parse import SplitResult, quote, urlsplit

from understage.integration.base import Integration, host_of, trimmed
from understage.integration.config import AwsS3Config
from understage.integration.repository_url import decode_segments, not_understood

AMAZON: Final = "amazonaws.com"
# Website endpoints are left out: their owners may redirect to wherever they like.
_HOST: Final = re.compile(
    r"(?:(?P<bucket>.+)\.)?s3(?:[.-](?:dualstack\.)?(?!website)(?P<region>[a-z0-9-]+))?\.amazonaws\.com"
)


@dataclass(frozen=True, slots=True)
class ObjectUrl:
    """An object of a store, or a prefix of objects.

    Attributes:
        bucket: the bucket.
        key: the object's key, decoded.
        bucket_url: the bucket's address in the API, without slash at its end.
        browse_url: the bucket's address as people write it, without slash at its end.
        region: where the store is, if that matters.
    """

    bucket: str
    key: str
    bucket_url: str
    browse_url: str
    region: str = ""

    def object_url(self, key: str) -> str:
        """Returns the address of an object in the API."""
        return f"{self.bucket_url}/{quote(key, safe='/~')}"

    def url_of(self, key: str) -> str:
        """Returns the address of an object as people write it."""
        return f"{self.browse_url}/{quote(key, safe='/~')}"


class AwsS3Integration(Integration):
    """An S3 store.

    Args:
        config: its entry in the configuration.
    """

    type: ClassVar[str] = "awsS3"

    def __init__(self, config: AwsS3Config) -> None:
        self.endpoint = trimmed(config.endpoint or f"https://{AMAZON}")
        super().__init__(host_of(urlsplit(self.endpoint)))
        self.config = config

    def handles(self, parts: SplitResult) -> bool:
        """Tells whether an address belongs to the store: at its host, or with the bucket before that."""
        host = host_of(parts)
        return host == self.host or host.endswith(f".{self.host}")

    def parse_object_url(self, url: str) -> ObjectUrl:
        """Takes an address apart: `https://<bucket>.s3.<region>.amazonaws.com/<key>` or `<endpoint>/<bucket>/<key>`.

        Raises:
            InputError: it is not such an address.
        """
        parts = urlsplit(url)
        host, path = host_of(parts), decode_segments(url, parts.path)
        if self.host == AMAZON:
            match = _HOST.fullmatch(host)
            if match is None:
                raise not_understood(url, "S3", "https://bucket.s3.eu-west-1.amazonaws.com/file.yaml")
            bucket, region = match["bucket"], match["region"] or "us-east-1"
        else:
            bucket = "" if self.config.s3_force_path_style else host.removesuffix(self.host).rstrip(".")
            region = self.config.region or "us-east-1"
        origin = f"{parts.scheme}://{host}"
        if bucket:
            return ObjectUrl(bucket, path, origin, origin, region)
        bucket, _, key = path.partition("/")
        if not bucket:
            raise not_understood(url, "S3", f"{self.endpoint}/bucket/file.yaml")
        place = f"{origin}/{quote(bucket, safe='')}"
        return ObjectUrl(bucket, key, place, place, region)


def is_amazon_store(host: str) -> bool:
    """Tells whether a host is S3 at Amazon; other hosts there may be anybody's."""
    return _HOST.fullmatch(host) is not None
