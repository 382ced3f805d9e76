#!/usr/bin/env python3
"""Another process commits, compacts and rolls back, as Attic does, while the program looks on
without a lock. The program never crashes or hangs; it reports doubtful findings as doubtful; and it
reports nothing wrong once the other process has ended.

ATTICSCOPE names the program. With ATTICSCOPE_TORTURE=1 it looks for minutes, else for seconds."""
import collections
import fcntl
import json
import os
import random
import select
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

import cli
from cli import COMMITTED, DELETE, PUT, key_of
from system import print_figures

TORTURE = os.environ.get('ATTICSCOPE_TORTURE') == '1'
SECONDS = float(os.environ.get('CONCURRENCY_SECONDS', '240' if TORTURE else '2'))
OBJECTS_MAX = 300       # of the writer, which keeps about this many
DEADLINE = 60           # seconds for it to answer
COUNTS = collections.Counter()


class Writer(cli.Repository):
    """A writer like attic/repository.py: it takes the exclusive lock, writes entries to new
    segments, a COMMIT, hints and index under another name and renamed, and then removes obsolete
    files."""

    def __init__(self, path, rng):
        objects = [(PUT, key_of(i), rng.randbytes(2000)) for i in range(40)]
        super().__init__(path, [objects + [COMMITTED]], segments_per_dir=1000000)
        self.rng, self.head, self.turn = rng, 0, 1000

    def index_and_hints(self, transaction):
        for name, write in (('index', self.write_index), ('hints', self.write_hints)):
            old = [n for n in os.listdir(self.path) if n.startswith(name + '.')]
            write(transaction)
            path = os.path.join(self.path, '%s.%d' % (name, transaction))
            os.rename(path, path + '.tmp')
            os.rename(path + '.tmp', path)
            for other in old:
                if other != os.path.basename(path):
                    os.unlink(os.path.join(self.path, other))

    def write_segment(self, number, entries):
        super().write_segment(number, entries)
        if not self.live[number] and number in self.live:
            self.sparse.add(number)

    def change(self):
        """Some objects replaced, deleted, added."""
        entries = []
        for key in self.rng.sample(sorted(self.objects), 3):
            entries += [(DELETE, key, b'')] + [(PUT, key,
                                                self.rng.randbytes(1500))] * self.rng.randrange(2)
        for _ in range(self.rng.randrange(6 if len(self.objects) < OBJECTS_MAX else 1)):
            self.turn += 1
            entries.append((PUT, key_of(self.turn), self.rng.randbytes(3000)))
        return entries

    def commit(self):
        for _ in range(self.rng.randrange(3)):
            self.head += 1
            self.write_segment(self.head, self.change())
        self.head += 1
        self.write_segment(self.head, self.change() + [COMMITTED])
        self.index_and_hints(self.head)

    def compact(self):
        """Copy live entries of sparse segments to a new one, and remove the sparse ones."""
        sparse = sorted(self.sparse & set(self.live))
        live = [(PUT, key, self.objects[key]) for key, place in self.places.items()
                if place[0] in sparse]
        self.head += 1
        self.write_segment(self.head, live + [COMMITTED])
        for number in sparse:
            self.live.pop(number, None)
        self.sparse.clear()
        self.index_and_hints(self.head)
        for number in sparse:
            os.unlink(self.segment(number))

    def roll_back(self):
        """Write segments without a COMMIT, then remove them."""
        with open(self.segment(self.head + 1), 'wb') as f:
            f.write(b'ATTICSEG')
            for _ in range(3):
                f.write(cli.entry(PUT, key_of(self.rng.randrange(1 << 30)),
                                  self.rng.randbytes(5000)))
                f.flush()
        os.unlink(self.segment(self.head + 1))

    def run(self):
        """Write until standard input ends; a line pauses it and is answered with the state."""
        os.set_blocking(0, False)
        count = 0
        while True:
            with open(os.path.join(self.path, 'config'), 'r+') as lock:
                fcntl.lockf(lock, fcntl.LOCK_EX)
                self.rng.choice((self.commit, self.commit, self.compact, self.roll_back))()
            count += 1
            asked = sys.stdin.buffer.raw.read(100)
            if asked == b'':
                return
            if asked:
                print(count, len(self.objects), self.head, flush=True)
                os.set_blocking(0, True)
                if not sys.stdin.buffer.raw.read(100):
                    return
                os.set_blocking(0, False)
            time.sleep(self.rng.choice((0, 0, 0.003, 0.02)))


