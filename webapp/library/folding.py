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


def prefix_query(text: str) -> str:
    """Return the raw text query that wants a word beginning with each word of `text`.

    Empty where `text` has no words. Folding leaves letters and digits only, so nothing in
    it can be an operator.
    """
    words = [word[:MAX_WORD] for word in fold(text).split()[:MAX_WORDS]]
    return " & ".join(f"{word}:*" for word in words)
