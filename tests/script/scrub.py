#!/usr/bin/env python3
"""Partial checks: the results of an earlier check are believed as long as nothing has changed,
joined parts give the result of the whole, and records lie in the cache folder and nowhere else.

ATTICSCOPE names the program. The repositories of the corpus (SHARED, by default ../shared beside
the source) are checked in parts if they are there."""
import glob
import hashlib
import json
import os
import random
import shutil
import subprocess
import tarfile
import tempfile
import unittest

import cli

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CORPUS = os.path.join(os.environ.get('SHARED') or os.path.join(os.path.dirname(SOURCE), 'shared'),
                      'corpus')
YESTERDAY = 1400000000
# Fields that say how the result was found.
HOW = ('segments_remembered',)


def key_of(number):
    return hashlib.sha256(b'%d' % number).hexdigest()


def tree(path):
    return {os.path.join(folder, name): (os.lstat(os.path.join(folder, name)).st_mtime_ns,
                                         os.lstat(os.path.join(folder, name)).st_size)
            for folder, folders, files in os.walk(path) for name in files + folders}


def age(repo):
    """Make segments old: their mtime then shows a later change."""
    for path in glob.glob(os.path.join(repo, 'data', '*', '*')):
        if not os.path.islink(path) and os.stat(path).st_mtime != YESTERDAY:
            os.utime(path, (YESTERDAY, YESTERDAY))


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='atticscope-scrub-')
        self.addCleanup(shutil.rmtree, self.folder)
        self.repo = os.path.join(self.folder, 'repo')
        self.cache = os.path.join(self.folder, 'cache')
        self.environment = dict(cli.ENVIRONMENT, XDG_CACHE_HOME=self.cache)

    def run_program(self, *args):
        done = subprocess.run([cli.PROGRAM, *args], stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=120, env=self.environment)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def check(self, *args, repo=None):
        """The JSON object of a check that prints no message."""
        status, out, err = self.run_program('check', '--json', *args[:1], repo or self.repo,
                                            *args[1:])
        self.assertEqual(err, '')
        self.assertIn(status, (0, 4))
        return json.loads(out)

    def put(self, first, last):
        listing = os.path.join(self.folder, 'list')
        value = os.path.join(self.folder, 'value')
        with open(value, 'wb') as f:
            f.write(b'v' * 300)
        with open(listing, 'w') as f:
            f.writelines('%s %s\n' % (key_of(i), value) for i in range(first, last))
        status, _, err = self.run_program('put', '--batch', self.repo, listing)
        self.assertEqual((status, err), (0, ''))
        age(self.repo)

    def make(self):
        """60 objects in about 14 segments."""
        status, _, err = self.run_program('create', '--max-segment-size', '1500', self.repo)
        self.assertEqual((status, err), (0, ''))
        self.put(0, 40)
        self.put(40, 60)

    def segment(self, number):
        return glob.glob(os.path.join(self.repo, 'data', '*', str(number)))[0]

    def same_as_all(self, report, but=HOW + ('repository_id', 'records')):
        whole = self.check()
        for name in but:
            whole.pop(name, None)
            report.pop(name, None)
        self.assertEqual(json.dumps(report), json.dumps(whole))


