"""Which socket address leads where?"""

from typing import Any

from channels.routing import URLRouter
from django.urls import path, re_path

from webapp.rooms import handshake
from webapp.rooms.consumers import EventsSocket, PictureSocket

# Typed for views; the router calls what it finds as an application.
refuse: Any = handshake.refuse

application = handshake.from_own_pages(
    URLRouter(
        [
            path("ws/images/<uuid:image_id>/", PictureSocket.as_asgi()),
            path("ws/events/", EventsSocket.as_asgi()),
            re_path(r"", refuse),
        ]
    )
)
