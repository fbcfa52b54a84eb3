"""The real settings over an environment that names no server: for the type checker."""

import os

os.environ.setdefault("DATABASE_URL", "postgresql://nobody@/nothing")
os.environ.setdefault("REDIS_URL", "redis://127.0.0.1:1/0")
os.environ.setdefault("SECRET_KEY", "only-for-the-type-checker-" + "x" * 32)
os.environ.setdefault("ARTIFACTS_DIR", "var/artifacts")

from webapp.config.settings import *  # noqa: F403 - after the variables above
