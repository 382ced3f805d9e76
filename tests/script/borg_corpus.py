#!/usr/bin/env python3
"""The program against repositories with known truth, written by Borg 1.2.4 and most of them
damaged: what reads here, and what repairs by the corpus' own checks, in which the real Borg has a
word where it is there.

Needs the corpus: SHARED names the folder that holds corpus-borg/ (by default ../shared beside the
source). Skipped with a message where it is absent."""
import glob
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SHARED = os.environ.get('SHARED') or os.path.join(os.path.dirname(SOURCE), 'shared')
CORPUS = os.path.join(SHARED, 'corpus-borg')
CHECKER = os.path.join(SHARED, 'tools', 'check_borg.py')
PROGRAM = os.environ.get('ATTICSCOPE', 'atticscope')
# The name of this machine in the locks that lie there.
ENVIRONMENT = dict(os.environ, BORG_HOST_ID='corpus-host', LC_ALL='C.UTF-8')

if not glob.glob(os.path.join(CORPUS, '*.json')):
    print('skipped: no corpus-borg in %s (set SHARED)' % SHARED)
    sys.exit(77)

from system import state


def run(*args):
    return subprocess.run([PROGRAM, *args], env=ENVIRONMENT, stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=120)


def rows(*args):
    done = run(*args)
    assert done.returncode == 0, (args, done.returncode, done.stderr)
    return [json.loads(line) for line in done.stdout.splitlines()]


