#!/usr/bin/env python3
"""Kinds of damage to a repository that attic_writer.History made: one function each, in KINDS.

A kind changes a Damaged, at random but repeatably, and raises Unfit where this repository cannot
have it. After a "strong" kind alone every object whose newest PUT is whole in data/ must stay. The
other kinds are judged by the rules alone, because the remaining bytes leave room for doubt."""
import random
import re

import attic_writer
from attic_writer import MANIFEST, entry, hints_image, index_image, pack, walk
from evidence_rules import parse, read_hints, read_index
from reader import COMMIT, COMMIT_BYTES, DELETE, MAGIC, PUT

SECTOR = 512
KINDS = {}


class Unfit(Exception):
    """This repository cannot be damaged in this way."""


class Kind:
    def __init__(self, change, strong, by_hand, misdirects, habits, two_histories):
        self.name = change.__name__.replace('_', '-')
        self.change, self.strong, self.by_hand = change, strong, by_hand
        self.misdirects, self.habits = misdirects, habits
        self.two_histories = two_histories


def kind(strong=True, by_hand=False, misdirects=False, habits=(), two_histories=False):
    """@by_hand: a person may have to mend it. @misdirects: whole entries of another repository may
    be written across ours; whether they stay is open. @habits: of the history. @two_histories:
    whole segments of another history of the same repository lie above a witness that knows, or
    among its own; no byte says which of the two is right."""
    def add(change):
        row = Kind(change, strong, by_hand, misdirects, habits, two_histories)
        assert row.name not in KINDS
        KINDS[row.name] = row
        return change
    return add


class Damaged:
    def __init__(self, name, seed, habits=()):
        """@name is a kind, or two as A+B. @habits are more of the history, and of others."""
        self.kinds = [KINDS[part] for part in name.split('+')]
        self.habits = set(habits)
        for attempt in range(200):
            self.rng = random.Random('%s %d %d' % (name, seed, attempt))
            self.history = attic_writer.History(
                self.rng, self.habits | {habit for row in self.kinds
                                         for habit in row.habits}).run()
            self.state = self.history.states[-1]
            self.files = dict(self.state.files)
            self.uncommitted = {}       # segment -> (its bytes, {(key, value)})
            self.foreign = None
            try:
                for row in self.kinds:
                    before = dict(self.files)
                    row.change(self)
                    require(row.habits or self.files != before)
            except Unfit:
                continue
            return
        raise Unfit('%s %d: no repository for it' % (name, seed))

    # ---- what is there ----

    def segments(self):
        """{number: path} of the files of data/ whose names are numbers."""
        found = {}
        for path in sorted(self.files):
            if re.fullmatch(r'data/\d+/\d+', path):
                found.setdefault(int(path.rpartition('/')[2]), path)
        return dict(sorted(found.items()))

    def pick(self, wanted=lambda b: len(b) > 60):
        """(number, path) of a segment."""
        return self.choose([(n, path) for n, path in self.segments().items()
                            if wanted(self.files[path])])

    def choose(self, rows):
        require(rows)
        return self.rng.choice(sorted(rows))

    def pick_entry(self, tag=PUT, wanted=lambda key: True):
        """(path, offset, size) of a whole entry."""
        found = [(path, e[0], e[1]) for path in self.segments().values()
                 for e in parse(self.files[path])[0] if e[2] == tag and wanted(e[3])]
        return self.choose(found)

    def overwrite(self, path, at, image):
        b = self.files[path]
        require(at < len(b))
        self.files[path] = (b[:at] + image + b[at + len(image):])[:max(len(b), at)]

    def flip(self, path, at):
        require(at < len(self.files[path]))
        self.overwrite(path, at, bytes([self.files[path][at] ^ 1 << self.rng.randrange(8)]))

    def witness(self, prefix):
        """(number, path) of the newest index or hints."""
        found = [int(path[len(prefix) + 1:]) for path in self.files
                 if re.fullmatch(prefix + r'\.\d+', path)]
        require(found)
        return max(found), '%s.%d' % (prefix, max(found))

    def index(self):
        try:
            number, path = self.witness('index')
            return path, read_index(self.files[path])
        except ValueError:
            raise Unfit

    def hints(self):
        try:
            number, path = self.witness('hints')
            return (path, *read_hints(self.files[path]))
        except ValueError:
            raise Unfit

    def path_of(self, number):
        return self.state.attic.path(number)

    def free_number(self):
        there = self.segments()
        highest = min(self.newest(), max(self.state.attic.data))    # not a tail at 2^31
        return self.choose([n for n in range(highest) if n not in there])

    def newest(self):
        require(self.segments())
        return max(self.segments())

    def older_state(self):
        return self.choose_state(self.history.states[:-1])

    def choose_state(self, states):
        require(states)
        return self.rng.choice(states)

    def foreign_state(self):
        """The state of a repository that shares only limits and manifest with this one."""
        if not self.foreign:
            self.foreign = attic_writer.History(self.rng, self.habits)
            self.foreign.attic.per_folder = self.state.attic.per_folder
            self.foreign.attic.limit = self.state.attic.limit
            self.foreign.run()
        return self.foreign.states[-1]

    def replace(self, files, wanted):
        """Replace our files with those of @files whose paths fit."""
        for path in list(self.files):
            if re.match(wanted, path):
                del self.files[path]
        self.files.update((path, b) for path, b in files.items() if re.match(wanted, path))


