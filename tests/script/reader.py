#!/usr/bin/env python3
"""An independent reader of an Attic repository, written from the description of the format alone.

It shares no code with the engine and trusts no file: whatever does not fit the format raises Bad,
which says where. check() compares a repository at rest with everything the format promises."""
import collections
import os
import re
import struct
import sys
import zlib

MAGIC = b'ATTICSEG'
INDEX_MAGIC = b'ATTICIDX'
PUT, DELETE, COMMIT = 0, 1, 2
ENTRY_MAX = 20 * 1024 * 1024
COMMIT_BODY = struct.pack('<IB', 9, COMMIT)
COMMIT_BYTES = struct.pack('<I', zlib.crc32(COMMIT_BODY)) + COMMIT_BODY
BUCKETS_MIN = 1024
EMPTY, DELETED = 0xffffffff, 0xfffffffe


class Bad(Exception):
    """The repository does not fit the format."""


def require(truth, message, *args):
    if not truth:
        raise Bad(message % args if args else message)


def content(path):
    with open(path, 'rb') as f:
        return f.read()


# ---- config and segments ----

def config(repo):
    """{'version', 'segments_per_dir', 'max_segment_size': int, 'id': str}"""
    text = content(os.path.join(repo, 'config')).decode()
    require(text.startswith('[repository]\n'), 'config: no [repository]')
    pairs = dict(re.findall(r'^(\w+) *= *(\S+)$', text, re.M))
    found = {name: int(pairs[name]) for name in ('version', 'segments_per_dir', 'max_segment_size')}
    require(found['version'] == 1, 'config: version %d', found['version'])
    require(re.fullmatch('[0-9a-f]{64}', pairs['id']), 'config: id %s', pairs['id'])
    return dict(found, id=pairs['id'])


def segments(repo):
    """{number: path}, ascending; each must lie in its own folder."""
    data, found = os.path.join(repo, 'data'), {}
    per_folder = config(repo)['segments_per_dir']
    for folder in filter(str.isdigit, os.listdir(data)):
        require(folder == str(int(folder)), 'data/%s: leading zeros', folder)
        for name in filter(str.isdigit, os.listdir(os.path.join(data, folder))):
            require(name == str(int(name)), 'data/%s/%s: leading zeros', folder, name)
            require(int(name) // per_folder == int(folder), 'data/%s/%s: wrong folder', folder,
                    name)
            found[int(name)] = os.path.join(data, folder, name)
    return dict(sorted(found.items()))


def entries(path):
    """[(offset, size, tag, key, data)] of a segment that is whole to its last byte."""
    b, found, offset = content(path), [], len(MAGIC)
    require(b[:offset] == MAGIC, '%s: magic', path)
    while offset < len(b):
        require(len(b) - offset >= 9, '%s:%d: a torn header', path, offset)
        crc, size, tag = struct.unpack_from('<IIB', b, offset)
        least, most = {PUT: (41, ENTRY_MAX), DELETE: (41, 41), COMMIT: (9, 9)}.get(tag, (9, 0))
        require(least <= size <= most, '%s:%d: tag %d with size %d', path, offset, tag, size)
        require(offset + size <= len(b), '%s:%d: a torn entry', path, offset)
        require(zlib.crc32(b[offset + 4:offset + size]) == crc, '%s:%d: checksum', path, offset)
        key = None if tag == COMMIT else b[offset + 9:offset + 41]
        found.append((offset, size, tag, key, b[offset + 41:offset + size]))
        offset += size
    return found


def newest_complete(paths):
    """The transaction id: the number of the newest complete segment of {number: path}, or None."""
    for number in sorted(paths, reverse=True):
        if content(paths[number])[-len(COMMIT_BYTES):] == COMMIT_BYTES:
            return number
    return None


class Log:
    """What the segments say, up to the transaction id, regardless of index and hints."""

    def __init__(self, repo):
        self.segments = segments(repo)
        self.transaction = newest_complete(self.segments)
        self.committed = {number: entries(path) for number, path in self.segments.items()
                          if self.transaction is not None and number <= self.transaction}
        self.live = {}          # key -> (segment, offset)
        self.values = {}        # key -> bytes
        for number, rows in self.committed.items():
            for offset, _, tag, key, data in rows:
                self.live.pop(key, None)
                if tag == PUT:
                    self.live[key] = number, offset
                    self.values[key] = data
        self.objects = {key: self.values[key] for key in self.live}
        # PUTs that count and PUTs that do not, in each segment
        self.live_in = collections.Counter(segment for segment, _ in self.live.values())
        self.superseded_in = {number: sum(row[2] == PUT for row in rows) - self.live_in[number]
                              for number, rows in self.committed.items()}


