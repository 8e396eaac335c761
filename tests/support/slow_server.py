"""A web server on loopback that sends its answers in small pieces, with pauses."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Optional


@contextlib.contextmanager
def slow_server(
    pieces: Sequence[bytes],
    *,
    pause: float,
    again: bytes = b"",
    tls: Optional[ssl.SSLContext] = None,
) -> Iterator[str]:
    """Answer each request with `pieces`, then with `again` without an end; the URL."""
    ended = threading.Event()

    def answer(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            request = b""
            while b"\r\n\r\n" not in request:
                request += connection.recv(65536)
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(pause)
            while again and not ended.is_set():
                connection.sendall(again)
                time.sleep(pause)

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
                if tls is not None:
                    connection = tls.wrap_socket(connection, server_side=True)
            except OSError:
                return
            threads.append(threading.Thread(target=answer, args=(connection,), daemon=True))
            threads[-1].start()

    threads: list[threading.Thread] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        try:
            scheme = "http" if tls is None else "https"
            yield f"{scheme}://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            ended.set()
            listener.shutdown(socket.SHUT_RDWR)
            accepting.join()
            for thread in threads:
                thread.join()
