#!/usr/bin/env python3
"""Random histories of one repository that the real Borg and this program change in turn, each
killed at any moment: borg create, delete, prune, compact and check, transactions of Borg's own
Repository; put, delete, batches, the library's store, repairs, undo.

After every step all readers find the same objects, byte for byte: this program, Borg, and an
independent reader where SHARED has one; check finds nothing wrong, Borg's check neither, and Borg
takes the index, the hints and their digests as they were written.

  borg_history.py [--seeds A-B] [--steps N] [--seconds N] [-v]

ATTICSCOPE and STOREDRV name the programs. HISTORY_SEED and HISTORY_STEPS are the same as the
options. The same seed repeats the same steps, but a kill may strike at another moment. Without
Borg 1.x it is skipped."""
import argparse
import collections
import hashlib
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
import zlib

import borg_client
from store_driver import SHARED, Died, Driver, Refused
from system import print_figures, tree

sys.path.insert(0, os.path.join(SHARED, 'tools'))
try:
    import reference_reader_borg as reference
except ImportError:
    reference = None

PROGRAM = os.environ.get('ATTICSCOPE', 'atticscope')
TORTURE = os.environ.get('ATTICSCOPE_TORTURE') == '1'
COUNTS = collections.Counter()
MANIFEST = 64 * '0'
INDEX_NAMES = ('index.', 'hints.', 'integrity.')
LOCKS = ('lock.exclusive', 'lock.roster')
KILLED = -9
# What Borg before 1.2.7 leaves where it replayed the log, or replaced an object: it does not write
# down then which older PUTs there are, and drops a DELETE too early later.
BORGS_FAULTS = ('hints-shadow', 'delete-lost')
STEPS_OF_ADVICE = 8             # some of them are killed
WEIGHTS = {
    'borg_create': 5, 'borg_delete': 3, 'borg_prune': 2, 'borg_compact': 4, 'borg_check': 1,
    'borg_change': 8, 'put': 5, 'put_batch': 4, 'delete': 4, 'store': 8, 'compact': 3,
    'store_compact': 2, 'recover': 2, 'lose_index': 2, 'damage': 2, 'damage_copy': 2, 'undo': 2,
    'purge': 1, 'extract': 1, 'make_old': 1,
    'tidy_commits': 1, 'lose_commit': 1,
}
KINDS = ('none', 'repokey', 'ours', 'append-only')
# They need a manifest.
CLIENT = ('borg_create', 'borg_delete', 'borg_prune', 'borg_compact', 'extract')
# An append-only repository refuses or does not recommend what they do.
NOT_APPENDING = ('borg_compact', 'compact', 'store_compact', 'damage', 'damage_copy')


class Wrong(Exception):
    """The two differ, or one of them does what it must not."""


def demand(truth, message, *args):
    if not truth:
        raise Wrong(message % args if args else message)


def row_of(value):
    return len(value), '%08x' % zlib.crc32(value), hashlib.sha256(value).hexdigest()


def content(path):
    with open(path, 'rb') as f:
        return f.read()


def files_of(path):
    """The files below @path but for undo folders and locks, with their bytes."""
    return {name: data for name, data in tree(path).items()
            if data is not None and not name.startswith(('undo/', *LOCKS))}


class Ours:
    """A run of the program."""

    def __init__(self, *args, **more):
        self.process = subprocess.Popen([PROGRAM, *args], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, stdin=more.pop(
                                            'stdin', subprocess.DEVNULL), **more)

    def kill(self):
        self.process.kill()

    def wait(self):
        """(exit status, what it said on both outputs)."""
        out, err = self.process.communicate(timeout=300)
        return self.process.returncode, (out + err).decode(errors='replace')


