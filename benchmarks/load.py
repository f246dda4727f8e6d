"""Requests that come when they are due, however long earlier ones take: an open loop, as many people are.

So small that on two cores it leaves the service its own. Plain HTTP/1.1 on kept connections; a client library spends
as long on a request as the service does.
"""

import asyncio
import random
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

# Opened when all others wait for an answer; more than the rate would ever need.
_MOST = 64


async def at_a_rate(url: str, token: str, paths: Sequence[str], rate: int, seconds: int) -> list[float]:
    """Milliseconds of each of `rate` requests a second, from the moment at which it was due.

    The first second's are not counted: in it both sides open their connections.

    Args:
        url: The server, without a path.
        token: A bearer token.
        paths: Each request takes one of them.
        rate: Requests a second.
        seconds: How long they come.

    Raises:
        SystemExit: An answer was not 200.
    """
    address = urlsplit(url)
    # Each in turn: one that is left alone for seconds is closed by the server.
    idle: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.LifoQueue()
    opened = 0
    took: list[float] = []

    async def connection() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        nonlocal opened
        if not idle.empty() or opened == _MOST:
            return await idle.get()
        opened += 1
        return await asyncio.open_connection(address.hostname, address.port)

    async def one(number: int, due: float) -> None:
        nonlocal opened
        reader, writer = await connection()
        head_lines = (
            f"GET {random.choice(paths)} HTTP/1.1",
            f"Host: {address.netloc}",
            f"Authorization: Bearer {token}",
        )
        writer.write("\r\n".join([*head_lines, "", ""]).encode())
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as gone:
            # Closed while it was idle: as any client, ask again on another.
            if gone.partial:
                raise
            opened -= 1
            await one(number, due)
            return
        if not head.startswith(b"HTTP/1.1 200 "):
            raise SystemExit(f"Not every request was answered as it should be:\n{head.decode()}")
        length = head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]
        await reader.readexactly(int(length))
        idle.put_nowait((reader, writer))
        if number >= rate:
            took.append((time.perf_counter() - due) * 1000)

    began = time.perf_counter()
    async with asyncio.TaskGroup() as running:
        for number in range(rate * (1 + seconds)):
            due = began + number / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            running.create_task(one(number, due))
    while not idle.empty():
        idle.get_nowait()[1].close()
    return took
