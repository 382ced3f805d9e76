#!/usr/bin/env python3
"""Reading changes nothing, proven by system calls: every reading command and a session in the
terminal under strace, access times where the system keeps them strictly, a read-only mount, and a
user without permission, who can read what is readable and is told why the rest is not.

ATTICSCOPE names the program. What this machine does not allow is skipped with a message."""
import collections
import json
import os
import random
import re
import shutil
import subprocess
import tempfile
import unittest

import cli
from cli import PUT, key_of
from links import READING, words
from system import print_figures, strace_works, tree

TORTURE = os.environ.get('ATTICSCOPE_TORTURE') == '1'
COUNTS = collections.Counter()
COMMANDS = READING + [('check', '--incremental'), ('check', '--shard=1/2'),
                      ('segments', '--json', '--verify'), ('entries', '--json', '0'),
                      ('index', '--json'), ('hints', '--json'), ('info', '--json'),
                      ('history', '--json', key_of(3).hex()), ('undo', '--list', '--json'),
                      ('check', '--no-lock')]
# Every call that could change a file, its names or its times, with any arguments.
CALLS = ('creat rename renameat renameat2 link linkat unlink unlinkat mkdir mkdirat rmdir truncate '
         'ftruncate chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat utime utimes '
         'utimensat futimesat symlink symlinkat mknod mknodat setxattr lsetxattr fsetxattr '
         'removexattr lremovexattr fremovexattr fallocate pwrite64 writev pwritev pwritev2 '
         'sendfile splice copy_file_range fsync fdatasync sync syncfs sync_file_range mount '
         'umount2 io_uring_setup open_by_handle_at ptrace execve execveat').split()
LOOKED_AT = 'open openat openat2 write fcntl ioctl mmap'.split()
LOCKS = {'F_SETLK', 'F_SETLKW', 'F_OFD_SETLK', 'F_OFD_SETLKW'}


def as_nobody(*command):
    return ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', *command]


def can(*command):
    try:
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=20).returncode == 0
    except OSError:
        return False


def program_runs_as_nobody():
    return os.getuid() == 0 and can(*as_nobody(os.path.realpath(cli.PROGRAM), '--version'))


def mounts_work():
    return os.getuid() == 0 and can('unshare', '-m', 'sh', '-c',
                                    'mount -t tmpfs -o strictatime none /mnt')


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='atticscope-readonly-')
        self.addCleanup(shutil.rmtree, self.folder)
        os.chmod(self.folder, 0o755)
        self.path = os.path.join(self.folder, 'repo')
        repo = cli.sample(self.path)
        repo.write_segment(3, [(PUT, key_of(20), b'never committed')])
        assert cli.run('rollback', '--yes', self.path)[0] == 1
        repo.write_segment(3, [(PUT, key_of(20), b'never committed')])
        repo.damage(key_of(3))
        self.environment = dict(cli.ENVIRONMENT, ASAN_OPTIONS='detect_leaks=0',
                                XDG_CACHE_HOME=os.path.join(self.folder, 'cache'))

    def run_as(self, prefix, command, status=(0, 4)):
        COUNTS['commands'] += 1
        done = subprocess.run([*prefix, os.path.realpath(cli.PROGRAM), *words(command, self.path)],
                              stdin=subprocess.DEVNULL, capture_output=True, env=self.environment,
                              timeout=120)
        err = done.stderr.decode('utf-8', 'replace')
        self.assertIn(done.returncode, status, (command, done.stdout[-300:], err))
        self.assertNotIn('Sanitizer', err)
        return done.returncode, done.stdout, err


