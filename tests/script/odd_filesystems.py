#!/usr/bin/env python3
"""Limited file systems: no hard links, no rename over an existing name, no fsync of a folder,
failing removals, unknown free space, a disk that fills between COMMIT and index; and repositories
of another user, changed by root. A repair and its undo succeed, or are refused before anything is
changed; a store says what it did and what it did not.

ATTICSCOPE names the program, ODDFS_LIBRARY the odd file system (oddfs.c)."""
import errno
import glob
import json
import os
import shutil
import stat
import subprocess
import tempfile
import unittest

import cli
import store_cli
from cli import COMMITTED, DELETE, PUT, key_of
from system import tree

LIBRARY = os.environ.get('ODDFS_LIBRARY', '')
OPTIONS = os.environ.get('ASAN_OPTIONS', '') + ':verify_asan_link_order=0'
REFUSALS = (errno.EPERM, errno.EIO, errno.ENOSYS, errno.EOPNOTSUPP, errno.EMLINK, errno.EEXIST)
OTHER = 65534


def odd(rules, *args, **more):
    """(status, output, errors) of a run of the program on a file system with these @rules."""
    return cli.run(*args, env={'LD_PRELOAD': LIBRARY, 'ODDFS': rules, 'ASAN_OPTIONS': OPTIONS},
                   **more)


def library_works():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'repo')
        return os.path.exists(LIBRARY) and odd('dirsync=%d' % errno.EIO, 'create', path)[0] == 8


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='atticscope-odd-')
        self.addCleanup(shutil.rmtree, self.folder)
        self.path = os.path.join(self.folder, 'repo')

    def make(self):
        """Objects in four segments; the last object has one to itself."""
        if os.path.exists(self.path):
            shutil.rmtree(self.path)
        self.repo = cli.Repository(self.path, [
            [(PUT, key_of(i), b'value %d' % i) for i in range(6)] + [COMMITTED],
            [(DELETE, key_of(1), b''), (PUT, key_of(1), b'newer'), (DELETE, key_of(2), b''),
             COMMITTED],
            [(PUT, key_of(7), b'seven'), COMMITTED],
            [(PUT, key_of(8), b'eight'), (PUT, key_of(9), b'nine'), COMMITTED]])

    def damage(self, how):
        """Make and damage the repository; returns the repair that check must recommend."""
        self.make()
        if how == 'hints':
            with open(self.file('hints.3'), 'r+b') as f:
                f.write(bytes(4))
            return 'recover'
        if how == 'index':
            with open(self.file('index.3'), 'r+b') as f:
                f.write(bytes(4))
            return 'recover'
        if how == 'gone':
            os.unlink(self.repo.segment(2))
            return 'salvage'
        if how == 'damaged':
            self.repo.damage(key_of(7))
            return 'salvage'
        if how == 'tail':
            self.repo.write_segment(4, [(PUT, key_of(20), b'never committed')])
            return 'rollback'
        return 'compact'

    def file(self, name):
        return os.path.join(self.path, name)

    def run_odd(self, rules, *args, status=(0, 1)):
        """Standard output of a run that must end with one of @status."""
        got, out, err = odd(rules, *args)
        self.assertIn(got, (status,) if isinstance(status, int) else status,
                      (rules, args, out, err))
        return out.decode(), err

    def check(self, **more):
        status, out, err = cli.run('check', '--json', self.path, **more)
        self.assertIn(status, (0, 4), err)
        return json.loads(out)