class Scrub(Case):
    # ---- incremental ----

    def test_a_second_check_reads_nothing_and_reports_the_same(self):
        self.make()
        before = tree(self.repo)
        first = self.check('--incremental')
        second = self.check('--incremental')
        self.assertEqual((first['segments_remembered'], second['segments_remembered']),
                         (0, first['segments']))
        self.assertGreater(first['segments'], 8)
        self.same_as_all(second)
        self.assertEqual(tree(self.repo), before)

    def test_new_segments_are_read(self):
        self.make()
        segments = self.check('--incremental')['segments']
        self.put(60, 70)
        later = self.check('--incremental')
        self.assertEqual(later['segments_remembered'], segments)
        self.assertGreater(later['segments'], segments)
        self.same_as_all(later)

    def test_later_deletes_are_seen_in_old_segments(self):
        self.make()
        self.check('--incremental')
        self.assertEqual(self.run_program('delete', self.repo, key_of(3), key_of(50))[0], 0)
        age(self.repo)
        self.same_as_all(self.check('--incremental'))

    def test_a_changed_segment_is_read_and_its_damage_found_every_time(self):
        self.make()
        self.check('--incremental')
        with open(self.segment(3), 'r+b') as f:
            f.seek(200)
            f.write(b'XX')
        for _ in range(2):
            report = self.check('--incremental')
            self.assertEqual(report['problems'][0]['segment'], 3)
            self.assertEqual(report['segments_remembered'], report['segments'] - 1)
            self.same_as_all(report)
            os.utime(self.segment(3), (YESTERDAY, YESTERDAY))   # for the second time

    def test_an_index_that_maps_wrongly_into_old_segments_is_found(self):
        self.make()
        self.check('--incremental')
        index, = glob.glob(os.path.join(self.repo, 'index.*'))
        with open(index, 'r+b') as f:
            data = f.read()
            at = 18 + data[18:].index(bytes.fromhex(key_of(5)))
            f.seek(at + 36)
            f.write(bytes([data[at + 36] ^ 1]))     # the offset
        report = self.check('--incremental')
        self.assertEqual([p['code'] for p in report['problems']], ['index-mapping-wrong'])
        self.same_as_all(report)

    def test_a_key_damaged_in_the_index_is_found(self):
        self.make()
        self.check('--incremental')
        index, = glob.glob(os.path.join(self.repo, 'index.*'))
        with open(index, 'r+b') as f:
            at = 18 + f.read()[18:].index(bytes.fromhex(key_of(5)))
            f.seek(at + 31)
            f.write(b'\0')
        report = self.check('--incremental')
        self.assertFalse(report['clean'])
        self.same_as_all(report)

    def test_a_segment_written_just_now_is_read_again(self):
        self.make()
        os.utime(self.segment(2))
        self.check('--incremental')
        report = self.check('--incremental')
        self.assertEqual(report['segments_remembered'], report['segments'] - 1)

    def test_older_than_reads_older_records_again(self):
        self.make()
        self.check('--incremental')
        name, = glob.glob(os.path.join(self.cache, 'atticscope', '*'))
        with open(name) as f:
            cache = json.load(f)
        column = cache['records']['columns'].index('verified')
        for row in cache['records']['rows'][:5]:
            row[column] -= 10 * 24 * 3600
        with open(name, 'w') as f:
            json.dump(cache, f)
        report = self.check('--older-than=7')
        self.assertEqual(report['segments_remembered'], report['segments'] - 5)
        report = self.check('--older-than=7')
        self.assertEqual(report['segments_remembered'], report['segments'])

    def test_enough_time_reads_everything(self):
        self.make()
        self.check('--incremental')
        report = self.check('--max-duration=3600')
        self.assertEqual(report['segments_remembered'], 0)
        self.same_as_all(report)

    def test_a_repair_uses_no_record(self):
        self.make()
        self.check('--incremental')
        with open(self.segment(3), 'r+b') as f:
            f.seek(200)
            f.write(b'XX')
        self.restore_mtime(3)
        self.assertTrue(self.check('--incremental')['clean'])
        status, out, _ = self.run_program('salvage', '--dry-run', '--json', self.repo)
        self.assertEqual((status, len(json.loads(out)['lost'])), (0, 1))

    def restore_mtime(self, number):
        """A bit that rotted leaves the mtime as it was."""
        os.utime(self.segment(number), (YESTERDAY, YESTERDAY))
        with open(self.cache_file()) as f:
            cache = json.load(f)
        columns = cache['records']['columns']
        for row in cache['records']['rows']:
            if row[0] == number:
                row[columns.index('changed')] = os.stat(self.segment(number)).st_ctime_ns
        with open(self.cache_file(), 'w') as f:
            json.dump(cache, f)

    def test_a_file_replaced_with_the_same_mtime_is_read(self):
        self.make()
        self.check('--incremental')
        with open(self.segment(3), 'r+b') as f:
            f.seek(200)
            f.write(b'XX')
        os.utime(self.segment(3), (YESTERDAY, YESTERDAY))
        self.assertEqual(self.check('--incremental')['problems'][0]['segment'], 3)

    # ---- the cache ----

    def cache_file(self):
        return os.path.join(self.cache, 'atticscope', self.id() + '.json')

    def id(self):
        with open(os.path.join(self.repo, 'config')) as f:
            return [line.split('=')[1].strip() for line in f if line.startswith('id')][0]

    def test_an_unusable_cache_is_reported_and_replaced(self):
        self.make()
        self.check('--incremental')
        with open(self.cache_file()) as f:
            good = json.load(f)
        self.assertEqual(os.stat(self.cache_file()).st_mode & 0o777, 0o600)
        row = good['records']['rows'][0]
        rows = [row[:3], 'row', [-1] + row[1:], [2 ** 32] + row[1:], [1.5] + row[1:],
                row[:12] + ['xyz', []], row[:13] + [[['00', 1, 2, True]]], row[:13] + [7]]
        bad = ['', '[', '{}', '[]', 'null', '{"records": 3}', '\0' * 100,
               json.dumps(dict(good, repository_id='00' * 32)),
               json.dumps(dict(good, records=dict(good['records'], version=2))),
               json.dumps(dict(good, records=dict(good['records'], columns=[]))),
               *(json.dumps(dict(good, records=dict(good['records'], rows=[r]))) for r in rows)]
        for text in bad:
            with self.subTest(text[:200]):
                with open(self.cache_file(), 'w') as f:
                    f.write(text)
                status, out, err = self.run_program('check', '--json', '--incremental', self.repo)
                self.assertEqual((status, json.loads(out)['segments_remembered']), (0, 0))
                self.assertIn('cannot be used', err)
                report = self.check('--incremental')
                self.assertEqual(report['segments_remembered'], report['segments'])

    def test_a_link_in_place_of_the_cache_is_not_followed(self):
        self.make()
        self.check('--incremental')
        precious = os.path.join(self.folder, 'precious')
        os.rename(self.cache_file(), precious)
        os.symlink(precious, self.cache_file())
        with open(precious) as f:
            before = f.read()
        status, out, err = self.run_program('check', '--json', '--incremental', self.repo)
        self.assertEqual((status, json.loads(out)['segments_remembered']), (0, 0))
        self.assertIn('cannot be used', err)
        with open(precious) as f:
            self.assertEqual(f.read(), before)

    def test_a_cache_folder_in_the_repository_is_not_made(self):
        self.make()
        before = tree(self.repo)
        for inside in ('.', 'data', 'new/deeper'):
            self.environment['XDG_CACHE_HOME'] = os.path.join(self.repo, inside)
            status, out, err = self.run_program('check', '--json', '--incremental', self.repo)
            self.assertEqual((status, json.loads(out)['clean']), (0, True))
            self.assertIn('it lies in the repository', err)
            self.assertEqual(tree(self.repo), before)

    def test_without_a_home_nothing_is_kept(self):
        self.make()
        del self.environment['XDG_CACHE_HOME']
        self.environment.pop('HOME', None)
        status, out, err = self.run_program('check', '--incremental', self.repo)
        self.assertEqual(status, 0)
        self.assertIn('were not saved', err)

    # ---- parts ----

    def parts(self, repo, count):
        names = []
        for number in range(1, count + 1):
            report = self.check('--shard=%d/%d' % (number, count), repo=repo)
            names.append(os.path.join(self.folder, 'part%d' % number))
            with open(names[-1], 'w') as f:
                json.dump(report, f)
        return names

    def test_joined_parts_equal_the_whole(self):
        self.make()
        parts = self.parts(self.repo, 3)
        with open(parts[0]) as f:
            report = json.load(f)
        self.assertFalse(report['complete'])
        self.assertEqual(report['segments_skipped'] + len(report['records']['rows']),
                         report['segments'])
        merged = self.check('--merge', *parts)
        self.assertEqual(merged['segments_remembered'], merged['segments'])
        self.same_as_all(merged)
        with open(parts[2]) as f:
            missing = len(json.load(f)['records']['rows'])
        less = self.check('--merge', *parts[:2])
        self.assertEqual((missing > 0, less['segments_remembered']),
                         (True, less['segments'] - missing))
        self.same_as_all(less)

    def test_a_range_reads_only_itself(self):
        self.make()
        report = self.check('--segments=2-4')
        self.assertEqual([row[0] for row in report['records']['rows']], [2, 3, 4])
        self.assertEqual(report['segments_skipped'], report['segments'] - 3)
        report = self.check('--segments=5')
        self.assertEqual([row[0] for row in report['records']['rows']], [5])
        with open(self.segment(3), 'r+b') as f:
            f.seek(200)
            f.write(b'XX')
        self.assertEqual(self.check('--segments=2-4')['problems'][0]['segment'], 3)
        report = self.check('--segments=5-6')
        self.assertEqual((report['problems'], report['clean'], report['recommended']),
                         ([], True, None))

    def test_reports_that_do_not_belong_are_refused(self):
        self.make()
        part, = self.parts(self.repo, 1)
        with open(part) as f:
            report = json.load(f)
        other = os.path.join(self.folder, 'other')
        for text, words in (('{', ''), ('{}', 'not the report'),
                            (json.dumps(dict(report, repository_id='11' * 32)), 'another'),
                            (json.dumps(self.check()), 'not the report')):
            with open(other, 'w') as f:
                f.write(text)
            status, out, err = self.run_program('check', '--merge', self.repo, part, other)
            self.assertEqual((status, out), (8, ''))
            self.assertIn(words, err)
        self.assertEqual(self.run_program('check', '--merge', self.repo, part + '-gone')[0], 8)

    def test_options_that_make_no_sense_are_refused(self):
        self.make()
        for args in (['--merge'], ['--merge', '--shard=1/2', 'x'], ['x'], ['--shard=0/2'],
                     ['--shard=3/2'], ['--shard=1'], ['--segments=5-2'], ['--segments=x'],
                     ['--segments='], ['--segments=1-4294967296'], ['--max-duration=0'],
                     ['--older-than=-1'], ['--segments=1', '--shard=1/2'],
                     ['--merge', '--incremental', 'x']):
            with self.subTest(args):
                words = [a for a in args if a.startswith('-')]
                rest = [a for a in args if not a.startswith('-')]
                status, out, err = self.run_program('check', *words, self.repo, *rest)
                self.assertEqual((status, out), (16, ''))
                self.assertNotEqual(err, '')

    def test_the_corpus_in_parts_gives_the_same(self):
        archives = sorted(glob.glob(os.path.join(CORPUS, '*.tar.gz')))
        if not archives:
            self.skipTest('no corpus in %s (set SHARED)' % CORPUS)
        for archive in archives:
            name = os.path.basename(archive)[:-7]
            with self.subTest(name):
                with tarfile.open(archive) as tar:
                    tar.extractall(os.path.join(self.folder, name))
                self.repo = os.path.join(self.folder, name, 'repo')
                age(self.repo)
                whole = self.check()
                if not os.path.exists(os.path.join(self.repo, 'config')) or \
                        any(p['code'].startswith('config') for p in whole['problems']):
                    continue
                self.same_as_all(self.check('--merge', *self.parts(self.repo, 3)))
                self.check('--incremental')
                self.same_as_all(self.check('--incremental'))
                texts = {self.run_program('check', '--json', '-j%d' % threads, self.repo)[1]
                         for threads in (1, 2, 7)}
                self.assertEqual(len(texts), 1)


