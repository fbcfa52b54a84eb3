"""May this server send a request to that address? Only to the public internet, never inward.

The name is resolved once and every address it has is checked; then the connection goes to
the very address that was checked, so a name that changes its answer in between gains
nothing. Redirects are not followed: where they lead was never checked.
"""

import ipaddress
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from threading import Event, Timer
from urllib.parse import urlsplit

from webapp.common.errors import RefusedInputError

CONNECT_SECONDS = 5.0
READ_SECONDS = 10.0
TOTAL_SECONDS = 20.0
# Addresses that carry another, perhaps private, one inside (NAT64 and 6to4).
TUNNELS = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("2002::/16"))


class BadTargetError(RefusedInputError):
    """The address is not one that this server sends anything to."""

    code = "outward.refused"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, fields={"url": detail})


class UnknownHostError(BadTargetError):
    """The name leads to no server now; it may again, when the name servers answer."""


class NotTakenError(Exception):
    """The other side could not be reached, or did not answer with a success."""


def is_public(address: str) -> bool:
    """Return whether an IP address lies on the public internet."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            ip = ip.ipv4_mapped
        elif any(ip in network for network in TUNNELS):
            return False
    return ip.is_global and not ip.is_multicast


def lookup(host: str, port: int) -> list[str]:
    """Return every IP address that a name has now.

    Raises:
        UnknownHostError: it has none.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise UnknownHostError(f"{host} leads to no server.") from None
    return [str(each[4][0]) for each in found]


def trust() -> ssl.SSLContext:
    """Return whose certificates are believed: those of this system's authorities."""
    return ssl.create_default_context()


def resolve(url: str) -> tuple[str, str, int]:
    """Return the checked IP address, the host name and the port behind a URL.

    Raises:
        BadTargetError: no https URL, a name that leads nowhere, or one that leads inward.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or 443
        host = (parts.hostname or "").encode("idna").decode()
    except ValueError:
        raise BadTargetError("This address cannot be read. Check it for typos.") from None
    if parts.scheme != "https" or not host:
        raise BadTargetError("Give an address that begins with https://.")
    if parts.username is not None or parts.password is not None:
        raise BadTargetError("Give the address without user name and password.")
    addresses = lookup(host, port)
    if not addresses or not all(is_public(address) for address in addresses):
        raise BadTargetError(f"{host} is not on the public internet.")
    return addresses[0], host, port


def post(url: str, body: bytes, *, headers: Mapping[str, str]) -> int:
    """Send `body` and return the status of the answer, which was a success.

    Of the answer only status and headers are read, and all of it, handshake included, ends
    after `TOTAL_SECONDS`: a limit on each wait alone would let whoever sends a byte now and
    then hold a worker for hours.

    Raises:
        BadTargetError: see `resolve`.
        NotTakenError: it could not be delivered now; the text says why.
    """
    try:
        address, host, port = resolve(url)
    except UnknownHostError as error:
        raise NotTakenError(error.detail) from error
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    name = f"[{host}]" if ":" in host else host
    host_header = name if port == 443 else f"{name}:{port}"
    connection = HTTPConnection(host, port)
    try:
        with (
            socket.create_connection((address, port), timeout=CONNECT_SECONDS) as plain,
            _ended_after(plain, TOTAL_SECONDS),
        ):
            plain.settimeout(READ_SECONDS)
            # To the checked address, and believed only with a certificate of the name.
            connection.sock = trust().wrap_socket(plain, server_hostname=host)
            connection.request("POST", path, body, {**headers, "Host": host_header})
            status = connection.getresponse().status
    except (HTTPException, OSError, ValueError) as error:
        raise NotTakenError(f"{type(error).__name__}: it did not answer") from error
    finally:
        connection.close()
    if not 200 <= status < 300:
        raise NotTakenError(f"it answered {status}")
    return status


@contextmanager
def _ended_after(connected: socket.socket, seconds: float) -> Iterator[None]:
    """Shut a connection down if the block takes longer: its reads and writes then end.

    Raises:
        TimeoutError: it took longer, and an end came where the other side had not come to one.
    """
    was_ended = Event()

    def end() -> None:
        was_ended.set()
        with suppress(OSError):
            twin.shutdown(socket.SHUT_RDWR)

    with connected.dup() as twin:  # ours to shut down, whoever holds the first one by then
        timer = Timer(seconds, end)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()
    if was_ended.is_set():
        raise TimeoutError