class History:
    def __init__(self, seed, folder):
        self.seed, self.folder = seed, folder
        self.rng = rng = random.Random(seed)
        self.repo = os.path.join(folder, 'repo')
        self.data = os.path.join(folder, 'data')
        self.kind = KINDS[seed % len(KINDS)]
        self.limit, self.per_dir = rng.randint(2000, 60000), rng.choice((3, 7, 1000))
        self.trace = collections.deque(maxlen=40)
        self.seen = collections.Counter()
        self.done = 0
        self.objects = {}               # key -> row: what the last step left
        self.values = {}                # of the objects that are no archive's: key -> bytes
        self.past = collections.defaultdict(set)        # key -> rows that were true once
        self.bytes = {}                 # of each such row of those: row -> bytes
        self.pool = [rng.randbytes(32).hex() for _ in range(rng.choice((8, 60, 300, 3000)))]
        self.sources = [rng.randbytes(rng.randrange(1, 9000)) for _ in range(30)]
        self.archive_count = 0
        self.shrinking = 0.45           # how likely a change is a delete
        self.before_repair = None       # the files before the last one, while it can be undone
        self.borg_may_be_wrong = False  # see BORGS_FAULTS
        self.takes = collections.defaultdict(lambda: 0.1)       # command -> seconds
        os.mkdir(self.data)
        self.server = borg_client.Server(folder)
        self.make()

    # ---- running the two ----

    def note(self, format, *args):
        self.trace.append('%5d  %s' % (self.done, format % args if args else format))

    def ours(self, *args, status=(0,), **more):
        got, said = Ours(*args, **more).wait()
        demand(got in status, '%s: status %s: %s', args, got, said)
        return said

    def check(self, path=None):
        """What check says, as an object. It changes nothing."""
        got, said = Ours('check', '--json', path or self.repo).wait()
        demand(got in (0, 4), 'check: status %d: %s', got, said)
        return json.loads(said)

    def make(self):
        if self.kind == 'ours':
            self.ours('create', '--dialect=borg', '--max-segment-size=%d' % self.limit,
                      '--segments-per-dir=%d' % self.per_dir, self.repo)
        else:
            words = {'append-only': ('none', '--append-only')}.get(self.kind, (self.kind,))
            self.server.ask('command', 'init', '-e', *words, self.repo)
            config = os.path.join(self.repo, 'config')
            text = content(config).decode()
            text = text.replace('max_segment_size = 524288000',
                                'max_segment_size = %d' % self.limit)
            text = text.replace('segments_per_dir = 1000', 'segments_per_dir = %d' % self.per_dir)
            with open(config, 'w') as f:
                f.write(text)
            self.objects = self.borg_view()
        self.verify()

    # ---- what is there ----

    def borg_view(self, path=None):
        """The objects as Borg reads them. It reads a copy, since it writes when it reads."""
        copy = os.path.join(self.folder, 'copy')
        shutil.copytree(path or self.repo, copy, ignore=shutil.ignore_patterns('undo'))
        try:
            return self.server.read(copy)[1]
        finally:
            shutil.rmtree(copy)

    @staticmethod
    def compare(who, found, wanted):
        if found == wanted:
            return
        differ = sorted(key for key in set(found) | set(wanted)
                        if found.get(key) != wanted.get(key))
        raise Wrong('%s: %d objects, %d wanted; these differ: %s' % (
            who, len(found), len(wanted), [(key[:16], found.get(key, 'missing')[:1],
                                            wanted.get(key, 'unwanted')[:1])
                                           for key in differ[:6]]))

    def verify(self):
        """At rest: every reader finds self.objects, and nobody finds anything wrong."""
        report = self.check()
        codes = {problem['code'] for problem in report['problems']}
        if codes & set(BORGS_FAULTS):
            demand(self.borg_may_be_wrong, 'not the fault of Borg: %s', report)
            COUNTS['faults of Borg mended'] += 1
            self.follow_advice()
            report = self.check()
        demand(report['clean'] and report['lost'] == 0 and
               report['recommended'] in (None, 'compact'), 'check: %s', report)
        self.compare('the program', self.program_view(), self.objects)
        demand(report['objects'] == len(self.objects), 'check counts %d', report['objects'])
        if reference and report['transaction_id'] is not None:
            self.compare_reference(report['transaction_id'])
        self.compare_borg(report['transaction_id'])
        for key, value in self.values.items():
            demand(self.objects.get(key) == row_of(value), 'the test itself is wrong: %s', key)
        self.seen['checks'] += 1

    def program_view(self):
        driver = Driver()
        driver.ask('open', self.repo, 'read-only')
        found = {}
        for key in driver.ask('each-key').split():
            size, crc = driver.ask('get', key).split()
            wanted = self.objects.get(key, (None, None, None))
            found[key] = int(size), crc, wanted[2]
        driver.ask('close')
        driver.quit()
        return found

    def compare_reference(self, transaction):
        found, bad = reference.via_index(self.repo)
        demand(not bad, 'the index leads nowhere: %s', bad)
        wanted = {bytes.fromhex(key): row[2] for key, row in self.objects.items()}
        self.compare('the reference, by index', found, wanted)
        log = {key: row[2] for key, row in reference.replay(self.repo, transaction).items()}
        self.compare('the reference, by log', log, wanted)
        hints = reference.read_hints(os.path.join(self.repo, 'hints.%d' % transaction))
        digests = os.path.join(self.repo, 'integrity.%d' % transaction)
        if hints[b'version'] == 1:
            demand(not os.path.exists(digests), 'digests beside hints of Borg 1.0')
            return
        sealed = content(digests)
        demand(sealed == reference.make_integrity(self.repo, transaction), 'integrity differs')

    def compare_borg(self, transaction):
        copy = os.path.join(self.folder, 'copy')
        shutil.copytree(self.repo, copy, ignore=shutil.ignore_patterns('undo'))
        before = files_of(copy)
        if transaction is not None:
            theirs, found = self.server.read(copy)
            demand(theirs == transaction, 'Borg: transaction %s, not %s', theirs, transaction)
            self.compare('Borg', found, self.objects)
            after = files_of(copy)
            demand(after == before, 'Borg does not take as it is: %s',
                   [name for name in set(after) | set(before)
                    if after.get(name) != before.get(name)])
            if self.rng.random() < 0.05:
                self.server.ask('command', 'check', '--repository-only', copy)
            else:
                self.server.ask('check', copy)
        shutil.rmtree(copy)

    # ---- a step, perhaps killed ----

    def run(self, start, possible, killed=None):
        """Run what @start begins, and kill it perhaps. True: it ended by itself.

        @possible are the states of self.values that a kill may leave, the last one after it."""
        name = start.__name__
        begun = time.monotonic()
        if killed is None:
            killed = self.rng.random() < 0.25
        running = start()
        if killed:
            self.wait_for_a_moment(name)
            running.kill()
        status, said = running.wait()
        if status != KILLED:
            demand(status in (0, 1), '%s: status %s: %s', name, status, said)
            self.takes[name] = time.monotonic() - begun
            self.values = dict(possible[-1])
            return True
        COUNTS['kills of %s' % name] += 1
        self.note('%s was killed', name)
        self.settle(possible)
        return False

    def wait_for_a_moment(self, name):
        """Until the lock is taken, a file comes or a segment goes, and then a little longer."""
        how = self.rng.choice(('at any time', 'lock', 'file', 'gone'))
        end = time.monotonic() + 1.1 * self.takes[name] * self.rng.random()
        before = self.names()
        last = time.monotonic() + 2 * self.takes[name]
        while how != 'at any time' and time.monotonic() < last:
            now = self.names()
            if (how == 'lock' and LOCKS[0] in now or how == 'gone' and before - now or
                    how == 'file' and any(not name.startswith('lock') for name in now - before)):
                end = time.monotonic() + self.rng.choice((0, 0.002, 0.02)) * self.rng.random()
                break
        while time.monotonic() < end:
            pass

    def names(self):
        found = set(os.listdir(self.repo))
        data = os.path.join(self.repo, 'data')
        for folder in os.listdir(data) if os.path.exists(data) else ():
            try:
                found.update(os.listdir(os.path.join(data, folder)))
            except OSError:
                pass
        return found

    def settle(self, possible):
        """After a kill: Borg sees one of the states that are possible. Then bring it in order, by
        this program's advice or by the next command of Borg."""
        view = self.borg_view()
        fitting = [state for state in possible
                   if all(view.get(key) == row_of(value) for key, value in state.items()) and
                   not any(key in view for key in self.pool if key not in state)]
        demand(fitting, 'neither the state before nor the one after: %d objects in Borg', len(view))
        self.values, self.objects = dict(fitting[0]), view
        self.remember()
        if self.rng.random() < 0.6:
            self.follow_advice()
        else:
            self.note('left to Borg')
            self.borg_may_be_wrong = True
            self.server.ask('read', self.repo)
            self.follow_advice()        # a tail, or what is left of ours

    def kill_repair(self, action):
        running = Ours(action, '--yes', self.repo)
        self.wait_for_a_moment(action)
        running.kill()
        if running.wait()[0] == KILLED:
            COUNTS['kills of %s as advised' % action] += 1
            self.note('%s was killed', action)

    def follow_advice(self, repo=None):
        for _ in range(STEPS_OF_ADVICE):
            report = self.check(repo)
            if report['clean'] and report['recommended'] in (None, 'compact'):
                return
            action = report['recommended']
            codes = sorted({problem['code'] for problem in report['problems']})
            demand(action, 'no advice: %s', report)
            self.note('advice: %s (%s)', action, ' '.join(codes))
            COUNTS['advice followed'] += 1
            self.seen[action] += 1
            self.before_repair = None
            if repo in (None, self.repo) and self.rng.random() < 0.3:
                self.kill_repair(action)
                continue
            self.ours(action, '--yes', repo or self.repo, status=(0, 1))
        raise Wrong('no end of advice: %s' % self.check(repo))

    # ---- Borg's steps ----

    def archives(self):
        said = self.server.ask('command', 'list', '--short', self.repo).split('\n')
        return [line for line in said if re.fullmatch(r'a\d+(\.checkpoint(\.\d+)?)?', line)]

    def change_data(self):
        for _ in range(self.rng.randrange(1, 9)):
            path = os.path.join(self.data, 'file%d' % self.rng.randrange(12))
            with open(path, 'wb') as f:
                f.write(self.rng.choice(self.sources))

    def borg(self, *words, killed=None):
        """A command of Borg that leaves the objects of self.values alone."""
        self.note('borg %s', ' '.join(words))

        def start():
            return self.server.begin('command', *words)
        start.__name__ = 'borg ' + words[0]
        if self.run(start, [self.values], killed):
            self.objects = self.borg_view()
        self.remember()

    def borg_create(self):
        self.change_data()
        self.archive_count += 1
        self.borg('create', '%s::a%d' % (self.repo, self.archive_count), self.data)

    def borg_delete(self):
        names = self.archives()
        if names:
            self.borg('delete', '%s::%s' % (self.repo, self.rng.choice(names)))

    def borg_prune(self):
        self.borg('prune', '--keep-last', str(self.rng.randint(1, 4)), self.repo)

    def borg_compact(self):
        words = ['--threshold', str(self.rng.choice((0, 1, 10, 10, 50)))]
        words += ['--cleanup-commits'] * (self.rng.random() < 0.3)
        self.borg('compact', *words, self.repo)

    def borg_check(self):
        self.borg('check', '--repository-only', self.repo)

    def extract(self):
        for name in self.archives():
            self.server.ask('command', 'extract', '--dry-run', '%s::%s' % (self.repo, name))
        self.note('borg extract of all archives')

    def changes(self, count, may_replace=True):
        """Random changes: [(key, value or None)], and the state after them."""
        after, rows, keys = dict(self.values), [], sorted(self.values)
        if len(self.pool) > 1000:       # the index grows and shrinks
            count *= 40
            self.shrinking = self.rng.choice((0.1, 0.9))
        for _ in range(count):
            if keys and self.rng.random() < self.shrinking:
                key = keys.pop(self.rng.randrange(len(keys)))
                if key not in after:
                    continue
                del after[key]
                rows.append((key, None))
                continue
            key = self.rng.choice(self.pool)
            if key in after and not may_replace:
                continue
            sizes = (0, 20) if len(self.pool) > 1000 else (0, 20, 300, 3000)
            after[key] = self.rng.randbytes(self.rng.choice(sizes))
            rows.append((key, after[key]))
        return rows, after

    def borg_change(self):
        """A transaction of Borg's Repository."""
        replaces = self.rng.random() < 0.2
        rows, after = self.changes(self.rng.choice((1, 5, 20)), may_replace=replaces)
        self.borg_may_be_wrong |= replaces
        compact, threshold = self.rng.random() < 0.4, self.rng.choice((0, 0.1, 0.3))
        self.note('Repository: %d changes, compact %s %s', len(rows), compact, threshold)
        if not rows:
            return

        def repository():
            return self.server.begin('change', self.repo,
                                     [(key, None if value is None else value.hex())
                                      for key, value in rows], compact, threshold)
        if self.run(repository, [self.values, after]):
            self.enter_values()

    def enter_values(self):
        """The objects of archives stay, the others are self.values."""
        pool = set(self.pool)
        self.objects = {key: row for key, row in self.objects.items() if key not in pool}
        self.objects.update((key, row_of(value)) for key, value in self.values.items())
        self.remember()

    def remember(self):
        for key, row in self.objects.items():
            self.past[key].add(row)
        self.bytes.update((row_of(value), value) for value in self.values.values())

    # ---- this program's steps ----

    def program(self, *args, after=None, **more):
        """A command of the program, perhaps killed."""
        self.note('atticscope %s', ' '.join(args)[:300])

        def start():
            return Ours(*args, **more)
        start.__name__ = args[0]
        if self.run(start, [self.values, self.values if after is None else after]):
            self.enter_values()
            return True
        return False

    def file(self, name, data):
        path = os.path.join(self.folder, name)
        with open(path, 'wb') as f:
            f.write(data)
        return path

    def put(self):
        key, value = self.rng.choice(self.pool), self.rng.randbytes(self.rng.randrange(3000))
        self.program('put', self.repo, key, self.file('value', value),
                     after={**self.values, key: value})
        self.before_repair = None

    def put_batch(self):
        after, lines = dict(self.values), []
        for i in range(self.rng.choice((2, 10, 40))):
            key, value = self.rng.choice(self.pool), self.rng.randbytes(self.rng.randrange(2000))
            if any(line.startswith(key) for line in lines):
                continue
            after[key] = value
            lines.append('%s %s' % (key, self.file('value%d' % i, value)))
        self.program('put', '--batch', self.repo, self.file('list', '\n'.join(lines).encode()),
                     after=after)
        self.before_repair = None

    def delete(self):
        keys = self.rng.sample(sorted(self.values), min(len(self.values), self.rng.choice((1, 5))))
        if keys:
            self.program('delete', self.repo, *keys, after={
                key: value for key, value in self.values.items() if key not in keys})
            self.before_repair = None

    def store(self):
        """Transactions of the library, the last one killed perhaps."""
        driver = Driver()
        driver.ask('open', self.repo)
        for _ in range(self.rng.choice((1, 1, 3))):
            rows, after = self.changes(self.rng.choice((1, 10, 50)))
            self.note('library: %d changes', len(rows))
            for key, value in rows:
                words = ('delete', key) if value is None else ('put-bytes', key, value.hex())
                driver.ask(*words)
            if rows and self.rng.random() < 0.2:
                self.note('library: killed')
                driver.begin('commit')
                end = time.monotonic() + self.rng.random() * 0.02
                while time.monotonic() < end:
                    pass
                driver.kill()
                COUNTS['kills of the library'] += 1
                self.before_repair = None
                return self.settle([self.values, after])
            if self.rng.random() < 0.1:
                driver.ask('rollback')
                continue
            driver.ask('commit')
            self.values = after
        driver.ask('close')
        driver.quit()
        self.before_repair = None
        return self.enter_values()

    def store_compact(self):
        driver = Driver()
        driver.ask('open', self.repo)
        self.note('library: %s', driver.ask('compact'))
        driver.ask('close')
        driver.quit()
        self.before_repair = None

    def repair(self, action, *options):
        """A repair that has nothing to lose; sometimes taken back at once, byte for byte."""
        before = files_of(self.repo)
        if not self.program(action, '--yes', *options, self.repo):
            return
        after = files_of(self.repo)
        self.before_repair = before if after != before else None
        if self.rng.random() < 0.4:
            self.verify()
            self.undo()

    def compact(self):
        self.repair('compact')

    def recover(self):
        self.repair('recover')

    def undo(self):
        """Take the last repair back: the files are as they were before it."""
        before, self.before_repair = self.before_repair, None
        if before is None:
            return
        if self.program('undo', '--yes', self.repo):
            after = files_of(self.repo)
            demand(after == before, 'undo leaves other bytes: %s', [
                name for name in set(after) | set(before) if after.get(name) != before.get(name)])
            COUNTS['undone byte for byte'] += 1
        else:
            self.note('undo was killed')
        self.follow_advice()

    def purge(self):
        self.ours('undo', '--purge', '--yes', self.repo, status=(0, 1, 8))
        self.before_repair = None

    # ---- damage ----

    def lose_index(self):
        """Index, hints or digests are gone, or cut short."""
        names = [name for name in os.listdir(self.repo) if name.startswith(INDEX_NAMES)]
        if not names:
            return
        name = self.rng.choice(names)
        path = os.path.join(self.repo, name)
        if self.rng.random() < 0.5:
            os.unlink(path)
        else:
            os.truncate(path, self.rng.randrange(1, os.path.getsize(path)))
        self.note('%s is gone or cut', name)
        self.before_repair = None
        self.follow_advice()

    def make_old(self):
        """Let the hints be those that Borg 1.0 writes: of version 1, and no digests."""
        names = [name for name in os.listdir(self.repo) if re.fullmatch(r'hints\.\d+', name)]
        if not reference or not names:
            return
        path = os.path.join(self.repo, names[0])
        hints = reference.read_hints(path)
        if hints[b'version'] == 2:
            rows = {**{segment: 0 for segment in hints[b'compact']}, **hints[b'segments']}
            with open(path, 'wb') as f:
                f.write(reference.pack({b'version': 1, b'segments': rows,
                                        b'compact': sorted(hints[b'compact'])}))
            os.unlink(os.path.join(self.repo, names[0].replace('hints', 'integrity')))
        self.note('hints of Borg 1.0')
        self.before_repair = None
        self.borg_may_be_wrong = True   # they do not say which older PUTs there are

    def commits(self):
        """The paths of the segments that hold nothing but a COMMIT, ascending by number."""
        paths = [os.path.join(folder, name) for folder, _, names in os.walk(
            os.path.join(self.repo, 'data')) for name in names]
        return sorted((path for path in paths if os.path.getsize(path) == 17),
                      key=lambda path: int(os.path.basename(path)))

    def tidy_commits(self):
        """Somebody removes tiny files, but for the newest: nobody misses them."""
        for path in self.commits()[:-1]:
            if self.rng.random() < 0.5:
                os.unlink(path)
        self.note('COMMITs are tidied away')
        self.before_repair = None

    def lose_commit(self):
        """The newest COMMIT is gone: index, hints and digests show that it was there."""
        paths = self.commits()
        if not paths:
            return
        self.note('%s is gone', os.path.relpath(paths[-1], self.repo))
        os.unlink(paths[-1])
        self.before_repair = None
        demand(self.check()['recommended'] == 'salvage', 'salvage is not recommended')
        self.follow_advice()

    def flip(self, repo):
        """One byte of one segment is another: where, and the keys that this may cost."""
        paths = [os.path.join(folder, name)
                 for folder, _, names in os.walk(os.path.join(repo, 'data')) for name in names]
        if not paths:
            return None
        path = self.rng.choice(paths)
        offset = self.rng.randrange(os.path.getsize(path))
        with open(path, 'r+b') as f:
            f.seek(offset)
            byte = f.read(1)[0]
            f.seek(offset)
            f.write(bytes([byte ^ 1 << self.rng.randrange(8)]))
        self.note('a bit of %s flipped, offset %d', os.path.relpath(path, repo), offset)
        return path

    def damage_copy(self):
        """A flipped bit in a copy: the advice brings back all but what it hit, undo every byte."""
        copy = os.path.join(self.folder, 'damaged')
        shutil.copytree(self.repo, copy, ignore=shutil.ignore_patterns('undo'))
        if self.flip(copy):
            self.mend_flip(copy)
            self.take_back(copy)
        shutil.rmtree(copy)

    def mend_flip(self, repo):
        """The objects afterwards."""
        before = self.check(repo)
        lost, older, doubtful = (
            {problem['key'] for problem in before['problems'] if problem['code'] == code}
            for code in ('object-lost', 'object-older', 'object-possibly-deleted'))
        demand(len(lost | older) <= 1 and before['lost'] == len(lost), 'one bit costs: %s', before)
        self.damaged = files_of(repo)
        self.follow_advice(repo)
        wanted = {key: row for key, row in self.objects.items() if key not in lost}
        view = self.borg_view(repo)
        if 'index-foreign' in {problem['code'] for problem in before['problems']}:
            # An empty index is no witness against an object whose DELETE is damaged.
            demand(not self.objects, 'the index is foreign: %s', before)
            doubtful |= set(view)
        if MANIFEST in older and MANIFEST not in view:
            del wanted[MANIFEST]    # left out: an older one would hide newer archives
            older.remove(MANIFEST)
        for key in older | doubtful:
            demand(view.get(key) in self.past[key] - {wanted.get(key)}, 'no version of %s', key)
            wanted[key] = view[key]
        self.compare('Borg after the mending', view, wanted)
        COUNTS['flipped bits mended'] += 1
        return view

    def take_back(self, repo):
        """Undo everything that was done to it."""
        while files_of(repo) != self.damaged:
            status, said = Ours('undo', '--yes', repo).wait()
            demand(status in (0, 1), 'undo: status %d: %s', status, said)

    def damage(self):
        """The same in the repository itself, if no archive's object is hit."""
        copy = os.path.join(self.folder, 'spare')
        shutil.copytree(self.repo, copy)
        if not self.flip(self.repo):
            return shutil.rmtree(copy)
        view = self.mend_flip(self.repo)
        hit = {key for key in {**self.objects, **view} if view.get(key) != self.objects.get(key)}
        if hit - set(self.pool):
            self.note('taken back: it hit an archive')
            shutil.rmtree(self.repo)
            os.rename(copy, self.repo)
            return None
        shutil.rmtree(copy)
        for key in hit:
            self.values.pop(key, None)
            if key in view:
                self.values[key] = self.bytes[view[key]]
        self.enter_values()
        self.before_repair = None
        return None

    # ---- all ----

    def step(self):
        names = [name for name in WEIGHTS if name not in {
            'ours': CLIENT, 'append-only': NOT_APPENDING}.get(self.kind, ())]
        name = self.rng.choices(names, [WEIGHTS[name] for name in names])[0]
        if name.startswith('borg_'):
            self.before_repair = None
        getattr(self, name)()
        self.verify()
        self.done += 1
        COUNTS['steps'] += 1
        self.seen[name] += 1


