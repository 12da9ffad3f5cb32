"""Whatever is sent to whichever operation or WebSocket gets an answer that the document foresees.

`bench/fuzz SEED` runs all of it on both databases; the tests here run a sample.
"""
