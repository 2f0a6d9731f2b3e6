"""A connection that has become a web socket: uvicorn's, on the package websockets."""

from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol


class WebSocketConnection(WebSocketsSansIOProtocol):
    """Speaks the protocol of web sockets."""

    async def send(self, message: Any) -> None:
        """Takes a message of the app.

        Raises:
            RuntimeError: messages come in the wrong order.
        """
        await super().send(message)
        if self.initial_response is not None and self.close_sent:
            # An answer instead of a socket completes the handshake, too; the server would report it as missing.
            self.handshake_complete = True
