"""The process of warm.py: imports the modules it is told to, and runs each command that is handed over in a child.

It ends when its standard input does, and whatever still runs with it.
"""

import gc
import importlib
import marshal
import os
import runpy
import select
import signal
import socket
import sys
import threading
import time

OURS = {"app", "chalicelib", "infra", "sealdrop", "tests"}
Order = tuple[str, dict[str, str], list[str]]  # the directory, the environment, the module and its arguments


def main() -> None:
    place, *modules = sys.argv[1:]
    for module in modules:
        importlib.import_module(module)
    ours = [name for name in sys.modules if name.partition(".")[0] in OURS]
    assert not ours, ours
    gc.freeze()
    if order := _next_order(place):
        _run(*order)


def _next_order(place: str) -> Order | None:
    """Returns in the child that is to run one; in the server itself, None at the end."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those who wait for commands
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(place)
        server.listen()
        print("ready", flush=True)  # noqa: T201 - what warm.py waits for
        while sys.stdin not in select.select([server, sys.stdin], [], [])[0]:
            line, _ = server.accept()
            if os.fork() == 0:
                return _taken(line)
            line.close()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.killpg(0, signal.SIGTERM)
    return None


def _taken(line: socket.socket) -> Order:
    """Returns in a child of this process, which waits for it and says how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    size, streams, *_ = socket.recv_fds(line, 4, 3)
    with line.makefile("rb") as rest:
        order: Order = marshal.loads(rest.read(int.from_bytes(size)))  # noqa: S302 - of our own warm_caller.py
    if child := os.fork():
        threading.Thread(target=_outlives_nobody, args=(line, child), daemon=True).start()
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        line.sendall(str(status).encode())
        os._exit(0)
    line.close()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    return order


def _outlives_nobody(line: socket.socket, child: int) -> None:
    """A caller has nothing more to say: where the line ends, it was killed."""
    if not line.recv(1):
        os.kill(child, signal.SIGKILL)


def _run(folder: str, environment: dict[str, str], words: list[str]) -> None:
    """As `python -m` does. What else Python takes from the environment when it starts is as in the server."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    # what the server's own have found out about its streams does not hold for these
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - for as long as the command runs
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115
    sys.path[:0] = [folder, *filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))]
    sys.argv = words
    runpy.run_module(words[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
