#!/usr/bin/env python3
"""The repairs on a really full disk: a repair that cannot fit is refused before anything is
written, the space that a plan asks for is enough, a rollback without one free block deletes for
good when asked to by name, and if the disk fills all the same (no inode is left), everything can be
finished or undone.

ATTICSCOPE names the program. Each repository lies in a small tmpfs, in a mount namespace of this
script's own; skipped with a message where neither root nor a user namespace may mount one."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

OWN_MOUNTS = 'ATTICSCOPE_OWN_MOUNTS'


def mount(folder, *options):
    return subprocess.run(['mount', '-t', 'tmpfs', '-o', ','.join(options), 'none', folder],
                          stderr=subprocess.DEVNULL).returncode == 0


def restart_with_own_mounts():
    """Restart in a mount namespace of its own; as the root of a user namespace if there is no other
    way."""
    folder = tempfile.mkdtemp(prefix='atticscope-full-')
    for unshare in (['unshare', '-m'], ['unshare', '-rm']):
        if not shutil.which('unshare'):
            break
        trial = subprocess.run(unshare + ['mount', '-t', 'tmpfs', 'none', folder],
                               stderr=subprocess.DEVNULL)
        if trial.returncode == 0:
            os.rmdir(folder)
            os.environ[OWN_MOUNTS] = 'yes'
            os.execvp(unshare[0], unshare + [sys.executable] + sys.argv)
    os.rmdir(folder)
    print('skipped: no tmpfs can be mounted here (neither unshare -m nor unshare -rm)')
    sys.exit(77)


if __name__ == '__main__' and OWN_MOUNTS not in os.environ:
    restart_with_own_mounts()

import repair_cli
from cli import PUT, key_of
from repair_cli import REPAIRS, run
from system import tree

PAGE = 4096
SIZE = 1 << 20
INODES = 1000


class Disk(repair_cli.Case):
    """The repositories of repair_cli, each on its own disk."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='atticscope-full-')
        self.addCleanup(os.rmdir, self.folder)
        self.assertTrue(mount(self.folder, 'size=%d' % SIZE, 'nr_inodes=%d' % INODES))
        self.addCleanup(subprocess.run, ['umount', '-l', self.folder], check=True)
        self.make('repo')

    def make(self, name):
        """Make the only repository on the disk."""
        for old in os.listdir(self.folder):
            path = os.path.join(self.folder, old)
            if os.path.isdir(path):
                shutil.rmtree(path)
            else:
                os.unlink(path)
        super().make(name)

    def free(self):
        """(blocks, inodes)"""
        st = os.statvfs(self.folder)
        return st.f_bavail, st.f_favail

    def fill(self, pages):
        """Leave @pages pages free."""
        with open(os.path.join(self.folder, 'filler'), 'wb') as f:
            f.truncate(0)
            if self.free()[0] > pages:
                os.posix_fallocate(f.fileno(), 0, (self.free()[0] - pages) * PAGE)
        self.assertEqual(self.free()[0], pages)

    def limit_inodes(self, more):
        """Limit the files that can still be made; None: enough."""
        st = os.statvfs(self.folder)
        limit = INODES if more is None else st.f_files - st.f_ffree + more
        self.assertTrue(mount(self.folder, 'remount', 'size=%d' % SIZE, 'nr_inodes=%d' % limit))

    def plan(self, action):
        return self.object(action, '--dry-run', self.path)

    def pages_needed(self, action):
        return (self.plan(action)['bytes_needed'] + PAGE - 1) // PAGE


