#!/usr/bin/env python3
"""The store compared with a map in memory: random operations, small segments and folders, writers
killed at any moment, indexes lost, and bytes damaged and healed.

After every commit, compaction and recovery two readers that share no code with the engine find
exactly the map's objects: through the index, and from the log alone.

  model.py [--seeds A-B] [--operations N] [-v]

STOREDRV names the driver program. The same seed repeats the same operations, but a kill may strike
at another moment."""
import argparse
import collections
import functools
import hashlib
import os
import random
import shutil
import sys
import tempfile
import time
import traceback

import reader
from store_driver import Died, Driver, Refused, key_of, made_up, reference_reader, summary

WEIGHTS = {
    'change': 600, 'get': 120, 'ask_for_missing': 20, 'list_keys': 12,
    'commit': 35, 'commit_no_compact': 20, 'commit_nothing': 4, 'rollback': 10,
    'compact': 8, 'recover': 6,
    'reopen': 8, 'look_on': 3, 'kill': 2, 'kill_at_work': 8, 'lose_index': 5, 'damage': 8,
}
WHILE_DAMAGED = ('change', 'get', 'list_keys', 'commit', 'commit_no_compact', 'rollback')
COMMITS = ('commit', 'commit-no-compact')
UNKNOWN = b'a key that nobody ever put here.'


class Wrong(Exception):
    """The store differs from the map."""


def demand(truth, message, *args):
    if not truth:
        raise Wrong(message % args if args else message)


@functools.lru_cache(maxsize=100000)
def digest(value):
    return hashlib.sha256(value).hexdigest()


