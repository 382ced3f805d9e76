#!/usr/bin/env python3
"""A failing disk under the program: ranges of any file fail with EIO, always or a few times, or
every second reading returns other bytes, or files are cut off while they are read. What cannot be
read is reported as unreadable, at its offset, and never as absent or lost; no signal ends the
program; nothing is changed.

ATTICSCOPE names the program, BADBLOCKS_LIBRARY the failing disk (badblocks.c). With
ATTICSCOPE_TORTURE=1 every place of every file is tried, else a sample."""
import collections
import json
import os
import random
import shutil
import tempfile
import unittest

import cli
from cli import COMMITTED, DELETE, PUT, key_of
from system import print_figures, tree

LIBRARY = os.environ.get('BADBLOCKS_LIBRARY', '')
TORTURE = os.environ.get('ATTICSCOPE_TORTURE') == '1'
OPTIONS = os.environ.get('ASAN_OPTIONS', '') + ':verify_asan_link_order=0'
ABSENT = {'object-lost', 'segment-missing', 'index-missing', 'hints-missing', 'config-missing',
          'entry-torn', 'tail-uncommitted', 'index-mapping-wrong', 'index-key-missing'}
UNREADABLE = {'range-unreadable', 'segment-unreadable', 'index-unreadable', 'hints-unreadable',
              'config-unreadable', 'undo-unreadable'}
UNSTABLE = {'unstable-read'}
COUNTS = collections.Counter()


def preload_works():
    if not os.path.exists(LIBRARY):
        return False
    with tempfile.TemporaryDirectory() as folder:
        repo = cli.sample(os.path.join(folder, 'repo'))
        return failing('data/0/0 0 1 bad', 'check', repo.path)[0] == 4


def failing(rules, *args):
    """(status, output, errors) of a run of the program on a disk that fails by @rules."""
    COUNTS['runs on a failing disk'] += 1
    return cli.run(*args, env={'LD_PRELOAD': LIBRARY, 'BADBLOCKS': rules, 'ASAN_OPTIONS': OPTIONS})


