#!/usr/bin/env python3
"""The program against repositories with known truth, written by Attic 0.16.

Needs the corpus and its independent reference reader: SHARED names the folder that holds corpus/
and tools/ (by default ../shared beside the source). Skipped with a message where they are
absent."""
import glob
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SHARED = os.environ.get('SHARED') or os.path.join(os.path.dirname(SOURCE), 'shared')
CORPUS = os.path.join(SHARED, 'corpus')
PROGRAM = os.environ.get('ATTICSCOPE', 'atticscope')
TAGS = {0: 'PUT', 1: 'DELETE', 2: 'COMMIT'}

if not glob.glob(os.path.join(CORPUS, '*.json')):
    print('skipped: no corpus in %s (set SHARED)' % CORPUS)
    sys.exit(77)
sys.path.insert(0, os.path.join(SHARED, 'tools'))
import reference_reader as ref

from system import state


def content(path):
    with open(path, 'rb') as f:
        return f.read()


def run(*args):
    return subprocess.run([PROGRAM, *args], stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=120)


def rows(*args):
    done = run(*args)
    assert done.returncode == 0, (args, done.returncode, done.stderr)
    return [json.loads(line) for line in done.stdout.splitlines()]


class Case:
    def __init__(self, truth, folder):
        self.name = truth['case']
        self.truth = truth
        self.repo = os.path.join(folder, self.name, 'repo')
        self.segments = ref.segment_files(self.repo)
        self.survivors = {k: v for k, v in truth['objects'].items() if k not in truth['lost']}


