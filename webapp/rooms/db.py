"""How does a coroutine reach the database? Through a few threads of its own.

`db_call` runs a function there and gives its connection back to the pool, so sockets hold
no connection, and a slow query delays its own socket and nobody else's. Nothing else in
this app may use the ORM from a coroutine.
"""

import asyncio
import contextvars
import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from django.db import connections

NUM_THREADS = 4  # below the size of the connection pool: HTTP needs some, too

P = ParamSpec("P")
R = TypeVar("R")

_threads = ThreadPoolExecutor(max_workers=NUM_THREADS, thread_name_prefix="rooms-db")


async def db_call(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Return what `function` returns, run in a thread that may use the ORM."""
    context = contextvars.copy_context()

    def call() -> R:
        try:
            return context.run(functools.partial(function, *args, **kwargs))
        finally:
            connections.close_all()

    return await asyncio.get_running_loop().run_in_executor(_threads, call)