# ---- hash index ----

class Index:
    def __init__(self, path):
        self.bytes, self.path = content(path), path
        require(len(self.bytes) >= 18, '%s: shorter than its header', path)
        magic, self.used, self.buckets, key_size, value_size = struct.unpack_from('<8siibb',
                                                                                  self.bytes)
        require((magic, key_size, value_size) == (INDEX_MAGIC, 32, 8), '%s: header', path)
        require(self.buckets >= 1, '%s: %d buckets', path, self.buckets)
        require(len(self.bytes) == 18 + 40 * self.buckets, '%s: %d bytes for %d buckets', path,
               len(self.bytes), self.buckets)

    def rows(self):
        """{key: (segment, offset)} of all used buckets, in the file's order."""
        found = {}
        for key, segment, offset in struct.iter_unpack('<32sII', memoryview(self.bytes)[18:]):
            if segment not in (EMPTY, DELETED):
                require(key not in found, '%s: %s is there twice', self.path, key.hex())
                found[key] = segment, offset
        return found

    def look_up(self, key):
        """(segment, offset) as a store finds it: from the key's home on to an empty bucket."""
        home = int.from_bytes(key[:4], 'little') % self.buckets
        for turn in range(self.buckets):
            at = 18 + 40 * ((home + turn) % self.buckets)
            segment, offset = struct.unpack_from('<II', self.bytes, at + 32)
            if segment == EMPTY:
                break
            if segment != DELETED and self.bytes[at:at + 32] == key:
                return segment, offset
        return None

    def check(self):
        """Also checks what this project promises of an index that it wrote."""
        rows = self.rows()
        require(len(rows) == self.used, '%s: says %d used, holds %d', self.path, self.used,
               len(rows))
        require(self.buckets >= BUCKETS_MIN, '%s: %d buckets', self.path, self.buckets)
        require(self.used <= self.buckets * 9 // 10 + 1, '%s: %d of %d buckets used', self.path,
               self.used, self.buckets)
        for key, place in rows.items():
            require(self.look_up(key) == place, '%s: %s cannot be reached', self.path, key.hex())
        return rows


# ---- hints ----

def unpack(b, at=0):
    """(value, end) of one object in the old msgpack family: integers, raw, arrays and maps."""
    tag, at = b[at], at + 1
    if tag <= 0x7f:
        return tag, at
    if 0xcc <= tag <= 0xcf:
        width = 1 << (tag - 0xcc)
        return int.from_bytes(b[at:at + width], 'big'), at + width
    length, at = unpack_length(b, tag, at)
    if 0xa0 <= tag <= 0xbf or tag in (0xda, 0xdb):
        require(at + length <= len(b), 'msgpack: cut off')
        return b[at:at + length], at + length
    items = []
    for _ in range(2 * length if is_map(tag) else length):
        item, at = unpack(b, at)
        items.append(item)
    if not is_map(tag):
        return items, at
    found = dict(zip(items[::2], items[1::2]))
    require(len(found) == length, 'msgpack: a key is there twice')
    return found, at


def is_map(tag):
    return 0x80 <= tag <= 0x8f or tag in (0xde, 0xdf)


def unpack_length(b, tag, at):
    for first, last, mask in ((0x80, 0x8f, 0x0f), (0x90, 0x9f, 0x0f), (0xa0, 0xbf, 0x1f)):
        if first <= tag <= last:
            return tag & mask, at
    require(0xda <= tag <= 0xdf, 'msgpack: type %#x is not of the old family', tag)
    width = 2 if tag % 2 == 0 else 4
    return int.from_bytes(b[at:at + width], 'big'), at + width


def hints(path):
    """(segments: {number: live}, compact: [number])"""
    b = content(path)
    try:
        found, end = unpack(b)
    except IndexError:
        raise Bad('%s: cut off' % path)
    require(end == len(b), '%s: %d bytes too many', path, len(b) - end)
    require(set(found) == {b'version', b'segments', b'compact'}, '%s: keys %s', path, sorted(found))
    require(found[b'version'] == 1, '%s: version %s', path, found[b'version'])
    return found[b'segments'], found[b'compact']


