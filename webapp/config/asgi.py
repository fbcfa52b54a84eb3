"""What does the web server run? HTTP by Django, sockets by the rooms app."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.config.settings")

from channels.routing import ProtocolTypeRouter
from django.core.asgi import get_asgi_application

http = get_asgi_application()  # before anything that imports models

from webapp.rooms import routing  # noqa: E402 - after the apps are loaded

application = ProtocolTypeRouter({"http": http, "websocket": routing.application})
