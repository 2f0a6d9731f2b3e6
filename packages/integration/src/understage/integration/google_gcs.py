"""Google Cloud Storage."""

from __future__ import annotations

from typing import ClassVar, Final
from urllib.parse import quote, urlsplit

from understage.integration.aws_s3 import ObjectUrl
from understage.integration.base import Integration
from understage.integration.config import GoogleGcsConfig
from understage.integration.repository_url import decode_segments, not_understood

HOST: Final = "storage.cloud.google.com"


class GoogleGcsIntegration(Integration):
    """Google Cloud Storage.

    Args:
        config: its section of the configuration.
        api_base_url: where its JSON API is.
    """

    type: ClassVar[str] = "googleGcs"

    def __init__(self, config: GoogleGcsConfig, api_base_url: str = "https://storage.googleapis.com") -> None:
        super().__init__(HOST)
        self.config = config
        self.api_base_url = api_base_url

    def parse_object_url(self, url: str) -> ObjectUrl:
        """Takes `https://storage.cloud.google.com/<bucket>/<object>` apart.

        Raises:
            InputError: it is not such an address.
        """
        parts = urlsplit(url)
        bucket, _, key = decode_segments(url, parts.path).partition("/")
        if not bucket:
            raise not_understood(url, "Google Cloud Storage", f"https://{HOST}/bucket/file.yaml")
        quoted = quote(bucket, safe="")
        return ObjectUrl(bucket, key, f"{self.api_base_url}/storage/v1/b/{quoted}", f"https://{HOST}/{quoted}")