class Corpus(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix='atticscope-borg-corpus-')
        cls.cases = []
        for path in sorted(glob.glob(os.path.join(CORPUS, '*.json'))):
            with open(path) as f:
                truth = json.load(f)
            truth['repo'] = os.path.join(cls.folder, truth['case'], 'repo')
            with tarfile.open(path[:-5] + '.tar.gz') as archive:
                archive.extractall(os.path.dirname(truth['repo']))
            cls.cases.append(truth)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def each(self, wanted):
        for truth in self.cases:
            if wanted(truth):
                with self.subTest(truth['case']):
                    before = state(truth['repo'])
                    yield truth
                    self.assertEqual(state(truth['repo']), before)

    def test_the_corpus_own_checks(self):
        done = subprocess.run([sys.executable, CHECKER, PROGRAM, CORPUS], capture_output=True,
                              timeout=900)
        self.assertEqual((done.returncode, done.stderr), (0, b''), done.stdout.decode())

    def test_check_agrees_with_the_truth(self):
        for truth in self.each(lambda t: not t.get('config_error')):
            done = run('check', '--json', truth['repo'])
            found = json.loads(done.stdout)
            self.assertEqual(found['dialect'], truth['dialect'])
            self.assertEqual(found['clean'], truth['clean'])
            self.assertEqual(done.returncode, 0 if truth['clean'] else 4, done.stderr)
            # Nothing is mended under the lock of another machine.
            allowed = list(truth['actions'] or [None]) + [None] * (truth.get('lock') == 'foreign')
            self.assertIn(found['recommended'], allowed)
            if truth['clean']:
                self.assertEqual(found['transaction_id'], truth['transaction_id'])
            self.assertEqual(found['objects'], len(truth['objects']) - len(truth['lost']))
            self.assertEqual(found['lost'], len(truth['lost']))
            self.assertEqual(found['older'], len(truth.get('older') or ()))
            lost = {p['key'] for p in found['problems'] if p['code'] == 'object-lost'}
            self.assertEqual(lost, set(truth['lost']))
            self.assertNotIn('Attic', done.stdout.decode() if truth['dialect'] == 'borg' else '')
            texts = [str(value) for problem in found['problems'] for value in problem.values()]
            for name in truth.get('mentions') or ():
                self.assertTrue([text for text in texts if name in text], name)
            if truth.get('append_only'):
                self.assertNotIn('compact', [p['repair'] for p in found['problems']])

    def test_a_wrong_config_is_named(self):
        for truth in self.each(lambda t: t.get('config_error') and t['dialect'] != 'borg2'):
            done = run('check', '--json', truth['repo'])
            self.assertEqual(done.returncode, 4)
            problems = json.loads(done.stdout)['problems']
            self.assertIn('config-', ' '.join(p['code'] for p in problems))

    def test_borg_2_is_named_and_left_alone(self):
        for truth in self.each(lambda t: t['dialect'] == 'borg2'):
            for args in (['check'], ['info'], ['segments'], ['recover', '--yes'],
                         ['rollback', '--yes'], ['compact', '--yes'], ['salvage', '--yes']):
                done = run(*args, truth['repo'])
                self.assertEqual(done.returncode, 8, args)
                self.assertIn(b'Borg 2', done.stdout + done.stderr, args)

    def test_every_object_of_a_clean_one_is_listed_and_read(self):
        for truth in self.each(lambda t: t['clean'] and t['objects']):
            keys = [row['key'] for row in rows('index', '--json', truth['repo'])]
            self.assertEqual(sorted(keys), sorted(truth['objects']))
            for key in sorted(keys)[::10]:
                done = run('get', truth['repo'], key)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(hashlib.sha256(done.stdout).hexdigest(), truth['objects'][key])
            for row in rows('segments', '--json', '--verify', truth['repo']):
                self.assertEqual(row['crc'], 'ok')
            for row in rows('hints', '--json', truth['repo']):
                self.assertTrue(row['agree'], row)

    def test_every_clean_one_can_be_written_to(self):
        for truth in self.each(lambda t: t['clean'] and t.get('lock') != 'held'):
            copy = truth['repo'] + '.copy'
            shutil.copytree(truth['repo'], copy, symlinks=True)
            done = run('put', copy, 'ab' * 32, __file__)
            self.assertEqual(done.returncode, 0, done.stderr)
            done = run('check', '--json', copy)
            self.assertEqual(done.returncode, 0, done.stdout)
            self.assertEqual(json.loads(done.stdout)['objects'], len(truth['objects']) + 1)
            shutil.rmtree(copy)

    def test_reading_changes_nothing_and_names_no_other_dialect(self):
        for truth in self.each(lambda t: t['dialect'] == 'borg' and not t.get('config_error')):
            key = next(iter(truth['objects']), '00')
            for args in (['info'], ['segments'], ['entries', '0'], ['index'], ['hints'], ['check'],
                         ['history', key], ['get', key], ['recover', '--dry-run'],
                         ['rollback', '--dry-run'], ['compact', '--dry-run'],
                         ['salvage', '--dry-run']):
                done = run(args[0], truth['repo'], *args[1:])
                self.assertIn(done.returncode, (0, 4, 8), args)
                if args[0] != 'get':
                    self.assertNotIn(b'Attic', done.stdout + done.stderr, args)

    def test_a_repair_without_the_manifest_says_what_comes_next(self):
        """The newest two segments of real archives are gone, the PUT of the manifest in them, and
        its DELETE is left."""
        for truth in self.each(lambda t: t['case'].startswith('real-')):
            copy = truth['repo'] + '.copy'
            shutil.copytree(truth['repo'], copy)
            segments = sorted(glob.glob(os.path.join(copy, 'data', '*', '*')),
                              key=lambda path: int(os.path.basename(path)))
            for path in segments[-2:] + glob.glob(os.path.join(copy, 'index.*')):
                os.unlink(path)
            plan = json.loads(run('salvage', '--dry-run', '--json', copy).stdout)
            text = ' '.join(run('salvage', '--dry-run', copy).stdout.decode().split())
            run('salvage', '--yes', copy)
            keys = [row['key'] for row in rows('index', '--json', copy)]
            is_missing = '0' * 64 not in keys
            self.assertEqual('only when borg check --repair has made it again' in text, is_missing)
            self.assertEqual(plan['next_step'] is not None, is_missing)
            shutil.rmtree(copy)

    def test_a_salvage_of_an_append_only_one_says_that_its_history_is_moved(self):
        for truth in self.each(lambda t: 'salvage' in (t['actions'] or []) and not t.get('lock')):
            text = run('salvage', '--dry-run', truth['repo']).stdout.decode()
            self.assertEqual('append-only' in text, bool(truth.get('append_only')))

    def test_a_rollback_of_what_was_committed_says_what_borg_will_say(self):
        for truth in self.each(lambda t: 'rollback' in (t['actions'] or []) and not t.get('lock')):
            was_committed = truth['case'].startswith('lone-commit')
            done = run('rollback', '--dry-run', '--json', truth['repo'])
            step = json.loads(done.stdout)['next_step']
            self.assertEqual(step is not None, was_committed)
            text = run('rollback', '--dry-run', truth['repo']).stdout.decode()
            self.assertEqual('replay attack' in ' '.join(text.split()), was_committed)


if __name__ == '__main__':
    unittest.main()