def require(truth):
    if not truth:
        raise Unfit


def sectors(b):
    return list(range(0, len(b), SECTOR))


# ---- bits and bytes of an entry ----

@kind()
def flip_value(d):
    path, at, size = d.pick_entry()
    require(size > 41)
    d.flip(path, d.rng.randrange(at + 41, at + size))


@kind()
def flip_crc(d):
    path, at, _ = d.pick_entry()
    d.flip(path, at + d.rng.randrange(4))


@kind()
def flip_size(d):
    path, at, _ = d.pick_entry()
    d.flip(path, at + 4 + d.rng.randrange(4))


@kind()
def flip_tag(d):
    path, at, _ = d.pick_entry()
    d.flip(path, at + 8)


@kind()
def flip_key(d):
    path, at, _ = d.pick_entry()
    d.flip(path, at + d.rng.randrange(9, 41))


@kind()
def flip_delete(d):
    path, at, size = d.pick_entry(DELETE)
    d.flip(path, at + d.rng.randrange(size))


@kind()
def flip_commit(d):
    path, at, size = d.pick_entry(COMMIT)
    d.flip(path, at + d.rng.randrange(size))


@kind(habits=('keeps',))
def newest_version_damaged(d):
    """Older versions are whole."""
    _, index = d.index()
    keys = [key for key, _ in d.history.versions]
    key = d.choose([key for key in index if keys.count(key) > 1])
    segment, offset = index[key]
    require(segment in d.segments())
    d.flip(d.segments()[segment], offset + d.rng.randrange(41))


@kind(habits=('keeps',))
def manifest_damaged(d):
    _, index = d.index()
    require(MANIFEST in index and index[MANIFEST][0] in d.segments())
    segment, offset = index[MANIFEST]
    d.flip(d.segments()[segment], offset + d.rng.randrange(41))


@kind()
def flip_many(d):
    for _ in range(d.rng.randint(2, 8)):
        _, path = d.pick()
        d.flip(path, d.rng.randrange(len(d.files[path])))


@kind()
def zero_entry(d):
    path, at, size = d.pick_entry()
    d.overwrite(path, at, bytes(size))


@kind()
def zero_header(d):
    path, at, _ = d.pick_entry()
    d.overwrite(path, at, bytes(d.rng.randint(4, 41)))


@kind()
def delete_zeroed(d):
    path, at, size = d.pick_entry(DELETE)
    d.overwrite(path, at, bytes(size))


@kind()
def magic_lost(d):
    _, path = d.pick()
    d.overwrite(path, 0, d.rng.choice((bytes(8), b'BORG_SEG', d.rng.randbytes(8))))


# ---- stretches of a segment ----

@kind()
def zero_sectors(d):
    _, path = d.pick()
    where = sectors(d.files[path])
    for at in d.rng.sample(where, d.rng.randint(1, min(3, len(where)))):
        d.overwrite(path, at, bytes(SECTOR))


@kind()
def zero_tail(d):
    """The file has its length, but its last blocks were never written."""
    _, path = d.pick()
    b = d.files[path]
    at = d.rng.randrange(8, len(b))
    d.files[path] = b[:at] + bytes(len(b) - at)


@kind()
def garbage(d):
    _, path = d.pick()
    at = d.rng.randrange(len(d.files[path]))
    d.overwrite(path, at, d.rng.randbytes(d.rng.randint(1, 700)))