def key_pool(rng, count):
    """Keys, with the extremes and many that share a home, at the end of the index too."""
    crowded = [rng.choice((b'\xff\x03\0\0', b'\xff\xff\xff\xff', b'\0\0\0\0')) +
               key_of(i)[4:] for i in range(count // 4)]
    return [b'\0' * 32, b'\xff' * 32] + crowded + [key_of(i) for i in range(count - count // 4)]


def files(path):
    found = {}
    for folder, _, names in os.walk(path):
        for name in names:
            found[os.path.join(folder, name)] = reader.content(os.path.join(folder, name))
    return found


class Model:
    def __init__(self, seed, folder):
        self.rng = rng = random.Random(seed)
        self.repo = os.path.join(folder, 'repo')
        self.limit = rng.randint(200, 5000)
        self.is_large = seed % 4 == 0           # enough objects to make the index grow and shrink
        self.pool = key_pool(rng, 1500 if self.is_large else rng.choice((5, 30, 100, 300)))
        self.value_max = 40 if self.is_large else 600
        self.weights = dict(WEIGHTS, change=3000) if self.is_large else WEIGHTS
        self.committed, self.current = {}, {}   # key -> value
        self.in_transaction = False
        self.leftovers = False          # a kill may have left old indexes and temporary files
        self.damaged = None             # (path, offset, key) of a byte that is flipped
        self.old_indexes = collections.deque(maxlen=20)     # (transaction, its index, its hints)
        self.growth = 0.5               # how likely a change is a put
        self.commit_takes = 0.003       # seconds
        self.done = 0
        self.trace = collections.deque(maxlen=30)
        self.seen = collections.Counter()       # events of this seed, for -v
        self.driver = Driver()
        self.settings = rng.randint(1, 7), self.limit
        self.ask('create', self.repo, *self.settings)
        self.open()
        self.verify()

    # ---- asking ----

    def count(self, text):
        self.trace.append('%6d  %s' % (self.done, text))

    def ask(self, *words):
        command = ' '.join(map(str, words))
        self.count(command)
        return self.driver.ask(command)

    def facts(self, *words):
        self.count(' '.join(map(str, words)))
        return self.driver.facts(*words)

    def refused(self, name, *words):
        """The store must refuse it with this error."""
        try:
            answer = self.ask(*words)
        except Refused as refusal:
            demand(refusal.name == name, '%s, and not %s', refusal, name)
        else:
            raise Wrong('%s is not refused with %s, but answered: %s' % (words[0], name, answer))

    def open(self, *options):
        self.ask('open', self.repo, 'descriptors=%d' % self.rng.choice((1, 2, 5, 100)), *options)

    def close(self):
        self.ask('close')
        self.forget()

    def forget(self):
        self.current = dict(self.committed)
        self.in_transaction = False

    # ---- holding the files against the map ----

    def verify(self):
        """At rest, both readers find what was committed."""
        demand(not self.in_transaction, 'the test itself is wrong: a transaction is open')
        if self.damaged:
            return
        self.log = log = reader.check(self.repo, self.leftovers)
        self.seen['checks'] += 1
        self.seen['objects at most'] = max(self.seen['objects at most'], len(log.objects))
        self.compare('index and log', log.objects, self.committed)
        demand(all(map(str.isdigit, os.listdir(os.path.join(self.repo, 'data')))), 'data/')
        if reference_reader and log.transaction is not None:
            wanted = {key: digest(value) for key, value in self.committed.items()}
            by_index, bad = reference_reader.via_index(self.repo)
            demand(not bad, 'the reference reader: %s', bad)
            self.compare('its index', by_index, wanted)
            by_log = reference_reader.replay(self.repo, log.transaction)
            self.compare('its log', {key: row[2] for key, row in by_log.items()}, wanted)
        self.keep_index(log.transaction)

    def keep_index(self, newest):
        if newest is not None and self.rng.random() < 0.1:
            self.old_indexes.append((newest,) + tuple(
                reader.content(os.path.join(self.repo, '%s.%d' % (kind, newest)))
                for kind in ('index', 'hints')))

    @staticmethod
    def compare(who, found, wanted):
        if found == wanted:
            return
        differ = [key.hex() for key in set(found) | set(wanted)
                  if found.get(key) != wanted.get(key)]
        raise Wrong('%s: %d objects, %d wanted; these differ: %s' % (who, len(found), len(wanted),
                                                                   sorted(differ)[:5]))

    def at_rest(self):
        self.leftovers = False
        self.verify()

    def repair(self):
        """Do what a caller does with a store in disorder."""
        state = self.facts('state')
        self.seen['tails'] += state['needs_rollback']
        self.seen['unusable indexes'] += state['needs_recover']
        if state['needs_rollback']:
            self.refused('uncommitted', 'put', UNKNOWN.hex(), 1, 1)
            self.refused('uncommitted', 'recover')
            self.ask('rollback')
            state = self.facts('state')
            demand(not state['needs_rollback'] and not state['needs_recover'], '%s', state)
            self.leftovers = True
        if state['needs_recover']:
            self.refused('index', 'put', UNKNOWN.hex(), 1, 1)
            self.recover()
        demand(int(self.ask('len')) == len(self.committed), 'len')

    def recover(self):
        if self.in_transaction:
            return
        self.ask(self.rng.choice(('recover', 'recover-full')))
        self.at_rest()

    # ---- operations ----

    def step(self):
        names = WHILE_DAMAGED if self.damaged else list(self.weights)
        weights = [self.weights[name] for name in names]
        if self.is_large:
            self.growth = 0.95 if self.done % 7500 < 5000 else 0.1
        elif self.done % 500 == 0:
            self.growth = self.rng.choice((0.2, 0.5, 0.7, 0.95))
        getattr(self, self.rng.choices(names, weights)[0])()
        if self.damaged and not self.in_transaction and self.rng.random() < 0.3:
            self.heal()
        self.done += 1

    def any_key(self):
        return self.rng.choice(list(self.current)) if self.current else UNKNOWN

    def size(self):
        kind = self.rng.random()
        if kind < 0.1:
            return 0
        if kind < 0.97:
            return self.rng.randint(1, self.value_max)
        return self.rng.randint(1, 2 * self.limit)

    def change(self):
        rng = self.rng
        if rng.random() >= self.growth and self.current:
            key = self.any_key()
            self.ask('delete', key.hex())
            del self.current[key]
        else:
            key = self.any_key() if self.current and rng.random() < 0.3 else rng.choice(self.pool)
            size, seed = self.size(), rng.randint(0, 999999)
            self.ask('put', key.hex(), size, seed)
            self.current[key] = made_up(size, seed)
        self.in_transaction = True

    def get(self):
        key = self.any_key() if self.rng.random() < 0.8 else self.rng.choice(self.pool)
        value = self.current.get(key)
        if value is None:
            self.refused('object-not-found', 'get', key.hex())
        elif self.damaged and key == self.damaged[2]:
            self.get_damaged(key, value)
        elif len(value) < 60 and self.rng.random() < 0.3:
            demand(self.ask('get-bytes', key.hex()) == value.hex(), 'get-bytes')
        else:
            demand(self.ask('get', key.hex()) == summary(value), 'get')
        demand(self.ask('contains', key.hex()) == str(int(value is not None)), 'contains')

    def get_damaged(self, key, value):
        """It may have been overwritten, and is whole then. A wrong value is never returned."""
        try:
            demand(self.ask('get', key.hex()) == summary(value), 'get')
        except Refused as refusal:
            demand(refusal.name == 'integrity', '%s', refusal)

    def ask_for_missing(self):
        for command in ('get', 'delete'):
            self.refused('object-not-found', command, UNKNOWN.hex())
        self.refused('object-not-found', 'list', UNKNOWN.hex(), 3)
        self.refused('key-size', 'get', UNKNOWN.hex()[2:])
        self.refused('key-size', 'put', UNKNOWN.hex() + '00', 1, 1)
        if self.in_transaction:
            self.refused('usage', 'compact')
            self.refused('usage', 'recover')

    def list_keys(self):
        """Page by page, and in one walk."""
        limit, marker, listed = self.rng.randint(1, max(1, len(self.current))), '-', []
        while True:
            page = self.ask('list', marker, limit).split()
            listed += page
            demand(len(listed) <= len(self.current), 'list does not end: %s', listed)
            if len(page) < limit:
                break
            marker = page[-1]
        demand(sorted(listed) == sorted(key.hex() for key in self.current), 'list: %s', listed)
        demand(self.ask('each-key').split() == listed, 'each-key goes another way than list')
        demand(int(self.ask('len')) == len(self.current), 'len')

    def commit(self, command='commit'):
        if not self.in_transaction:
            return
        start = time.monotonic()
        report = self.facts(command)
        self.commit_takes = time.monotonic() - start
        demand(report['committed'], '%s', report)
        demand(self.damaged or not report['skipped'], 'segments were skipped: %s', report)
        self.seen['damaged segments left alone'] += report['skipped'] > 0
        self.committed = dict(self.current)
        self.in_transaction = False
        self.at_rest()
        if self.damaged:
            return
        demand(report['transaction'] == self.log.transaction, '%s', report)
        if command == 'commit':
            reader.check_compacted(self.log)

    def commit_no_compact(self):
        self.commit('commit-no-compact')

    def commit_nothing(self):
        if self.in_transaction or self.leftovers:
            return
        before = files(self.repo)
        demand(not self.facts('commit')['committed'], 'nothing was changed, and is committed')
        demand(files(self.repo) == before, 'nothing was changed, but files are')

    def rollback(self):
        self.ask('rollback')
        self.forget()
        self.verify()

    def compact(self):
        if self.in_transaction:
            return
        report = self.facts('compact')
        demand(not report['skipped'], 'segments were skipped: %s', report)
        if self.log.transaction is not None:
            self.at_rest()
            reader.check_compacted(self.log)

    def reopen(self):
        self.close()
        self.verify()
        self.remove_empty_folders()
        if self.rng.random() < 0.2:
            self.driver.quit()
            self.driver = Driver()
        self.open()
        self.repair()

    def remove_empty_folders(self):
        """A person may remove them: they are made again where needed."""
        data = os.path.join(self.repo, 'data')
        for folder in os.listdir(data):
            if not os.listdir(os.path.join(data, folder)):
                os.rmdir(os.path.join(data, folder))

    def look_on(self):
        """Open it read-only and read it: no byte changes."""
        self.close()
        before = files(self.repo)
        self.open(self.rng.choice(('read-only', 'no-lock')))
        for _ in range(5):
            self.get()
        self.list_keys()
        for command in ('put %s 1 1' % UNKNOWN.hex(), 'compact', 'recover'):
            self.refused('read-only', command)
        self.close()
        demand(files(self.repo) == before, 'it was changed by reading')
        self.open()

    # ---- accidents ----

    def kill(self):
        self.count('kill')
        self.survive([self.committed])

    def kill_at_work(self):
        """Kill it in the middle of something long. A commit has happened whole or not at all."""
        rng = self.rng
        for _ in range(rng.choice((0, 5, 15))):
            self.change()
        command = rng.choice(COMMITS + ('commit', 'commit', 'rollback', 'close')
                             if self.in_transaction else ('compact', 'recover', 'recover-full'))
        how, has_come = rng.choice((self.after_a_while, self.when_a_segment_is_gone,
                                    self.when_a_file_comes))()
        self.count('%s, killed %s' % (command, how))
        self.driver.begin(command)
        end = time.monotonic() + 3 * self.commit_takes
        while not has_come() and time.monotonic() < end:
            pass
        self.survive([self.committed] + [self.current] * (command in COMMITS))

    def after_a_while(self):
        wait = self.rng.uniform(0, 1.1 * self.commit_takes)
        end = time.monotonic() + wait
        return 'after %.6f s' % wait, lambda: time.monotonic() > end

    def when_a_segment_is_gone(self):
        paths = list(self.log.segments.values())
        path = self.rng.choice(paths) if paths else self.repo
        return 'when %s is gone' % path, lambda: not os.path.exists(path)

    def when_a_file_comes(self):
        stem = self.rng.choice(('index.', 'hints.'))
        before = set(os.listdir(self.repo))
        return 'when a new %s comes' % stem, lambda: any(
            name.startswith(stem) for name in set(os.listdir(self.repo)) - before)

    def survive(self, possible):
        self.driver.kill()
        log = reader.Log(self.repo)
        demand(log.objects in possible, 'neither the state before nor the one after: %d objects',
               len(log.objects))
        demand(reader.seen_by_attic(self.repo, log) == log.live, 'Attic would see something else')
        self.seen['kills'] += 1
        self.seen['commits that survived one'] += log.objects != self.committed
        self.committed = dict(log.objects)
        self.forget()
        self.leftovers = True
        self.driver = Driver()
        self.open()
        self.repair()
        self.verify()

    def lose_index(self):
        """Index and hints are gone, older, newer, or changed."""
        self.close()
        newest = reader.Log(self.repo).transaction
        if newest is None:
            self.open()
            return
        how = self.rng.choice((self.remove, self.make_older, self.make_older, self.make_older,
                               self.make_newer, self.cut, self.miscount))
        self.count('%s index or hints of transaction %d' % (how.__name__, newest))
        how(*(os.path.join(self.repo, '%s.%d' % (kind, newest)) for kind in ('index', 'hints')))
        self.open()
        self.refused('index', 'put %s 1 1' % UNKNOWN.hex())
        # If index and hints only count differently, reading goes on.
        for command in ('len', 'list - 3', 'each-key', 'get ' + UNKNOWN.hex()):
            if how != self.miscount:
                self.refused('index', command)
        demand(self.facts('state')['needs_recover'], 'needs_recover')
        self.repair()
        self.verify()

    def remove(self, index, hints):
        for path in self.rng.choice(((index,), (hints,), (index, hints))):
            os.unlink(path)

    def make_older(self, index, hints):
        """As in a copy of the repository that was updated in part. The most dangerous one is an
        index whose transaction is still in the log."""
        self.remove(index, hints)
        newest = int(index.rpartition('.')[2])
        old = [row for row in self.old_indexes if row[0] in self.log.segments and row[0] != newest]
        if not old:
            return
        number, *contents = self.rng.choice(old)
        self.seen['old indexes'] += 1
        for kind, data in zip(('index', 'hints'), contents):
            with open(os.path.join(self.repo, '%s.%d' % (kind, number)), 'wb') as f:
                f.write(data)

    def make_newer(self, index, hints):
        for path in index, hints:
            stem, _, number = path.rpartition('.')
            os.rename(path, '%s.%d' % (stem, int(number) + self.rng.randint(1, 3)))

    def cut(self, index, hints):
        path = self.rng.choice((index, hints))
        os.truncate(path, self.rng.randrange(os.path.getsize(path)))

    def miscount(self, index, hints):
        with open(index, 'r+b') as f:
            f.seek(8)
            f.write((len(self.committed) + self.rng.choice((1, 7))).to_bytes(4, 'little'))

    def damage(self):
        """One byte of an object's value flips, and flips back later. Compaction skips a segment
        with a damaged entry, and every DELETE of an object in it must stay."""
        places = [key for key, value in self.committed.items() if value]
        if self.in_transaction or not places:
            return
        key = self.rng.choice(places)
        log = reader.Log(self.repo)
        number, offset = log.live[key]
        self.damaged = log.segments[number], offset + 41, key
        self.flip()
        self.count('byte %d of %s flipped' % (offset + 41, log.segments[number]))
        beside = [k for k, place in log.live.items() if place[0] == number]
        for other in self.rng.sample(beside, self.rng.randint(1, len(beside))):
            self.ask('delete', other.hex())
            del self.current[other]
            self.in_transaction = True

    def flip(self):
        path, offset, _ = self.damaged
        with open(path, 'r+b') as f:
            f.seek(offset)
            byte = f.read(1)[0]
            f.seek(offset)
            f.write(bytes([byte ^ 0x10]))

    def heal(self):
        self.count('the flipped byte is healed')
        demand(os.path.exists(self.damaged[0]), '%s was damaged, and is removed', self.damaged[0])
        self.flip()
        self.damaged = None
        self.verify()


def run(seed, operations, verbose):
    folder = tempfile.mkdtemp(prefix='atticscope-model-')
    model = Model(seed, folder)
    start = time.monotonic()
    try:
        while model.done < operations:
            model.step()
        if model.damaged:
            model.rollback()
            model.heal()
        model.close()
        model.verify()
        model.driver.quit()
    except (Wrong, Refused, Died, reader.Bad, OSError, KeyError, ValueError, AssertionError):
        traceback.print_exc()
        print('seed %d failed in operation %d (segments_per_dir %d, max_segment_size %d); kept in '
              '%s; the last commands:' % (seed, model.done, *model.settings, folder))
        print('\n'.join(model.trace), flush=True)
        model.driver.kill()
        return False
    shutil.rmtree(folder)
    if verbose:
        print('seed %d: %d operations, %.1f s; %s' % (
            seed, operations, time.monotonic() - start,
            ', '.join('%d %s' % (count, what) for what, count in model.seen.items())), flush=True)
    return True


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--seeds', default='2-4')
    parser.add_argument('--operations', type=int, default=10000)
    parser.add_argument('-v', '--verbose', action='store_true')
    args = parser.parse_args()
    first, _, last = args.seeds.partition('-')
    if not reference_reader:
        print('no reference reader found (set SHARED): only tests/script/reader.py is asked')
    good = [run(seed, args.operations, args.verbose)
            for seed in range(int(first), int(last or first) + 1)]
    print('%d of %d seeds hold' % (sum(good), len(good)))
    return 0 if all(good) else 1


if __name__ == '__main__':
    sys.exit(main())
