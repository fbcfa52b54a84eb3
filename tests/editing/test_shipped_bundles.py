"""Do the bundles of the repository keep within what a checkout should weigh?"""

from collections import Counter
from pathlib import Path

MOST_BYTES = 25_000_000


def test_the_weights_of_a_family_stay_under_25_mb():
    weights = Counter[str]()
    for path in Path("bundles").glob("*/**/*.safetensors"):
        weights[path.relative_to("bundles").parts[0].rsplit("-", 1)[0]] += path.stat().st_size
    assert weights["portraits"] > 0
    assert {family: size for family, size in weights.items() if size > MOST_BYTES} == {}
