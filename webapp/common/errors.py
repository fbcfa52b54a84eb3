"""What may go wrong on purpose? Refusals that a person can act on.

Each refusal is a subclass with a stable dotted `code`, defined in the module that raises
it. Its text is shown to people as it stands. HTTP turns the base class into a status and a
problem document; a job ends as failed with the same code.
"""

from collections.abc import Mapping


class DomainError(Exception):
    """A refusal: anticipated, not a fault, shown to the person who asked."""

    code = "refused"
    status = 400
    title = "This cannot be done"

    def __init__(self, detail: str = "", *, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.fields = dict(fields or {})


class NotFoundError(DomainError):
    """There is no such thing, or the asker may not know of it."""

    code = "not_found"
    status = 404
    title = "Not found"


class SignInRequiredError(DomainError):
    """Nobody is signed in."""

    code = "sign_in_required"
    status = 401
    title = "Sign in first"


class ForbiddenError(DomainError):
    """The asker may see this, but not change it."""

    code = "forbidden"
    status = 403
    title = "Not allowed"


class ConflictError(DomainError):
    """The present state does not allow this."""

    code = "conflict"
    status = 409
    title = "This does not fit the present state"


class RefusedInputError(DomainError):
    """What was sent breaks a rule."""

    code = "input.refused"
    status = 422
    title = "Please check what you sent"


class TooLargeError(DomainError):
    """More bytes were sent than are accepted."""

    code = "input.too_large"
    status = 413
    title = "Too large"


class RateLimitedError(DomainError):
    """Too much in too short a time; `retry_after` says in how many seconds to go on."""

    code = "rate_limited"
    status = 429
    title = "Too many requests"

    def __init__(self, detail: str = "", *, retry_after: int | None = None) -> None:
        super().__init__(detail)
        self.retry_after = retry_after
