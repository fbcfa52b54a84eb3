"""Which schemas does the platform publish? HTTP, socket messages and jobs.

The front end generates its types from the first two; all three are kept as golden files, so
that a change to a contract is a visible diff.
"""

from typing import Any

from pydantic import BaseModel, TypeAdapter

from webapp.config.api import api
from webapp.jobs import contract
from webapp.rooms import messages

REF = "#/components/schemas/{model}"


def http() -> dict[str, Any]:
    """Return the OpenAPI document of the HTTP API."""
    document: dict[str, Any] = api.get_openapi_schema()
    return document


def _components(**types: Any) -> dict[str, Any]:
    """Return the named types and everything they refer to, as components.

    As they are written, not as they may be read: what has a default is always there.
    """
    found: dict[str, Any] = {}
    for name, each in types.items():
        is_model = isinstance(each, type) and issubclass(each, BaseModel)
        schema = TypeAdapter(each).json_schema(ref_template=REF, mode="serialization")
        found.update(schema.pop("$defs", {}))
        if not is_model or name not in found:
            found[name] = schema
    return dict(sorted(found.items()))


def _document(title: str, components: dict[str, Any]) -> dict[str, Any]:
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": str(messages.PROTOCOL)},
        "paths": {},
        "components": {"schemas": components},
    }


def socket_messages() -> dict[str, Any]:
    """Return the OpenAPI document whose components are the messages of the sockets."""
    components = _components(
        FromBrowser=messages.FromBrowser,
        FromServer=messages.FromServer,
        TeamEvent=messages.TeamEvent,
        JobRequest=contract.JobRequest,
        JobResult=contract.JobResult,
    )
    return _document("Messages of Atelier's sockets, and its jobs", components)


def jobs() -> dict[str, Any]:
    """Return the OpenAPI document whose components are what web and worker exchange."""
    components = _components(
        JobRequest=contract.JobRequest,
        JobResult=contract.JobResult,
        Progress=contract.Progress,
        PreviewRequest=contract.PreviewRequest,
    )
    return _document("What travels between web and worker", components)
