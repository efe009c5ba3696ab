"""A client that asks for many paths over a few connections, as a viewer does, and looks at nothing but the status.

    python -m bench.viewer PORT FILE CONNECTIONS

asks for the paths that a file lists, of which each connection takes its share, and prints the seconds it took.
"""

import http.client
import sys
import threading
import time
from pathlib import Path


def main(port: str, file: str, connections: str) -> None:
    paths, failures = Path(file).read_text().split("\n"), []
    opened = [
        http.client.HTTPConnection("127.0.0.1", int(port), timeout=300) for _ in range(int(connections))
    ]

    def work(number: int) -> None:
        for path in paths[number :: len(opened)]:
            opened[number].request("GET", path)
            response = opened[number].getresponse()
            content = response.read()
            if response.status != 200 or not response.headers["content-type"].startswith("image/"):
                failures.append(f"{response.status} {path}: {content[:200]!r}")
                return

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(opened))]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        sys.exit("\n".join(failures))
    print(time.perf_counter() - began)


if __name__ == "__main__":
    main(*sys.argv[1:])
