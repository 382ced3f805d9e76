#!/usr/bin/env python3
"""What the bytes of a damaged repository prove, read without the engine.

Facts are whole entries in data/. Index and hints are witnesses: they are compared with the log
before they are believed. Where a rule leaves room ("nearly all"), this reading accuses a program
less: readable() holds only objects that must stay beyond doubt, named() only keys that some
credible witness names.

A repository is {path: bytes} of its regular files."""
import hashlib
import re
import struct
import zlib
from collections import Counter

import reader
from reader import COMMIT, COMMIT_BYTES, DELETE, DELETED, ENTRY_MAX, INDEX_MAGIC, MAGIC, PUT


MANIFEST = bytes(32)


def digest(value):
    return hashlib.sha256(value).hexdigest()


def are_near(key, other):
    """Are the keys the same but for up to 8 wrong bits?"""
    return bin(int.from_bytes(key, 'big') ^ int.from_bytes(other, 'big')).count('1') <= 8


# ---- facts ----

def entry_at(b, at):
    """(size, tag, key, digest of the value) of the whole entry at @at, or None."""
    if at + 9 > len(b):
        return None
    crc, size, tag = struct.unpack_from('<IIB', b, at)
    least, most = {PUT: (41, ENTRY_MAX), DELETE: (41, 41), COMMIT: (9, 9)}.get(tag, (1, 0))
    if not least <= size <= most or at + size > len(b):
        return None
    if zlib.crc32(memoryview(b)[at + 4:at + size]) != crc:
        return None
    if tag == COMMIT:
        return size, tag, None, None
    return size, tag, b[at + 9:at + 41], digest(b[at + 41:at + size]) if tag == PUT else None


def find_entry(b, start):
    return next((at for at in range(start, len(b) - 8)
                 if b[at + 8] <= COMMIT and entry_at(b, at)), len(b))


def parse(b, places=()):
    """Entries [(offset, size, tag, key, digest)] and damaged stretches [(offset, length)] of a
    segment. Sizes are followed first, then @places, which an index names; then the bytes are
    searched. Where the magic is gone, an entry may begin before its end, even at the first byte."""
    found, gaps, at = [], [], len(MAGIC)
    if b[:at] != MAGIC:
        at = next((k for k in range(at) if entry_at(b, k)), min(at, len(b)))
        gaps.append((0, at))
    while at < len(b):
        e = entry_at(b, at)
        if e:
            found.append((at, *e))
            at += e[0]
            continue
        size = struct.unpack_from('<I', b, at + 4)[0] if at + 8 <= len(b) else 0
        beyond = at + size
        if not 9 <= size <= ENTRY_MAX or beyond != len(b) and not entry_at(b, beyond):
            beyond = next((p for p in sorted(places) if p > at and entry_at(b, p)), None)
            beyond = beyond or find_entry(b, at + 1)
        gaps.append((at, beyond - at))
        at = beyond
    return found, gaps


def is_complete(b):
    """Is the last entry a COMMIT? The last bytes of a value can look like one."""
    if b[-9:] != COMMIT_BYTES:
        return False
    found, _ = parse(b)
    return bool(found) and found[-1][2] == COMMIT and sum(found[-1][:2]) == len(b)


def whole_puts(files):
    """(key, digest) of each whole PUT at any byte of any file, except those in undo/."""
    found = set()
    for path, b in files.items():
        is_witness = re.match(r'(index|hints)\.\d+$', path) and b[:8] != MAGIC
        if path.startswith('undo/') or is_witness:
            continue
        for match in re.finditer(rb'(?=[\0\1]\0)', b):
            at = match.start() - 7
            if at >= 0 and (e := entry_at(b, at)):
                found.add(e[2:])
    return found


# ---- witnesses ----

def read_index(b):
    """{key: (segment, offset)}. Raises ValueError if it is not an index."""
    if len(b) < 18:
        raise ValueError('shorter than a header')
    magic, _, buckets, key_size, value_size = struct.unpack_from('<8siibb', b)
    if (magic, key_size, value_size) != (INDEX_MAGIC, 32, 8) or len(b) != 18 + 40 * buckets:
        raise ValueError('the header does not fit')
    found = {}
    for key, segment, offset in struct.iter_unpack('<32sII', memoryview(b)[18:]):
        if segment < DELETED:
            found.setdefault(key, (segment, offset))    # of two buckets a look-up finds the first
    return found