class Corpus(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix='atticscope-corpus-')
        cls.cases = []
        for path in sorted(glob.glob(os.path.join(CORPUS, '*.json'))):
            with open(path) as f:
                truth = json.load(f)
            with tarfile.open(path[:-5] + '.tar.gz') as archive:
                archive.extractall(os.path.join(cls.folder, truth['case']))
            cls.cases.append(Case(truth, cls.folder))

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def each(self):
        for case in self.cases:
            with self.subTest(case.name):
                yield case

    def test_check_agrees_with_the_truth(self):
        for case in self.each():
            done = run('check', '--json', case.repo)
            found = json.loads(done.stdout)
            self.assertEqual(found['clean'], case.truth['clean'])
            self.assertEqual(done.returncode, 0 if case.truth['clean'] else 4, done.stderr)
            self.assertIn(found['recommended'], case.truth['actions'] or [None])
            self.assertEqual(found['transaction_id'], case.truth['transaction_id'])
            self.assertEqual(found['objects'], len(case.survivors))
            self.assertEqual(found['segments'], len(case.segments))
            if not case.truth['clean']:
                self.assertTrue([p for p in found['problems'] if p['severity'] != 'info'])

    def test_check_names_exactly_the_lost_objects(self):
        for case in self.each():
            problems = json.loads(run('check', '--json', case.repo).stdout)['problems']
            lost = {p['key'] for p in problems if p['code'] == 'object-lost'}
            self.assertEqual(lost, set(case.truth['lost']))

    def test_reading_changes_nothing(self):
        for case in self.each():
            before = state(case.repo)
            key = next(iter(case.truth['objects']), '00')
            segment = str(next(iter(case.segments), 0))
            for args in (['info'], ['segments'], ['segments', '--verify'], ['entries', segment],
                         ['index'], ['index', '--all'], ['hints'], ['check'], ['history', key],
                         ['get', key]):
                run(args[0], *[a for a in args[1:] if a[0] == '-'], '--json', case.repo,
                    *[a for a in args[1:] if a[0] != '-'])
                run(args[0], *[a for a in args[1:] if a[0] == '-'], case.repo,
                    *[a for a in args[1:] if a[0] != '-'])
            self.assertEqual(state(case.repo), before)

    def test_entries_equal_the_reference_reader(self):
        for case in self.each():
            for number, path in case.segments.items():
                with self.subTest(segment=number):
                    self.compare_entries(case, number, path)

    def compare_entries(self, case, number, path):
        ours = rows('entries', '--json', case.repo, str(number))
        damaged = [(r['offset'], r['offset'] + r['size']) for r in ours if r['tag'] == 'DAMAGED']
        whole = {r['offset']: (r['size'], r['tag'], r['key']) for r in ours
                 if r['tag'] != 'DAMAGED'}
        theirs, nested = {}, []
        for e in ref.entries(path, resync=True):
            if e[0] == 'gap':
                continue
            offset, size, tag, key, _ = e
            row = (size, TAGS[tag], key.hex() if key else None)
            # The reference believes an entry inside a damaged one; we follow the structure.
            if any(start < offset and offset + size <= end for start, end in damaged):
                nested.append(row)
            else:
                theirs[offset] = row
        self.assertEqual(whole, theirs)
        for _, tag, key in nested:
            self.assertTrue(tag == 'COMMIT' or key in case.truth['must_not_return'], (tag, key))
        # The rows cover the file without gaps.
        at = 0 if ours and ours[0]['offset'] == 0 else 8
        for r in ours:
            self.assertEqual(r['offset'], at)
            at += r['size']
            self.assertEqual(r['segment'], number)
            self.assertEqual(r['crc'] == 'ok', r['tag'] != 'DAMAGED')
        if os.path.getsize(path) > 8:
            self.assertEqual(at, os.path.getsize(path))

    def test_live_entries_are_exactly_the_surviving_objects(self):
        for case in self.each():
            live = {}
            for number, path in case.segments.items():
                for r in rows('entries', '--json', case.repo, str(number)):
                    if r['status'] == 'live':
                        self.assertNotIn(r['key'], live)
                        entry = ref.entry_at(memoryview(content(path)), r['offset'])
                        live[r['key']] = hashlib.sha256(entry[3]).hexdigest()
            self.assertEqual(live, case.survivors)

    def test_segments_equal_the_reference_reader(self):
        for case in self.each():
            ours = {r['segment']: r for r in rows('segments', '--verify', '--json', case.repo)}
            self.assertEqual(set(ours), set(case.segments))
            for number, path in case.segments.items():
                r = ours[number]
                entries = rows('entries', '--json', case.repo, str(number))
                tags = [e['tag'] for e in entries]
                lengths = [e['size'] for e in entries if e['tag'] == 'DAMAGED']
                live = [e['size'] for e in entries if e['status'] == 'live']
                self.assertEqual(os.path.realpath(os.path.join(case.repo, r['path'])),
                                 os.path.realpath(path))
                self.assertEqual(r['size'], os.path.getsize(path))
                self.assertEqual(r['complete'], ref.is_committed(path))
                self.assertEqual((r['puts'], r['deletes'], r['commits']),
                                 (tags.count('PUT'), tags.count('DELETE'), tags.count('COMMIT')))
                self.assertEqual(r['entries'], r['puts'] + r['deletes'] + r['commits'])
                self.assertEqual((r['live'], r['live_bytes']), (len(live), sum(live)))
                self.assertEqual(r['crc'] == 'damaged', bool(lengths))
                self.assertEqual(r['damaged_bytes'], sum(lengths))

    def test_index_equals_the_reference_reader(self):
        for case in self.each():
            paths = sorted(glob.glob(os.path.join(case.repo, 'index.[0-9]*')),
                           key=lambda p: int(p.rsplit('.', 1)[1]))
            try:
                _, theirs = ref.read_index(paths[-1])
            except (IndexError, ValueError):
                self.assertNotEqual(run('index', '--json', case.repo).stdout[:1], b'{')
                continue
            ours = rows('index', '--json', case.repo)
            buckets = int.from_bytes(content(paths[-1])[12:16], 'little')
            self.assertEqual({bytes.fromhex(r['key']): (r['segment'], r['offset']) for r in ours},
                             theirs)
            for r in ours:
                home = int.from_bytes(bytes.fromhex(r['key'])[:4], 'little') % buckets
                self.assertEqual((r['home'], r['distance']),
                                 (home, (r['bucket'] - home) % buckets))
                self.assertEqual(r['target'] == 'ok', self.leads_to_put(case, r))
            self.assertEqual(len(rows('index', '--all', '--json', case.repo)), buckets)

    def leads_to_put(self, case, r):
        if r['segment'] not in case.segments:
            return False
        entry = ref.entry_at(memoryview(content(case.segments[r['segment']])), r['offset'])
        return bool(entry) and entry[1] == ref.PUT and entry[2].hex() == r['key']

    def test_get_gives_the_payload_or_nothing(self):
        for case in self.each():
            keys = sorted(case.truth['objects'])
            for key in keys[:2] + keys[-2:] + case.truth['lost'] + case.truth['must_not_return']:
                done = run('get', case.repo, key)
                if key in case.survivors:
                    self.assertEqual(done.returncode, 0, done.stderr)
                    self.assertEqual(hashlib.sha256(done.stdout).hexdigest(), case.survivors[key])
                else:
                    self.assertIn(done.returncode, (4, 8))
                    self.assertEqual(done.stdout, b'')

    def test_history_ends_with_the_fate_of_the_key(self):
        for case in self.each():
            for key in sorted(case.survivors)[:1]:
                last = [r for r in rows('history', '--json', case.repo, key)
                        if r['status'] not in ('uncommitted', 'damaged')][-1]
                self.assertEqual((last['tag'], last['key'], last['status']), ('PUT', key, 'live'))
            for key in case.truth['lost'][:1]:
                done = run('history', '--json', case.repo, key)
                self.assertNotIn('"live"', done.stdout.decode())

    def test_hints_are_counted(self):
        for case in self.each():
            live = {r['segment']: r['live']
                    for r in rows('segments', '--verify', '--json', case.repo)}
            done = run('hints', '--json', case.repo)
            for line in done.stdout.splitlines():
                r = json.loads(line)
                if r.get('segment') in live and 'counted' in r:
                    self.assertEqual(r['counted'], live[r['segment']])


