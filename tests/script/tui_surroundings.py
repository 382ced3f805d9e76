#!/usr/bin/env python3
"""The terminal interface and its surroundings: kinds of terminals and locales, signals and lost
terminals, a repository that others change or lock meanwhile, hostile names, long work, and the
system calls that it makes.

ATTICSCOPE names the program, MKSAMPLE the maker of a damaged repository. Skipped without tmux."""
import fcntl
import os
import re
import shutil
import signal
import subprocess
import time
import unittest

from cli import COMMITTED, PUT, key_of, sample
from system import state, strace_works
from terminal import DEADLINE, PROGRAM, Case

SCREENS = '12345678'
CHANGING = ('write pwrite64 writev pwritev rename renameat renameat2 link linkat unlink unlinkat '
            'mkdir mkdirat rmdir truncate ftruncate chmod fchmod fchmodat chown fchown fchownat '
            'utime utimes utimensat futimesat symlink symlinkat mknod mknodat creat '
            'setxattr fsetxattr fallocate').split()


def process_is_gone(pid):
    """True as soon as process @pid has ended; False if it does not end."""
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        try:
            with open('/proc/%d/stat' % pid) as f:
                if f.read().rsplit(')', 1)[1].split()[0] in 'ZX':
                    return True
        except OSError:
            return True
        time.sleep(0.05)
    return False


class Appearance(Case):
    def through_all_screens(self, terminal):
        """The Screen of each screen."""
        terminal.wait('recommended')
        for tab in SCREENS:
            terminal.press(tab)
            yield terminal.wait(lambda s: (s.tab or '').startswith(tab), 'q:back')

    def colours(self, **env):
        return {screen.colour
                for screen in self.through_all_screens(self.open(self.sample(), '--verify', **env))}

    def test_colour_if_the_terminal_has_it(self):
        self.assertEqual(self.colours(TERM='screen'), {True})
        shutil.rmtree(os.path.join(self.folder, 'sample'))
        self.assertEqual(self.colours(TERM='xterm-256color', NO_COLOR=''), {True})

    def test_no_colour_with_NO_COLOR_and_every_state_has_a_sign_of_its_own(self):
        terminal = self.open(self.sample(), '--verify', NO_COLOR='1')
        screens = list(self.through_all_screens(terminal))
        self.assertEqual({screen.colour for screen in screens}, {False})
        terminal.press('1').wait('[1 Overview]', 'READ-ONLY', '!', 'damaged')
        terminal.press('2').wait('[2 Segments]', '1 bad', '! damaged', 'partly live')

    def test_no_colour_and_the_cursor_still_seen_on_a_vt100(self):
        terminal = self.open(self.sample(), '--verify', TERM='vt100')
        for screen in self.through_all_screens(terminal):
            self.assertFalse(screen.colour)
        terminal.press('2').tab('2')
        terminal.press('j', 'j').at('2 ')
        terminal.press('Down', 'Enter').wait('segment 3 ')
        terminal.press('q', 'q', 'q', 'q', 'q', 'q', 'q', 'q', 'q', 'q')
        self.assertEqual(terminal.ended(), 0)

    def test_nothing_but_ascii_in_the_C_locale(self):
        terminal = self.open(self.sample(), '--verify', LC_ALL='C')
        for screen in self.through_all_screens(terminal):
            self.assertTrue(screen.text.isascii(), screen.text)
        # The row under the cursor is read by another thread.
        terminal.press('3').wait('[3 Entries]',
                                 lambda s: re.search('PUT|DELETE|DAMAGED', s.selected or ''))
        terminal.press('Enter').wait('entry at offset', lambda s: s.text.isascii())
        terminal.press('1').wait('#', '!', '~', '+ partly live')

    def test_map_of_blocks_in_a_utf8_locale(self):
        self.open(self.sample(), '--verify', LC_ALL='C.UTF-8').wait(
            '▒▒█▒', '█ live', '░ nothing live')

    # Memory that curses keeps for an unknown terminal is not ours to free.
    UNKNOWN = {'ASAN_OPTIONS': os.environ.get('ASAN_OPTIONS', '') + ':detect_leaks=0'}

    def test_an_unknown_terminal_is_named_and_drawn_as_an_xterm(self):
        for term, said in (('xterm-kitty', 'TERM=xterm-kitty is not known here'),
                           ('', 'TERM is not set')):
            terminal = self.open(self.sample(), TERM=term, **self.UNKNOWN)
            terminal.wait('verdict', said, 'drawn as for xterm')
            terminal.press('2').wait('[2 Segments]', lambda s: 'drawn as' not in s.text)
            terminal.press('q', 'q')
            self.assertEqual(terminal.ended(), 0)
            self.assertIn('atticscope: ' + said, terminal.written())
            shutil.rmtree(os.path.join(self.folder, 'sample'))

    def test_an_unusable_terminal_and_no_terminal_are_reported_with_status_8(self):
        repo = self.sample()
        terminal = self.terminal([PROGRAM, repo], TERM='dumb')
        self.assertEqual(terminal.ended(), 8)
        self.assertRegex(terminal.written(), r'(?m)^atticscope: TERM=dumb: .*cursor')
        done = subprocess.run([PROGRAM, repo], stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=60)
        self.assertEqual(done.returncode, 8)
        self.assertIn(b'terminal', done.stderr)
        self.assertEqual(done.stdout, b'')


