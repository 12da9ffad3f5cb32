"""A program that passes connections on; killed, it refuses them; stopped, it leaves them unanswered.

`gate.py LISTEN TARGET`: host:port each, or the path of a Unix socket as the target.
"""

import asyncio
import contextlib
import sys

_PIECE = 65_536  # bytes passed on at once


async def _open(target: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if target.startswith("/"):
        return await asyncio.open_unix_connection(target)
    host, _, port = target.rpartition(":")
    return await asyncio.open_connection(host, int(port))


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while piece := await reader.read(_PIECE):
            writer.write(piece)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


async def _join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: str) -> None:
    try:
        far_reader, far_writer = await _open(target)
    except OSError:
        writer.transport.abort()
        return
    try:
        await asyncio.gather(_pass_on(reader, far_writer), _pass_on(far_reader, writer))
    finally:
        far_writer.close()
        writer.close()


async def main(listen: str, target: str) -> None:
    """Pass on until killed."""
    host, _, port = listen.rpartition(":")
    server = await asyncio.start_server(
        lambda reader, writer: _join(reader, writer, target), host, int(port)
    )
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:3]))
