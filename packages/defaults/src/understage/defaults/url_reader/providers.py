"""Readers that others may add."""

from collections.abc import Sequence
from typing import Annotated, Protocol

from understage.plugin_api import UrlReaderService, create_service_ref


class UrlReaderProvider(Protocol):
    """A reader for some addresses, asked before the built-in ones."""

    @property
    def reader(self) -> UrlReaderService:
        """What reads them."""
        ...

    def accepts(self, url: str) -> bool:
        """Tells whether it reads an address, given in its one spelling: lower-case host, no needless port, no dots."""
        ...


url_reader_providers = create_service_ref(UrlReaderProvider, id="core.urlReader.providers", multiton=True)
UrlReaderProviders = Annotated[Sequence[UrlReaderProvider], url_reader_providers]