@kind()
def bytes_inserted(d):
    _, path = d.pick()
    b = d.files[path]
    at = d.rng.randrange(8, len(b))
    d.files[path] = b[:at] + d.rng.choice((bytes(d.rng.randint(1, 40)), b'\n')) + b[at:]


@kind()
def bytes_removed(d):
    _, path = d.pick()
    b = d.files[path]
    at = d.rng.randrange(8, len(b))
    d.files[path] = b[:at] + b[at + d.rng.randint(1, 40):]


@kind()
def crlf(d):
    """A transfer in text mode."""
    _, path = d.pick(lambda b: b'\n' in b)
    d.files[path] = d.files[path].replace(b'\n', b'\r\n')


@kind(strong=False)
def crlf_everywhere(d):
    for path in list(d.files):
        if path.startswith(('data/', 'index.', 'hints.')):
            d.files[path] = d.files[path].replace(b'\n', b'\r\n')


@kind()
def lf_only(d):
    _, path = d.pick(lambda b: b'\r\n' in b)
    d.files[path] = d.files[path].replace(b'\r\n', b'\n')


@kind()
def seven_bits(d):
    _, path = d.pick()
    d.files[path] = bytes(byte & 0x7f for byte in d.files[path])


@kind()
def page_of_another(d):
    """A block of one segment written across another, as a misdirected write does."""
    _, source = d.pick()
    _, path = d.pick()
    at = d.rng.choice(sectors(d.files[source]))
    d.overwrite(path, d.rng.choice(sectors(d.files[path])), d.files[source][at:at + SECTOR])


@kind(misdirects=True)
def page_of_foreign(d):
    foreign = d.foreign_state().files
    source = d.choose([path for path in foreign if path.startswith('data/')])
    _, path = d.pick()
    at = d.rng.choice(sectors(foreign[source]))
    d.overwrite(path, d.rng.choice(sectors(d.files[path])), foreign[source][at:at + SECTOR])


@kind(strong=False)     # a DELETE may end up behind its PUT
def pages_swapped(d):
    _, path = d.pick(lambda b: len(b) > 2 * SECTOR)
    b = d.files[path]
    one, two = sorted(d.rng.sample(sectors(b)[:-1], 2))
    d.files[path] = (b[:one] + b[two:two + SECTOR] + b[one + SECTOR:two] + b[one:one + SECTOR] +
                     b[two + SECTOR:])


@kind()
def page_twice(d):
    _, path = d.pick(lambda b: len(b) > SECTOR)
    b = d.files[path]
    at = d.rng.choice(sectors(b)[:-1])
    d.files[path] = b[:at + SECTOR] + b[at:at + SECTOR] + b[at + SECTOR:]


@kind()
def page_missing(d):
    _, path = d.pick(lambda b: len(b) > SECTOR)
    b = d.files[path]
    at = d.rng.choice(sectors(b))
    d.files[path] = b[:at] + b[at + SECTOR:]


@kind()
def cut(d):
    _, path = d.pick()
    d.files[path] = d.files[path][:d.rng.randrange(len(d.files[path]))]


