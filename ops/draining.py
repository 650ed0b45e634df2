"""Refusing a body in a way that whoever sends it comes to know of."""

from http.server import BaseHTTPRequestHandler
from typing import Final

PASSED_OVER_BYTES_MAX: Final = 1024 * 1024
PIECE_BYTES: Final = 64 * 1024


def pass_over(request: BaseHTTPRequestHandler, length: int) -> None:
    """Read a body of `length` bytes and keep nothing, up to a megabyte.

    A connection that is closed with bytes unread is reset, and the answer on its way is lost with
    it (RFC 9112, 9.6). Who sends more than a megabyte may lose it.
    """
    left = min(length, PASSED_OVER_BYTES_MAX)
    while left > 0:
        piece = request.rfile.read(min(left, PIECE_BYTES))
        if not piece:
            return
        left -= len(piece)
