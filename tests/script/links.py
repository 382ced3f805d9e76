#!/usr/bin/env python3
"""A repository that somebody else controls: links, FIFOs, sockets, devices and folders in place of
each file and folder, manifests that name files elsewhere, and names and settings with control
characters. Nothing outside is ever read, made, changed or removed, nothing blocks, and nothing
reaches the terminal unmasked.

ATTICSCOPE names the program. With ATTICSCOPE_TORTURE=1 every thing is tried in every place with
every command."""
import collections
import json
import os
import random
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import unittest
import zlib

import cli
from cli import COMMITTED, DELETE, PUT, key_of
from system import print_figures, strace_works

TORTURE = os.environ.get('ATTICSCOPE_TORTURE') == '1'
COUNTS = collections.Counter()
CONTROL = re.compile('[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]')

READING = [('info',), ('check', '-j1'), ('check', '--json'), ('segments', '--verify'),
           ('segments',), ('entries', '0'), ('entries', '2'), ('index', '--all'), ('hints',),
           ('history', key_of(1).hex()), ('get', key_of(3).hex()), ('undo', '--list'),
           ('recover', '--dry-run'), ('rollback', '--dry-run'), ('compact', '--dry-run'),
           ('salvage', '--dry-run'), ('undo', '--dry-run')]
CHANGING = [('recover', '--yes', '--full'), ('rollback', '--yes'), ('compact', '--yes'),
            ('salvage', '--yes'), ('undo', '--yes'), ('undo', '--purge', '--yes'),
            ('delete', key_of(3).hex()), ('put', key_of(90).hex(), '/dev/null')]


def words(command, repo):
    """A command: its options before the repository, and the rest after it."""
    return [command[0], *[a for a in command[1:] if a[0] == '-'], repo,
            *[a for a in command[1:] if a[0] != '-']]


class Case(unittest.TestCase):
    template = None

    @classmethod
    def setUpClass(cls):
        """Made once, and copied."""
        if Case.template:
            return
        Case.template = tempfile.mkdtemp(prefix='atticscope-links-')
        unittest.addModuleCleanup(shutil.rmtree, Case.template)
        repo = cli.Repository(os.path.join(Case.template, 'repo'), [
            [(PUT, key_of(i), b'text %d' % i) for i in range(8)] + [COMMITTED],
            [(PUT, key_of(1), b'replaced'), (DELETE, key_of(2), b''), COMMITTED],
            [(PUT, key_of(8), b'x' * 500), COMMITTED]])
        with open(os.path.join(repo.path, 'README'), 'w') as f:
            f.write('This is an Attic repository\n')
        repo.write_segment(3, [(PUT, key_of(20), b'never committed')])
        assert cli.run('rollback', '--yes', repo.path)[0] == 1
        repo.write_segment(3, [(PUT, key_of(20), b'never committed')])

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='atticscope-links-')
        self.addCleanup(shutil.rmtree, self.folder)
        self.outside = os.path.join(self.folder, 'outside')
        self.path = os.path.join(self.folder, 'repo')
        os.umask(0o022)

    def make(self):
        """A repository with an undo folder of a repair, in need of another, and beside it what lies
        outside: a whole repository, so that everything there would work if it were read."""
        for path in (self.path, self.outside):
            shutil.rmtree(path, ignore_errors=True)
            shutil.copytree(os.path.join(Case.template, 'repo'), path)
        undo = os.listdir(os.path.join(self.path, 'undo'))[0]
        self.undo = os.path.join('undo', undo)
        self.places = ['config', 'README', 'data', 'data/0', 'data/0/0', 'data/0/2', 'data/0/3',
                       'data/0/4', 'index.2', 'hints.2', 'index.tmp', 'hints.2.tmp', 'undo',
                       self.undo, self.undo + '/manifest', self.undo + '/data',
                       self.undo + '/data/0', self.undo + '/data/0/3', self.undo + '/done']

    def picture(self):
        """Everything outside: names, kinds, modes, times and bytes."""
        out = {}
        for folder, folders, files in os.walk(self.outside):
            for name in folders + files + ['.']:
                path = os.path.join(folder, name)
                st = os.lstat(path)
                with open(path if name in files else os.devnull, 'rb') as f:
                    out[os.path.relpath(path, self.outside)] = (
                        st.st_mode, st.st_ino, st.st_nlink, st.st_size, st.st_mtime_ns,
                        st.st_ctime_ns, f.read())
        return out

    # ---- what can stand in the place of a file or folder ----

    def clear(self, place):
        path = os.path.join(self.path, place)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        elif os.path.lexists(path):
            os.unlink(path)
        return path

    def link(self, place):
        os.symlink(os.path.join(self.outside, place), self.clear(place))

    def dangling(self, place):
        os.symlink(os.path.join(self.folder, 'made-through-a-link'), self.clear(place))

    def loop(self, place):
        os.symlink(os.path.basename(place), self.clear(place))

    def fifo(self, place):
        os.mkfifo(self.clear(place))

    def socket(self, place):
        here = os.getcwd()
        path = self.clear(place)
        os.chdir(os.path.dirname(path))
        try:
            with socket.socket(socket.AF_UNIX) as s:
                s.bind(os.path.basename(path))
        finally:
            os.chdir(here)

    def device(self, place):
        os.mknod(self.clear(place), 0o20666, os.makedev(1, 5))	# /dev/zero

    def directory(self, place):
        os.mkdir(self.clear(place))

    def file(self, place):
        with open(self.clear(place), 'w') as f:
            f.write('a file')

    def things(self):
        things = [self.link, self.dangling, self.loop, self.fifo, self.socket, self.directory,
                  self.file]
        return things + ([self.device] if os.getuid() == 0 else [])

    # ---- running ----

    def run_one(self, command, **more):
        COUNTS['commands run'] += 1
        status, out, err = cli.run(*words(command, self.path), **more)
        self.assertIn(status, (0, 1, 4, 8), (command, out[-500:], err))
        self.assertNotIn('Sanitizer', err)
        self.assertNotIn('runtime error', err)
        if status == 8:
            self.assertTrue(err.startswith('atticscope: '), err)
        return status, out, err

    def assert_outside_unchanged(self, before, command):
        self.assertEqual(self.picture(), before, command)
        self.assertFalse(os.path.lexists(os.path.join(self.folder, 'made-through-a-link')), command)


