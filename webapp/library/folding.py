"""How does "Élodie's Smile" match "elodie smi"? Both are folded to the same plain words.

The database offers no extension that strips accents, so folding happens here, on write and
on query alike.
"""

import re
import unicodedata

# What decomposition leaves alone although people type it plainly.
PLAIN = str.maketrans(
    {
        "ß": "ss",
        "æ": "ae",
        "œ": "oe",
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "ı": "i",
    }
)
WORD = re.compile(r"[^\W_]+")
MAX_WORDS = 12
MAX_WORD = 40


def fold(text: str) -> str:
    """Return `text` in lower case, without accents, as words with one blank between."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(c for c in apart if not unicodedata.combining(c)).translate(PLAIN)
    return " ".join(WORD.findall(plain))


def words_of(text: str) -> list[str]:
    """Return the folded words of what somebody types, as many and as long as search takes.

    They are letters and digits only, so nothing in them can be an operator.
    """
    return [word[:MAX_WORD] for word in fold(text).split()[:MAX_WORDS]]
