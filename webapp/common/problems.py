"""How does an error reach a person over HTTP? As a problem document (RFC 9457)."""

import json
import logging
import secrets
from collections.abc import Iterable, Mapping
from typing import Any

from django.core.exceptions import ValidationError as ModelValidationError
from django.db import DataError
from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI, Schema
from ninja.errors import AuthenticationError, HttpError
from ninja.errors import ValidationError as NinjaValidationError

from webapp.common.errors import (
    DomainError,
    NotFoundError,
    RateLimitedError,
    RefusedInputError,
)

log = logging.getLogger(__name__)


class Problem(Schema):
    """The body of every answer that is not a success."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    fields: dict[str, str] | None = None
    reference: str | None = None


def problem_response(
    *,
    status: int,
    code: str,
    title: str,
    detail: str,
    fields: Mapping[str, str] | None = None,
    reference: str | None = None,
) -> HttpResponse:
    """Return a problem document as an HTTP answer."""
    problem = Problem(
        type=f"urn:atelier:problem:{code}",
        title=title,
        status=status,
        code=code,
        detail=detail,
        fields=dict(fields) if fields else None,
        reference=reference,
    )
    body = json.dumps(problem.model_dump(exclude_none=True), ensure_ascii=False)
    return HttpResponse(body, status=status, content_type="application/problem+json")


def of_domain_error(error: DomainError) -> HttpResponse:
    """Return the answer to a refusal."""
    response = problem_response(
        status=error.status,
        code=error.code,
        title=error.title,
        detail=error.detail,
        fields=error.fields,
    )
    if isinstance(error, RateLimitedError) and error.retry_after is not None:
        response["Retry-After"] = str(error.retry_after)
    return response


def of_bug(error: BaseException, *, where: str) -> HttpResponse:
    """Return the answer to a bug: logged once, and shown as nothing but an id."""
    reference = secrets.token_hex(4)
    log.error("bug %s at %s", reference, where, exc_info=error)
    return problem_response(
        status=500,
        code="bug",
        title="Something is broken on our side",
        detail=f"Something is broken on our side. If you report it, name {reference}.",
        reference=reference,
    )


def _plain(error: Mapping[str, Any]) -> str:
    """Return one pydantic error as a sentence."""
    context: Mapping[str, Any] = error.get("ctx") or {}
    match error["type"]:
        case "missing":
            return "This is missing."
        case "greater_than_equal":
            return f"Must be at least {context.get('ge')}."
        case "less_than_equal":
            return f"Must be at most {context.get('le')}."
        case "finite_number":
            return "Must be a finite number."
        case "string_too_long":
            return f"Has more than {context.get('max_length')} characters."
        case "string_too_short":
            return "Must not be empty."
        case "literal_error":
            return f"Must be one of {context.get('expected')}."
        case "extra_forbidden":
            return "Is not a known name."
        case "value_error":
            return str(context.get("error") or error.get("msg", ""))
        case _:
            message = str(error.get("msg", "is not valid")).removeprefix("Value error, ")
            message = message.removeprefix("Input ")
            return message[:1].upper() + message[1:].rstrip(".") + "."


_PLACES = {"body", "query", "path", "form", "file", "header", "cookie", "payload", "data"}


def plain_fields(errors: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return the sentence for each field that pydantic refused, by dotted name."""
    fields: dict[str, str] = {}
    for error in errors:
        location = [str(part) for part in error.get("loc", ())]
        while len(location) > 1 and location[0] in _PLACES:
            location.pop(0)
        fields.setdefault(".".join(location) or "body", _plain(error))
    return fields


def _of_fields(fields: Mapping[str, str]) -> HttpResponse:
    detail = " ".join(
        sentence if name.endswith("strength") else f"{name}: {sentence}"
        for name, sentence in fields.items()
    )
    return problem_response(
        status=RefusedInputError.status,
        code=RefusedInputError.code,
        title=RefusedInputError.title,
        detail=detail,
        fields=fields,
    )


def _of_http_error(error: HttpError) -> HttpResponse:
    codes = {401: "sign_in_required", 403: "forbidden", 404: "not_found", 429: "rate_limited"}
    return problem_response(
        status=error.status_code,
        code=codes.get(error.status_code, "http"),
        title=error.message,
        detail=error.message,
    )


def install(api: NinjaAPI) -> None:
    """Make every error of `api` a problem document."""

    @api.exception_handler(DomainError)
    def refusal(request: HttpRequest, error: DomainError) -> HttpResponse:
        return of_domain_error(error)

    @api.exception_handler(NinjaValidationError)
    def bad_input(request: HttpRequest, error: NinjaValidationError) -> HttpResponse:
        return _of_fields(plain_fields(error.errors))

    @api.exception_handler(ModelValidationError)
    def bad_model(request: HttpRequest, error: ModelValidationError) -> HttpResponse:
        if hasattr(error, "message_dict"):
            return _of_fields({k: " ".join(v) for k, v in error.message_dict.items()})
        return _of_fields({"body": " ".join(error.messages)})

    @api.exception_handler(DataError)
    def unstorable(request: HttpRequest, error: DataError) -> HttpResponse:
        log.warning("refused at %s %s: %s", request.method, request.path, error)
        return of_domain_error(
            RefusedInputError(
                "This holds a character or number that cannot be kept. Take out what is "
                "invisible, and try again."
            )
        )

    @api.exception_handler(AuthenticationError)
    def nobody(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
        return problem_response(
            status=401,
            code="sign_in_required",
            title="Sign in first",
            detail="Your sign-in has ended. Sign in again to go on.",
        )

    @api.exception_handler(HttpError)
    def http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
        return _of_http_error(error)

    @api.exception_handler(Http404)
    def missing(request: HttpRequest, error: Http404) -> HttpResponse:
        return of_domain_error(NotFoundError("There is nothing at this address."))

    @api.exception_handler(Exception)
    def bug(request: HttpRequest, error: Exception) -> HttpResponse:
        return of_bug(error, where=f"{request.method} {request.path}")


# ---- the answers that Django itself gives ---------------------------------------------


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a request whose cross-site token is missing or wrong."""
    return problem_response(
        status=403,
        code="csrf",
        title="This request did not come from our page",
        detail="This request did not come from our page. Reload it and try again.",
    )


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return of_domain_error(NotFoundError("There is nothing at this address."))


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return problem_response(
        status=400,
        code="bad_request",
        title="We cannot read this request",
        detail="We cannot read this request.",
    )


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return problem_response(
        status=403, code="forbidden", title="Not allowed", detail="You may not do this."
    )


def server_error(request: HttpRequest) -> HttpResponse:
    import sys

    error = sys.exc_info()[1] or RuntimeError("no exception at hand")
    return of_bug(error, where=f"{request.method} {request.path}")