@unittest.skipUnless(shutil.which('strace'), 'strace is not installed')
class Traced(unittest.TestCase):
    """By its system calls, the program opened no file of the repository for writing and changed
    none."""

    CHANGING = ('write pwrite64 writev pwritev rename renameat renameat2 link linkat unlink '
                'unlinkat mkdir mkdirat rmdir truncate ftruncate chmod fchmod fchmodat chown '
                'fchown fchownat utime utimes utimensat futimesat symlink symlinkat mknod mknodat '
                'creat setxattr fsetxattr fallocate copy_file_range').split()

    def test_no_command_opens_the_repository_for_writing(self):
        folder = tempfile.mkdtemp(prefix='atticscope-trace-')
        try:
            with tarfile.open(os.path.join(CORPUS, 'zeroed-page.tar.gz')) as archive:
                archive.extractall(folder)
            repo = os.path.join(folder, 'repo')
            key = next(iter(json.loads(content(os.path.join(CORPUS,
                                                            'zeroed-page.json')))['objects']))
            for args in (['info', repo], ['segments', repo], ['segments', repo, '--verify'],
                         ['entries', repo, '0'], ['index', repo], ['index', '--all', repo],
                         ['hints', repo], ['check', repo], ['history', repo, key],
                         ['get', repo, key]):
                with self.subTest(args[0]):
                    self.trace(folder, args)
        finally:
            shutil.rmtree(folder)

    def trace(self, folder, args):
        log = os.path.join(folder, 'trace')
        done = subprocess.run(['strace', '-f', '-y', '-qq', '-o', log, '-e', 'trace=openat,open,%s'
                               % ','.join('?' + c for c in self.CHANGING), PROGRAM, *args],
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, timeout=120,
                              env=dict(os.environ, ASAN_OPTIONS='detect_leaks=0'))
        with open(log) as f:
            calls = f.read().splitlines()
        if not [c for c in calls if 'open' in c]:
            self.skipTest('strace cannot trace here: %s' % done.stderr[-200:])
        self.assertTrue([c for c in calls if 'data' in c and 'O_RDONLY' in c])
        for call in calls:
            text = call.split(None, 1)[1]
            if text.startswith(('+++', '---', '<... ')):    # an exit, a signal, a call's end
                continue
            # With -y every descriptor is followed by its path; other names must be absolute.
            names_repository = folder in text or not re.search(r'[<"]/', text)
            if text.startswith('open'):
                self.assertTrue('O_RDONLY' in text or not names_repository, text)
            elif text.startswith('write'):
                self.assertNotIn(folder, text.split(',')[0])
            else:
                self.assertFalse(names_repository, text)


if __name__ == '__main__':
    unittest.main(verbosity=1, warnings='ignore')