class Repairs(Case):
    harms = ('hints', 'index', 'gone', 'damaged', 'tail', 'compact')

    def there_and_back(self, rules, how):
        """Run the recommended repair and its undo on a file system with these @rules."""
        repair = self.damage(how)
        before = tree(self.path)
        self.assertEqual(self.check()['recommended'], repair)
        self.run_odd(rules, repair, '--yes', self.path)
        after = self.check()
        self.assertTrue(after['clean'], (rules, how, after))
        self.assertEqual(after['objects'], 7 if how in ('gone', 'damaged') else 8)
        self.run_odd(rules, 'undo', '--yes', self.path)
        self.assertEqual(tree(self.path), before, (rules, how))

    def test_no_hard_links(self):
        for code in REFUSALS:
            for how in self.harms:
                self.there_and_back('link=%d' % code, how)

    def test_no_rename_over_an_existing_name(self):
        for code in REFUSALS:
            for how in self.harms:
                self.there_and_back('over=%d' % code, how)

    def test_neither(self):
        for how in self.harms:
            self.there_and_back('over=%d link=%d' % (errno.EPERM, errno.EPERM), how)

    def test_a_repair_that_is_killed_there_can_be_finished_and_taken_back(self):
        rules = 'over=%d link=%d' % (errno.EEXIST, errno.EPERM)
        for how in ('hints', 'damaged'):
            for at in range(1, 100):
                repair = self.damage(how)
                before = tree(self.path)
                status = odd('%s kill=%d' % (rules, at), repair, '--yes', self.path)[0]
                if status >= 0:
                    break
                copy = self.path + '-copy'
                shutil.copytree(self.path, copy, symlinks=True)
                while os.path.exists(self.file('undo')):
                    if not glob.glob(self.file('undo/*/manifest')):
                        name = os.listdir(self.file('undo'))[0]
                        self.run_odd(rules, 'undo', '--purge', '--yes', self.path, name)
                        continue
                    self.run_odd(rules, 'undo', '--yes', self.path)
                self.assertEqual(tree(self.path), before, (how, at))
                shutil.rmtree(self.path)
                os.rename(copy, self.path)
                for _ in range(4):
                    found = self.check()
                    if found['clean']:
                        break
                    self.run_odd(rules, found['recommended'], '--yes', self.path, status=(0, 1, 4))
                self.assertTrue(found['clean'], (how, at, found))
                self.assertEqual(found['objects'], 8 if how == 'hints' else 7)
            self.assertGreater(at, 5)

    def test_an_undo_that_is_killed_there_goes_on(self):
        rules = 'over=%d' % errno.EPERM
        for at in range(1, 100):
            self.damage('hints')
            before = tree(self.path)
            self.run_odd(rules, 'recover', '--yes', self.path)
            if odd('%s kill=%d' % (rules, at), 'undo', '--yes', self.path)[0] >= 0:
                break
            if os.path.exists(self.file('undo')):
                self.run_odd(rules, 'undo', '--yes', self.path)
            after = tree(self.path)
            after.pop('undo', None)		# empty
            self.assertEqual(after, before, at)
        self.assertGreater(at, 3)

    def test_a_failing_sync_is_tolerated_or_refused_before_any_change(self):
        for code in (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS):
            for how in self.harms:
                self.there_and_back('dirsync=%d' % code, how)
        for how in self.harms:
            repair = self.damage(how)
            before = tree(self.path)
            err = self.run_odd('dirsync=%d' % errno.EIO, repair, '--yes', self.path, status=8)[1]
            self.assertIn('nothing was changed', err)
            self.assertEqual(tree(self.path), before)

    def test_without_removals_a_repair_is_refused_before_any_change(self):
        for how in self.harms:
            repair = self.damage(how)
            before = tree(self.path)
            err = self.run_odd('unlink=%d' % errno.EIO, repair, '--yes', self.path, status=8)[1]
            self.assertIn('nothing was changed', err)
            self.assertRegex(err, r'undo/.*: cannot remove')
            for name, data in before.items():
                if data is not None:
                    self.assertEqual(tree(self.path)[name], data)

    def test_unreported_free_space_is_unknown(self):
        repair = self.damage('hints')
        out = self.run_odd('nospace=1', repair, '--dry-run', self.path, status=0)[0]
        self.assertIn('how much is free is not known', out)
        self.assertIn('hints.3', out)
        plan = json.loads(self.run_odd('nospace=1', repair, '--dry-run', '--json', self.path,
                                       status=0)[0])
        self.assertEqual((plan['bytes_free'], plan['refused']), (None, None))
        self.there_and_back('nospace=1', 'hints')


class DryRuns(Case):
    def test_a_plan_that_is_refused_is_shown(self):
        repair = self.damage('damaged')
        open(self.file('undo'), 'w').close()		# no undo folder can be made
        got, out, err = cli.run(repair, '--dry-run', self.path)
        self.assertEqual(got, 4)
        for part in ('transaction  3 -> 4', 'objects ', 'space ', 'data/0/4', 'index.4',
                     key_of(7).hex(), 'has the name of the undo folder'):
            self.assertIn(part, out.decode())
        self.assertIn('salvage refused: undo: a plain file', err)
        plan = json.loads(cli.run(repair, '--dry-run', '--json', self.path)[1])
        self.assertIn('undo: a plain file', plan['refused'])
        self.assertEqual((plan['transaction_after'], plan['objects_after'], plan['lost'],
                          plan['undo']),
                         (4, 7, [key_of(7).hex()], None))
        self.assertIn('index.4', plan['created'])

    def test_a_run_that_is_refused_says_only_why(self):
        repair = self.damage('damaged')
        open(self.file('undo'), 'w').close()
        before = tree(self.path)
        got, out, err = cli.run(repair, '--yes', self.path)
        self.assertEqual((got, out), (4, b''))
        self.assertIn('salvage refused: undo: a plain file', err)
        self.assertEqual(tree(self.path), before)


