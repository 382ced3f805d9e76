#!/usr/bin/env python3
"""A writer of Attic repositories for tests, which writes as Attic 0.16 does, habits included.

Everything happens in memory: files() returns {path: bytes}. An overwrite is a DELETE and a PUT. A
compaction empties every segment that holds something superseded and carries over the DELETEs of its
own transaction, so one of them may end up behind the PUT that followed it (@splits). Hints and
index are as Attic writes them. History makes a repository with a past from a random number
generator, and remembers every state on the way. It shares no code with the engine."""
import copy
import struct
import zlib

from reader import COMMIT, COMMIT_BYTES, DELETE, EMPTY, INDEX_MAGIC, MAGIC, PUT

BUCKETS = 1024          # Attic's minimum; no test needs more
MANIFEST = bytes(32)


def entry(tag, key=b'', value=b''):
    body = struct.pack('<IB', 9 + len(key) + len(value), tag) + key + value
    return struct.pack('<I', zlib.crc32(body)) + body


def pack(value):
    """One object in the old msgpack family, as hints hold it."""
    if isinstance(value, int):
        if value < 0x80:
            return bytes([value])
        for tag, form in ((0xcc, '>B'), (0xcd, '>H'), (0xce, '>I')):
            if value < 1 << 8 * struct.calcsize(form):
                return bytes([tag]) + struct.pack(form, value)
    if isinstance(value, bytes):
        return bytes([0xa0 | len(value)]) + value
    if isinstance(value, dict):
        items = b''.join(pack(key) + pack(row) for key, row in value.items())
        return pack_length(0x80, 0xde, len(value)) + items
    return pack_length(0x90, 0xdc, len(value)) + b''.join(map(pack, value))


def pack_length(fixed, long, length):
    return bytes([fixed | length]) if length < 16 else bytes([long]) + struct.pack('>H', length)


def hints_image(segments, compact):
    return pack({b'version': 1, b'segments': segments, b'compact': sorted(compact)})


def index_image(index):
    """@index is {key: (segment, offset)}."""
    buckets = [None] * BUCKETS
    for key, place in index.items():
        at = int.from_bytes(key[:4], 'little') % BUCKETS
        while buckets[at]:
            at = (at + 1) % BUCKETS
        buckets[at] = struct.pack('<32sII', key, *place)
    empty = struct.pack('<32sII', b'', EMPTY, 0)
    return struct.pack('<8siibb', INDEX_MAGIC, len(index), BUCKETS, 32, 8) + b''.join(
        bucket or empty for bucket in buckets)