class Running:
    """A writer in a process of its own."""

    def __init__(self, path, seed):
        self.process = subprocess.Popen([sys.executable, os.path.abspath(__file__), 'write', path,
                                         str(seed)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        while not os.path.exists(os.path.join(path, 'hints.0')) and self.process.poll() is None:
            if [n for n in os.listdir(os.path.dirname(path)) if n == os.path.basename(path)] and \
                    [n for n in os.listdir(path) if n.startswith('hints.')]:
                break
            time.sleep(0.01)

    def say(self):
        self.process.stdin.write(b'\n')
        self.process.stdin.flush()

    def pause(self):
        """(transactions so far, objects, the last transaction)"""
        self.say()
        if not select.select([self.process.stdout], [], [], DEADLINE)[0]:
            raise AssertionError('the writer does not answer')
        return tuple(map(int, self.process.stdout.readline().split()))

    def resume(self):
        self.say()

    def end(self):
        self.process.stdin.close()
        status = self.process.wait(DEADLINE)
        self.process.stdout.close()
        return status


class Looking(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='atticscope-concurrency-')
        self.addCleanup(shutil.rmtree, self.folder)
        self.path = os.path.join(self.folder, 'repo')
        self.writer = Running(self.path, 7)
        self.addCleanup(self.writer.process.kill)

    def look(self, *command, status=(0, 4, 8)):
        options = [a for a in command[1:] if a[0] == '-']
        got, out, err = cli.run(command[0], '--no-lock', *options, self.path,
                                *[a for a in command[1:] if a[0] != '-'])
        self.assertIn(got, status, (command, out[-300:], err))
        self.assertNotIn('Sanitizer', err)
        self.assertNotIn('runtime error', err)
        COUNTS['looks while another writes'] += 1
        return got, out, err

    def is_reported_as_doubtful(self, check):
        """A check that finds fault with a repository that is whole at all times says that it is in
        doubt."""
        codes = collections.Counter(p['code'] for p in check['problems'])
        bad = [p for p in check['problems'] if p['severity'] != 'info' and
               p['code'] != 'changed-meanwhile']
        if not bad:
            return
        COUNTS['checks that saw a repository change'] += 1
        self.assertTrue(codes.keys() & {'changed-meanwhile', 'writer-active'}, bad)
        self.assertRegex(check['verdict'], 'nothing certain can be said')
        self.assertRegex(check['advice'], 'what was found now may not be so')
        self.assertIsNone(check['recommended'])

    def test_checks(self):
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            for options in (('--json',), ('--json', '-j1')):
                got, out, err = self.look('check', *options)
                if got != 8:
                    self.is_reported_as_doubtful(json.loads(out))
        self.await_rest()

    def await_rest(self):
        transactions, objects, head = self.writer.pause()
        check = json.loads(self.look('check', '--json', status=(0,))[1])
        self.assertEqual((check['clean'], check['objects'], check['transaction_id']),
                         (True, objects, head), check)
        self.writer.resume()
        COUNTS['transactions meanwhile'] += transactions

    def test_the_other_commands(self):
        until = time.monotonic() + SECONDS
        commands = [('info',), ('segments', '--verify'), ('segments',), ('index', '--all'),
                    ('hints',), ('entries', '3'), ('history', key_of(5).hex()),
                    ('get', key_of(6).hex()), ('info', '--json')]
        while time.monotonic() < until:
            for command in commands:
                got, out, err = self.look(*command)
                self.assertNotRegex(err, '(?i)internal|assert')
        self.await_rest()

    def test_plans_are_refused_or_made_again(self):
        """Plans take the shared lock without waiting: each is refused, or made of a repository at
        rest."""
        for action in ('recover', 'compact', 'salvage', 'rollback'):
            for _ in range(40 if TORTURE else 4):
                got, out, err = cli.run(action, '--dry-run', '--json', self.path)
                self.assertIn(got, (0, 4, 8), (action, err))
                if got == 0:
                    plan = json.loads(out)
                    self.assertEqual((plan['lost'], plan['hardware_doubt']), ([], False))
                    COUNTS['plans between two transactions'] += 1
        self.await_rest()

    def tearDown(self):
        self.assertEqual(self.writer.end(), 0)


class Rivals(unittest.TestCase):
    """Several processes want to write at once: one of them does, and none waits for ever."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='atticscope-rivals-')
        self.addCleanup(shutil.rmtree, self.folder)
        self.path = os.path.join(self.folder, 'repo')
        cli.Repository(self.path,
                       [[(PUT, key_of(i), b'object %d' % i), COMMITTED] for i in range(20)])
        self.index = os.path.join(self.path, 'index.19')

    def at_once(self, count, *args):
        """[(status, standard error)] of @count processes started together."""
        processes = [subprocess.Popen([cli.PROGRAM, *args], stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                     for _ in range(count)]
        done = [process.communicate(timeout=DEADLINE)[1].decode() for process in processes]
        return [(process.returncode, err) for process, err in zip(processes, done)]

    def test_one_of_two_repairs_is_done(self):
        for i in range(60 if TORTURE else 12):
            os.unlink(self.index)
            outcomes = self.at_once(2 + i % 2, 'recover', '--yes', self.path)
            statuses = [status for status, _ in outcomes]
            self.assertEqual(statuses.count(1), 1,
                             outcomes)	# one repaired, the others came too early or too late
            self.assertLessEqual(set(statuses), {0, 1, 8}, outcomes)
            for status, err in outcomes:
                if status == 8:
                    self.assertRegex(err, 'try again when it is done|holds (a|the exclusive) lock',
                                     outcomes)
            self.assertEqual(cli.run('check', self.path)[0], 0)
            COUNTS['repairs that began at once'] += len(outcomes)

    def test_with_patience_all_of_them_succeed(self):
        for _ in range(20 if TORTURE else 4):
            os.unlink(self.index)
            outcomes = self.at_once(3, 'recover', '--yes', '--lock-wait=60', self.path)
            self.assertEqual(sorted(status for status, _ in outcomes), [0, 0, 1], outcomes)
            self.assertEqual(cli.run('check', self.path)[0], 0)

    def test_one_of_two_deletes_is_done(self):
        for i in range(12):
            outcomes = self.at_once(2, 'delete', self.path, key_of(i).hex())
            self.assertIn(0, [status for status, _ in outcomes], outcomes)

    def test_a_short_reader_is_waited_for(self):
        os.unlink(self.index)
        reader = open(os.path.join(self.path, 'config'), 'r+b')
        fcntl.lockf(reader, fcntl.LOCK_SH)
        repair = subprocess.Popen([cli.PROGRAM, 'recover', '--yes', self.path],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE)
        time.sleep(0.3)
        reader.close()
        self.assertEqual((repair.wait(timeout=DEADLINE), repair.communicate()[1]), (1, b''))


def tearDownModule():
    print_figures('concurrency', COUNTS)


if __name__ == '__main__':
    if sys.argv[1:2] == ['write']:
        Writer(sys.argv[2], random.Random(int(sys.argv[3]))).run()
    else:
        unittest.main(verbosity=1, warnings='ignore')