# ---- the whole ----

def check_names(repo, number):
    """There are only the index and hints of transaction @number, and no temporary file."""
    names = {name for name in os.listdir(repo) if name.startswith(('index.', 'hints.')) or
             name.endswith('.tmp')}
    wanted = set() if number is None else {'index.%d' % number, 'hints.%d' % number}
    require(names == wanted, '%s holds %s, not %s', repo, sorted(names), sorted(wanted))


def check_hints(path, log):
    live, compact = hints(path)
    for number in set(live) | set(log.segments):    # no row: nothing live
        require(live.get(number, 0) == log.live_in[number],
                '%s counts %d in segment %d, the log %d',
               path, live.get(number, 0), number, log.live_in[number])
    require(len(set(compact)) == len(compact), '%s: compact %s', path, compact)
    require(set(compact) <= set(log.segments), '%s: compact %s names what is not there', path,
           compact)
    for number, superseded in log.superseded_in.items():
        require(not superseded or number in compact or not log.live_in[number],
               '%s: segment %d holds something superseded', path, number)


def ends_like_commit(row):
    key, data = row[3:]
    return ((key or b'') + data).endswith(COMMIT_BYTES)


def check_segments(repo, log):
    limit = config(repo)['max_segment_size']
    for number, rows in log.committed.items():
        require(rows, 'segment %d is empty', number)
        require(all(row[2] != COMMIT for row in rows[:-1]), 'segment %d: a COMMIT inside', number)
        for before, (offset, _, tag, _, _) in zip(rows, rows[1:]):
            # Another entry follows one that ends like a COMMIT, or the segment would look complete.
            require(offset <= limit or tag == COMMIT or ends_like_commit(before),
                   'segment %d: an entry at %d', number, offset)
        require(rows[-1][2] == COMMIT or not ends_like_commit(rows[-1]),
               'segment %d: looks complete and is not', number)


def check(repo, leftovers=False):
    """The Log of a repository at rest that this project wrote: no transaction is open, index and
    hints are those of the newest COMMIT, and both agree with the log. @leftovers: a writer was
    killed after its last COMMIT, and old index and hints may remain."""
    log = Log(repo)
    require(len(log.committed) == len(log.segments), 'an uncommitted tail: %s behind %s',
           list(log.segments), log.transaction)
    if not leftovers:
        check_names(repo, log.transaction)
    if log.transaction is None:
        return log
    check_segments(repo, log)
    # The log alone agrees because of the rule about DELETEs: while an older PUT is there, so is the
    # DELETE that removed it.
    index = Index(os.path.join(repo, 'index.%d' % log.transaction)).check()
    differ = sorted(key.hex() for key, _ in set(index.items()) ^ set(log.live.items()))
    require(not differ, 'the index has %d objects, the log %d; only in one: %s', len(index),
           len(log.live), differ[:4])
    check_hints(os.path.join(repo, 'hints.%d' % log.transaction), log)
    return log


def check_compacted(log):
    """A compaction without damage leaves nothing superseded, no DELETE, and no segment without a
    live object except the one that ends the log."""
    for number in log.committed:
        require(not log.superseded_in[number], 'segment %d holds something superseded', number)
        require(not any(row[2] == DELETE for row in log.committed[number]),
               'segment %d holds a DELETE', number)
        require(log.live_in[number] or number == log.transaction, 'segment %d holds nothing',
                number)


def seen_by_attic(repo, log):
    """{key: (segment, offset)} as Attic sees it after opening the repository. It believes the index
    that has the number of the newest COMMIT; else it replays what comes after the newest index,
    whatever that says."""
    numbers = [int(name[6:]) for name in os.listdir(repo) if re.fullmatch(r'index\.\d+', name)]
    start = log.transaction if log.transaction in numbers else max(numbers, default=-1)
    found = {}
    if start >= 0:
        found = Index(os.path.join(repo, 'index.%d' % start)).rows()
        hints(os.path.join(repo, 'hints.%d' % start))
    for number, rows in log.committed.items():
        for offset, _, tag, key, _ in rows if number > start else ():
            found.pop(key, None)
            if tag == PUT:
                found[key] = number, offset
    return found


if __name__ == '__main__':
    for path in sys.argv[1:]:
        print('%s: %d objects' % (path, len(check(path).objects)))