def run(seed, steps, deadline, verbose):
    folder = tempfile.mkdtemp(prefix='atticscope-history-')
    history = History(seed, folder)
    begun = time.monotonic()
    try:
        while history.done < steps and time.monotonic() < deadline:
            history.step()
    except (Wrong, Refused, Died, borg_client.Failed, OSError, KeyError, ValueError,
            subprocess.TimeoutExpired):
        traceback.print_exc()
        print('seed %d failed in step %d (%s, max_segment_size %d, segments_per_dir %d); kept in '
              '%s; the last steps:' % (seed, history.done, history.kind, history.limit,
                                       history.per_dir, folder))
        print('\n'.join(history.trace), flush=True)
        return False
    finally:
        history.server.quit()
    shutil.rmtree(folder)
    COUNTS['histories'] += 1
    if verbose:
        print('seed %d (%s): %d steps, %.1f s; %s' % (
            seed, history.kind, history.done, time.monotonic() - begun,
            ', '.join('%d %s' % (count, what) for what, count in history.seen.items())),
            flush=True)
    return True


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--seeds', default=os.environ.get('HISTORY_SEED') or
                        ('1-8' if TORTURE else '1-4'))
    parser.add_argument('--steps', type=int, default=int(os.environ.get('HISTORY_STEPS') or
                                                         (150 if TORTURE else 40)))
    parser.add_argument('--seconds', type=float, default=1e9 if TORTURE else 36)
    parser.add_argument('-v', '--verbose', action='store_true')
    args = parser.parse_args()
    borg_client.skip_without_borg()
    if not reference:
        print('no reference reader found (set SHARED): only the two are compared')
    first, _, last = args.seeds.partition('-')
    seeds = range(int(first), int(last or first) + 1)
    good, end = [], time.monotonic()
    for seed in seeds:
        end += args.seconds / len(seeds)
        good.append(run(seed, args.steps, end, args.verbose))
    print('%d of %d seeds hold' % (sum(good), len(good)))
    print_figures('histories with Borg', COUNTS)
    return 0 if all(good) else 1


if __name__ == '__main__':
    sys.exit(main())
