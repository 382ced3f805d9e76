"""Starts, asks and kills the program storedrv; and what its tests share.

STOREDRV names the program, SHARED the folder with the corpus and the reference reader (by default
../shared beside the source). Not a test by itself."""
import os
import struct
import subprocess
import sys
import zlib

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SHARED = os.environ.get('SHARED') or os.path.join(os.path.dirname(SOURCE), 'shared')
PROGRAM = os.environ.get('STOREDRV', 'storedrv')
VALUE_MAX = 20 * 1024 * 1024 - 41
PERIOD = 251    # the same as in storedrv.c

sys.path.insert(0, os.path.join(SHARED, 'tools'))
try:
    import reference_reader
except ImportError:
    reference_reader = None


class Refused(Exception):
    """The store answered with an error; name is its code."""

    def __init__(self, command, name, message):
        super().__init__('%s: %s: %s' % (command[:200], name, message))
        self.name = name


class Died(Exception):
    """The program ended without an answer."""


def made_up(size, seed):
    """The bytes that "put KEY SIZE SEED" stores."""
    def mix(x):
        x = (x ^ x >> 16) * 0x85ebca6b & 0xffffffff
        x = (x ^ x >> 13) * 0xc2b2ae35 & 0xffffffff
        return (x ^ x >> 16) & 0xff
    period = bytes(mix(seed + i * 0x9e3779b9 & 0xffffffff) for i in range(min(size, PERIOD)))
    return (period * (size // PERIOD + 1))[:size]


def summary(value):
    """The answer of "get" for @value."""
    return '%d %08x' % (len(value), zlib.crc32(value))


def key_of(number):
    """32 bytes, different for different numbers."""
    return struct.pack('<IQ', number * 2654435761 & 0xffffffff, number) + b'key of a test, 20 by'


class Driver:
    def __init__(self):
        self.process = subprocess.Popen([PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, bufsize=1)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.kill()

    def begin(self, command):
        """Ask without waiting for the answer."""
        try:
            self.process.stdin.write(command + '\n')
            self.process.stdin.flush()
        except BrokenPipeError:
            raise Died('%s: storedrv ended with status %s' % (command[:200], self.process.wait()))

    def finish(self, command):
        line = self.process.stdout.readline()
        if not line.endswith('\n'):
            raise Died('%s: storedrv ended with status %s' % (command[:200], self.process.wait()))
        word, _, rest = line.rstrip('\n').partition(' ')
        if word == 'ok':
            return rest
        name, _, message = rest.partition(' ')
        raise Refused(command, name, message)

    def ask(self, *words):
        """The answer after "ok". Raises Refused, Died."""
        command = ' '.join(map(str, words))
        self.begin(command)
        return self.finish(command)

    def facts(self, *words):
        """The NAME=NUMBER pairs of an answer."""
        pairs = (word.partition('=') for word in self.ask(*words).split(' why=')[0].split())
        return {name: int(value) for name, _, value in pairs if name != 'id'}

    def kill(self):
        """Kill it at once, wherever it is."""
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def quit(self):
        """Let the program end by itself; raises Died if it reports a leak or an error."""
        self.process.stdin.close()
        status = self.process.wait(timeout=60)
        self.process.stdout.close()
        if status != 0:
            raise Died('storedrv ended with status %d' % status)
