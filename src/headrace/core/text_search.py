"""The small query language of text searches, as the contract's clients write it.

`timeout` and `"connection lost"` (quoted: a phrase) are looked for; several are alternatives. `+word`
must be there, `-word` or `!word` must not. A backslash takes the next character as it is.
"""

import re
from dataclasses import dataclass

_TERM = re.compile(r'([+\-!]?)("(?:[^"\\]|\\.)*"?|(?:[^\s"\\]|\\.)+|\\$)', re.DOTALL)
_SIGNS = frozenset("+-!")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class TextQuery:
    """What a text must contain, in any case of letters."""

    any_of: tuple[str, ...] = ()
    all_of: tuple[str, ...] = ()
    none_of: tuple[str, ...] = ()


def parse_text_query(text: str) -> TextQuery:
    """The terms of a query. Every text is a query; an empty one asks for nothing."""
    terms: dict[str, list[str]] = {"": [], "+": [], "-": []}
    for match in _TERM.finditer(text):
        sign, term = match[1].replace("!", "-"), match[2]
        if not sign and term in _SIGNS:
            continue  # a sign of nothing
        if term.startswith('"'):
            term = term[1:-1] if len(term) > 1 and term.endswith('"') else term[1:]
        term = _ESCAPED.sub(r"\1", term)
        if term:
            terms[sign].append(term)
    return TextQuery(tuple(terms[""]), tuple(terms["+"]), tuple(terms["-"]))
