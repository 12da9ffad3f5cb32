"""Filters of the wire as SQL conditions: one module per noun, and `joined` for filters across nouns.

A module gives two functions: the conditions of its noun's filter on its own table, and `where`, which
adds the filters of other nouns. An absent filter (None or UNSET) adds nothing; an empty one asks, as
the contract has it, that such an object exists.
"""
