#!/usr/bin/env python3
"""Every repair on every repository with known truth, written by Attic 0.16: the checks of the
corpus pass, a plan's figures are those of the report, a second run finds nothing to do, and undo
restores every byte and name.

Needs the corpus and its tools: SHARED names the folder that holds corpus/ and tools/ (by default
../shared beside the source). Skipped with a message where they are absent."""
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
CORPUS = os.path.join(SHARED, 'corpus')
CHECKER = os.path.join(SHARED, 'tools', 'check_corpus.py')
PROGRAM = os.environ.get('ATTICSCOPE', 'atticscope')
REPAIRS = ('recover', 'rollback', 'compact', 'salvage')
LISTS = ('lost', 'created', 'replaced', 'removed')
# Fields in which a report may differ from its plan, which knows no outcome.
MAY_DIFFER = ('dry_run', 'undo', 'done', 'clean', 'verdict', 'bytes_free')

if not glob.glob(os.path.join(CORPUS, '*.json')) or not os.path.exists(CHECKER):
    print('skipped: no corpus in %s (set SHARED)' % CORPUS)
    sys.exit(77)


def content(path):
    """A digest of the bytes, or the kind of anything that is not a file."""
    if os.path.islink(path) or not os.path.isfile(path):
        return oct(os.lstat(path).st_mode)
    with open(path, 'rb') as f:
        return hashlib.sha256(f.read()).hexdigest()


def tree(repo):
    """Every name below @repo with its content."""
    return {os.path.relpath(os.path.join(folder, name), repo): content(os.path.join(folder, name))
            for folder, folders, files in os.walk(repo) for name in folders + files}


def run(*args):
    """(status, the JSON object or None)."""
    done = subprocess.run([PROGRAM, args[0], '--json', *args[1:]], stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=120)
    return done.returncode, json.loads(done.stdout) if done.stdout else None


class Corpus(unittest.TestCase):
    def test_the_corpus_own_checks(self):
        done = subprocess.run([sys.executable, CHECKER, PROGRAM, CORPUS], capture_output=True,
                              timeout=600)
        self.assertEqual((done.returncode, done.stderr), (0, b''), done.stdout.decode())

    def each(self):
        """(name, folder with a fresh copy) for each repository, and for each repair."""
        for path in sorted(glob.glob(os.path.join(CORPUS, '*.tar.gz'))):
            for action in REPAIRS:
                folder = tempfile.mkdtemp(prefix='atticscope-corpus-')
                try:
                    with tarfile.open(path) as archive:
                        archive.extractall(folder)
                    yield os.path.basename(path)[:-7], action, os.path.join(folder, 'repo')
                finally:
                    shutil.rmtree(folder)

    def test_every_repair(self):
        applied = dict.fromkeys(REPAIRS, 0)
        for name, action, repo in self.each():
            with self.subTest(name, action=action):
                applied[action] += self.judge(action, repo)
        for action in REPAIRS:
            self.assertGreater(applied[action], 0, action)

    def unchanged(self, repo, before):
        self.assertEqual(set(tree(repo).items()) ^ set(before.items()), set())

    def judge(self, action, repo):
        """Did the repair apply?"""
        before = tree(repo)
        status, plan = run(action, '--dry-run', repo)
        self.unchanged(repo, before)
        if plan['refused'] or not any(plan[field] for field in LISTS[1:]):
            self.assertEqual(run(action, '--yes', repo)[1]['done'], False)
            self.unchanged(repo, before)
            return False
        self.assertEqual(status, 0)
        report = self.repair(action, repo, plan)
        self.compare_texts(os.path.join(repo, report['undo']))
        self.repeat(action, repo, report)
        status, back = run('undo', '--yes', repo)
        self.assertEqual((status, back['done']), (0, True))
        self.unchanged(repo, before)
        return True

    def repair(self, action, repo, plan):
        was_clean = run('check', repo)[1]['clean']
        status, report = run(action, '--yes', repo)
        self.assertEqual({k: v for k, v in report.items() if k not in MAY_DIFFER},
                         {k: v for k, v in plan.items() if k not in MAY_DIFFER})
        self.assertTrue(report['done'])
        check_status, check = run('check', repo)
        self.assertEqual((check['clean'], check['objects'], check['transaction_id']),
                         (report['clean'], report['objects_after'], report['transaction_after']))
        self.assertEqual(status, check_status if check_status else 0 if was_clean else 1)
        for path in report['created'] + report['replaced']:
            self.assertTrue(os.path.exists(os.path.join(repo, path)), path)
        made = [path for path in (os.path.join(repo, path) for path in report['created'])
                if os.path.isfile(path)]
        self.assertEqual(sum(map(os.path.getsize, made)), plan['bytes_created'])
        self.assertLess(plan['bytes_created'], plan['bytes_needed'])
        for path in report['removed']:
            self.assertFalse(os.path.exists(os.path.join(repo, path)), path)
            self.assertTrue(os.path.isfile(os.path.join(repo, report['undo'], path)), path)
        return report

    def compare_texts(self, undo):
        """Every file with its size, every key and every figure of the plan is in the report."""
        lines = []
        for name in ('plan.txt', 'report.txt'):
            with open(os.path.join(undo, name)) as f:
                lines.append([line.replace('to be ', '') for line in f
                              if not line.startswith(('  space ', '  undo folder '))])
        self.assertEqual([line for line in lines[0] if line not in lines[1]], [])
        self.assertEqual([line for line in lines[1] if line not in lines[0]][1:], [])

    def repeat(self, action, repo, report):
        after = tree(repo)
        status, again = run(action, '--yes', repo)
        self.assertEqual(status, 0 if report['clean'] else 4)
        self.assertEqual([again[field] for field in LISTS], [[], [], [], []])
        self.assertEqual((again['undo'], again['refused']), (None, None))
        self.assertEqual(again['objects_after'], report['objects_after'])
        self.unchanged(repo, after)


if __name__ == '__main__':
    unittest.main(verbosity=1, warnings='ignore')
