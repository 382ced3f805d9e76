#!/usr/bin/env python3
"""The list of 200,000 segments in the terminal: scrolled, sorted by every column both ways,
filtered and searched. The rows shown must be the right ones; the times are printed and not judged,
since machines are busy.

ATTICSCOPE names the program. Skipped without tmux."""
import os
import struct
import time
import unittest

from cli import COMMIT, DELETE, PUT, entry, key_of
from terminal import Case
from tui import numbers, truth

SEGMENTS = 200000
PER_FOLDER = 10000
KINDS = 199		# files; every segment is a hard link to one of them
COMMITTED_KIND, DAMAGED_KIND, TAIL = 0, 13, 3
EPOCH = 1400000000

# The columns in their order, whether the order begins downwards, and what a row of the command line
# (and the file) is sorted by.
ORDERS = (
    ('size', True, lambda row: row['size']),
    ('entries', True, lambda row: row['entries']),
    ('PUT', True, lambda row: row['puts']),
    ('DELETE', True, lambda row: row['deletes']),
    ('live', True, lambda row: row['live']),
    ('hints', True, lambda row: row['live']),
    ('unused', True, lambda row: (row['size'] - row['live_bytes']) * 10000 // row['size']
     if row['committed'] else -1),
    ('CRC', True, lambda row: row['damaged']),
    ('state', False, lambda row: 0 if row['damaged'] else 1 if not row['committed'] else
     5 if row['live'] == 0 else 4 if row['live'] == row['puts'] else 3),
    ('modified', True, lambda row: kind_of(row['segment'])),
)


def kind_of(number):
    """Which file it is. The last segments are an unfinished transaction."""
    return number % KINDS if number < SEGMENTS - TAIL else 1


def contents(kind):
    """A PUT of a key that only this kind has, some DELETEs of unknown keys, a COMMIT."""
    data = b'ATTICSEG' + entry(PUT, key_of(kind), b'%d ' % kind * (kind % 23))
    for i in range(kind % 7):
        data += entry(DELETE, key_of(1000 + i))
    if kind == DAMAGED_KIND:
        data = data[:60] + bytes([data[60] ^ 1]) + data[61:]
    return data + entry(COMMIT) if kind == COMMITTED_KIND else data


def is_sparse(row):
    return row['committed'] and (row['size'] - row['live_bytes']) * 4 >= row['size']


def pairs(rows):
    return b''.join(b'\xce' + struct.pack('>I', number) for row in rows for number in row)


def write_index(repo, transaction, places, buckets=1024):
    table = [bytes(32) + b'\xff' * 8] * buckets
    for kind, number in places.items():
        home = struct.unpack('<I', key_of(kind)[:4])[0] % buckets
        while table[home][32:36] != b'\xff' * 4:
            home = (home + 1) % buckets
        table[home] = key_of(kind) + struct.pack('<II', number, 8)
    with open(os.path.join(repo, 'index.%d' % transaction), 'wb') as f:
        f.write(struct.pack('<8siibb', b'ATTICIDX', len(places), buckets, 32, 8) + b''.join(table))


def write_hints(repo, transaction, live):
    compact = [number for number in range(transaction + 1) if number not in live]
    with open(os.path.join(repo, 'hints.%d' % transaction), 'wb') as f:
        f.write(b'\x83\xa7version\x01\xa8segments\xdf' + struct.pack('>I', transaction + 1) +
                pairs((n, int(n in live)) for n in range(transaction + 1)) +
                b'\xa7compact\xdd' + struct.pack('>I', len(compact)) + pairs(zip(compact)))