class Stores(Case):
    def fill(self, *keys):
        store_cli.run('create', self.path)
        for key in keys:
            self.assertEqual(store_cli.run('put', self.path, key * 64, input=key.encode())[0], 0)

    def test_a_segment_that_cannot_be_removed_is_reported_once(self):
        self.fill('a', 'b', 'c')
        for code in (errno.EIO, errno.EPERM):
            before = self.check()['objects']
            key = {errno.EIO: 'a', errno.EPERM: 'b'}[code] * 64
            out, err = self.run_odd('segment=%d' % code, 'delete', self.path, key, status=4)
            self.assertIn('%d object' % (before - 1), out)
            self.assertEqual(err.count('cannot remove'), 1)
            self.assertIn('index and hints are written', err)
            self.assertRegex(err, r'\d segments? that nothing refers to could not be removed')
            self.assertNotIn('could not be written', err)
            found = self.check()
            self.assertTrue(found['clean'])
            self.assertEqual(found['objects'], before - 1)
            self.assertEqual(found['recommended'], 'compact')
            self.assertIn('segment-emptied', [p['code'] for p in found['problems']])
            self.assertEqual(len(glob.glob(self.file('index.*')) + glob.glob(self.file('hints.*'))),
                             2)
        self.assertEqual(store_cli.run('put', self.path, 'd' * 64, input=b'd')[0], 0)
        self.assertNotIn('segment-emptied', [p['code'] for p in self.check()['problems']])

    def test_a_store_works_without_rename_over_a_name(self):
        for code in (errno.EPERM, errno.EEXIST):
            self.path = os.path.join(self.folder, 'repo%d' % code)
            self.run_odd('over=%d link=%d' % (code, code), 'create', self.path)
            for number in (1, 2, 3):
                self.run_odd('over=%d' % code, 'put', self.path, 'ab' * 32,
                             os.path.abspath(__file__))
            self.run_odd('over=%d' % code, 'delete', self.path, 'ab' * 32)
            found = self.check()
            self.assertTrue(found['clean'], found)
            self.assertEqual(found['objects'], 0)

    @unittest.skipUnless(os.geteuid() == 0, 'only root may mount a file system')
    def test_unknown_counts_are_not_reported(self):
        disk = os.path.join(self.folder, 'disk')
        os.mkdir(disk)
        if subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=256k', 'none', disk],
                          stderr=subprocess.DEVNULL).returncode:
            self.skipTest('no tmpfs can be mounted here')
        self.addCleanup(subprocess.run, ['umount', disk], check=True)
        for number, options in enumerate(([], ['--json'])):
            self.path = os.path.join(disk, 'repo')
            self.fill()
            for key in 'abcd':
                store_cli.run('put', self.path, key * 64, input=os.urandom(9000))
            with open(os.path.join(disk, 'filler'), 'wb', buffering=0) as f:
                try:
                    while f.write(bytes(4096)):
                        pass
                except OSError:
                    pass
                f.truncate(f.tell() // 4096 * 4096 - 4096)	# room for the COMMIT alone
            got, out, err = store_cli.run('delete', *options, self.path, 'a' * 64)
            self.assertEqual(got, 4, err)
            self.assertIn('index and hints could not be written', err)
            if options:
                self.assertIsNone(json.loads(out)['objects_after'])
            else:
                self.assertRegex(out.decode(), r'transaction \d+\n\Z')
                self.assertNotIn('object', out.decode())
            shutil.rmtree(self.path)
            os.unlink(os.path.join(disk, 'filler'))


class Hints(Case):
    def write_hints(self, segments, compact):
        with open(self.file('hints.0'), 'wb') as f:
            f.write(b'\x83\xa7version\x01\xa8segments' + segments + b'\xa7compact' + compact)

    def test_check_put_and_compact_give_one_verdict(self):
        cases = ((b'\x82\x00\x01\xcc\xc8\x05', b'\x90', 'segment 200'),
                 (b'\x82\x00\x01\x05\x05', b'\x90', 'segment 5'),
                 (b'\x81\x00\x02', b'\x90', 'count different numbers'),
                 (b'\x81\x00\x01', b'\x91\x07', 'segment 7'))
        for segments, compact, words in cases:
            store_cli.run('create', self.path)
            store_cli.run('put', self.path, 'a' * 64, input=b'x')
            self.write_hints(segments, compact)
            found = self.check()
            self.assertEqual((found['clean'], found['recommended']), (False, 'recover'), words)
            self.assertIn('hints-count-wrong', [p['code'] for p in found['problems']])
            got, out, err = store_cli.run('put', self.path, 'b' * 64, input=b'y')
            self.assertEqual((got, out), (8, b''))
            self.assertIn(words, err)
            self.assertNotIn('nothing was changed', err)	# refused before anything was begun
            self.assertEqual(cli.run('compact', '--yes', self.path)[0], 4)
            self.assertEqual(cli.run('get', self.path, 'a' * 64)[:2], (0, b'x'))
            self.assertEqual(cli.run('recover', '--yes', self.path)[0], 1)
            self.assertEqual(store_cli.run('put', self.path, 'b' * 64, input=b'y')[0], 0)
            self.assertTrue(self.check()['clean'])
            shutil.rmtree(self.path)

    def test_a_row_of_0_for_what_is_gone_does_no_harm(self):
        store_cli.run('create', self.path)
        store_cli.run('put', self.path, 'a' * 64, input=b'x')
        self.write_hints(b'\x82\x00\x01\xcc\xc8\x00', b'\x90')
        self.assertTrue(self.check()['clean'])
        self.assertEqual(store_cli.run('put', self.path, 'b' * 64, input=b'y')[0], 0)
        self.assertEqual(self.check()['problems'], [])

    def test_the_corpus(self):
        corpus = os.path.join(os.environ.get('SHARED', os.path.join(cli.SOURCE, '..', 'shared')),
                              'corpus-evidence')
        names = glob.glob(os.path.join(corpus, 'hints-ghost-*.tar.gz'))
        if not names:
            self.skipTest('no corpus')
        for name in names:
            folder = tempfile.mkdtemp(dir=self.folder)
            subprocess.run(['tar', 'xf', name, '-C', folder], check=True)
            self.path = os.path.dirname(glob.glob(folder + '/**/config', recursive=True)[0])
            found = self.check()
            self.assertEqual((found['clean'], found['recommended']), (False, 'recover'), name)
            self.assertEqual(store_cli.run('put', self.path, 'b' * 64, input=b'y')[0], 8)


@unittest.skipUnless(os.geteuid() == 0, 'only root may give files away')
class Owners(Case):
    def give(self, mode):
        for folder, _, names in os.walk(self.path):
            for name in ['.'] + names:
                path = os.path.normpath(os.path.join(folder, name))
                os.chown(path, OTHER, OTHER)
                os.chmod(path, mode | (0o110 if os.path.isdir(path) else 0))

    def assert_given(self, mode):
        for folder, _, names in os.walk(self.path):
            for name in ['.'] + names:
                st = os.stat(os.path.join(folder, name))
                self.assertEqual((st.st_uid, st.st_gid, stat.S_IMODE(st.st_mode)),
                                 (OTHER, OTHER, mode | (0o110 if name == '.' else 0)),
                                 (folder, name))

    def test_files_made_by_root_belong_to_the_owner(self):
        for umask in (0o022, 0o077):
            old = os.umask(umask)
            self.addCleanup(os.umask, old)
            for how in ('hints', 'damaged', 'compact'):
                repair = self.damage(how)
                self.give(0o660)
                out = cli.run(repair, '--dry-run', self.path)[1].decode()
                said = ' '.join(out.split())
                self.assertIn('belongs to user %d, and this runs as root' % OTHER, said)
                self.assertIn('new files are given to that user', said)
                self.assertIn(cli.run(repair, '--yes', self.path)[0], (0, 1))
                self.assert_given(0o660)
                self.assertEqual(cli.run('undo', '--yes', self.path)[0], 0)
                self.assert_given(0o660)

    def test_put_and_delete_say_the_same(self):
        store_cli.run('create', self.path, '--segments-per-dir=1')
        self.give(0o660)
        for args in (('put', self.path, 'a' * 64), ('put', self.path, 'b' * 64),
                     ('delete', self.path, 'a' * 64)):
            got, out, err = store_cli.run(*args, input=b'x')
            self.assertEqual(got, 0, err)
            self.assertIn('belongs to user %d, and this runs as root: new files are given to '
                          'that user' % OTHER, err)
            self.assert_given(0o660)

    def test_the_owner_is_not_warned(self):
        store_cli.run('create', self.path)
        self.assertEqual(store_cli.run('put', self.path, 'a' * 64, input=b'x')[2], '')


if __name__ == '__main__':
    if not library_works():
        print('skipped: %s does not work' % (LIBRARY or 'ODDFS_LIBRARY'))
        raise SystemExit(77)
    unittest.main()
