"""A client that does next to nothing: asks for one path again and again, and looks at nothing that it receives.

    python -m bench.downloader PORT PATH HEADERS CONNECTIONS TIMES

prints the seconds it took and the bytes of all bodies.
"""

import socket
import sys
import threading
import time

PIECE = bytearray(1 << 20)


def main(port: str, path: str, headers: str, connections: str, times: str) -> None:
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{headers}\r\n".encode()
    sockets = [socket.create_connection(("127.0.0.1", int(port))) for _ in range(int(connections))]
    sizes = [0] * len(sockets)

    def work(number: int) -> None:
        for _ in range(int(times)):
            sizes[number] += _fetch(sockets[number], request)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(sockets))]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(time.perf_counter() - began, sum(sizes))


def _fetch(connection: socket.socket, request: bytes) -> int:
    connection.sendall(request)
    head = b""
    while b"\r\n\r\n" not in head:
        head += connection.recv(1024) or _ended()
    fields, _, body = head.partition(b"\r\n\r\n")
    if not fields.startswith(b"HTTP/1.1 200"):
        sys.exit(fields.decode())
    size = next(
        int(line[15:]) for line in fields.lower().split(b"\r\n") if line.startswith(b"content-length:")
    )
    left = size - len(body)
    while left:
        left -= connection.recv_into(PIECE, min(left, len(PIECE))) or len(_ended())
    return size


def _ended() -> bytes:
    sys.exit("the server hung up")


if __name__ == "__main__":
    main(*sys.argv[1:])
