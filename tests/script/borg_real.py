#!/usr/bin/env python3
"""The program beside the real Borg, which writes a repository here and is killed in the middle of
it. After every step both hold the same objects, and the program changes no byte.

Skipped with a message where there is no Borg 1.x (Debian: borgbackup)."""
import glob
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from system import state

PROGRAM = os.environ.get('ATTICSCOPE', 'atticscope')
BORG = shutil.which('borg') or '/usr/bin/borg'
# Borg's own reader, in the Python that it runs in.
LIST = '''
import sys, json, hashlib, logging
from borg.logger import setup_logging
setup_logging(level='critical'); logging.disable(logging.CRITICAL)
from borg.repository import Repository
with Repository(sys.argv[1], exclusive=True, lock_wait=1) as r:
    rows = {k.hex(): hashlib.sha256(r.get(k)).hexdigest() for k in r.list()}
    print(json.dumps([r.get_transaction_id(), rows]))
'''
PYTHON = '/usr/bin/python3'


def version():
    try:
        return subprocess.run([BORG, '--version'], capture_output=True, timeout=60).stdout.decode()
    except OSError:
        return ''


if not version().startswith('borg 1.') or subprocess.run([PYTHON, '-c', 'import borg.repository'],
                                                         capture_output=True).returncode:
    print('skipped: there is no Borg 1.x')
    sys.exit(77)


def run(*args):
    return subprocess.run([PROGRAM, *args], stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=120)


class Real(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='atticscope-borg-')
        self.repo = os.path.join(self.folder, 'repo')
        self.data = os.path.join(self.folder, 'data')
        os.mkdir(self.data)
        self.random = random.Random(7)
        self.environment = {k: v for k, v in os.environ.items()
                            if not k.startswith('BORG_')}
        self.environment.update(
            BORG_BASE_DIR=self.folder, BORG_PASSPHRASE='test', HOME=self.folder, LC_ALL='C.UTF-8',
            BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK='yes',
            BORG_CHECK_I_KNOW_WHAT_I_AM_DOING='YES')

    def tearDown(self):
        shutil.rmtree(self.folder)

    def borg(self, *args, status=(0,)):
        done = subprocess.run([BORG, *args], env=self.environment, stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=300)
        self.assertIn(done.returncode, status, (args, done.stderr))
        return done.stdout.decode()

    def init(self, *args):
        self.borg('init', *args, self.repo)
        config = os.path.join(self.repo, 'config')
        with open(config) as f:
            text = f.read()
        with open(config, 'w') as f:
            f.write(text.replace('max_segment_size = 524288000', 'max_segment_size = 60000'))

    def change_data(self):
        for i in range(12):
            name = 'file%d' % self.random.randrange(30)
            with open(os.path.join(self.data, name), 'wb') as f:
                f.write(self.random.randbytes(self.random.randrange(9000)))

    def check(self):
        before = state(self.repo)
        done = run('check', '--json', self.repo)
        report = json.loads(done.stdout)
        self.assertEqual(report['dialect'], 'borg')
        return before, done.returncode, report

    def expect_the_same(self):
        """Both say the same of one that is whole. Borg reads a copy: it writes when it reads."""
        before, status, report = self.check()
        self.assertEqual((status, report['clean']), (0, True), report['problems'])
        lines = run('index', '--json', self.repo).stdout.splitlines()
        keys = [json.loads(line)['key'] for line in lines]
        ours = {key: hashlib.sha256(run('get', self.repo, key).stdout).hexdigest()
                for key in keys}
        self.assertEqual(state(self.repo), before)
        copy = os.path.join(self.folder, 'copy')
        shutil.copytree(self.repo, copy)
        done = subprocess.run([PYTHON, '-B', '-c', LIST, copy], env=self.environment,
                              capture_output=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        transaction, theirs = json.loads(done.stdout)
        shutil.rmtree(copy)
        self.assertEqual(ours, theirs)
        self.assertEqual((report['transaction_id'], report['objects']),
                         (transaction, len(theirs)))
        return report

    def test_every_command_leaves_what_both_read(self):
        self.init('--encryption=none')
        for i in range(4):
            self.change_data()
            self.borg('create', self.repo + '::a%d' % i, self.data)
            self.expect_the_same()
        self.borg('delete', self.repo + '::a1')
        self.assertEqual(self.expect_the_same()['recommended'], 'compact')
        self.borg('compact', '--threshold', '0', self.repo)
        self.assertIsNone(self.expect_the_same()['recommended'])
        self.borg('prune', '--keep-last', '1', self.repo)
        self.borg('compact', '--cleanup-commits', self.repo)
        self.expect_the_same()

    def test_an_encrypted_repository_with_quota_and_append_only(self):
        self.init('--encryption=repokey', '--storage-quota', '1G', '--append-only')
        for i in range(2):
            self.change_data()
            self.borg('create', self.repo + '::a%d' % i, self.data)
        self.borg('delete', self.repo + '::a0')
        report = self.expect_the_same()
        self.assertIn('append-only', [p['code'] for p in report['problems']])
        self.assertIsNone(report['recommended'])
        info = json.loads(run('info', '--json', self.repo).stdout)
        self.assertEqual((info['append_only'], info['storage_quota'], info['hints_version']),
                         (True, 10 ** 9, 2))
        self.assertGreater(info['storage_quota_use'], 0)

    def test_what_a_killed_borg_leaves_is_a_tail_or_whole(self):
        self.init('--encryption=none')
        self.change_data()
        self.borg('create', self.repo + '::first', self.data)
        for i in range(6):
            self.change_data()
            process = subprocess.Popen([BORG, 'create', self.repo + '::killed%d' % i, self.data],
                                       env=self.environment, stdin=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
            time.sleep(0.2 + 0.15 * i)
            process.send_signal(signal.SIGKILL)
            process.wait()
            before, status, report = self.check()
            self.assertEqual(report['lost'], 0)
            self.assertIn(report['recommended'], (None, 'compact', 'rollback', 'recover'),
                          report['problems'])
            self.assertEqual(state(self.repo), before)
            self.borg('break-lock', self.repo)
            # Makes index and hints where they are missing.
            self.borg('check', '--repository-only', self.repo)
            self.borg('create', self.repo + '::after%d' % i, self.data)
            self.expect_the_same()

    def test_damage_costs_what_borg_loses(self):
        self.init('--encryption=none')
        self.change_data()
        self.borg('create', self.repo + '::a', self.data)
        report = self.expect_the_same()
        path = max(glob.glob(os.path.join(self.repo, 'data', '0', '*')), key=os.path.getsize)
        with open(path, 'r+b') as f:
            f.seek(os.path.getsize(path) // 2)
            f.write(b'\xa5' * 8)
        status, damaged = self.check()[1:]
        self.assertEqual((status, damaged['recommended']), (4, 'salvage'))
        self.assertGreaterEqual(damaged['lost'], 1)
        self.assertEqual(damaged['objects'] + damaged['lost'], report['objects'])
        self.assertNotIn('Attic', json.dumps(damaged))


if __name__ == '__main__':
    unittest.main()