def read_hints(b):
    """({segment: live}, [segments to compact]). Raises ValueError if they are not hints, or of a
    version whose meaning nobody knows."""
    try:
        found, end = reader.unpack(b)
        rows, compact = dict(found[b'segments']), list(found[b'compact'])
        if end != len(b) or found[b'version'] != 1 or \
                not all(isinstance(n, int) for row in rows.items() for n in row):
            raise ValueError('not hints')
    except (reader.Bad, IndexError, KeyError, TypeError, ValueError, RecursionError) as e:
        raise ValueError(str(e))
    return rows, compact


def numbers(files, kind):
    """The transactions of all files named index.T, or hints.T."""
    found = (re.fullmatch(kind + r'\.(0|[1-9]\d*)', path) for path in files)
    return sorted(int(match[1]) for match in found if match)


def read_or_none(read, b):
    try:
        return None if b is None else read(b)
    except ValueError:
        return None


def nearly(part, whole):
    """Nine in ten; all but one of fewer than ten."""
    return part >= whole - max(1, whole // 10)


class Evidence:
    def __init__(self, files):
        self.files = files
        self.data = self.segment_files()
        complete = [n for n, b in self.data.items() if is_complete(b)]
        self.transaction = max(complete, default=None)
        # A tail whose number index or hints have was committed, whatever its last bytes are now.
        borne = set(numbers(files, 'index')) | set(numbers(files, 'hints'))
        self.top = max(complete + [n for n in self.data if n in borne], default=None)
        self.index = read_or_none(read_index, files.get('index.%s' % self.top))
        self.hints = read_or_none(read_hints, files.get('hints.%s' % self.top))
        self.entries, self.gaps = {}, {}
        self.parse_all()
        self.strange, self.returned, self.misplaced = set(), set(), {}
        self.has_puts = any(e[2] == PUT for rows in self.entries.values() for e in rows)
        if self.index:
            self.find_right_names()
        self.puts = self.find_puts()
        self.replay()
        if self.index is not None and self.hints is not None:
            self.find_returned()
        self.has_strange = bool(self.strange)
        if (self.strange or self.misplaced) and not self.is_index_credible():
            self.strange, self.misplaced, self.gaps = set(), {}, {}
            self.parse_all()    # an unbelievable index says nothing about the files
            self.puts = self.find_puts()
            self.replay()

    def segment_files(self):
        """{number: bytes}, from the file with fewer damaged bytes where two have one number."""
        found = {}
        for path, b in sorted(self.files.items()):
            match = re.fullmatch(r'data/\d+/(0|[1-9]\d*)', path)
            if match and int(match[1]) < 1 << 32:
                found.setdefault(int(match[1]), []).append(b)
        return {n: min(blobs, key=lambda b: sum(gap[1] for gap in parse(b)[1]) - len(b))
                for n, blobs in sorted(found.items())}

    def parse_all(self):
        places = {}
        for segment, offset in (self.index or {}).values():
            places.setdefault(segment, []).append(offset)
        for n, b in self.data.items():
            self.entries[n], gaps = parse(b, places.get(n, ()))
            if gaps:
                self.gaps[n] = gaps

    def find_puts(self):
        return {(n, e[0]): e for n, rows in self.entries.items() for e in rows if e[2] == PUT}

    # ---- segments that are not what their name says ----

    def find_right_names(self):
        """A file that none of its own index places fit, but those of another number do, has that
        other number. A file that fits neither is left out."""
        keys = {e[3] for rows in self.entries.values() for e in rows if e[2] == PUT}
        if 10 * sum(key in keys for key in self.index) < len(self.index):
            return              # a foreign index
        at = {n: {e[0]: e[3] for e in rows if e[2] == PUT} for n, rows in self.entries.items()}
        wanted = {}
        for key, (n, offset) in self.index.items():
            wanted.setdefault(n, []).append((offset, key))

        def fits(n, m):
            return sum(at[m].get(offset) == key for offset, key in wanted[n])

        unfit = [n for n in wanted if n not in at or n not in self.gaps and not fits(n, n)]
        for n in unfit:
            # One PUT alone proves little: a compaction can have moved it to the same offset.
            m = next((m for m in at if m != n and 5 * fits(n, m) >= 4 * len(wanted[n]) and
                      (m in unfit or m not in wanted and len(wanted[n]) > 1)), None)
            if m is not None:
                self.misplaced[m] = n
        self.strange = {m for m in unfit if m in at and m not in self.misplaced}
        names = {m: self.misplaced.get(m, m) for m in at if m not in self.strange}
        order = sorted(names, key=lambda m: m in self.misplaced)        # the misplaced win
        self.entries = {names[m]: self.entries[m] for m in order}
        self.gaps = {names.get(m, m): gap for m, gap in self.gaps.items()}

    def find_returned(self):
        """Find segments that credible hints do not list and into which a credible index maps
        nothing."""
        mapped = {segment for segment, _ in self.index.values()}
        last = max(mapped | set(self.hints[0]), default=-1)     # what lies above is newer
        back = {n for n in self.entries if n <= last and n not in self.hints[0] and
                n not in mapped and any(e[2] == PUT for e in self.entries[n])}
        if back:
            self.returned = back
            self.replay()
            if not (self.is_index_credible() and self.are_hints_credible()):
                self.returned = set()
                self.replay()

    # ---- the log ----

    def replay(self):
        """self.newest: the newest event of each key in the committed log; self.live: its PUTs."""
        self.newest = {}        # key -> (tag, segment, offset, digest)
        meant = {place: key for key, place in (self.index or {}).items()}
        for n in sorted(self.entries):
            if self.top is None or n > self.top or n in self.returned:
                continue
            for offset, _, tag, key, value in self.entries[n]:
                is_misdirected = tag == PUT and self.index and key not in self.index and \
                    meant.get((n, offset), key) != key
                if tag != COMMIT and not is_misdirected:
                    self.newest[key] = tag, n, offset, value
        self.live = {key: e for key, e in self.newest.items() if e[0] == PUT}

    def live_in(self):
        return Counter(e[1] for e in self.live.values())

    # ---- credit ----

    def is_index_credible(self):
        if self.index is None or not self.index and self.live:
            return False
        # An index that no PUT confirms is not credible. A manifest does not count: all have one.
        if self.has_puts and not any(self.is_confirmed(key) for key in self.index
                                     if key != MANIFEST):
            return False
        whole = [(key, place) for key, place in self.index.items()
                 if place[0] in self.entries and place[0] not in self.gaps]
        good = sum(place in self.puts and self.puts[place][3] == key for key, place in whole)
        known = sum(key in self.index for key in self.live)
        return nearly(good, len(whole)) and nearly(known, len(self.live)) and \
            (not self.live or 2 * known > len(self.live))

    def is_confirmed(self, key, value=None):
        """Is there a whole PUT of @key, with @value, where the newest index has it?"""
        put = self.puts.get((self.index or {}).get(key))
        return put is not None and put[3] == key and value in (None, put[4])

    def is_newest(self, key, value):
        """Is the log's newest event of @key a whole PUT of @value?"""
        event = self.newest.get(key)
        return event is not None and event[0] == PUT and event[3] == value

    def is_behind_damage(self, key, value):
        """Is it the log's newest, and behind everything damaged or missing?"""
        last = max(((n, gap[-1][0]) for n, gap in self.gaps.items()), default=(-1, 0))
        return self.is_newest(key, value) and self.newest[key][1:3] > last and \
            all(n in self.data for n in range(self.newest[key][1], (self.top or 0) + 1))

    def are_hints_credible(self):
        if self.hints is None:
            return False
        listed = set(self.hints[0])
        if listed - set(self.data) or any(
                n > max(listed, default=-1) for n in self.entries
                if n <= self.top and n not in self.returned and
                any(e[2] == PUT for e in self.entries[n])):
            return False
        counted, rows = self.live_in(), [n for n in listed if n not in self.gaps]
        bad = sum(self.hints[0][n] != counted[n] for n in rows)
        return bad <= max(2, len(rows) // 5) and bad < max(1, len(rows))

    # ---- what follows for each key ----

    def denied(self):
        """Keys with a whole PUT that credible index and hints both call deleted, where the DELETE
        can have been in damage or in a gap."""
        found = set()
        if not (self.is_index_credible() and self.are_hints_credible()):
            return found
        counted = self.live_in()
        for key, place in self.index.items():   # the hints also counted what is damaged now
            if place[0] in self.gaps and self.puts.get(place, [None] * 4)[3] != key:
                counted[place[0]] += 1
        for key, (_, n, _, _) in self.live.items():
            if key not in self.index and self.hints[0].get(n, 0) < counted[n] and (
                    any(m >= n for m in self.gaps) or
                    any(m not in self.data for m in range(n, self.top + 1))):
                found.add(key)
        for n in self.returned:
            found |= {e[3] for e in self.entries[n] if e[2] == PUT and e[3] not in self.index}
        return found

    def doubtful(self):
        """Keys that an index and hints deny, in exact agreement, though neither is credible: a
        program may keep them or give them up."""
        held = {}
        for key, e in self.live.items():
            held.setdefault(e[1], []).append(key)
        found = set()
        for n in numbers(self.files, 'index'):
            if self.top is not None and n < self.top:
                continue
            index = read_or_none(read_index, self.files['index.%d' % n])
            hints = read_or_none(read_hints, self.files.get('hints.%d' % n))
            if index is None or hints is None:
                continue
            sure = Counter(place[0] for key, place in index.items()
                           if place in self.puts and self.puts[place][3] == key)
            if not sure or any(m > max(hints[0], default=-1) and m not in self.returned
                               for m in held):
                continue
            for m, keys in held.items():
                if m in hints[0] and hints[0][m] == sure[m]:
                    found |= {key for key in keys if key not in index}
        return found

    def is_manifest_in_doubt(self, n):
        """Is a manifest all that file @n holds, whole, and nothing where the newest index leads
        into it? Every repository has one: no byte tells whether the file is ours."""
        known = numbers(self.files, 'index')
        index = read_or_none(read_index, self.files['index.%d' % known[-1]]) if known else None
        mapped = {key: place[1] for key, place in (index or {}).items() if place[0] == n}
        puts = {e[0]: e[3] for e in parse(self.data.get(n, b''))[0] if e[2] == PUT}
        return set(puts.values()) == {MANIFEST} and n not in self.gaps and bool(mapped) and \
            not any(puts.get(offset) == key for key, offset in mapped.items())

    def readable(self):
        """{key: digest} of objects that can be read now and must stay."""
        found = {key: e[3] for key, e in self.live.items()}
        if self.is_index_credible():
            self.add_mapped(found)
        for n in sorted(self.entries):
            if self.top is not None and n <= self.top:
                continue
            # A tail may have been committed: its DELETEs are not certain.
            for _, _, tag, key, _ in self.entries[n]:
                if tag == DELETE:
                    found.pop(key, None)
        for key in self.denied() | self.doubtful():
            found.pop(key, None)
        n = self.live.get(MANIFEST, (PUT, None))[1]
        if self.is_manifest_in_doubt(n) and self.are_hints_credible():
            found.pop(MANIFEST, None)
        return found

    def add_mapped(self, found):
        """A PUT that index and hints know stays, even with a whole DELETE behind it."""
        mapped = {}
        for key, place in self.index.items():
            if place in self.puts and self.puts[place][3] == key and place[0] <= self.top:
                mapped.setdefault(place[0], []).append((key, self.puts[place][4]))
        for n, rows in mapped.items():
            is_counted = self.hints is not None and self.hints[0].get(n) == len(rows)
            for key, value in rows:
                # Where the log has a later PUT, it stays that one: is_confirmed() allows the other.
                if is_counted or key not in self.newest:
                    found[key] = value

    def named(self, newest_only=False):
        """Keys that a credible index names: the newest transaction's; an older one, up to its own
        transaction; or, of those beyond the log, the one that shares most with it."""
        found = set()
        for n in numbers(self.files, 'index'):
            index = read_or_none(read_index, self.files['index.%d' % n])
            if index is None:
                continue
            if n == self.top:
                found |= set(index) if self.is_index_credible() else set()
            elif self.top is not None and n < self.top:
                live = self.live_up_to(n)
                if not newest_only and live and 10 * len(live & set(index)) >= 9 * len(live):
                    found |= {key for key in index
                              if key not in self.newest or self.newest[key][0] == PUT}
            elif self.live and 2 * len(set(index) & set(self.live)) >= len(self.live):
                # It is no newer than the highest place that it knows: a DELETE above that counts.
                last = max((place[0] for place in index.values()), default=-1)
                found |= {key for key in index if key not in self.newest or
                          self.newest[key][0] == PUT or self.newest[key][1] <= last}
        return found

    def live_up_to(self, transaction):
        last = {}
        for n in sorted(self.entries):
            for _, _, tag, key, _ in self.entries[n] if n <= transaction else ():
                if tag != COMMIT:
                    last[key] = tag
        return {key for key, tag in last.items() if tag == PUT}

    def denies(self, key):
        """Does a credible index of the newest transaction say that there is no such object? About
        a PUT above all that it leads to it can be of an earlier time. It is of one where a tail
        may have been committed: then any file can be newer, under another's number."""
        if self.may_be_committed():
            return False
        last = max((segment for segment, _ in (self.index or {}).values()), default=-1)
        return self.is_index_credible() and key not in self.index and not (
            key in self.live and self.live[key][1] > last)

    def is_covered_from_above(self):
        """Has an index of a transaction above the log every object of it, in its place? It knows
        what was in the damage as well as one of the newest transaction does."""
        indexes = (read_or_none(read_index, self.files['index.%d' % n])
                   for n in numbers(self.files, 'index') if self.top is not None and n > self.top)
        return bool(self.live) and any(
            index and all(index.get(key) == e[1:3] for key, e in self.live.items())
            for index in indexes)

    def shows_damage(self):
        """Does anything show that objects may be missing which nobody names?"""
        if self.gaps or self.has_strange:
            return True
        known = [n for n in numbers(self.files, 'index') + numbers(self.files, 'hints')]
        first = max((n for n in known if self.top is None or n <= self.top), default=None)
        if first is None or self.top is None:
            return False
        return first < self.top and any(n not in self.data for n in range(first + 1, self.top))

    def may_be_committed(self):
        """(key, digest) of each PUT above the log, up to a segment that ends in what can be a
        damaged COMMIT. No witness tells."""
        last = max((n for n, b in self.data.items()
                    if self.gaps.get(n, [None])[-1] == (len(b) - 9, 9)), default=-1)
        return {e[3:5] for n, rows in self.entries.items()
                if n <= last and (self.top is None or n > self.top)
                for e in rows if e[2] == PUT}

    def has_own_manifest(self):
        """Is any whole manifest in a file that the index does not speak against?"""
        doubtful = self.strange | {n for n in self.data if self.is_manifest_in_doubt(n)}
        return any(key == MANIFEST for key, _ in whole_puts(
            {path: b for path, b in self.files.items()
             if not any(b is self.data[n] for n in doubtful)}))

    def tail_is_uncommitted(self, number):
        """Is it certain that segment @number was never committed?"""
        return self.transaction is not None and number > self.transaction and \
            max(numbers(self.files, 'index') + numbers(self.files, 'hints'), default=-1) < number


# ---- a repository after the repairs ----

def newest_complete(files):
    found = [int(path.rpartition('/')[2]) for path, b in files.items()
             if re.fullmatch(r'data/\d+/\d+', path) and is_complete(b)]
    return max(found, default=None)


def segment_paths(files):
    """{number: path}. Where two have one number, the file in its own folder is meant."""
    config = re.search(rb'segments_per_dir\s*=\s*(\d+)', files.get('config', b''))
    in_folder = int(config[1]) if config else 10000
    paths = {}
    for path in sorted(files):
        match = re.fullmatch(r'data/(\d+)/(\d+)', path)
        if match and (int(match[2]) not in paths or
                      int(match[1]) == int(match[2]) // in_folder):
            paths[int(match[2])] = path
    return paths


def by_log(files):
    """{key: digest} after a replay of everything committed. Damage is skipped."""
    newest, found = newest_complete(files), {}
    paths = segment_paths(files)
    for n in sorted(paths):
        if newest is None or n > newest:
            break
        for _, _, tag, key, value in parse(files[paths[n]])[0]:
            if tag != COMMIT:
                found.pop(key, None)
            if tag == PUT:
                found[key] = value
    return found


def by_index(files):
    """({key: digest}, keys whose place is wrong), as a store reads it that believes the newest
    index. Raises ValueError if there is none that can be read."""
    known = numbers(files, 'index')
    if not known:
        raise ValueError('no index')
    paths = segment_paths(files)
    found, wrong = {}, set()
    for key, (n, offset) in read_index(files['index.%d' % known[-1]]).items():
        e = entry_at(files[paths[n]], offset) if n in paths else None
        if e and e[1] == PUT and e[2] == key:
            found[key] = e[3]
        else:
            wrong.add(key)
    return found, wrong
