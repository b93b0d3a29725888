"""``python bench/bench.py``: the same as ``dcelite bench``."""

import sys

from dcelite.cli import main

if __name__ == "__main__":
    sys.exit(main(["bench", *sys.argv[1:]]))
