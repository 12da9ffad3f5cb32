"""Which pieces of three letters a text has: what has not those of a term does not contain the term."""

from typing import Final
from zlib import crc32

BUCKETS: Final = 4096
"""Pieces that fall together are looked for together. A few hundred lines of a log fill a part of it."""

# Beyond ASCII the only letters whose lower case, to one database or the other, is an ASCII letter.
_TURN_ASCII: Final = {0x130: "i", 0x212A: "k"}


def piece_buckets(text: str) -> set[int]:
    """The buckets of a text's pieces, in any case; pieces with other letters than ASCII's are left out.

    Of any text that contains a term, however a database compares letters, they hold the term's.
    """
    folded = text.translate(_TURN_ASCII).casefold()
    pieces = {folded[at : at + 3] for at in range(len(folded) - 2)}
    return {crc32(piece.encode()) % BUCKETS for piece in pieces if piece.isascii()}
