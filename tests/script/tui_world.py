#!/usr/bin/env python3
"""The terminal interface under bad conditions: a failing disk, a repository that others write
without a pause, links and FIFOs in place of files, files that may not be read. It says so, and goes
on.

ATTICSCOPE names the program, BADBLOCKS_LIBRARY the failing disk. Skipped without tmux."""
import os
import re
import unittest

import cli
import concurrency
import failing_disk
import links
import readonly
from cli import COMMITTED, PUT, key_of, sample
from terminal import PROGRAM, Case

SCREENS = '12345678'


def through_all_screens(terminal):
    for tab in SCREENS:
        terminal.press(tab).wait(lambda s: (s.tab or '').startswith(tab) or
                                  'is not known' in s or 'not there' in s or 'no segment' in s,
                                 'q:back')


class Disk(Case):
    @unittest.skipUnless(failing_disk.preload_works(),
                         'no library can be loaded before the program here')
    def test_unreadable_ranges_are_shown_in_their_place(self):
        repo = cli.Repository(os.path.join(self.folder, 'repo'), [
            [(PUT, key_of(i), os.urandom(5000)) for i in range(5)] + [COMMITTED]])
        number, offset = repo.places[key_of(3)]
        terminal = self.open(repo.path, '--verify', columns=120, LD_PRELOAD=failing_disk.LIBRARY,
                             ASAN_OPTIONS=failing_disk.OPTIONS + ':log_path=%s/sanitizer'
                             % self.folder,
                             BADBLOCKS='data/0/0 %d 512 bad' % (offset + 1000))
        terminal.wait('ddrescue', '1 object lies there, unknown and not lost')
        terminal.press('6').wait('[6 Problems]', 'the disk cannot read these bytes',
                                 lambda s: re.search(r'\b0:%d\b' % (offset + 1000), s.text) or
                                 str(offset + 1000) in s)
        terminal.press('2').wait('[2 Segments]', lambda s: 'damaged' in s or 'unread' in s)
        terminal.press('3').wait('[3 Entries]', 'unreadable', str(offset))
        terminal.type(':hex 0:%d' % (offset + 900), 'Enter').tab('8')
        through_all_screens(terminal)
        terminal.press('r').wait('read again')

    @unittest.skipUnless(failing_disk.preload_works(),
                         'no library can be loaded before the program here')
    def test_every_file_may_fail(self):
        path = sample(os.path.join(self.folder, 'repo')).path
        for name in ('config', 'index.2',
                     'data/0/0') + (('hints.2', 'data/0/2') if failing_disk.TORTURE else ()):
            with self.subTest(name):
                terminal = self.open(path, '--verify', LD_PRELOAD=failing_disk.LIBRARY,
                                     ASAN_OPTIONS=failing_disk.OPTIONS + ':log_path=%s/sanitizer'
                                     % self.folder,
                                     XDG_CACHE_HOME=os.path.join(self.folder,
                                                                 name.replace('/', '.')),
                                     BADBLOCKS='%s 0 1000000 bad' % name)
                terminal.wait('verified: ')
                through_all_screens(terminal)
                terminal.press('6').wait('[6 Problems]',
                                         lambda s: re.search('cannot be read|refuses to read',
                                                             s.words))


class Writers(Case):
    def test_it_looks_on_while_another_writes_and_says_that_it_is_out_of_date(self):
        path = os.path.join(self.folder, 'repo')
        writer = concurrency.Running(path, 11)
        self.addCleanup(writer.process.kill)
        terminal = self.open(path, '--no-lock')
        for _ in range(6 if concurrency.TORTURE else 2):
            through_all_screens(terminal)
            terminal.wait('CHANGED ON DISK')
            terminal.press('r', 'v')
        transactions, objects, head = writer.pause()
        terminal.press('1').wait('CHANGED ON DISK')
        terminal.press('x')
        terminal.press('r').wait('read again', lambda s: 'CHANGED' not in s)
        terminal.press('v').wait('%d objects' % objects, 'no problems',
                                 lambda s: 'CHANGED' not in s)
        writer.resume()
        terminal.wait('CHANGED ON DISK')
        self.assertEqual(writer.end(), 0)


class Places(links.Case, Case):
    def setUp(self):
        Case.setUp(self)
        self.outside = os.path.join(self.folder, 'outside')
        self.path = os.path.join(self.folder, 'repo')

    def test_links_and_fifos_in_place_of_files_are_reported_and_not_followed(self):
        self.make()
        places = [('data/0', self.link), ('data/0/0', self.fifo), ('index.2', self.link),
                  ('undo', self.link)]
        if links.TORTURE:
            places += [('config', self.fifo), ('hints.2', self.fifo), ('data', self.link)]
        for place, thing in places:
            with self.subTest(place):
                self.make()
                thing(place)
                before = self.picture()
                terminal = self.open(self.path, '--verify')
                terminal.wait('recommended')
                through_all_screens(terminal)
                terminal.press('F').wait(lambda s: 'ndo' in s)
                terminal.press('q')
                terminal.type(':quit', 'Enter')
                self.assertEqual(terminal.ended(), 0)
                self.assert_outside_unchanged(before, place)


class Denied(Case):
    @unittest.skipUnless(readonly.program_runs_as_nobody(),
                         'nobody else can be asked to run the program here')
    def test_without_permission_it_says_what_it_cannot_see(self):
        path = sample(os.path.join(self.folder, 'repo')).path
        os.chmod(self.folder, 0o755)
        for place in ('config', 'data', 'data/0/1'):
            with self.subTest(place):
                os.chmod(os.path.join(path, place), 0)
                terminal = self.terminal(readonly.as_nobody(os.path.realpath(PROGRAM), '--verify',
                                                            path),
                                         ASAN_OPTIONS='detect_leaks=0', columns=120)
                terminal.tab('1')
                terminal.wait('recommended')
                through_all_screens(terminal)
                terminal.press('6').wait('[6 Problems]',
                                         lambda s: re.search('(?i)permission', s.words))
                os.chmod(os.path.join(path, place), 0o755)


if __name__ == '__main__':
    unittest.main(verbosity=1, warnings='ignore')