class Things(Case):
    def pairs(self, rng):
        """Every thing in every place, or a third of that."""
        self.make()
        pairs = [(place, thing) for place in self.places for thing in self.things()]
        return pairs if TORTURE else rng.sample(pairs, len(pairs) // 3)

    def test_reading_commands_never_read_through_them_and_never_block(self):
        """Secrets outside are never shown; under strace no file there is ever opened."""
        rng = random.Random(1)
        for place, thing in self.pairs(rng):
            self.make()
            thing(place)
            before = self.picture()
            for command in READING if TORTURE else rng.sample(READING, 2):
                with self.subTest(place=place, thing=thing.__name__, command=command):
                    self.run_one(command)
                    self.assert_outside_unchanged(before, command)
            COUNTS['things in places'] += 1

    def test_they_are_reported(self):
        self.make()
        for place in ('config', 'data', 'data/0', 'data/0/0', 'data/0/2', 'index.2', 'hints.2',
                      'undo', self.undo + '/manifest'):
            for thing in (self.link, self.fifo):
                self.make()
                thing(place)
                with self.subTest(place=place, thing=thing.__name__):
                    out, err = self.run_one(('check', '--json'))[1:]
                    found = json.loads(out) if out else None
                    codes = {p['code'] for p in found['problems']} if found else set()
                    self.assertTrue(err if not found else codes & {
                        'not-a-file', 'config-unreadable', 'index-unreadable', 'hints-unreadable',
                        'data-missing', 'folder-unreadable', 'undo-unreadable'}, (codes, err))
                    text = self.run_one(('check',))
                    self.assertRegex(text[1].decode() + text[2],
                                     'link|not a regular|no file|no folder|cannot be read')

    def test_changing_commands_never_write_through_them(self):
        rng = random.Random(2)
        for place, thing in self.pairs(rng):
            for command in CHANGING if TORTURE else rng.sample(CHANGING, 1):
                self.make()
                thing(place)
                before = self.picture()
                with self.subTest(place=place, thing=thing.__name__, command=command):
                    self.run_one(command)
                    self.assert_outside_unchanged(before, command)

    def trace(self, command, *options):
        """(status, output, lines of strace) of a command run under it."""
        log = os.path.join(self.folder, 'trace')
        env = dict(cli.ENVIRONMENT, ASAN_OPTIONS='detect_leaks=0')
        done = subprocess.run(['strace', '-f', '-y', '-qq', '-o', log, '-e', 'trace=file,desc',
                               *options, cli.PROGRAM, *words(command, self.path)],
                              stdin=subprocess.DEVNULL, capture_output=True, env=env, timeout=120)
        with open(log, errors='replace') as f:
            return done.returncode, done.stdout, f.read().splitlines()

    @unittest.skipUnless(strace_works(), 'strace cannot trace here')
    def test_nothing_outside_is_even_opened(self):
        self.make()
        for place in self.places if TORTURE else ('data', 'data/0', 'data/0/0', 'index.2', 'undo'):
            self.make()
            self.link(place)
            for command in (('check',), ('get', key_of(3).hex()), ('salvage', '--yes'),
                            ('undo', '--yes')):
                lines = self.trace(command)[2]
                through = [line for line in lines if self.outside in line and
                           'readlink' not in line]
                self.assertEqual(through, [], (place, command))

    @unittest.skipUnless(strace_works(), 'strace cannot trace here')
    def test_a_system_without_openat2_does_the_same(self):
        for place in (None, 'data', 'data/0', 'undo'):
            for command in (('check', '--json'), ('get', key_of(3).hex()), ('undo', '--list')):
                self.make()
                if place:
                    self.link(place)
                usual = self.trace(command)
                without = self.trace(command, '-e', 'inject=openat2:error=ENOSYS')
                self.assertTrue(any('openat2' in line and 'ENOSYS' in line
                                    for line in without[2]) or place == 'data')
                self.assertEqual(usual[:2], without[:2], (place, command))
                self.assertFalse([line for line in without[2] if self.outside in line and
                                  'readlink' not in line])


class Manifests(Case):
    def write(self, *lines, name='20200101T000000Z-recover'):
        """A manifest as a repair writes it, but with other @lines."""
        folder = os.path.join(self.path, 'undo', name)
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(self.path, self.undo, 'manifest')) as f:
            text = f.readline()
        text += ''.join(line + '\n' for line in ('action recover', 'before 2', 'after 2', *lines))
        text += 'end %08x\n' % zlib.crc32(text.encode('utf-8', 'surrogateescape'))
        with open(os.path.join(folder, 'manifest'), 'w', errors='surrogateescape') as f:
            f.write(text)
        with open(os.path.join(folder, 'done'), 'w'):
            pass
        return folder

    def fresh(self):
        self.make()
        os.unlink(os.path.join(self.path, 'data', '0', '3'))
        self.purged = os.path.join(self.folder, 'purged')
        shutil.rmtree(self.purged, ignore_errors=True)

    def only(self, *lines):
        folder = self.write(*lines)
        os.rename(os.path.join(self.path, self.undo), self.purged)
        return folder

    def test_such_a_manifest_is_accepted(self):
        self.fresh()
        self.only('made data/0/2')
        self.assertEqual(self.run_one(('undo', '--yes'))[0], 0)
        self.assertFalse(os.path.exists(os.path.join(self.path, 'data', '0', '2')))

    def test_names_that_lead_out_are_rejected(self):
        for name in ('../outside/config', '../../etc/passwd', '/etc/passwd',
                     'data/../../outside/config', 'data/0/../../../outside/config', 'config',
                     'undo/x', 'index./../config', 'data//0', '', 'data/0/\x1b[31m',
                     'index.2/../../outside/index.2', os.path.join('/', 'tmp', 'x')):
            changes = ('made', 'moved', 'replaced')
            for word in changes if TORTURE else (random.choice(changes),):
                self.fresh()
                self.only('%s %s' % (word, name))
                before = self.picture()
                with self.subTest(name=name, word=word):
                    COUNTS['hostile manifests'] += 1
                    status, out, err = self.run_one(('undo', '--yes'))
                    self.assertIn(status, (4, 8))
                    self.assertFalse(CONTROL.search(err), err)
                    self.assert_outside_unchanged(before, name)
                    self.run_one(('undo', '--list'))

    def test_names_inside_are_not_followed_through_links_to_the_outside(self):
        for place in ('data', 'data/0', 'aside'):
            for word in ('made', 'moved', 'replaced'):
                self.fresh()
                folder = self.only('%s data/0/0' % word, '%s data/0/2' % word, 'made data/7')
                os.makedirs(os.path.join(folder, 'data', '0'))
                if place == 'aside':
                    shutil.rmtree(os.path.join(folder, 'data'))
                    os.symlink(os.path.join(self.outside, 'data'), os.path.join(folder, 'data'))
                else:
                    with open(os.path.join(folder, 'data', '0', '0'), 'w') as f:
                        f.write('put back')
                    self.link(place)
                before = self.picture()
                with self.subTest(place=place, word=word):
                    COUNTS['hostile manifests'] += 1
                    for command in (('undo', '--list'), ('undo', '--dry-run'), ('undo', '--yes'),
                                    ('check',), ('undo', '--purge', '--yes')):
                        self.run_one(command)
                        self.assert_outside_unchanged(before, command)

    def test_folders_swapped_for_links_meanwhile(self):
        """Somebody keeps exchanging folders for links to the outside while repairs run."""
        rounds = 40 if TORTURE else 4
        for turn in range(rounds):
            self.make()
            before = self.picture()
            stop = threading.Event()
            swapper = threading.Thread(target=self.swap, args=(stop, turn))
            swapper.start()
            try:
                for command in (('salvage', '--yes'), ('undo', '--yes'),
                                ('recover', '--full', '--yes'), ('undo', '--purge', '--yes'),
                                ('compact', '--yes')):
                    self.run_one(command)
                    COUNTS['commands while folders are swapped'] += 1
            finally:
                stop.set()
                swapper.join()
            self.assert_outside_unchanged(before, turn)

    def swap(self, stop, turn):
        rng = random.Random(turn)
        names = ['data', 'data/0', 'undo']
        while not stop.is_set():
            place = os.path.join(self.path, rng.choice(names))
            aside = os.path.join(self.folder, 'aside')
            try:
                os.rename(place, aside)
            except OSError:
                continue
            try:
                os.symlink(os.path.join(self.outside, os.path.relpath(place, self.path)), place)
                for _ in range(rng.randrange(2000)):
                    pass
                os.unlink(place)
            except OSError:
                shutil.rmtree(place, ignore_errors=True)
            try:
                os.rename(aside, place)
            except OSError:	# the program made a new one
                shutil.rmtree(aside, ignore_errors=True)