class Between(Case):
    """What a person, Attic or a disk may do between two checks, at random on the corpus's
    repositories."""

    def flip(self, pattern, chance):
        paths = [p for p in sorted(glob.glob(os.path.join(self.repo, pattern)))
                 if os.path.isfile(p) and not os.path.islink(p) and os.path.getsize(p) > 0]
        if not paths:
            return
        path = chance.choice(paths)
        with open(path, 'r+b') as f:
            at = chance.randrange(os.path.getsize(path))
            f.seek(at)
            byte = f.read(1)[0] ^ 1 << chance.randrange(8)
            f.seek(at)
            f.write(bytes([byte]))
        os.utime(path, (YESTERDAY, YESTERDAY))

    def put_one(self, chance):
        value = os.path.join(self.folder, 'value')
        with open(value, 'wb') as f:
            f.write(bytes(chance.randrange(2000)))
        self.run_program('put', self.repo, key_of(chance.randrange(30)), value)

    def happen(self, chance):
        what = chance.choice(('put', 'put', 'delete', 'salvage', 'recover', 'compact', 'rollback',
                              'undo', 'segment', 'index'))
        if what == 'put':
            self.put_one(chance)
        elif what == 'delete':
            self.run_program('delete', self.repo, key_of(chance.randrange(30)))
        elif what == 'segment':
            self.flip('data/*/*', chance)
        elif what == 'index':
            self.flip('index.*', chance)
        else:
            self.run_program(what, '--yes', self.repo)
        return what

    def test_the_second_check_agrees_with_a_whole_one(self):
        archives = sorted(glob.glob(os.path.join(CORPUS, '*.tar.gz')))
        if not archives:
            self.skipTest('no corpus in %s (set SHARED)' % CORPUS)
        chance = random.Random(7)
        believed = 0
        for archive in archives[::2]:
            with tarfile.open(archive) as tar:
                tar.extractall(os.path.join(self.folder, os.path.basename(archive)))
            self.repo = os.path.join(self.folder, os.path.basename(archive), 'repo')
            done = []
            for _ in range(6):
                with self.subTest(os.path.basename(archive), done=done):
                    report = self.check('--incremental')
                    believed += report['segments_remembered']
                    self.same_as_all(report)
                done.append(self.happen(chance))
        self.assertGreater(believed, 100)


if __name__ == '__main__':
    unittest.main()
