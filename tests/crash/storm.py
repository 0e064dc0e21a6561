#!/usr/bin/env python3
"""One tenant's storm, and how its neighbours fare: on one bar from everywhere, and on any bar from one address.

    storm.py [SECONDS] [sqlite|postgres …]

Two hundred clients send to one bar as fast as they are answered, without waiting as they are told to. Its neighbours, of
other members, send some ten times a second each, as visitors do. Limits stand as they do for everybody. At least 99.9 % of
the neighbours' requests must be acknowledged, at the first try.
"""

import asyncio
import json
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import contactbar  # noqa: E402

STORMING, NEIGHBOURS = 200, 20
PAUSE_SECS = 0.1
SERVED_PERCENT = 99.9


async def send(reader, writer, port, bar, address):
    body = json.dumps([contactbar.beacon(bar, "view")]).encode()
    head = (
        f"POST /e HTTP/1.1\r\nHost: localhost:{port}\r\nUser-Agent: {contactbar.BROWSER}\r\nX-Forwarded-For: {address}\r\n"
        f"Content-Type: text/plain\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode()
    writer.write(head + body)
    answer = await reader.readuntil(b"\r\n\r\n")
    if length := next(
        (int(v[15:]) for v in answer.lower().split(b"\r\n") if v.startswith(b"content-length:")), 0
    ):
        await reader.readexactly(length)
    return int(answer[9:12])


async def client(port, bar, address_of, stop, pause, told):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    turn = 0
    while not stop.is_set():
        began = time.monotonic()
        status = await send(reader, writer, port, bar, address_of(turn))
        told.append((status, time.monotonic() - began))
        turn += 1
        if pause:
            await asyncio.sleep(pause)
    writer.close()


async def storm(port, victim, neighbours, storming_address, secs):
    stop, of_storm, of_neighbours = asyncio.Event(), [], []
    tasks = [
        asyncio.create_task(client(port, victim, storming_address(n), stop, 0, of_storm))
        for n in range(STORMING)
    ]
    for n in range(NEIGHBOURS):
        bar = neighbours[n % len(neighbours)]
        # Each visitor from a place of their own.
        tasks.append(
            asyncio.create_task(
                client(
                    port,
                    bar,
                    lambda turn, n=n: f"198.51.{100 + n}.{turn % 250}",
                    stop,
                    PAUSE_SECS,
                    of_neighbours,
                )
            )
        )
    await asyncio.sleep(secs)
    stop.set()
    await asyncio.gather(*tasks)
    return of_storm, of_neighbours


def run(kind, secs):
    names = {
        "on one bar, from everywhere": lambda n: lambda turn: f"2001:db8:{n:x}:{turn % 65536:x}::1",
        "from one address": lambda n: lambda turn: "203.0.113.7",
    }
    with contactbar.Server(kind, CONTACTBAR_TRUSTED_PROXIES="127.0.0.1/32") as server:
        victim = contactbar.Member.registered(server).published_bar()
        neighbours = [contactbar.Member.registered(server).published_bar() for _ in range(3)]
        for name, address in names.items():
            stormed, calm = asyncio.run(storm(server.port, victim, neighbours, address, secs))
            assert server.ready(), "health must stay green"
            served = 100 * sum(status == 204 for status, _ in calm) / len(calm)
            waits = sorted(took for _, took in calm)
            refused = sum(status in (429, 503) for status, _ in stormed)
            strange = {status for status, _ in stormed + calm} - {204, 429, 503}
            print(
                f"{kind}: a storm {name}: {len(stormed) / secs:.0f} requests/s, {refused} refused; its neighbours: "
                f"{len(calm)} requests, {served:.2f} % served, p50 {1000 * waits[len(waits) // 2]:.0f} ms, "
                f"p99 {1000 * waits[len(waits) * 99 // 100]:.0f} ms",
                flush=True,
            )
            assert not strange, f"answered {strange}"
            assert served >= SERVED_PERCENT, f"{served:.2f} % of the neighbours' requests were served"


if __name__ == "__main__":
    secs = float(sys.argv[1]) if len(sys.argv) > 1 else 5
    kinds = sys.argv[2:] or ["sqlite", "postgres"]
    for kind in kinds:
        run(kind, secs)
    print(f"{2 * len(kinds)} passed, 0 failed")
