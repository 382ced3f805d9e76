"""Runs the real Borg without its start-up time: commands of its command line, and its Repository.

Started by borg_client.py with the Python that Borg runs in. Each line of standard input is a
request, a JSON list whose first word names it. The answers are one line with the process id of the
child that does it, and one with its exit status when it has ended. What the child says goes to the
file named last in the request. Not a test by itself."""
import hashlib
import json
import logging
import os
import sys
import traceback
import zlib

from borg.archiver import main as archiver
from borg.logger import setup_logging
from borg.repository import Repository


def run_command(*words):
    """A command of borg's command line."""
    sys.argv = ['borg', *words]
    archiver()


def opened(path):
    setup_logging(level='critical')
    logging.disable(logging.CRITICAL)
    return Repository(path, exclusive=True, lock_wait=1)


def read_all(path):
    """The transaction, and of each object its length, CRC-32 and SHA-256."""
    with opened(path) as repository:
        rows = {}
        for key in repository.list():
            value = repository.get(key)
            rows[key.hex()] = [len(value), '%08x' % zlib.crc32(value),
                               hashlib.sha256(value).hexdigest()]
        print(json.dumps([repository.get_transaction_id(), rows]))


def change(path, changes, compact, threshold):
    """Put (hex digits) or delete (None) each key of @changes, in one transaction."""
    with opened(path) as repository:
        for key, value in changes:
            if value is None:
                repository.delete(bytes.fromhex(key))
            else:
                repository.put(bytes.fromhex(key), bytes.fromhex(value))
        repository.commit(compact=compact, threshold=threshold)


def check(path):
    """What borg check --repository-only does."""
    setup_logging(stream=sys.stdout)
    with Repository(path, exclusive=True, lock_wait=1) as repository:
        sys.exit(not repository.check())


REQUESTS = {'command': run_command, 'read': read_all, 'change': change, 'check': check}


def child(request, path):
    """Never returns."""
    status = 70
    try:
        out = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(out, 1)
        os.dup2(out, 2)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        REQUESTS[request[0]](*request[1:])
        status = 0
    except SystemExit as end:
        status = int(end.code or 0)
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def serve():
    for line in sys.stdin:
        *request, path = json.loads(line)
        pid = os.fork()
        if pid == 0:
            child(request, path)
        print(pid, flush=True)
        status = os.waitpid(pid, 0)[1]
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == '__main__':
    serve()
