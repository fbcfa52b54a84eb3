"""The HTTP API: one router per app, one set of problem documents, one schema."""

from importlib import import_module
from importlib.util import find_spec

from ninja import NinjaAPI

from webapp.accounts.auth import signed_in
from webapp.common import problems

api = NinjaAPI(
    title="Atelier",
    version="1",
    description="Pictures, revisions, jobs and the library of edit vectors.",
    auth=signed_in,
    docs_url=None,
    urls_namespace="api",
)
problems.install(api)

for app in ("accounts", "families", "jobs", "images", "library", "rooms"):
    if find_spec(f"webapp.{app}.api") is not None:
        api.add_router("", import_module(f"webapp.{app}.api").router)