def payload(number, size):
    return random.Random(number).randbytes(size)


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix='atticscope-disk-')
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.repo = cli.Repository(os.path.join(cls.folder, 'repo'), [
            [(PUT, key_of(i), payload(i, (0, 100, 3000, 9000)[i % 4])) for i in range(8)]
            + [COMMITTED],
            [(PUT, key_of(1), b'replaced'), (DELETE, key_of(2), b''), COMMITTED],
            [(PUT, key_of(8), payload(8, 6000)), (PUT, key_of(9), b''), COMMITTED]])
        cls.path = cls.repo.path
        cls.repo.write_segment(3, [(PUT, key_of(20), b'never committed')])
        assert cli.run('rollback', '--yes', cls.path)[0] == 1	# leaves an undo folder
        cls.manifest = os.path.relpath(os.path.join(cls.path, 'undo',
                                                    os.listdir(os.path.join(cls.path, 'undo'))[0],
                                                    'manifest'), cls.path)
        cls.before = tree(cls.path)
        cls.files = ['config', 'index.2', 'hints.2', cls.manifest, 'data/0/0', 'data/0/1',
                     'data/0/2']
        whole = json.loads(cli.run('check', '--json', cls.path)[1])
        assert whole['clean'] and whole['objects'] == 9, whole
        cls.whole = whole

    def tearDown(self):
        self.assertEqual(tree(self.path), self.before)

    def size(self, name):
        return os.path.getsize(os.path.join(self.path, name))

    def places(self, name, count):
        """Ranges of the file @name: its edges, those of blocks and entries, and some at random."""
        size = self.size(name)
        some = [(0, size), (0, 1), (size - 1, 1), (size // 2, 1), (508, 8), (4090, 12), (4096, 1),
                (4096, 4096)]
        if name.startswith('data/'):
            starts = [p[1] for p in self.repo.places.values() if p[0] == int(name.split('/')[-1])]
            some += [(start + at, 1) for start in sorted(starts) for at in (0, 4, 8, 9, 41)]
            some += [(size - 9, 9), (0, 8)]
        rng = random.Random(name)
        some += [(rng.randrange(size), rng.choice((1, 9, 512))) for _ in range(10)]
        some = [(at, min(length, size - at)) for at, length in some if at < size]
        if TORTURE:
            some += [(at, 1) for at in range(0, size, 1 if size < 3000 else 37)]
            return some
        return some[:2] + rng.sample(some[2:], min(count, len(some) - 2))

    def run_all(self, rules, *args, status=None):
        got, out, err = failing(rules, *args)
        self.assertIn(got, (0, 4, 8) if status is None else status, (rules, args, out[-500:], err))
        self.assertNotIn('Sanitizer', err)
        self.assertNotIn('runtime error', err)
        if got == 8:
            self.assertTrue(err.startswith('atticscope: '), (rules, args, err))
        return got, out, err

    def check(self, rules, *options):
        got, out, _ = self.run_all(rules, 'check', '--json', *options, self.path, status=(0, 4))
        return got, json.loads(out)


@unittest.skipUnless(preload_works(), 'no library can be loaded before the program here')
class Unreadable(Case):
    def is_reported(self, name, at, length, check):
        codes = {problem['code'] for problem in check['problems']}
        self.assertFalse(codes & ABSENT, (name, at, length, check['problems']))
        self.assertTrue(codes & UNREADABLE, (name, at, length, codes))
        if not name.startswith('data/'):
            self.assertIn(name.split('.')[0].split('/')[0] + '-unreadable', codes)
            return
        self.assertFalse(check['clean'])
        there = [p for p in check['problems']
                 if p['code'] in ('range-unreadable', 'segment-unreadable') and
                 p['segment'] == int(name[7:])]
        self.assertTrue(there, (name, at, length, check['problems']))
        ranges = [(p['offset'], p['length']) for p in there if p['code'] == 'range-unreadable']
        if ranges:
            self.assertTrue([1 for offset, size in ranges if offset < at + length and
                             at < offset + size],
                            (name, at, length, ranges))

    def test_every_place_is_reported_as_unreadable_not_absent(self):
        for name in self.files:
            for at, length in self.places(name, 3):
                with self.subTest(name=name, at=at, length=length):
                    COUNTS['unreadable places'] += 1
                    rules = '%s %d %d bad' % (name, at, length)
                    status, check = self.check(rules)
                    self.is_reported(name, at, length, check)
                    self.assertEqual(status, 0 if check['clean'] else 4)
                    text = self.run_all(rules, 'check', self.path)[1].decode()
                    self.assertRegex(text, 'unreadable|disk refuses|cannot be read')

    def test_the_same_without_an_index(self):
        for at, length in self.places('data/0/0', 6):
            with self.subTest(at=at, length=length):
                rules = 'index.2 0 18 bad;data/0/0 %d %d bad' % (at, length)
                self.is_reported('data/0/0', at, length, self.check(rules)[1])

    def test_every_reading_command_reports_it_and_ends(self):
        commands = [('info',), ('segments', '--verify'), ('entries', '0'), ('entries', '2'),
                    ('index', '--all'), ('hints',), ('history', key_of(1).hex()),
                    ('get', key_of(3).hex()), ('undo', '--list'), ('recover', '--dry-run'),
                    ('rollback', '--dry-run'), ('compact', '--dry-run'), ('undo', '--dry-run')]
        for name in self.files:
            for at, length in self.places(name, 2)[1:60]:
                rules = '%s %d %d bad' % (name, at, length)
                for command in commands if TORTURE else random.Random(rules).sample(commands, 4):
                    with self.subTest(rules=rules, command=command):
                        options = [a for a in command[1:] if a[0] == '-']
                        rest = [a for a in command[1:] if a[0] != '-']
                        self.run_all(rules, command[0], *options, self.path, *rest)

    def test_an_object_is_whole_or_unreadable(self):
        number, offset = self.repo.places[key_of(3)]
        for at in (0, 5, 9, 41, 4200, 9040):
            got, out, err = self.run_all('data/0/%d %d 1 bad' % (number, offset + at), 'get',
                                         self.path, key_of(3).hex(), status=(4, 8))
            self.assertEqual(out, b'')
            self.assertRegex(err, 'cannot be read|the disk cannot read')
            self.assertNotIn('no such object', err)
        got, out, _ = self.run_all('data/0/%d %d 1 bad' % (number, offset + 9041), 'get', self.path,
                                   key_of(3).hex(), status=(0,))
        self.assertEqual(out, self.repo.objects[key_of(3)])

    def test_entries_and_segments_show_the_place(self):
        number, offset = self.repo.places[key_of(3)]
        rules = 'data/0/%d %d 16 bad' % (number, offset + 4000)
        rows = cli.rows(self.run_all(rules, 'entries', '--json', self.path, str(number))[1])
        damaged = [row for row in rows if row['tag'] == 'DAMAGED']
        self.assertEqual([(row['offset'], row['size']) for row in damaged], [(offset, 9041)])
        self.assertIn('unreadable',
                      self.run_all(rules, 'entries', self.path, str(number))[1].decode())
        row = cli.rows(self.run_all(rules, 'segments', '--verify', '--json', self.path)[1])[number]
        self.assertEqual((row['crc'], row['damaged_bytes']), ('damaged', 9041))

    def test_the_index_leads_to_unreadable_entries(self):
        number, offset = self.repo.places[key_of(3)]
        for at in (0, 41, 4000):
            rules = 'data/0/%d %d 16 bad' % (number, offset + at)
            target = {row['key']: row['target'] for row in
                      cli.rows(self.run_all(rules, 'index', '--json', self.path)[1])}
            self.assertEqual(target[key_of(3).hex()], 'unreadable')
            self.assertNotIn('no-segment', target.values())

    def test_a_repair_comes_after_the_advice_to_copy(self):
        number, offset = self.repo.places[key_of(3)]
        rules = 'data/0/%d %d 16 bad' % (number, offset + 4000)
        got, out, _ = self.run_all(rules, 'salvage', '--dry-run', '--json', self.path)
        plan = json.loads(out)
        self.assertTrue(plan['hardware_doubt'])
        self.assertEqual([(row['key'], row['cause']) for row in plan['lost_causes']],
                         [(key_of(3).hex(), 'unreadable')])
        text = self.run_all(rules, 'salvage', '--dry-run', self.path)[1].decode()
        self.assertIn('ddrescue', text)
        self.assertLess(text.index('ddrescue'), text.index(key_of(3).hex()))


def is_seen_by_opening(at):
    """Opening reads the magic of the first segment once, to tell Attic from Borg."""
    return at < 8


@unittest.skipUnless(preload_works(), 'no library can be loaded before the program here')
class Unsteady(Case):
    def damaged(self):
        """A repository whose first segment is damaged in the middle, so that it is searched."""
        repo = os.path.join(self.folder, 'damaged')
        if not os.path.exists(repo):
            shutil.copytree(self.path, repo)
            offset = self.repo.places[key_of(3)][1]
            with open(os.path.join(repo, 'data', '0', '0'), 'r+b') as f:
                f.seek(offset + 7)
                f.write(b'\x40')	# of the size: the bytes after it are searched
        return repo

    def judge(self, check, lost):
        """Nothing but @lost is lost, unless the hardware is doubted."""
        gone = {p['key'] for p in check['problems'] if p['code'] == 'object-lost'}
        codes = {p['code'] for p in check['problems']}
        self.assertLessEqual(gone, lost, check['problems'])
        return codes

    def test_objects_that_fail_a_few_times_are_doubtful_not_lost(self):
        for repo, lost in ((self.path, set()), (self.damaged(), {key_of(3).hex()})):
            for at, length in self.places('data/0/0', 8):
                for count in (1, 2, 3, 5):
                    with self.subTest(repo=repo, at=at, length=length, count=count):
                        COUNTS['passing failures'] += 1
                        failures = count + is_seen_by_opening(at)
                        status, out, _ = self.run_all('data/0/0 %d %d first=%d'
                                                      % (at, length, failures), 'check',
                                                      '--json', repo, status=(4,))
                        codes = self.judge(json.loads(out), lost)
                        self.assertTrue(codes & (UNSTABLE | UNREADABLE), codes)
                        self.assertFalse(codes & (ABSENT - {'object-lost'}), codes)

    def test_get_exits_with_4_where_the_disk_fails_after_the_check(self):
        """What cannot be read when get looks for the object may be whole: 8. An entry that was
        whole a moment ago, and is not given now, is damaged: 4."""
        number, offset = self.repo.places[key_of(3)]
        by_log = os.path.join(self.folder, 'by-log')
        shutil.copytree(self.path, by_log)
        os.remove(os.path.join(by_log, 'index.2'))
        for repo, last in ((self.path, 8), (by_log, 4)):
            ends = []
            while 0 not in ends:
                rules = 'data/0/%d %d 1 later=%d' % (number, offset + 4200, len(ends))
                got, out, err = self.run_all(rules, 'get', '-j1', repo, key_of(3).hex(),
                                             status=(0, 4, 8))
                ends.append(got)
                if got:
                    self.assertEqual(out, b'')
                    self.assertRegex(err, 'the disk cannot read|Input/output error')
                    self.assertNotIn('no such object', err)
            self.assertEqual(out, self.repo.objects[key_of(3)])
            self.assertEqual(ends, sorted(ends, reverse=True))
            self.assertEqual(set(ends), {8, last, 0})

    def test_small_files_that_fail_once_are_unreadable_in_that_run(self):
        for name in ('config', 'index.2', 'hints.2', self.manifest):
            codes = {p['code'] for p in self.check('%s 3 1 first=1' % name)[1]['problems']}
            self.assertTrue(codes & (UNREADABLE | UNSTABLE), (name, codes))
            self.assertFalse(codes & ABSENT)

    def test_different_readings_are_noticed(self):
        for at, length in self.places('data/0/0', 12):
            # the very first reading is the wrong one
            first = 'even' if is_seen_by_opening(at) else 'odd'
            for mode in ('odd', 'even'):
                with self.subTest(at=at, mode=mode):
                    COUNTS['readings that differ'] += 1
                    status, check = self.check('data/0/0 %d %d %s' % (at, length, mode))
                    codes = self.judge(check, set())
                    if mode == first:
                        self.assertIn('unstable-read', codes)
                    for options in (['--dry-run'], ['--yes']):
                        status, out, err = self.run_all('data/0/0 %d %d %s' % (at, length, mode),
                                                        'salvage', *options, self.path)
                        if mode == first:
                            self.assertIn(status, (4, 8))
                            self.assertRegex(err + out.decode(),
                                             'two readings|read again, it is not what it was')

    def test_a_file_cut_off_meanwhile_does_not_stop_the_program(self):
        for name in self.files:
            for at, length in self.places(name, 2):
                repo = os.path.join(self.folder, 'cut')
                shutil.copytree(self.path, repo)
                try:
                    for command in (('check', '--json'), ('entries',), ('get',),
                                    ('salvage', '--dry-run')):
                        rest = {'entries': ['0'], 'get': [key_of(3).hex()]}.get(command[0], [])
                        self.run_all('%s %d %d shrink' % (name, at, max(length, 1)), *command, repo,
                                     *rest)
                        COUNTS['files cut off meanwhile'] += 1
                        if not TORTURE:
                            break
                finally:
                    shutil.rmtree(repo)


def tearDownModule():
    print_figures('failing disk', COUNTS)


if __name__ == '__main__':
    unittest.main(verbosity=1)