class Ends(Case):
    """In a shell, whose terminal must be usable afterwards."""

    def setUp(self):
        super().setUp()
        self.repo = self.sample()
        self.asked = 0

    def start(self, *options, **env):
        """(a shell in which the program shows a screen, the program's pid)"""
        shell = self.shell(**env)
        shell.type('before=$(stty -g)', 'Enter')
        shell.type(' '.join([PROGRAM, *options, self.repo]), 'Enter').tab('1')
        shell.press('2').tab('2')
        return shell, self.child(shell)

    def child(self, shell):
        with open('/proc/%d/task/%d/children' % (shell.pid, shell.pid)) as f:
            return int(f.read().split()[-1])

    def is_restored(self, shell, status):
        """The prompt is back and works, the terminal is as before, and the status is @status."""
        shell.wait(lambda s: s.text.rstrip().endswith('ready>'))
        self.asked += 1
        shell.type('echo "%d. status $? $([ "$(stty -g)" = "$before" ] && echo restored ||'
                   ' echo wrong)"' % self.asked, 'Enter')
        screen = shell.wait(lambda s: re.search(r'%d\. status \d+ (restored|wrong)' % self.asked,
                                                s.text))
        self.assertRegex(screen.text, r'%d\. status %s restored' % (self.asked, status))
        flags = '#{alternate_on} #{cursor_flag} #{mouse_any_flag} #{keypad_cursor_flag}'
        shell.tells(flags, '0 1 0 0')
        return screen

    def test_q_leaves_the_terminal_as_it_was(self):
        shell, _ = self.start()
        shell.press('q', 'q')
        screen = self.is_restored(shell, 0)
        self.assertIn('ready>', screen)
        self.assertNotIn('READ-ONLY', screen)

    def test_signals_end_the_program_and_the_terminal_is_restored(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            with self.subTest(number.name):
                shell, pid = self.start()
                os.kill(pid, number)
                # It leaves in order, or by the signal itself.
                self.is_restored(shell, '(0|%d)' % (128 + number))
                self.assertTrue(process_is_gone(pid))

    def test_signals_are_obeyed_while_the_prompt_is_open_and_while_verifying(self):
        shell, pid = self.start('--verify')
        shell.type(':segm').wait(':segm')
        os.kill(pid, signal.SIGTERM)
        self.is_restored(shell, '(0|143)')

    def test_a_signal_is_obeyed_after_a_click(self):
        shell, pid = self.start()
        # The key shows that all of the click was read: what is not goes to the shell.
        shell.mouse(0, 1, 1).tab('1')
        shell.press('2').tab('2')
        os.kill(pid, signal.SIGTERM)
        self.assertTrue(process_is_gone(pid))
        self.is_restored(shell, '(0|143)')

    def test_a_crash_restores_the_terminal_and_dies_of_its_signal(self):
        for number in (signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT):
            with self.subTest(number.name):
                options = os.environ.get('ASAN_OPTIONS',
                                         '') + ':handle_segv=0:handle_sigbus=0:handle_abort=0'
                shell, pid = self.start(ASAN_OPTIONS=options)
                os.kill(pid, number)
                self.is_restored(shell, 128 + number)

    def test_a_crash_restores_a_terminal_without_an_alternate_screen(self):
        options = os.environ.get('ASAN_OPTIONS', '') + ':handle_segv=0'
        shell, pid = self.start(TERM='vt100', ASAN_OPTIONS=options)
        os.kill(pid, signal.SIGSEGV)
        self.is_restored(shell, 139)

    def test_ctrl_z_gives_the_shell_back_and_fg_the_screen(self):
        shell, pid = self.start()
        shell.press('j', 'j', 'j').at('3 ')
        for _ in range(2):
            shell.press('C-z').wait('Stopped')
            self.is_restored(shell, r'\d+')
            shell.type('fg', 'Enter').tab('2')
            shell.at('3 ')
            shell.tells('#{cursor_flag} #{mouse_any_flag}', '0 1')
        shell.press('C-z').wait(lambda s: s.text.rstrip().endswith('ready>'))
        shell.resize(100, 30)
        shell.type('fg', 'Enter').wait('READ-ONLY', lambda s: s.lines[29].endswith('q:back'))
        shell.press('q', 'q')
        self.is_restored(shell, 0)

    def test_stopped_and_continued_from_outside(self):
        shell, pid = self.start()
        os.kill(pid, signal.SIGTSTP)
        shell.wait('Stopped')
        shell.type('clear; fg', 'Enter').tab('2')
        shell.press('q', 'q')
        self.is_restored(shell, 0)

    def test_a_signal_while_stopped_ends_it_when_continued(self):
        shell, pid = self.start()
        shell.press('C-z').wait('Stopped')
        os.kill(pid, signal.SIGTERM)
        shell.type('clear; fg', 'Enter')
        self.is_restored(shell, '(0|143)')
        self.assertTrue(process_is_gone(pid))

    def test_a_lost_terminal_ends_the_program(self):
        for options in ((), ('--verify',)):
            terminal = self.open(self.repo, *options)
            terminal.tmux('kill-window')
            self.assertTrue(process_is_gone(terminal.pid))

    @unittest.skipUnless(shutil.which('setsid'), 'setsid is not installed')
    def test_a_terminal_lost_without_a_signal_ends_the_program(self):
        terminal = self.terminal(['sh', '-c', 'setsid "$0" "$1"; :', PROGRAM, self.repo])
        terminal.tab('1')
        pid = self.child(terminal)
        terminal.tmux('kill-window')
        self.assertTrue(process_is_gone(pid))


class Others(Case):
    def test_a_change_on_the_disk_is_shown_in_the_frame_and_r_reads_it(self):
        repo = sample(os.path.join(self.folder, 'repo'))
        terminal = self.verified(repo.path)
        terminal.wait('tx 2 ', 'no problems')
        self.assertNotIn('CHANGED', terminal.screen())
        terminal.press('2').wait('3 of 3 segments')
        repo.write_segment(3, [(PUT, key_of(77), b'new'), COMMITTED])
        repo.write_index(3)
        repo.write_hints(3)
        for name in ('index.2', 'hints.2'):
            os.unlink(os.path.join(repo.path, name))
        terminal.wait('CHANGED ON DISK', 'READ-ONLY')
        terminal.press('5', '2').wait('CHANGED ON DISK', '3 of 3 segments')
        terminal.press('r').wait('4 of 4 segments', 'tx 3 ', lambda s: 'CHANGED' not in s)
        terminal.press('v').wait('10 objects', 'no problems')

    def test_a_change_is_noticed_after_a_click_too(self):
        repo = sample(os.path.join(self.folder, 'repo'))
        terminal = self.open(repo.path)
        terminal.mouse(0, 17, 1).tab('2')
        os.unlink(os.path.join(repo.path, 'hints.2'))
        terminal.wait('CHANGED ON DISK')

    def test_files_that_vanish_under_an_open_screen_are_reported(self):
        repo = self.sample()
        terminal = self.verified(repo)
        shutil.rmtree(os.path.join(repo, 'data', '1'))
        os.truncate(os.path.join(repo, 'data', '0', '3'), 100)
        for tab in '2345678':
            terminal.press(tab)
        terminal.type(':entries 17', 'Enter').wait('segment 17')
        terminal.type(':entries 3', 'Enter').wait('segment 3 ', lambda s: s.selected)
        terminal.press('h').tab('8')
        terminal.press('r').wait('read again', lambda s: 'CHANGED' not in s)
        terminal.press('v', '1').tab('1')
        terminal.wait('38 segments', 'recommended')
        shutil.rmtree(repo)
        terminal.wait('CHANGED ON DISK')
        terminal.press('r').wait('cannot be read again')
        terminal.press('2').tab('2')

    def locked(self, repo, kind):
        """Lock @repo as Attic does."""
        f = open(os.path.join(repo, 'config'), 'r+')
        self.addCleanup(f.close)
        fcntl.lockf(f, kind)

    def test_a_lock_held_by_another_process_is_reported_with_status_8(self):
        repo = self.sample()
        self.locked(repo, fcntl.LOCK_EX)
        terminal = self.terminal([PROGRAM, repo])
        self.assertEqual(terminal.ended(), 8)
        self.assertRegex(terminal.written(), r'(?m)^atticscope: .*\b%d\b' % os.getpid())
        terminal = self.open(repo, '--no-lock')
        terminal.wait('READ-ONLY', '--no-lock')
        terminal.press('v').wait('recommended')

    def test_a_shared_lock_of_another_process_is_named_and_does_not_block(self):
        repo = self.sample()
        self.locked(repo, fcntl.LOCK_SH)
        self.open(repo).wait(lambda s: re.search(r'lock .*\b%d\b' % os.getpid(), s.text))

    def test_the_lock_is_shared_while_open_and_free_afterwards(self):
        repo = self.sample()
        terminal = self.open(repo)
        with open(os.path.join(repo, 'config'), 'r+') as f:
            fcntl.lockf(f, fcntl.LOCK_SH | fcntl.LOCK_NB)
            fcntl.lockf(f, fcntl.LOCK_UN)
            with self.assertRaises(OSError):
                fcntl.lockf(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
            terminal.press('r').wait('read again')
            with self.assertRaises(OSError):
                fcntl.lockf(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
            terminal.press('q')
            self.assertEqual(terminal.ended(), 0)
            fcntl.lockf(f, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def test_hostile_names_are_masked_wherever_they_are_shown(self):
        name = 'evil\x1b]2;owned\x07\x1b[2J\x9b31m\u202e\n\t%s%n'
        repo = os.path.join(self.folder, name + 'repo')
        os.rename(self.sample(), repo)
        with open(os.path.join(repo, 'data', '0', name), 'w'):
            pass
        for locale in ('C.UTF-8', 'C'):
            with self.subTest(locale):
                terminal = self.open(repo, '--verify', LC_ALL=locale, columns=160, lines=50)
                terminal.wait('recommended')
                for tab in '1236':
                    terminal.press(tab)
                    screen = terminal.wait(lambda s: (s.tab or '').startswith(tab), 'READ-ONLY')
                    self.assertFalse(re.search('[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]', screen.text))
                terminal.press('G').wait(r'evil\x1b', r'\x07', '%s%n')
                terminal.type('/%s%n\\x1b', 'Enter').wait('not found')
                self.assertEqual(terminal.ask('#{pane_title}').count('owned'), 0)

    def test_a_locked_repository_with_a_hostile_name_is_masked_on_standard_error(self):
        repo = os.path.join(self.folder, 'a\x1b[31mb')
        os.rename(self.sample(), repo)
        self.locked(repo, fcntl.LOCK_EX)
        terminal = self.terminal([PROGRAM, repo])
        self.assertEqual(terminal.ended(), 8)
        self.assertIn(r'a\x1b[31mb', terminal.written())
        self.assertFalse(terminal.screen().colour)


class Untouched(Case):
    """What a whole session leaves behind, and its system calls."""

    def session(self, terminal):
        terminal.wait('recommended')
        for tab in SCREENS * 2:
            terminal.press(tab).wait(lambda s: (s.tab or '').startswith(tab))
        # The row under the cursor is read by another thread.
        terminal.press('3').wait('[3 Entries]',
                                 lambda s: re.search('PUT|DELETE|DAMAGED', s.selected or ''))
        terminal.press('Enter').wait('entry at offset', lambda s: s.selected)
        terminal.press('k').tab('7')
        terminal.wait('index')
        terminal.type(':index', 'Enter').tab('4')
        terminal.press('a').wait('empty')
        terminal.type('/damaged', 'Enter').wait(lambda s: s.selected and 'damaged' in s.selected)
        terminal.press('h').tab('8')
        terminal.press('r').wait('read again')
        terminal.press('v').wait('verified')
        terminal.press('1').tab('1')
        terminal.press('q')
        self.assertEqual(terminal.ended(), 0)

    def test_a_session_changes_no_byte_no_name_and_no_time(self):
        repo = self.sample()
        before = state(repo)
        self.session(self.open(repo, '--verify'))
        self.assertEqual(state(repo), before)

    @unittest.skipUnless(strace_works(), 'strace cannot trace here')
    def test_no_system_call_opens_a_file_of_the_repository_for_writing(self):
        repo = self.sample()
        log = os.path.join(self.folder, 'trace')
        calls = ','.join('?' + c for c in ['openat', 'open', 'openat2'] + CHANGING)
        terminal = self.terminal(['strace', '-f', '-qq', '-y', '-o', log, '-e', 'signal=none', '-e',
                                  'trace=' + calls, PROGRAM, '--verify', repo],
                                 ASAN_OPTIONS='detect_leaks=0')
        terminal.tab('1')
        self.session(terminal)
        with open(log, errors='replace') as f:
            lines = [line.split(None, 1)[1] for line in f]
        opened = [l for l in lines if l.startswith('open') and '= -1' not in l]
        self.assertTrue([l for l in opened if repo in l])
        for line in lines:
            if os.path.join(self.folder, 'cache') in line:   # the records of whole segments
                self.assertNotIn(repo, line)
            elif line.startswith('open'):
                if 'O_RDONLY' not in line or 'O_CREAT' in line or 'O_TRUNC' in line:
                    self.assertNotIn(repo, line)
                    self.assertRegex(line, r'"/(proc|dev)/')
            elif line.startswith(('write', 'pwrite')):
                self.assertRegex(line,
                                 r'^p?writev?6?4?\(\d+<(/dev/|anon_inode:|socket:|pipe:|\[eventfd)',
                                 line)
            else:
                self.assertTrue(line.startswith(('+++', '---', '<... ')), line)


@unittest.skipUnless(strace_works(), 'strace cannot trace here')
class LongWork(Case):
    """Verification on a slow disk: every reading call is slow."""

    def open_slow(self, *options, delay=25000):
        """@delay: the least microseconds that each reading call takes."""
        terminal = self.terminal(['strace', '-f', '-qq', '-o', '/dev/null', '-e', 'trace=pread64',
                                  '-e', 'inject=pread64:delay_enter=%d' % delay, PROGRAM, '-j', '1',
                                  *options, self.sample()], ASAN_OPTIONS='detect_leaks=0')
        terminal.tab('1')
        return terminal

    def test_map_and_problems_fill_while_every_key_works(self):
        terminal = self.open_slow('--verify')
        screen = terminal.wait('verifying', '/48 segments', '%',
                               lambda s: re.search(r'[█▒]{3,}\?{5,}', s.text))
        self.assertNotIn('recommended', screen)
        terminal.press('6').wait('verifying: more may follow', 'checksum')
        terminal.press('2').tab('2')
        terminal.press('j', 'j', 'j').at('3 ')
        terminal.press('?').wait('keys of the screen Segments')
        terminal.press('q', '3').tab('3')
        terminal.press('4').tab('4')
        screen = terminal.wait('verifying', 'so far')
        self.assertIn('READ-ONLY', screen)

    def test_x_cancels_and_v_begins_again(self):
        terminal = self.open_slow()
        terminal.press('v').wait('verifying', '/48 segments')
        terminal.press('x').wait('cancelled', lambda s: 'verifying ' not in s)
        terminal.wait('?????')
        terminal.press('v').wait('verifying', '/48 segments')
        terminal.press('v').wait('already')

    def test_leaving_while_verifying_is_immediate(self):
        terminal = self.open_slow('--verify')
        terminal.wait('verifying', '/48 segments')
        begun = time.monotonic()
        terminal.press('q')
        self.assertEqual(terminal.ended(), 0)
        self.assertLess(time.monotonic() - begun, 5)

    def test_resizing_while_verifying(self):
        terminal = self.open_slow('--verify')
        for columns, lines in ((160, 50), (30, 5), (80, 24), (41, 11), (100, 30)):
            terminal.resize(columns, lines)
        terminal.wait('verifying', lambda s: len(s.lines) == 30 and 'q:back' in s.lines[29])

    def test_the_first_screen_is_there_before_the_data_is_read(self):
        begun = time.monotonic()
        terminal = self.open_slow(delay=300000)
        terminal.wait('not verified yet')
        terminal.press('2').tab('2')
        self.assertLess(time.monotonic() - begun, 15)


if __name__ == '__main__':
    unittest.main(verbosity=1, warnings='ignore')