def make_repository(repo):
    """Each key lives in the last segment of its kind; all others are superseded."""
    os.makedirs(os.path.join(repo, 'data'))
    with open(os.path.join(repo, 'config'), 'w') as f:
        f.write('[repository]\nversion = 1\nsegments_per_dir = %d\nmax_segment_size = 5242880\n'
                'id = %s\n'
                % (PER_FOLDER, '0123456789abcdef' * 4))
    kinds = os.path.join(repo, '..', 'kinds')
    os.mkdir(kinds)
    for kind in range(KINDS):
        path = os.path.join(kinds, str(kind))
        with open(path, 'wb') as f:
            f.write(contents(kind))
        os.utime(path, (EPOCH + kind, EPOCH + kind))
    for number in range(SEGMENTS):
        folder = os.path.join(repo, 'data', str(number // PER_FOLDER))
        if number % PER_FOLDER == 0:
            os.mkdir(folder)
        os.link(os.path.join(kinds, str(kind_of(number))), os.path.join(folder, str(number)))
    transaction = max(n for n in range(SEGMENTS) if kind_of(n) == COMMITTED_KIND)
    places = {kind_of(n): n for n in range(transaction + 1)}
    del places[DAMAGED_KIND]
    write_index(repo, transaction, places)
    write_hints(repo, transaction, set(places.values()))


class Scale(Case):
    def timed(self, what, act, *conditions):
        """The screen after act(), once all @conditions hold."""
        before = time.monotonic()
        act()
        self.terminal.wait(*conditions)
        print('  %-34s %6.0f ms' % (what, (time.monotonic() - before) * 1000))

    def rows(self, what, keys, wanted, *conditions):
        """After @keys the visible rows are the segments wanted(their count), under a matching
        title."""
        def right(screen):
            shown = numbers(screen)
            return shown and shown == wanted(len(shown))
        self.timed(what, lambda: self.terminal.press(*keys), right, *conditions)

    def from_top(self, rows):
        return lambda count: [row['segment'] for row in rows[:count]]

    def to_end(self, rows):
        return lambda count: [row['segment'] for row in rows[-count:]]

    def ordered(self, key, title, rows):
        """After @key the title names the order, and the rows have it from one end to the other."""
        words = 'sorted by ' + title
        self.timed(words, lambda: self.terminal.press(key),
                   lambda screen: screen.lines[2].endswith(words))
        self.rows('  Home', ['Home'], self.from_top(rows))
        self.rows('  End', ['End'], self.to_end(rows))

    def scroll(self, rows):
        self.rows('the list', '2', self.from_top(rows), 'segments   filter: all')
        self.rows('End', ['End'], self.to_end(rows))
        self.rows('Home', ['Home'], self.from_top(rows))
        page = len(numbers(self.terminal.screen()))
        self.rows('PgDn', ['PgDn'], lambda count: list(range(page, page + count)))
        self.rows('PgDn, ten times', ['PgDn'] * 10,
                  lambda count: list(range(11 * page, 11 * page + count)))
        self.rows('PgUp', ['PgUp'], lambda count: list(range(10 * page, 10 * page + count)))
        self.rows('Home', ['Home'], self.from_top(rows))

    def sort(self, rows):
        for title, downwards, key in ORDERS:
            upwards = sorted(rows, key=lambda row: (key(row), row['segment']))
            turns = [(title, upwards), (title + ', downwards', upwards[::-1])]
            for press, turn in zip('sS', turns[::-1] if downwards else turns):
                self.ordered(press, *turn)
        self.ordered('s', 'segment', rows)

    def filter(self, rows):
        for name, passes in (('damaged', lambda row: row['damaged']),
                             ('odd', lambda row: False),
                             ('uncommitted', lambda row: not row['committed']),
                             ('sparse', is_sparse),
                             ('entries', lambda row: True),
                             ('all', lambda row: True)):
            left = [row for row in rows if passes(row)]
            self.timed('filter: %s' % name, lambda: self.terminal.press('f'),
                       '%s of %s segments   filter: %s' % (
                           format(len(left), ','), format(SEGMENTS, ','), name))
            if left:
                self.rows('  Home', ['Home'], self.from_top(left))

    def search(self, rows):
        self.timed('search for a segment', lambda: self.terminal.type('/150000', 'Enter'),
                   lambda screen: (screen.selected or '').startswith('150000 '))
        self.terminal.press('Home').at('0 ')
        first = [row['segment'] for row in rows if row['damaged']][0]
        self.timed('search for a text', lambda: self.terminal.type('/damaged', 'Enter'),
                   lambda screen: (screen.selected or '').startswith('%d ' % first))
        self.timed('search for what is not there', lambda: self.terminal.type('/nowhere', 'Enter'),
                   'not found: nowhere')

    def test_a_list_of_200000_segments_is_scrolled_sorted_filtered_and_searched(self):
        repo = os.path.join(self.folder, 'repo')
        before = time.monotonic()
        make_repository(repo)
        print('%d segments, made in %.1f s' % (SEGMENTS, time.monotonic() - before))
        rows = truth('segments', repo, '--verify')
        before = time.monotonic()
        self.terminal = self.open(repo, lines=50)
        print('  %-34s %6.0f ms' % ('first screen', (time.monotonic() - before) * 1000))
        self.scroll(rows)
        self.timed('verification', lambda: self.terminal.press('v'), 'verified: ')
        self.scroll(rows)
        self.sort(rows)
        self.filter(rows)
        self.search(rows)


if __name__ == '__main__':
    unittest.main(verbosity=1, warnings='ignore')