@unittest.skipUnless(strace_works(), 'strace cannot trace here')
class Traced(Case):
    def violations(self, log):
        """Lines of the trace that could have changed the repository. Paths stand after descriptors
        (-y)."""
        here, cache = self.path, os.path.join(self.folder, 'cache')
        found = []
        with open(log, errors='replace') as f:
            for line in f:
                line = line.split(None, 1)[1] if re.match(r'\d+ ', line) else line
                call = line.split('(')[0]
                COUNTS['system calls looked at'] += 1
                if call == 'execve' or cache in line and here not in line:
                    continue
                if call in CALLS and (here in line or call in ('rename', 'unlink', 'mkdir')):
                    found.append(line)
                elif call.startswith('open') and here in line:
                    if 'O_RDONLY' not in line or re.search('O_CREAT|O_TRUNC|O_RDWR|O_WRONLY', line):
                        found.append(line)
                elif call == 'write' and here in line.split(',')[0]:
                    found.append(line)
                elif call == 'fcntl' and here in line and 'F_WRLCK' in line and \
                        any(word in line for word in LOCKS):
                    found.append(line)
                elif call == 'ioctl' and here in line:
                    found.append(line)
                # With a map, a bad sector is a signal, and a write is no call.
                elif call == 'mmap' and here in line:
                    found.append(line)
        return found

    def quiet_opens(self, log):
        """(opens of files of the repository, those of them without O_NOATIME that are not
        O_PATH)"""
        with open(log, errors='replace') as f:
            lines = [line for line in f if re.search(r'\bopen(at2?)?\(', line) and
                     self.path + '/' in line.split(') = ')[-1]]
        loud = [l for l in lines if 'O_NOATIME' not in l and 'O_PATH' not in l]
        return lines, loud

    def test_no_command_that_reads_could_have_changed_anything(self):
        log = os.path.join(self.folder, 'trace')
        before = tree(self.path)
        for command in COMMANDS:
            with self.subTest(command=command):
                self.run_as(['strace', '-f', '-y', '-qq', '-o', log, '-e', 'signal=none', '-e',
                             'trace=' + ','.join('?' + call for call in CALLS + LOOKED_AT)],
                            command, (0, 4, 8))
                self.assertEqual(self.violations(log), [])
                opened, loud = self.quiet_opens(log)
                self.assertTrue(opened)
                if os.stat(self.path).st_uid == os.getuid():
                    self.assertEqual(loud, [])
        self.assertEqual(tree(self.path), before)

    def test_violations_are_recognised(self):
        log = os.path.join(self.folder, 'trace')
        for command in (('recover', '--full', '--yes'), ('rollback', '--yes')):
            self.run_as(['strace', '-f', '-y', '-qq', '-o', log, '-e', 'trace=' + ','.join(
                '?' + call for call in CALLS + LOOKED_AT)], command, (0, 1, 4, 8))
        self.assertTrue(self.violations(log))

    def test_the_list_of_reading_commands_is_complete(self):
        text = cli.run('--help')[1].decode()
        names = set(re.findall(r'(?m)^  ([a-z]+)  ', text))
        known = {c[0] for c in COMMANDS} | {'create', 'put', 'delete', 'help', 'problems', 'keys'}
        self.assertLessEqual(names, known)


class Mounted(Case):
    @unittest.skipUnless(mounts_work(), 'nothing can be mounted here')
    def test_access_times_stay_with_strictatime(self):
        """On a tmpfs with strictatime. cat, which does change them, shows that they are kept."""
        script = '''
            set -e
            mount -t tmpfs -o strictatime none /mnt
            cp -a "$REPO" /mnt/repo
            find /mnt/repo -exec touch -a -d 2001-01-01 {} +
            "$@" >/dev/null 2>&1 || [ $? = 4 ] || [ $? = 8 ]
            find /mnt/repo -newerat 2001-01-02 | sed 's/^/touched /'
            cat /mnt/repo/config >/dev/null
            find /mnt/repo -type f -newerat 2001-01-02 | sed 's/^/then /'
        '''
        for command in COMMANDS:
            with self.subTest(command=command):
                COUNTS['commands with strict access times'] += 1
                done = subprocess.run(['unshare', '-m', 'sh', '-c', script, 'sh',
                                       os.path.realpath(cli.PROGRAM), *words(command, '/mnt/repo')],
                                      stdin=subprocess.DEVNULL, capture_output=True,
                                      env=dict(self.environment, REPO=self.path), timeout=120)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(done.stdout, b'then /mnt/repo/config\n')

    @unittest.skipUnless(mounts_work(), 'nothing can be mounted here')
    def test_everything_that_reads_works_on_a_read_only_mount(self):
        prefix = ['unshare', '-m', 'sh', '-c',
                  'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && "$@"', self.path]
        for command in COMMANDS:
            with self.subTest(command=command):
                COUNTS['commands on a read-only mount'] += 1
                want = self.run_as([], command)
                got = self.run_as(prefix, command)
                self.assertEqual((got[0], got[2]), (want[0], want[2]))
        for command in (('salvage', '--yes'), ('undo', '--yes'), ('undo', '--purge', '--yes')):
            with self.subTest(command=command):
                before = tree(self.path)
                status, out, err = self.run_as(prefix, command, (8,))
                self.assertRegex(err, '(?i)read-only')
                self.assertEqual(tree(self.path), before)


