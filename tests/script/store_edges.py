#!/usr/bin/env python3
"""Values and keys at their limits: what a caller of the library gets, and what two independent
readers then find on the disk.

STOREDRV names the driver program."""
import glob
import os
import shutil
import tempfile
import unittest

import reader
from store_driver import (VALUE_MAX, Driver, Refused, key_of, made_up, reference_reader, summary)

ZEROS, ONES = b'\0' * 32, b'\xff' * 32


class Edges(unittest.TestCase):
    def setUp(self):
        folder = tempfile.mkdtemp(prefix='atticscope-edges-')
        self.addCleanup(shutil.rmtree, folder)
        self.repo = os.path.join(folder, 'repo')
        self.store = Driver()
        self.addCleanup(self.store.kill)

    def create(self, *settings):
        self.store.ask('create', self.repo, *(settings or (0, 0)))
        self.store.ask('open', self.repo)

    def refused(self, name, *words):
        with self.assertRaises(Refused) as caught:
            self.store.ask(*words)
        self.assertEqual(caught.exception.name, name)

    def commit_and_compare(self, objects):
        """Both readers, and the store opened again, find exactly @objects."""
        self.store.ask('commit')
        self.store.ask('close')
        log = reader.check(self.repo)
        self.assertEqual(log.objects, objects)
        if reference_reader and log.transaction is not None:
            found, bad = reference_reader.via_index(self.repo)
            self.assertEqual((set(found), bad), (set(objects), {}))
            newest = reference_reader.transaction_id(self.repo)
            self.assertEqual(newest, log.transaction)
            replayed = reference_reader.replay(self.repo, newest)
            self.assertEqual({key: row[2] for key, row in replayed.items()}, found)
        self.store.ask('open', self.repo)
        for key, value in objects.items():
            self.assertEqual(self.store.ask('get', key.hex()), summary(value))

    def test_a_new_repository_has_attics_limits_and_an_id(self):
        self.create()
        config = reader.config(self.repo)
        self.assertEqual((config['segments_per_dir'], config['max_segment_size']), (10000, 5242880))
        self.assertIn('id=' + config['id'], self.store.ask('state'))
        self.assertEqual(reader.check(self.repo).objects, {})

    def test_keys_of_all_zeros_and_all_ones_with_and_without_a_value(self):
        self.create()
        self.store.ask('put-bytes', ZEROS.hex())
        self.store.ask('put-bytes', ONES.hex(), '00')
        self.commit_and_compare({ZEROS: b'', ONES: b'\0'})
        self.store.ask('put-bytes', ZEROS.hex(), 'ff')
        self.store.ask('put-bytes', ONES.hex())
        self.commit_and_compare({ZEROS: b'\xff', ONES: b''})
        self.store.ask('delete', ZEROS.hex())
        self.commit_and_compare({ONES: b''})
        self.refused('object-not-found', 'get', ZEROS.hex())

    def test_colliding_keys_are_refused_and_everything_else_still_works(self):
        """Their first four bytes choose the bucket."""
        keys = [b'same' + key_of(i)[4:] for i in range(20000)]
        self.create()
        stored = {}
        with self.assertRaises(Refused) as caught:
            for key in keys:
                self.store.ask('put-bytes', key.hex())
                stored[key] = b''
        self.assertEqual(caught.exception.name, 'collision')
        self.assertGreater(len(stored), 8192)
        self.store.ask('commit')
        self.store.ask('close')
        self.store.ask('open', self.repo)
        self.assertEqual(self.store.ask('len'), str(len(stored)))
        self.refused('collision', 'put-bytes', keys[-1].hex())
        for key in (keys[0], list(stored)[-1]):
            self.assertEqual(self.store.ask('get', key.hex()), summary(b''))
        self.store.ask('delete', keys[0].hex())
        self.store.ask('commit')
        for index in ('index', 'hints'):
            for path in glob.glob(os.path.join(self.repo, index + '.*')):
                os.unlink(path)
        self.store.ask('close')
        self.store.ask('open', self.repo)
        self.store.ask('recover')
        self.assertEqual(self.store.ask('len'), str(len(stored) - 1))

    def test_an_empty_value_replaces_a_long_one_and_the_other_way_round(self):
        self.create()
        key = key_of(1)
        for size in (100000, 0, 100000, 0, 1):
            self.store.ask('put', key.hex(), size, size)
            self.commit_and_compare({key: made_up(size, size)})

    def test_the_largest_value_and_one_byte_more(self):
        self.create()
        key, largest = key_of(1), made_up(VALUE_MAX, 7)
        self.refused('too-large', 'put', key.hex(), VALUE_MAX + 1, 7)
        self.assertFalse(self.store.facts('state')['dead'])
        self.assertEqual(self.store.ask('len'), '0')
        self.store.ask('put', key.hex(), VALUE_MAX, 7)
        self.assertEqual(self.store.ask('get', key.hex()), summary(largest))
        self.commit_and_compare({key: largest})
        self.refused('too-large', 'put', key.hex(), VALUE_MAX + 1, 8)
        self.assertEqual(self.store.ask('get', key.hex()), summary(largest))

    def test_the_largest_value_is_moved_by_a_compaction(self):
        self.create()
        largest, small = key_of(1), key_of(2)
        self.store.ask('put', small.hex(), 5, 1)
        self.store.ask('put', largest.hex(), VALUE_MAX, 7)
        self.store.ask('commit')
        self.store.ask('delete', small.hex())
        report = self.store.facts('commit')
        self.assertEqual((report['committed'], report['compacted']), (1, 2))
        self.assertEqual((report['entries'], report['bytes']), (1, 20 * 1024 * 1024))
        self.store.ask('put', small.hex(), 6, 1)
        self.commit_and_compare({largest: made_up(VALUE_MAX, 7), small: made_up(6, 1)})

    def put_commits(self):
        objects = {key_of(i): reader.COMMIT_BYTES * i for i in range(1, 12)}
        for key, value in objects.items():
            self.store.ask('put-bytes', key.hex(), value.hex())
        return objects

    def test_a_value_made_of_commits_is_a_value(self):
        self.create(3, 200)
        self.commit_and_compare(self.put_commits())

    def test_a_value_that_ends_like_a_commit_commits_nothing(self):
        self.create(3, 200)
        self.put_commits()
        self.store.kill()
        log = reader.Log(self.repo)
        self.assertGreater(len(log.segments), 0)
        self.assertEqual(log.objects, {})

    def test_the_smallest_limits_give_a_segment_and_a_folder_to_each_entry(self):
        self.create(1, 1)
        objects = {key_of(i): made_up(i, i) for i in range(20)}
        for i, key in enumerate(objects):
            self.store.ask('put', key.hex(), i, i)
        self.commit_and_compare(objects)
        self.assertEqual(len(reader.segments(self.repo)), 20)
        for key in list(objects)[::2]:
            self.store.ask('delete', key.hex())
            del objects[key]
        self.commit_and_compare(objects)

    def test_a_key_is_32_bytes(self):
        self.create()
        for size in (1, 31, 33):
            for command in ('get %s', 'contains %s', 'put %s 1 1', 'delete %s'):
                self.refused('key-size', command % ('00' * size))
        self.commit_and_compare({})

    def test_each_kind_of_missing_repository_has_its_own_error(self):
        self.refused('does-not-exist', 'open', self.repo)
        os.mkdir(self.repo)
        self.refused('invalid-repository', 'open', self.repo)
        self.create()
        self.store.ask('close')
        self.refused('already-exists', 'create', self.repo, 0, 0)


if __name__ == '__main__':
    unittest.main(verbosity=1, warnings='ignore')
