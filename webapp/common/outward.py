"""May this server send a request to that address? Only to the public internet, never inward.

The name is resolved once and every address it has is checked; then the connection goes to
the very address that was checked, so a name that changes its answer in between gains
nothing. Redirects are not followed: where they lead was never checked.
"""

import ipaddress
import socket
import ssl
from collections.abc import Mapping
from urllib.parse import urlsplit

import urllib3

from webapp.common.errors import RefusedInputError

CONNECT_SECONDS = 5.0
READ_SECONDS = 10.0
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
    pool = urllib3.HTTPSConnectionPool(
        address,
        port,
        ssl_context=trust(),
        server_hostname=host,
        assert_hostname=host,
        timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
        retries=False,
        maxsize=1,
    )
    name = f"[{host}]" if ":" in host else host
    host_header = name if port == 443 else f"{name}:{port}"
    try:
        # The body is never read: whoever answers a byte at a time would hold us up for hours.
        answer = pool.urlopen(
            "POST",
            path,
            body=body,
            headers={**headers, "Host": host_header},
            redirect=False,
            preload_content=False,
        )
    except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        raise NotTakenError(f"{type(error).__name__}: it did not answer") from error
    finally:
        pool.close()
    answer.close()
    if not 200 <= answer.status < 300:
        raise NotTakenError(f"it answered {answer.status}")
    return int(answer.status)