class Blocks(Disk):
    def test_a_repair_that_cannot_fit_is_refused_before_anything_is_written(self):
        for action in self.each():
            if action == 'rollback':
                continue
            needed = self.pages_needed(action)
            for pages in (0, 1, needed - 1):
                self.fill(pages)
                status = 8 if action == 'compact' else 4
                err = self.fails(status, action, '--yes', self.path)
                self.assertRegex(err, r'%s refused: \d+ bytes are needed, %d are free\n'
                                 % (action, pages * PAGE))
                self.assertNotIn('no-undo', err)
                self.assertEqual(self.free()[0], pages)

    def test_the_space_that_a_plan_asks_for_is_enough(self):
        for action in self.each():
            self.fill(self.pages_needed(action))
            self.assertTrue(self.repair(action, status=0 if action == 'compact' else 1)['clean'])

    def test_replacing_index_and_hints_needs_space_too(self):
        for name in ('index.2', 'hints.2'):
            os.truncate(os.path.join(self.path, name), 10)
        needed = self.pages_needed('recover')
        self.fill(needed - 1)
        self.fails(4, 'recover', '--yes', self.path)
        self.fill(needed)
        self.assertTrue(self.repair('recover')['clean'])

    def test_without_a_free_block_a_rollback_can_only_delete_and_does_so_when_asked(self):
        self.rollback()
        self.fill(0)
        self.assertIn('(--no-undo)', self.fails(4, 'rollback', '--yes', self.path))
        status, out, _ = run('rollback', '--yes', '--json', self.path)
        self.assertEqual(status, 4)
        self.assertIn('deleted for good', json.loads(out)['refused'])
        report = self.repair('rollback', '--no-undo')
        self.assertEqual((report['clean'], report['removed'], report['undo']),
                         (True, ['data/0/3'], None))
        self.assertEqual((self.is_clean(), self.undo_folders()), (True, []))

    def test_a_rollback_writes_an_index_in_the_space_that_it_frees(self):
        for size, fits in ((100, False), (100000, True)):
            with self.subTest(size):
                self.make('repo')
                self.repo.write_segment(3, [(PUT, key_of(20), b'x' * size)])
                self.recover()
                self.fill(0)
                err = self.fails(4, 'rollback', '--yes', self.path)
                self.assertEqual('(--no-undo)' in err, fits)
                if fits:
                    self.assertTrue(self.repair('rollback', '--no-undo')['clean'])
                else:
                    self.assertIn('bytes are needed',
                                  self.fails(4, 'rollback', '--no-undo', '--yes', self.path))

    def test_undo_needs_no_block(self):
        for action in self.each():
            before = tree(self.path)
            self.repair(action, status=0 if action == 'compact' else 1)
            self.fill(0)
            self.object('undo', '--yes', self.path)
            self.assertEqual(tree(self.path), before)


class Inodes(Disk):
    """There are blocks, so the plan sees no obstacle."""

    def test_wherever_it_stops_it_is_reported_and_can_be_finished_or_undone(self):
        for action in REPAIRS:
            outcomes = []
            while outcomes[-1:] != ['done'] and len(outcomes) < 50:
                outcomes.append(self.stop(action, len(outcomes)))
            self.assertEqual((outcomes[0], outcomes[-1]), ('untouched', 'done'), action)
            self.assertIn('begun', outcomes, action)

    def stop(self, action, inodes):
        self.make('repo')
        getattr(self, action)()
        before = tree(self.path)
        self.limit_inodes(inodes)
        status, out, err = run(action, '--yes', '--json', self.path)
        if status in (0, 1):
            self.limit_inodes(None)
            return 'done'
        self.assertEqual(status, 8, err)
        self.assertIn('No space left on device', err)
        if 'nothing was changed' in err:
            self.assertEqual(tree(self.path), before)
            self.limit_inodes(None)
            return 'untouched'
        self.assertIn('was not finished', err)
        self.limit_inodes(0)
        check = json.loads(run('check', '--json', self.path)[1])
        self.assertIn('repair-interrupted', [problem['code'] for problem in check['problems']])
        self.object('undo', '--yes', self.path)
        self.assertEqual(tree(self.path), before)
        self.limit_inodes(None)
        return 'begun'

    def test_a_rollback_without_an_undo_folder_says_what_is_possible(self):
        self.rollback()
        self.limit_inodes(0)
        err = self.fails(8, 'rollback', '--yes', self.path)
        self.assertIn('(--no-undo)', err)
        self.assertTrue(self.repair('rollback', '--no-undo')['clean'])
        self.limit_inodes(None)

    def test_undo_needs_no_inode(self):
        for action in self.each():
            before = tree(self.path)
            self.repair(action, status=0 if action == 'compact' else 1)
            self.limit_inodes(0)
            self.object('undo', '--yes', self.path)
            self.limit_inodes(None)
            self.assertEqual(tree(self.path), before)


if __name__ == '__main__':
    unittest.main(verbosity=1, warnings='ignore')
