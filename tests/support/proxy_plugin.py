"""A plugin for ``proxy.py``: every host name is one of this machine."""

from __future__ import annotations

from typing import Optional

from proxy.http.proxy import HttpProxyBasePlugin


class LoopbackOnly(HttpProxyBasePlugin):  # type: ignore[misc,unused-ignore]  # untyped there
    """Resolves names without asking anybody."""

    def resolve_dns(self, host: str, port: int) -> tuple[Optional[str], None]:
        """The loopback interface."""
        return "127.0.0.1", None
