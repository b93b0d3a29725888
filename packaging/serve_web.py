"""``make serve-web``: serves the page of ``make web`` to this machine alone, until Ctrl-C.

python packaging/serve_web.py [--port 8000]
"""

from __future__ import annotations

import argparse
import functools
import http.server
import sys
from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "build" / "web" / "page"


class Handler(http.server.SimpleHTTPRequestHandler):
    """Files of one folder; what changed is fetched anew."""

    extensions_map = {  # noqa: RUF012 (as in the base class)
        **http.server.SimpleHTTPRequestHandler.extensions_map,
        ".js": "text/javascript",
        ".wasm": "application/wasm",
        ".webmanifest": "application/manifest+json",
    }

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()


def server(folder: Path = PAGE, port: int = 0, handler: type[Handler] = Handler) -> http.server.ThreadingHTTPServer:
    """Of a folder, on loopback; port 0: any that is free."""
    return http.server.ThreadingHTTPServer(("127.0.0.1", port), functools.partial(handler, directory=str(folder)))


def main() -> int:
    """Serve until Ctrl-C; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--port", type=int, default=8000)
    options = parser.parse_args()
    if not (PAGE / "index.html").is_file():
        print(f"serve-web: error: {PAGE} has no page: make web", file=sys.stderr)
        return 2
    try:
        serving = server(port=options.port)
    except (OSError, OverflowError) as error:
        print(f"serve-web: error: port {options.port}: {error}", file=sys.stderr)
        return 2
    print(f"http://127.0.0.1:{serving.server_port}/ (Ctrl-C ends it)", flush=True)
    try:
        serving.serve_forever()
    except KeyboardInterrupt:
        return 0
    finally:
        serving.server_close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