@unittest.skipUnless(program_runs_as_nobody(), 'nobody else can be asked to run the program here')
class Denied(Case):
    def forbid(self, place):
        os.chmod(os.path.join(self.path, place), 0)

    def test_readable_parts_are_read(self):
        for command in COMMANDS:
            with self.subTest(command=command):
                want = self.run_as([], command)
                got = self.run_as(as_nobody(), command)
                self.assertEqual(got[0], want[0])
                if command[0] not in ('info', 'check'):	# these show who has which lock
                    self.assertEqual(got[1:], want[1:])

    def test_forbidden_parts_are_named_not_called_absent(self):
        rng = random.Random(3)
        undo = os.path.join('undo', os.listdir(os.path.join(self.path, 'undo'))[0], 'manifest')
        for place, code in (('config', 'config-unreadable'), ('index.2', 'index-unreadable'),
                            ('hints.2', 'hints-unreadable'), ('data', 'data-missing'),
                            ('data/0', 'folder-unreadable'), ('data/0/1', 'segment-unreadable'),
                            ('undo', 'undo-unreadable'), (undo, 'undo-unreadable')):
            self.forbid(place)
            with self.subTest(place=place):
                COUNTS['places that may not be read'] += 1
                check = json.loads(self.run_as(as_nobody(), ('check', '--json'))[1])
                codes = {p['code'] for p in check['problems']}
                self.assertIn(code, codes)
                self.assertFalse(codes & {'segment-missing', 'index-missing', 'hints-missing',
                                          'config-missing'}, codes)
                lost = {p['key'] for p in check['problems'] if p['code'] == 'object-lost'}
                self.assertLessEqual(lost, {key_of(3).hex()})
                text = self.run_as(as_nobody(), ('check',))[1].decode()
                self.assertRegex(text, '(?i)permission')
                for command in COMMANDS if TORTURE else rng.sample(COMMANDS, 4):
                    status, out, err = self.run_as(as_nobody(), command, (0, 4, 8))
                    self.assertTrue(out or err, command)
                    self.assertNotRegex(out.decode() + err, 'no-segment|there is no segment')
            os.chmod(os.path.join(self.path, place),
                     0o755 if os.path.isdir(os.path.join(self.path, place)) else 0o644)

    def test_a_forbidden_repository(self):
        for mode in (0o000, 0o444):
            os.chmod(self.path, mode)
            for command in COMMANDS if TORTURE else random.Random(mode).sample(COMMANDS, 5):
                status, out, err = self.run_as(as_nobody(), command, (4, 8))
                self.assertRegex(out.decode() + err, '(?i)permission|denied', command)
        os.chmod(self.path, 0o755)

    def test_nothing_is_repaired_without_permission(self):
        before = tree(self.path)
        for command in (('salvage', '--yes'), ('undo', '--yes'), ('rollback', '--yes'),
                        ('undo', '--purge', '--yes')):
            status, out, err = self.run_as(as_nobody(), command, (8,))
            self.assertRegex(err, '(?i)permission', command)
            self.assertEqual(tree(self.path), before)


def tearDownModule():
    print_figures('read-only', COUNTS)


if __name__ == '__main__':
    unittest.main(verbosity=1)
