"""A relay before a server, which counts what clients send."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass
class Count:
    """How many bytes were sent, with the headers of requests."""

    sent: int = 0


@contextlib.contextmanager
def relay(port: int) -> Iterator[tuple[int, Count]]:
    """The port of a relay to a port of this machine, until the block ends; and what it counts."""
    count = Count()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_accept, args=(listener, port, count), daemon=True).start()
        yield listener.getsockname()[1], count
        # A thread that waits in `accept` does not see that the socket is closed.
        listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, port: int, count: Count) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        server = socket.create_connection(("127.0.0.1", port))
        for source, sink, counted in ((client, server, count), (server, client, Count())):
            threading.Thread(target=_pass_on, args=(source, sink, counted), daemon=True).start()


def _pass_on(source: socket.socket, sink: socket.socket, count: Count) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            count.sent += len(data)
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