@kind()
def cut_to_blocks(d):
    """Every segment ends with its last whole block."""
    for path in d.segments().values():
        b = d.files[path]
        if len(b) > SECTOR:
            d.files[path] = b[:len(b) // SECTOR * SECTOR]


@kind()
def padded(d):
    _, path = d.pick()
    b = d.files[path]
    d.files[path] = b + bytes(d.rng.choice((1, 41, -len(b) % SECTOR or SECTOR)))


@kind()
def garbage_behind(d):
    _, path = d.pick()
    d.files[path] += d.rng.randbytes(d.rng.randint(1, 600))


# ---- whole entries in another order ----

@kind()
def entry_removed(d):
    path, at, size = d.pick_entry()
    b = d.files[path]
    d.files[path] = b[:at] + b[at + size:]


@kind()
def entries_reordered(d):
    """Two PUTs of different keys change places."""
    _, path = d.pick()
    found = parse(d.files[path])[0]
    times = [e[3] for e in found]
    rows = [e for e in found if e[2] == PUT and times.count(e[3]) == 1]     # no DELETE between
    require(len(rows) > 1)
    one, two = sorted(d.rng.sample(rows, 2))
    b, (at, size), (to, length) = d.files[path], one[:2], two[:2]
    d.files[path] = b[:at] + b[to:to + length] + b[at + size:to] + b[at:at + size] + b[to + length:]


@kind(habits=('keeps',))
def delete_moved(d):
    """A DELETE and the PUT after it change places; index and hints know the PUT."""
    name, index = d.index()
    rows = []
    for n, path in d.segments().items():
        found = parse(d.files[path])[0]
        rows += [(path, n, e[0], e[3], f[0], f[1]) for e, f in zip(found, found[1:])
                 if (e[2], f[2]) == (DELETE, PUT) and e[3] == f[3] and
                 index.get(e[3]) == (n, f[0]) and e[0] + e[1] == f[0]]
    path, n, at, key, to, size = d.choose(rows)
    b = d.files[path]
    d.files[path] = b[:at] + b[to:to + size] + b[at:to] + b[to + size:]
    d.files[name] = index_image(dict(index) | {key: (n, at)})


@kind(habits=('splits',))
def delete_moved_by_attic(d):
    """Attic's compaction moved it: nothing is damaged."""
    last = {}
    for n, b in sorted(d.state.attic.data.items()):
        for _, tag, key, _ in walk(b):
            if tag != COMMIT:
                last[key] = tag
    require(any(last[key] == DELETE for key in d.state.objects))


@kind()
def magic_twice(d):
    """A first backup died; the next run opened its segment for appending."""
    _, path = d.pick()
    rows = parse(d.files[path])[0]
    at = d.choose([e[0] for e in rows])
    d.files[path] = d.files[path][:at] + MAGIC + d.files[path][at:]


# ---- whole segments ----

@kind()
def segment_missing(d):
    _, path = d.pick()
    del d.files[path]


@kind()
def segments_missing(d):
    there = list(d.segments().values())
    require(len(there) > 2)
    for path in d.rng.sample(there, d.rng.randint(2, len(there) - 1)):
        del d.files[path]


@kind()
def newest_segments_missing(d):
    there = list(d.segments().values())
    require(len(there) > 2)
    for path in there[-d.rng.randint(1, len(there) - 1):]:
        del d.files[path]


@kind()
def segment_empty(d):
    _, path = d.pick()
    d.files[path] = b''


@kind()
def segment_zeroed(d):
    _, path = d.pick()
    d.files[path] = bytes(len(d.files[path]))


@kind()
def segments_swapped(d):
    there = list(d.segments().values())
    require(len(there) > 1)
    one, two = d.rng.sample(there, 2)
    d.files[one], d.files[two] = d.files[two], d.files[one]


@kind()
def segments_rotated(d):
    there = list(d.segments().values())
    require(len(there) > 2)
    some = d.rng.sample(there, 3)
    blobs = [d.files[path] for path in some]
    for path, b in zip(some, blobs[1:] + blobs[:1]):
        d.files[path] = b


@kind()
def segment_renamed(d):
    n, path = d.pick()
    d.files[d.path_of(d.free_number())] = d.files.pop(path)


@kind()
def segment_in_wrong_folder(d):
    n, path = d.pick()
    d.files['data/%d/%d' % (n // d.state.attic.per_folder + 1, n)] = d.files.pop(path)


@kind()
def segment_twice(d):
    """The same number in two folders: an older, shorter copy or the same."""
    n, path = d.pick()
    b = d.files[path]
    d.files['data/%d/%d' % (n // d.state.attic.per_folder + 1, n)] = \
        b if d.rng.random() < 0.5 else b[:d.rng.randrange(8, len(b))]


@kind()
def segment_copied_into_gap(d):
    _, path = d.pick()
    d.files[d.path_of(d.free_number())] = d.files[path]


@kind(strong=False)
def segment_copied_behind_the_end(d):
    _, path = d.pick()
    d.files[d.path_of(d.newest() + 1)] = d.files[path]


@kind()
def foreign_segment(d):
    foreign = d.foreign_state().files
    _, path = d.pick()
    d.files[path] = foreign[d.choose([p for p in foreign if p.startswith('data/')])]


@kind()
def foreign_segment_in_gap(d):
    foreign = d.foreign_state().files
    d.files[d.path_of(d.free_number())] = foreign[
        d.choose([p for p in foreign if p.startswith('data/')])]


@kind(strong=False)
def foreign_segments_mixed_in(d):
    """A restore put two repositories into one folder."""
    for path, b in d.foreign_state().files.items():
        if path.startswith('data/') and d.rng.random() < 0.5:
            d.files[path] = b


@kind(strong=False, two_histories=True)
def segment_of_other_lineage(d):
    """Replace our segment with that of a copy that went another way."""
    other = d.history.branch(d.older_state(), d.rng).states[-1].files
    _, path = d.pick()
    require(path in other and other[path] != d.files[path])
    d.files[path] = other[path]


@kind()
def other_lineage_in_gap(d):
    other = d.history.branch(d.older_state(), d.rng).states[-1].files
    there, newest = d.segments(), d.newest()
    path = d.choose([p for p in other if p.startswith('data/') and p not in d.files and
                     int(p.rpartition('/')[2]) < newest])
    d.files[path] = other[path]


@kind(strong=False, two_histories=True)
def other_lineage_behind_the_end(d):
    other = d.history.branch(d.older_state(), d.rng).states[-1].files
    newest = d.newest()
    found = {p: b for p, b in other.items() if p.startswith('data/') and
             int(p.rpartition('/')[2]) > newest}
    require(found)
    d.files.update(found)


# ---- what a compaction removed ----

def removed(d):
    """{path: bytes} of segments that compactions removed and that would lie in a gap."""
    newest = d.newest()
    return {path: b for state in d.history.states[:-1] for path, b in state.files.items()
            if path.startswith('data/') and path not in d.files and
            int(path.rpartition('/')[2]) < newest}


@kind()
def segment_returned(d):
    found = removed(d)
    path = d.choose(list(found))
    d.files[path] = found[path]


@kind()
def segments_returned(d):
    """An older backup was copied over the repository."""
    found = removed(d)
    require(found)
    d.files.update(found)


@kind()
def killed_before_removal(d):
    require(d.state.attic.stages['indexed'] != d.files)
    d.files = dict(d.state.attic.stages['indexed'])


@kind()
def killed_before_index(d):
    d.files = dict(d.state.attic.stages['compacted'])


@kind()
def killed_before_compaction(d):
    d.files = dict(d.state.attic.stages['committed'])


# ---- copies beside the place ----

def beside(d, path):
    folder, _, name = path.rpartition('/')
    return d.rng.choice((path + '.beforerecover', path + '~', path + '-l3k2j1.tmp',
                         path + '.partial', '%s/.~tmp~/%s' % (folder, name),
                         '%s.sync-conflict-20140301-120000-ABCDEFG' % path))


@kind()
def copy_beside_damage(d):
    _, path = d.pick()
    b = d.files[path]
    d.files[beside(d, path)] = b
    at = d.rng.randrange(8, len(b))
    d.files[path] = d.rng.choice((b[:at], bytes(len(b)), b[:8] + bytes(len(b) - 8),
                                  d.rng.randbytes(len(b))))


@kind()
def copy_beside_gap(d):
    _, path = d.pick()
    d.files[beside(d, path)] = d.files.pop(path)


@kind()
def part_beside_gap(d):
    _, path = d.pick()
    b = d.files.pop(path)
    d.files[beside(d, path)] = b[:d.rng.randrange(9, len(b))]


@kind()
def halves(d):
    """The first half in its place, the second beside it."""
    _, path = d.pick()
    b = d.files[path]
    at = d.choose([e[0] for e in parse(b)[0]])
    d.files[beside(d, path)] = MAGIC + b[at:]
    d.files[path] = b[:at]


@kind()
def stray_files(d):
    _, path = d.pick()
    d.files[path.rpartition('/')[0] + '/.DS_Store'] = d.rng.randbytes(200)
    d.files[beside(d, path)] = d.files[path]


# ---- index and hints ----

@kind()
def index_missing(d):
    del d.files[d.witness('index')[1]]


@kind()
def hints_missing(d):
    del d.files[d.witness('hints')[1]]


@kind()
def index_and_hints_missing(d):
    index_missing(d)
    hints_missing(d)


@kind()
def index_bits(d):
    path, index = d.index()
    require(index)
    for _ in range(d.rng.randint(1, 3)):
        at = d.files[path].find(d.choose(list(index)))
        d.flip(path, at + d.rng.randrange(40))


@kind()
def index_many_bits(d):
    path, index = d.index()
    for key in index:
        if d.rng.random() < 0.5:
            d.flip(path, d.files[path].find(key) + d.rng.randrange(32, 40))


@kind()
def index_bucket_lost(d):
    path, index = d.index()
    key = d.choose(list(index))
    d.files[path] = index_image({k: place for k, place in index.items() if k != key})


@kind()
def index_sectors_zeroed(d):
    path, index = d.index()
    used = sorted({d.files[path].find(key) // SECTOR for key in index} | {0})
    for at in d.rng.sample(used, d.rng.randint(1, min(3, len(used)))):
        d.overwrite(path, at * SECTOR, bytes(SECTOR))


@kind()
def index_zeroed(d):
    _, path = d.witness('index')
    d.files[path] = bytes(len(d.files[path]))


@kind()
def index_header(d):
    _, path = d.witness('index')
    d.flip(path, d.rng.randrange(18))


@kind()
def index_cut(d):
    _, path = d.witness('index')
    d.files[path] = d.files[path][:d.rng.randrange(len(d.files[path]))]


@kind()
def index_empty(d):
    path, index = d.index()
    require(index)
    d.files[path] = index_image({})


@kind()
def index_and_hints_empty_and_newer(d):
    """Attic checked and repaired while data was not mounted."""
    number = d.newest() + d.rng.randint(1, 3)
    index_and_hints_missing(d)
    d.files['index.%d' % number] = index_image({})
    d.files['hints.%d' % number] = hints_image({}, [])


def put_in_place(d, prefix, state):
    """Write the index or hints of @state under the newest number."""
    source = next(path for path in state.files if path.startswith(prefix + '.'))
    d.files[d.witness(prefix)[1]] = state.files[source]


@kind()
def index_older(d):
    put_in_place(d, 'index', d.older_state())


@kind()
def hints_older(d):
    put_in_place(d, 'hints', d.older_state())


@kind()
def index_and_hints_older(d):
    state = d.older_state()
    put_in_place(d, 'index', state)
    put_in_place(d, 'hints', state)


@kind()
def index_and_hints_older_newer_number(d):
    index_and_hints_older(d)
    number = d.newest() + 1
    for prefix in ('index', 'hints'):
        d.files['%s.%d' % (prefix, number)] = d.files.pop(d.witness(prefix)[1])


@kind()
def index_and_hints_of_older_transaction(d):
    """They keep their own number: the newest ones are gone."""
    state = d.older_state()
    d.replace(state.files, r'(index|hints)\.')


@kind()
def older_index_beside(d):
    state = d.older_state()
    d.files.update((path, b) for path, b in state.files.items()
                   if path.startswith(('index.', 'hints.')) and path not in d.files)


@kind()
def index_foreign(d):
    put_in_place(d, 'index', d.foreign_state())


@kind()
def index_and_hints_foreign(d):
    put_in_place(d, 'index', d.foreign_state())
    put_in_place(d, 'hints', d.foreign_state())


@kind()
def hints_counts(d):
    path, rows, compact = d.hints()
    n = d.choose(list(rows))
    rows[n] = max(0, rows[n] + d.rng.choice((-1, 1, 7)))
    d.files[path] = hints_image(rows, compact)


@kind()
def hints_ghost(d):
    """A row of a segment that was removed, or never was."""
    path, rows, compact = d.hints()
    number = d.rng.choice((max(rows, default=0) + 9, d.rng.randrange(d.newest() + 1)))
    require(number not in d.segments())
    rows[number] = d.rng.randint(0, 5)
    d.files[path] = hints_image(rows, list(compact) + [number] * d.rng.randint(0, 1))


@kind()
def hints_garbage(d):
    _, path = d.witness('hints')
    b = d.files[path]
    d.files[path] = d.rng.choice((b'', b[:len(b) // 2], d.rng.randbytes(60), bytes(len(b)),
                                  pack([1, 2])))


@kind()
def hints_bits(d):
    _, path = d.witness('hints')
    require(d.files[path])
    d.flip(path, d.rng.randrange(len(d.files[path])))


# ---- files of several times ----

@kind()
def data_older(d):
    """An interrupted mirror: new index and hints, old data."""
    d.replace(d.older_state().files, 'data/')


@kind()
def data_older_witnesses_of_both(d):
    older = d.older_state().files
    d.replace(older, 'data/')
    d.files.update((path, b) for path, b in older.items() if path not in d.files)


@kind()
def copy_without_newest_data(d):
    """New witnesses; everything older than them is there, removed segments too."""
    older = d.older_state().files
    d.replace(older, 'data/')
    newer = [path for path in d.state.files if path.startswith('data/') and path not in older]
    for path in newer:
        if d.rng.random() < 0.5:
            d.files[path] = d.state.files[path]


@kind(strong=False)
def mixture(d):
    """Each file comes from one of two backups."""
    one, two = d.older_state().files, dict(d.files)
    for path in sorted(set(one) | set(two)):
        source = d.rng.choice((one, two))
        d.files.pop(path, None)
        if path in source:
            d.files[path] = source[path]


@kind(strong=False, two_histories=True)
def mixture_of_lineages(d):
    one = d.history.branch(d.older_state(), d.rng).states[-1].files
    two = dict(d.files)
    for path in sorted(set(one) | set(two)):
        source = d.rng.choice((one, two))
        d.files.pop(path, None)
        if path in source:
            d.files[path] = source[path]


# ---- the end of the log ----

def add_tail(d, number, last=b''):
    """A transaction without its COMMIT, in one segment."""
    rng, image, found = d.rng, MAGIC, set()
    for _ in range(rng.randint(1, 5)):
        key = rng.choice(sorted(d.state.objects)) if d.state.objects and rng.random() < 0.4 \
            else rng.randbytes(32)
        if key in d.state.objects:
            image += entry(DELETE, key)
        value = b'never committed' + rng.randbytes(rng.randint(4, 100))
        image += entry(PUT, key, value)
        found.add((key, value))
    d.files[d.path_of(number)] = image + last
    d.uncommitted[number] = image + last, found


@kind()
def tail(d):
    add_tail(d, d.newest() + 1)


@kind()
def tail_of_two_segments(d):
    add_tail(d, d.newest() + 1)
    add_tail(d, d.newest() + 1)


@kind()
def tail_torn(d):
    add_tail(d, d.newest() + 1, entry(PUT, bytes(32), d.rng.randbytes(100))[:60])


@kind()
def tail_of_highest_number(d):
    add_tail(d, d.rng.choice(((1 << 31) - 1, (1 << 32) - 1, (1 << 31) + 5)))


@kind()
def newest_commit_damaged(d):
    path = d.segments()[d.newest()]
    require(d.files[path].endswith(COMMIT_BYTES))
    d.flip(path, len(d.files[path]) - 1 - d.rng.randrange(9))


@kind()
def newest_cut(d):
    path = d.segments()[d.newest()]
    b = d.files[path]
    require(len(b) > 8)
    d.files[path] = b[:d.rng.randrange(8, len(b))]


@kind()
def all_commits_damaged(d):
    for path in d.segments().values():
        b = d.files[path]
        if b.endswith(COMMIT_BYTES):
            d.overwrite(path, len(b) - 9, bytes(9))


@kind(strong=False)
def everything_damaged(d):
    for path in list(d.files):
        if path.startswith(('data/', 'index.', 'hints.')) and d.files[path]:
            for _ in range(d.rng.randint(1, 3)):
                d.flip(path, d.rng.randrange(len(d.files[path])))


@kind(strong=False)
def every_file_cut(d):
    for path in list(d.files):
        if path.startswith(('data/', 'index.', 'hints.')) and d.files[path]:
            d.files[path] = d.files[path][:d.rng.randrange(len(d.files[path]) + 1)]


# ---- config ----

def edit_config(d, pattern, text):
    require('config' in d.files)
    d.files['config'] = re.sub(pattern.encode(), text.encode(), d.files['config'], flags=re.M)


@kind(by_hand=True)
def config_per_folder(d):
    edit_config(d, r'^segments_per_dir = .*$',
                d.rng.choice(('segments_per_dir = 10000', 'segments_per_dir = 7', '',
                              'segments_per_dir = -1', 'segments_per_dir = many')))


@kind(by_hand=True)
def config_max_size(d):
    edit_config(d, r'^max_segment_size = .*$',
                d.rng.choice(('max_segment_size = 5242880', '', 'max_segment_size = 0',
                              'max_segment_size = 99999999999')))


@kind(by_hand=True)
def config_version_or_id(d):
    edit_config(d, d.rng.choice((r'^version.*$', r'^id.*$')), '')


@kind(by_hand=True)
def config_gone(d):
    require('config' in d.files)
    if d.rng.random() < 0.5:
        del d.files['config']
    else:
        d.files['config'] = d.rng.choice((b'', bytes(len(d.files['config'])), b'\xff\xfe\n'))
