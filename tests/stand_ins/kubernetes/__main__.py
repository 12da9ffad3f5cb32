"""Runs the stand-in cluster until its standard input closes; prints its port."""

import asyncio
import json
import socket
import sys

import uvicorn

from tests.stand_ins.kubernetes.controllers import Controllers
from tests.stand_ins.kubernetes.http import Api
from tests.stand_ins.kubernetes.kubelet import Kubelet
from tests.stand_ins.kubernetes.store import Store


async def main() -> None:
    given = json.loads(sys.argv[1])
    store = Store()
    for name in ("default", "kube-system", *given.get("namespaces", [])):
        store.create("namespaces", {"metadata": {"name": name}})
    controllers, kubelet = Controllers(store), Kubelet(store, given["images"])
    api = Api(store, controllers, kubelet, given.get("token", ""))
    bound = socket.socket()
    bound.bind((given.get("host", "127.0.0.1"), given.get("port", 0)))
    config = uvicorn.Config(api, log_level="error", access_log=False, lifespan="off")
    server = uvicorn.Server(config)
    loops = [asyncio.create_task(run()) for run in (controllers.run, kubelet.run)]
    serving = asyncio.create_task(server.serve(sockets=[bound]))
    while not server.started and not serving.done():  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.005)
    print(bound.getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    for loop in loops:
        loop.cancel()
    await asyncio.gather(*loops, return_exceptions=True)
    server.should_exit = server.force_exit = True
    await serving


if __name__ == "__main__":
    asyncio.run(main())
