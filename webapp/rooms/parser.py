"""What did the browser say? One checked message, or a reason why not.

Everything that faces a socket passes here: length first, then JSON and types in one strict
pass. Unknown types are told apart, because a newer browser may talk to an older server.
"""

from pydantic import TypeAdapter, ValidationError

from webapp.rooms.messages import FromBrowser

MAX_BYTES = 256 * 1024

MESSAGES: TypeAdapter[FromBrowser] = TypeAdapter(FromBrowser)


class TooLongError(ValueError):
    """The message has more than `MAX_BYTES` bytes."""


class UnknownKindError(ValueError):
    """The message is of a type that this server does not know."""


class MalformedError(ValueError):
    """The message is no JSON, or breaks the rules of its type; the text says where."""


def parse(text: str) -> FromBrowser:
    """Return the message in `text`.

    Raises:
        TooLongError, UnknownKindError, MalformedError: see there.
    """
    # Every character takes a byte or more, so most long texts need no encoding.
    if len(text) > MAX_BYTES:
        raise TooLongError(f"{len(text)} characters")
    try:
        data = text.encode()
    except UnicodeEncodeError:
        raise MalformedError("not valid text") from None
    if len(data) > MAX_BYTES:
        raise TooLongError(f"{len(data)} bytes")
    try:
        return MESSAGES.validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        if first["type"] == "union_tag_invalid":
            raise UnknownKindError("unknown type") from None
        if "strength" in first["loc"]:
            raise MalformedError("Strength goes from −2 to 2.") from None
        place = ".".join(str(step) for step in first["loc"][:6])
        raise MalformedError(f"{place}: {first['msg']}"[:200]) from None
