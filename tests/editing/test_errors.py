"""Every refusal of the library has a code of its own that travels through jobs and HTTP."""

import importlib
import pkgutil
import re

import editing
from editing.errors import EditingError


def refusals() -> set[type[EditingError]]:
    """Return every subclass of `EditingError` in the library."""
    for module in pkgutil.walk_packages(editing.__path__, "editing."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    found: set[type[EditingError]] = set()
    left = [EditingError]
    while left:
        for refusal in left.pop().__subclasses__():
            if refusal.__module__.startswith("editing."):
                found.add(refusal)
            left.append(refusal)
    return found


def test_every_refusal_has_a_dotted_code_of_its_own_and_says_what_it_means():
    codes: dict[str, str] = {}
    for refusal in sorted(refusals(), key=lambda one: one.__qualname__):
        code = vars(refusal).get("code")

        assert code is not None, f"{refusal.__qualname__} has no code of its own"
        assert re.fullmatch(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+", code), code
        assert code not in codes, f"{refusal.__qualname__} and {codes[code]} share {code}"
        assert refusal.__doc__, f"{refusal.__qualname__} does not say what it means"
        codes[code] = refusal.__qualname__

    assert len(codes) > 20
