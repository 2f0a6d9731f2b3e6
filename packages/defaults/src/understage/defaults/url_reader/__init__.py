"""The URL reader service: files, folders and searches by address, whatever host they are on."""

from understage.defaults.url_reader.factory import url_reader_service_factory
from understage.defaults.url_reader.providers import UrlReaderProvider, UrlReaderProviders, url_reader_providers

__all__ = ["UrlReaderProvider", "UrlReaderProviders", "url_reader_providers", "url_reader_service_factory"]
