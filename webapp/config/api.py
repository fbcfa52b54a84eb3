"""The HTTP API: one router per app, one set of problem documents, one schema."""

from typing import Any

from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema
from ninja.operation import Operation

from webapp.accounts import api as accounts
from webapp.accounts.auth import signed_in
from webapp.albums import api as albums
from webapp.common import problems
from webapp.families import api as families
from webapp.images import api as images
from webapp.images.schemas import Crop
from webapp.jobs import api as jobs
from webapp.library import api as library
from webapp.rooms import api as rooms
from webapp.webhooks import api as webhooks
from webapp.workshop import api as workshop


class AtelierAPI(NinjaAPI):
    """An API whose schema also says what a refusal looks like."""

    def get_openapi_operation_id(self, operation: Operation) -> str:
        return operation.view_func.__name__

    def get_openapi_schema(
        self,
        *,
        path_prefix: str | None = None,
        path_params: dict[str, Any] | None = None,
    ) -> OpenAPISchema:
        document = super().get_openapi_schema(path_prefix=path_prefix, path_params=path_params)
        schemas = document["components"]["schemas"]
        schemas["Problem"] = problems.Problem.model_json_schema()
        schemas["Crop"] = Crop.model_json_schema()
        refusal = {
            "description": "A problem document",
            "content": {
                "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
            },
        }
        for operations in document["paths"].values():
            for operation in operations.values():
                answers = operation["responses"].items()
                operation["responses"] = {str(status): answer for status, answer in answers}
                operation["responses"]["default"] = refusal
        return document


api = AtelierAPI(
    title="Atelier",
    version="1",
    description="Pictures, revisions, jobs and the library of edit vectors.",
    auth=signed_in,
    docs_url=None,
    urls_namespace="api",
)
problems.install(api)

for router in (
    accounts.router,
    families.router,
    jobs.router,
    images.router,
    workshop.router,
    albums.router,
    library.router,
    rooms.router,
    webhooks.router,
):
    api.add_router("", router)