class Attic:
    def __init__(self, identity, limit, per_folder, splits=False, is_lone=False):
        self.identity, self.limit, self.per_folder = identity, limit, per_folder
        self.splits, self.is_lone = splits, is_lone
        self.data = {}          # segment -> bytearray
        self.index = {}         # key -> (segment, offset)
        self.segments = {}      # segment -> live PUTs, as the hints have it
        self.compact = set()
        self.number, self.is_open = 0, False
        self.witnesses = {}     # the files index.T and hints.T
        self.index_transaction = None
        self.stages = {}        # name -> the files in the middle of the last commit

    # ---- files ----

    def path(self, number):
        return 'data/%d/%d' % (number // self.per_folder, number)

    def config(self):
        return ('[repository]\nversion = 1\nsegments_per_dir = %d\nmax_segment_size = %d\n'
                'id = %s\n\n' % (self.per_folder, self.limit, self.identity)).encode()

    def files(self):
        found = {'README': b'This is an Attic repository\n', 'config': self.config()}
        found.update((self.path(number), bytes(b)) for number, b in self.data.items())
        return dict(found, **self.witnesses)

    # ---- the log ----

    def append(self, image, may_close=True):
        if may_close and self.is_open and len(self.data[self.number]) > self.limit:
            self.close()
        if not self.is_open:
            self.data[self.number] = bytearray(MAGIC)
            self.is_open = True
        offset = len(self.data[self.number])
        self.data[self.number] += image
        return self.number, offset

    def close(self):
        self.number += 1
        self.is_open = False

    def write_commit(self):
        if self.is_lone and self.is_open:
            self.close()
        self.append(COMMIT_BYTES, False)
        self.close()

    def write_put(self, key, value):
        place = self.append(entry(PUT, key, value))
        self.index[key] = place
        self.segments[place[0]] = self.segments.get(place[0], 0) + 1

    def supersede(self, key):
        segment, _ = self.index.pop(key)
        self.segments[segment] -= 1
        size = len(self.data[self.number]) if self.is_open else 0
        if not self.splits and size + 41 > self.limit >= size > 0:
            self.close()        # DELETE and PUT stay together
        written, _ = self.append(entry(DELETE, key))
        self.segments.setdefault(written, 0)
        self.compact |= {segment, written}

    # ---- what a client asks for ----

    def put(self, key, value):
        if key in self.index:
            self.supersede(key)
        self.write_put(key, value)

    delete = supersede

    def commit(self, compacts=True):
        self.stages = {}
        self.write_commit()
        self.stages['committed'] = self.files()
        emptied = self.compact_segments() if compacts and self.compact else []
        self.stages['compacted'] = self.files()
        self.write_witnesses()
        self.stages['indexed'] = self.files()
        for number in emptied:
            del self.data[number]

    def compact_segments(self):
        emptied = sorted(self.compact)
        for number in emptied:
            self.copy_segment(number)
        self.write_commit()
        for number in emptied:
            live = self.segments.pop(number)
            assert live == 0, (number, live)
        self.compact = set()
        return emptied

    def copy_segment(self, number):
        for offset, tag, key, value in walk(self.data[number]):
            if tag == PUT and self.index.get(key) == (number, offset):
                self.write_put(key, value)
                self.segments[number] -= 1
            elif tag == DELETE and (self.index_transaction is None or
                                    number > self.index_transaction):
                self.append(entry(DELETE, key))

    def write_witnesses(self):
        self.index_transaction = self.number - 1
        self.witnesses = {
            'index.%d' % self.index_transaction: index_image(self.index),
            'hints.%d' % self.index_transaction: hints_image(self.segments, self.compact)}


def walk(segment):
    """(offset, tag, key, value) of each entry of a whole segment."""
    segment, offset = bytes(segment), len(MAGIC)
    while offset < len(segment):
        size, tag = struct.unpack_from('<IB', segment, offset + 4)
        yield offset, tag, segment[offset + 9:offset + 41], segment[offset + 41:offset + size]
        offset += size


# ---- repositories with a past ----

class State:
    """A repository at rest after a commit."""

    def __init__(self, attic, objects):
        self.attic, self.objects = copy.deepcopy(attic), dict(objects)
        self.files = self.attic.files()


class History:
    """@habits: 'splits' lets segments end between DELETE and PUT; 'keeps' never compacts, so older
    versions stay; 'lone' gives each COMMIT a segment of its own, as Borg does."""

    def __init__(self, rng, habits=(), attic=None, objects=None):
        self.rng, self.habits = rng, habits
        self.compacts = 0 if 'keeps' in habits else rng.choice((1, 1, 0.5, 0))
        self.has_manifest = rng.random() < 0.7
        self.value_max = rng.choice((60, 200, 200, 800, 3000))
        self.text = rng.choice(('random', 'text', 'mixed'))
        limit = rng.choice((120, 400, 400, 1500, 6000, 50000))
        self.attic = attic or Attic('%064x' % rng.getrandbits(256), limit,
                                    rng.choice((1, 2, 3, 10, 1000)), 'splits' in habits,
                                    'lone' in habits)
        self.objects = dict(objects or {})      # key -> value
        self.versions = set()                   # every (key, value) that was ever committed
        self.nested = set()                     # keys of entries that are only part of a value
        self.states = []

    def run(self, commits=None, is_at_rest=True):
        for _ in range(commits or self.rng.randint(2, 7)):
            self.transaction()
            self.attic.commit(self.rng.random() < self.compacts)
            self.states.append(State(self.attic, self.objects))
        return self

    def transaction(self):
        rng, deleted = self.rng, set()
        old = sorted(self.objects)
        for _ in range(rng.randint(1, 9)):
            what = rng.random()
            if what < 0.15 and len(old) > 2:
                key = rng.choice(old)
                if key in self.objects and key != MANIFEST:
                    self.attic.delete(key)
                    del self.objects[key]
                    deleted.add(key)
            elif what < 0.3 and old:
                key = rng.choice(old)
                if key not in deleted:
                    self.put(key)
            else:
                self.put(rng.randbytes(32))
        if self.has_manifest:
            self.put(MANIFEST)

    def put(self, key):
        value = self.value()
        while (key, value) in self.versions:    # no two versions are equal
            value += self.rng.randbytes(4)
        self.attic.put(key, value)
        self.objects[key] = value
        self.versions.add((key, value))

    def value(self):
        rng = self.rng
        size = rng.randint(0, self.value_max)
        kind = rng.choice(('random', 'text', 'nested')) if self.text == 'mixed' else self.text
        if kind == 'text':
            words = (b'lorem ', b'ipsum\n', b'dolor\r\n', b'sit ', b'\n', bytes(9), COMMIT_BYTES)
            return b''.join(rng.choice(words) for _ in range(size // 6))
        value = rng.randbytes(size)
        if kind == 'nested':
            key = rng.randbytes(32)
            self.nested.add(key)
            value += entry(rng.choice((PUT, DELETE)), key, b'')
        return value

    def branch(self, state, rng):
        """The history of another writer that continued from @state with other objects."""
        other = History(rng, self.habits, copy.deepcopy(state.attic), state.objects)
        other.versions = set(state.objects.items())
        return other.run(rng.randint(1, 3))


assert entry(COMMIT) == COMMIT_BYTES
