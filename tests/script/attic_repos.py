#!/usr/bin/env python3
"""Repositories that Attic 0.16 wrote: the store opens, extends, overwrites, deletes from, commits
and compacts them, and the reference reader reads them back.

Needs the corpus and that reader: SHARED names the folder that holds corpus/ and tools/ (by default
../shared beside the source). Skipped with a message where they are absent. STOREDRV names the
driver program."""
import functools
import glob
import hashlib
import json
import os
import random
import sys
import tarfile
import tempfile
import unittest

import reader
from store_driver import SHARED, Driver, Refused, key_of, made_up, reference_reader

CORPUS = os.path.join(SHARED, 'corpus')
if not reference_reader or not glob.glob(os.path.join(CORPUS, '*.json')):
    print('skipped: no corpus or no reference reader in %s (set SHARED)' % SHARED)
    sys.exit(77)


def truths():
    for path in sorted(glob.glob(os.path.join(CORPUS, '*.json'))):
        with open(path) as f:
            yield json.load(f)


def digest(value):
    return hashlib.sha256(value).hexdigest()


def for_each(wanted):
    """Run the test for every @wanted case, freshly unpacked and with its own driver. It gets the
    folder, {key: digest} and the truth."""
    def decorate(test):
        @functools.wraps(test)
        def run(self):
            cases = [truth for truth in truths() if wanted(truth)]
            self.assertTrue(cases)
            for truth in cases:
                with self.subTest(truth['case']), tempfile.TemporaryDirectory() as folder, \
                        Driver() as self.store:
                    with tarfile.open(os.path.join(CORPUS, truth['case'] + '.tar.gz')) as archive:
                        archive.extractall(folder)
                    test(self, os.path.join(folder, 'repo'),
                         {bytes.fromhex(key): value for key, value in truth['objects'].items()},
                         truth)
        return run
    return decorate


for_each_clean = for_each(lambda truth: truth['clean'])
for_each_in_disorder = for_each(
    lambda truth: truth['actions'] and set(truth['actions']) <= {'rollback', 'recover'} and
    not truth['lost'] and 'objects_after_rollback' not in truth)


class AtticRepositories(unittest.TestCase):
    def compare(self, repo, objects):
        """The index, the log alone and the store itself hold exactly @objects."""
        found, bad = reference_reader.via_index(repo)
        self.assertEqual(bad, {})
        self.assertEqual(found, objects)
        newest = reference_reader.transaction_id(repo)
        replayed = reference_reader.replay(repo, newest)
        self.assertEqual({key: row[2] for key, row in replayed.items()}, objects)
        log = reader.check(repo)
        self.assertEqual({key: digest(value) for key, value in log.objects.items()}, objects)
        self.compare_store(objects)
        return log

    def compare_store(self, objects):
        self.assertEqual({bytes.fromhex(key) for key in self.store.ask('each-key').split()},
                         set(objects))
        for key, value in objects.items():
            self.assertEqual(digest(bytes.fromhex(self.store.ask('get-bytes', key.hex()))), value)

    def check_compacted(self, log):
        """DELETEs may stay: Attic leaves some that no older PUT needs."""
        self.assertEqual(sum(log.superseded_in.values()), 0)

    def put(self, objects, key, size):
        self.store.ask('put', key.hex(), size, size)
        objects[key] = digest(made_up(size, size))

    def delete(self, objects, key):
        self.store.ask('delete', key.hex())
        del objects[key]

    def work(self, objects, seed):
        """New objects, a third of the old ones overwritten, a third deleted."""
        rng = random.Random(seed)
        old = sorted(objects)
        rng.shuffle(old)
        for i in range(40):
            self.put(objects, key_of(1000 * seed + i), rng.choice((0, 1, 300, 4000)))
        for key in old[:len(old) // 3]:
            self.put(objects, key, rng.randint(0, 2000))
        for key in old[len(old) // 3:2 * len(old) // 3]:
            self.delete(objects, key)

    @for_each_clean
    def test_every_object_is_read(self, repo, objects, truth):
        self.store.ask('open', repo)
        state = self.store.facts('state')
        self.assertEqual((state['needs_rollback'], state['needs_recover']), (0, 0))
        self.assertEqual(state['transaction'], truth['transaction_id'] or 0)
        self.assertEqual(self.store.ask('len'), str(len(objects)))
        self.compare_store(objects)

    @for_each_clean
    def test_opening_and_closing_changes_no_byte(self, repo, objects, truth):
        before = self.files(repo)
        self.store.ask('open', repo)
        self.compare_store(objects)
        self.store.ask('close')
        self.assertEqual(self.files(repo), before)

    @staticmethod
    def files(repo):
        return {path: reader.content(path) for path in glob.glob(repo + '/**', recursive=True)
                if os.path.isfile(path)}

    @for_each_clean
    def test_they_are_extended_and_compacted(self, repo, objects, truth):
        self.store.ask('open', repo)
        for turn in 1, 2, 3:
            self.work(objects, turn)
            report = self.store.facts('commit')
            self.assertEqual(report['skipped'], 0)
            self.check_compacted(self.compare(repo, objects))

    @for_each_clean
    def test_they_are_extended_without_compaction_and_compacted_later(self, repo, objects, truth):
        self.store.ask('open', repo)
        for turn in 1, 2:
            self.work(objects, turn)
            self.store.ask('commit-no-compact')
            self.compare(repo, objects)
        before = len(reader.segments(repo))
        self.store.ask('compact')
        self.check_compacted(self.compare(repo, objects))
        self.assertLess(len(reader.segments(repo)), before)

    @for_each(lambda truth: truth['clean'] and truth['objects'])
    def test_their_index_is_rebuilt(self, repo, objects, truth):
        for command in 'recover', 'recover-full':
            for name in glob.glob(os.path.join(repo, 'index.*')):
                os.unlink(name)
            self.store.ask('open', repo)
            self.assertTrue(self.store.facts('state')['needs_recover'])
            self.store.ask(command)
            self.compare(repo, objects)
            self.store.ask('close')

    @for_each_clean
    def test_everything_is_deleted_and_written_again(self, repo, objects, truth):
        self.store.ask('open', repo)
        keys = sorted(objects)
        for key in keys:
            self.delete(objects, key)
        self.put(objects, key_of(1), 0)
        self.store.ask('commit')
        self.compare(repo, objects)
        for key in keys:
            self.put(objects, key, 50)
        self.store.ask('commit')
        self.compare(repo, objects)

    @for_each_in_disorder
    def test_a_lost_index_and_a_tail_are_repaired_first(self, repo, objects, truth):
        """A repository that needs only rollback and recover can be written after them."""
        self.store.ask('open', repo)
        state = self.store.facts('state')
        if state['needs_rollback']:
            self.refused('uncommitted')
            self.store.ask('rollback')
        elif state['needs_recover']:
            self.refused('index')
        # Opening does not see every fault: counts, buckets.
        self.store.ask('recover-full')
        self.compare_store(objects)
        self.work(objects, 1)
        self.store.ask('commit')
        self.compare(repo, objects)

    def refused(self, name):
        with self.assertRaises(Refused) as caught:
            self.store.ask('put', key_of(1).hex(), 1, 1)
        self.assertEqual(caught.exception.name, name)


if __name__ == '__main__':
    unittest.main(verbosity=1, warnings='ignore')
