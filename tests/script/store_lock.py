#!/usr/bin/env python3
"""The store's lock against Attic's, a process that holds a record lock (fcntl.lockf) over all of
config, shared or exclusive; and against another store.

STOREDRV names the driver program."""
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import reader
from store_driver import Driver, Refused, key_of, made_up

# As in attic/helpers.py, UpgradableLock. It says what it got and holds that until its standard
# input ends.
ATTIC = '''
import fcntl, sys
fd = open(sys.argv[1], 'r+')
try:
    for how in sys.argv[2:]:
        fcntl.lockf(fd, getattr(fcntl, how) | fcntl.LOCK_NB)
    print('held', flush=True)
except OSError:
    print('refused', flush=True)
sys.stdin.read()
'''


class Attic:
    def __init__(self, repo, *how):
        self.process = subprocess.Popen(
            [sys.executable, '-c', ATTIC, os.path.join(repo, 'config'), *how],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.has_lock = self.process.stdout.readline() == 'held\n'

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def attic_gets(repo, *how):
    with Attic(repo, *how) as attic:
        return attic.has_lock


class Lock(unittest.TestCase):
    def setUp(self):
        folder = tempfile.mkdtemp(prefix='atticscope-lock-')
        self.addCleanup(shutil.rmtree, folder)
        self.repo = os.path.join(folder, 'repo')
        self.store = self.driver()
        self.store.ask('create', self.repo, 10, 1000)
        self.key = key_of(1).hex()

    def driver(self):
        driver = Driver()
        self.addCleanup(driver.kill)
        return driver

    def put(self, store=None, key=None):
        return (store or self.store).ask('put', key or self.key, 10, 1)

    def refused(self, *words, store=None):
        """The message of a refusal with lock-failed."""
        with self.assertRaises(Refused) as caught:
            (store or self.store).ask(*words)
        self.assertEqual(caught.exception.name, 'lock-failed')
        return str(caught.exception)

    def test_a_reading_store_lets_attic_read_and_not_write(self):
        self.store.ask('open', self.repo)
        self.assertTrue(attic_gets(self.repo, 'LOCK_SH'))
        self.assertFalse(attic_gets(self.repo, 'LOCK_EX'))
        self.store.ask('close')
        self.assertTrue(attic_gets(self.repo, 'LOCK_EX'))

    def test_a_writing_store_locks_attic_out_until_it_is_closed(self):
        self.store.ask('open', self.repo)
        self.put()
        self.assertFalse(attic_gets(self.repo, 'LOCK_SH'))
        self.store.ask('commit')
        self.store.ask('get', self.key)
        self.assertFalse(attic_gets(self.repo, 'LOCK_EX'))
        self.store.ask('close')
        self.assertTrue(attic_gets(self.repo, 'LOCK_SH', 'LOCK_EX'))

    def test_the_lock_of_a_killed_store_is_free(self):
        self.store.ask('open', self.repo)
        self.put()
        self.store.kill()
        self.assertTrue(attic_gets(self.repo, 'LOCK_EX'))

    def test_a_store_without_a_lock_blocks_nobody(self):
        with Attic(self.repo, 'LOCK_EX') as attic:
            self.assertTrue(attic.has_lock)
            self.store.ask('open', self.repo, 'no-lock')
            self.assertEqual(self.store.ask('len'), '0')

    def test_opening_is_refused_while_attic_writes_and_attic_is_named(self):
        with Attic(self.repo, 'LOCK_SH', 'LOCK_EX') as attic:
            self.assertTrue(attic.has_lock)
            self.assertIn(str(attic.process.pid), self.refused('open', self.repo))
        self.store.ask('open', self.repo)

    def test_opening_for_reading_is_refused_while_attic_writes(self):
        with Attic(self.repo, 'LOCK_EX'):
            self.refused('open', self.repo, 'read-only')

    def test_a_put_is_refused_while_attic_reads_and_can_be_tried_again(self):
        self.store.ask('open', self.repo)
        with Attic(self.repo, 'LOCK_SH') as attic:
            self.assertTrue(attic.has_lock)
            self.assertIn(str(attic.process.pid), self.refused('put', self.key, 10, 1))
            self.assertFalse(self.store.facts('state')['in_transaction'])
            # The shared lock was kept: nobody can have written in between.
            self.assertFalse(attic_gets(self.repo, 'LOCK_EX'))
        self.put()
        self.store.ask('commit')
        self.store.ask('close')
        self.assertEqual(reader.check(self.repo).objects, {key_of(1): made_up(10, 1)})

    def test_every_change_needs_the_exclusive_lock(self):
        self.store.ask('open', self.repo)
        self.put()
        self.store.ask('commit')
        self.store.ask('close')
        self.store.ask('open', self.repo)
        with Attic(self.repo, 'LOCK_SH'):
            for words in (('delete', self.key), ('compact',), ('recover',), ('recover-full',)):
                self.refused(*words)

    def test_a_put_waits_for_attic_to_close(self):
        self.store.ask('open', self.repo, 'lock-wait=20000')
        with Attic(self.repo, 'LOCK_SH'):
            start = time.monotonic()
            self.store.begin('put %s 10 1' % self.key)
            time.sleep(0.3)
        self.store.finish('put')
        self.assertGreaterEqual(time.monotonic() - start, 0.3)
        self.assertLess(time.monotonic() - start, 10)

    def test_a_put_waits_no_longer_than_it_may(self):
        self.store.ask('open', self.repo, 'lock-wait=300')
        with Attic(self.repo, 'LOCK_SH'):
            start = time.monotonic()
            self.refused('put', self.key, 10, 1)
            self.assertGreaterEqual(time.monotonic() - start, 0.3)
            self.assertLess(time.monotonic() - start, 10)

    def test_one_of_two_writing_stores_is_refused_and_the_other_goes_on(self):
        first, second = self.store, self.driver()
        for store in first, second:
            store.ask('open', self.repo, 'lock-wait=20000')
        start = time.monotonic()
        first.begin('put %s 10 1' % self.key)
        time.sleep(0.2)     # it waits for the second store to close
        self.refused('put', key_of(2).hex(), 10, 1, store=second)
        self.assertLess(time.monotonic() - start, 10)
        second.ask('len')       # and it can go on reading
        second.ask('close')
        first.finish('put')
        first.ask('commit')
        first.ask('close')
        self.assertLess(time.monotonic() - start, 15)
        second.ask('open', self.repo)
        self.assertEqual(second.ask('len'), '1')
        self.put(second, key_of(2).hex())
        second.ask('commit')

    def test_two_stores_that_want_to_write_at_once_never_both_wait(self):
        stores = [self.store, self.driver()]
        for turn in range(20):
            for store in stores:
                store.ask('open', self.repo, 'lock-wait=20000')
            names = self.race(stores, turn)
            self.assertEqual(sorted(names), ['done', 'lock-failed'])
        self.assertEqual(len(reader.check(self.repo).objects), 20)

    def race(self, stores, turn):
        """Both put at once; a refused one closes, the other commits. Returns how each ended."""
        names = []

        def put(store):
            try:
                self.put(store, key_of(turn).hex())
                store.ask('commit')
                names.append('done')
            except Refused as refusal:
                names.append(refusal.name)
            store.ask('close')
        threads = [threading.Thread(target=put, args=(store,)) for store in stores]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(15)
        self.assertFalse([thread for thread in threads if thread.is_alive()], 'both wait')
        return names

    def test_many_stores_read_at_once_and_none_writes(self):
        stores = [self.driver() for _ in range(3)]
        for store in stores:
            store.ask('open', self.repo)
        for store in stores:
            self.assertEqual(store.ask('len'), '0')
            self.refused('put', self.key, 10, 1, store=store)


if __name__ == '__main__':
    unittest.main(verbosity=1, warnings='ignore')