class Shown(Case):
    NASTY = ['evil\x1b]2;owned\x07\x1b[2J', 'c1\x9b31m', 'bidi\u202e\u2066x', 'tab\tnew\nline\r',
             'del\x7f', 'bad\udcff\udcfeutf', '\x1b[?1049l\x1b(0']

    def is_masked(self, command):
        status, out, err = self.run_one(command)
        text = out.decode('utf-8', 'surrogateescape')
        if '--json' in command:
            text = text.replace('\x7f', '')	# JSON need not escape it, and terminals ignore it
        self.assertIsNone(CONTROL.search(text), (command, text))
        self.assertIsNone(CONTROL.search(err), (command, err))
        if '--json' in command:
            out.decode()
            for line in out.splitlines():
                json.loads(line)

    def all_commands(self):
        for command in READING + CHANGING:
            self.is_masked(command)
            if command[0] != 'get':
                self.is_masked((*command, '--json'))
            COUNTS['outputs searched for control characters'] += 2

    def test_names_of_files(self):
        for nasty in self.NASTY if TORTURE else ['\n'.join(self.NASTY)]:
            self.make()
            for folder in ('', 'data', 'data/0', 'undo', self.undo):
                with open(os.path.join(self.path, folder, nasty), 'w'):
                    pass
            for folder in ('undo', 'data'):
                os.mkdir(os.path.join(self.path, folder, nasty[:60] + 'x'))
            self.all_commands()

    def test_settings(self):
        values = [n.encode('utf-8', 'surrogateescape').replace(b'\n', b'') for n in self.NASTY]
        for value in values if TORTURE else [b''.join(values)]:
            for name in (b'id', b'version', b'max_segment_size', b'segments_per_dir', value):
                self.make()
                with open(os.path.join(self.path, 'config'), 'ab') as f:
                    f.write(name + b' = ' + value + b'\n')
                for command in (('info',), ('check',), ('check', '--json'),
                                ('salvage', '--dry-run'), ('info', '--json')):
                    self.is_masked(command)
                with open(os.path.join(self.path, 'config'), 'wb') as f:
                    f.write(b'[' + value + b']\n' + value + b'\n')
                self.is_masked(('info',))
                self.is_masked(('check', '--json'))

    def test_actions_and_names_in_the_undo_folder(self):
        for nasty in self.NASTY:
            self.make()
            manifest = os.path.join(self.path, self.undo, 'manifest')
            with open(manifest, 'rb') as f:
                lines = f.read().split(b'\n')
            lines[1] = b'action ' + nasty.replace('\n', '')[:12].encode('utf-8', 'surrogateescape')
            text = b'\n'.join(lines[:-2]) + b'\n'
            with open(manifest, 'wb') as f:
                f.write(text + b'end %08x\n' % zlib.crc32(text))
            for command in (('undo', '--list'), ('undo', '--list', '--json'), ('undo', '--dry-run'),
                            ('check',), ('check', '--json'), ('info',),
                            ('undo', '--purge', '--yes')):
                self.is_masked(command)


def tearDownModule():
    print_figures('hostile repository', COUNTS)


if __name__ == '__main__':
    unittest.main(verbosity=1)
