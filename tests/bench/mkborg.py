#!/usr/bin/env python3
"""Write a large whole repository with Borg's own module, as one backup would.

  mkborg.py FOLDER OBJECTS SIZE

OBJECTS objects of SIZE bytes of payload in segments of Borg's default size, one commit. Keys and
payloads are pseudo-random and the same in every run. Run it with the Python that Borg runs in."""
import random
import sys

from borg.logger import setup_logging
from borg.repository import Repository

KEY = 32
BEGINNING = 64		# bytes: no two objects share those they begin with, which is enough


def main():
    folder, objects, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    chance = random.Random(1)
    rest = chance.randbytes(max(0, size - BEGINNING))
    setup_logging(level='critical')
    with Repository(folder, create=True, exclusive=True) as repository:
        for _ in range(objects):
            beginning = chance.randbytes(min(size, BEGINNING))
            repository.put(chance.randbytes(KEY), beginning + rest)
        repository.commit(compact=False)


if __name__ == '__main__':
    main()
