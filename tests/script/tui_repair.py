#!/usr/bin/env python3
"""Repairing in the terminal: the lock and its holders, the plan, the confirmation, the progress,
the report, undo, the log of it all, and what happens when others write or the program is told to
end.

ATTICSCOPE names the program, MKSAMPLE the maker of a damaged repository. Skipped without tmux."""
import fcntl
import glob
import json
import os
import re
import signal
import subprocess
import time
import unittest

from cli import COMMITTED, DELETE, PUT, Repository, entry, key_of
from cli import sample as small
from system import hold, let_go, strace_works, tree
from terminal import DEADLINE, PROGRAM, Case
from tui import SIZES
from tui_surroundings import process_is_gone

REFUSED = 'repairs need the exclusive lock: u asks for it'
VERIFIED_ANEW = 'Afterwards: '


def can_lock(repo, kind):
    """Would Attic get the lock now?"""
    with open(os.path.join(repo, 'config'), 'r+') as f:
        try:
            fcntl.lockf(f, kind | fcntl.LOCK_NB)
            return True
        except OSError:
            return False


def without_index(path):
    """The log is whole, index and hints are gone."""
    small(path)
    for name in ('index.2', 'hints.2'):
        os.unlink(os.path.join(path, name))
    return path


def with_tail(path):
    """A writer stopped before its commit."""
    repo = small(path)
    repo.write_segment(3, [(PUT, key_of(50), b'half'), (PUT, key_of(51), b'a transaction')])
    return path


def with_superseded(path):
    """Whole, and every second object was replaced."""
    first = [(PUT, key_of(i), b'old %d' % i * 40) for i in range(20)] + [COMMITTED]
    second = []
    for i in range(0, 20, 2):
        second += [(DELETE, key_of(i), b''), (PUT, key_of(i), b'new %d' % i * 40)]
    Repository(path, [first, second + [COMMITTED]])
    with open(os.path.join(path, 'hints.1'), 'r+b') as f:	# both are listed to be compacted
        hints = f.read()
        f.seek(0)
        f.write(hints.replace(b'\xa7compact\x90', b'\xa7compact\x92\x00\x01'))
    return path


def with_damaged_commit(path):
    """The newest transaction lacks only the last bytes of its COMMIT."""
    repo = small(path)
    data = b'ATTICSEG' + entry(PUT, key_of(60), b'newest') + entry(PUT, key_of(61), b'too')
    data += entry(2)[:-1] + b'\xff'
    with open(repo.segment(3), 'wb') as f:
        f.write(data)
    return path


def large(path, objects=400):
    """Damaged, with so many live entries in the damaged segment that copying takes time. Versions
    of one object lie between them, so that each entry is read by itself."""
    between = (PUT, key_of(objects), bytes(1000))
    entries = [between]
    for i in range(objects):
        entries += [(PUT, key_of(i), b'%d ' % i * 50), (DELETE, key_of(objects), b''), between]
    repo = Repository(path, [entries + [COMMITTED]])
    repo.damage(key_of(7))
    return path


def two_folders(path):
    """Whole again: it was salvaged, then compacted."""
    small(path).damage(key_of(3))
    run('salvage', '--yes', path, status=1)
    run('compact', '--yes', path)
    return path


def run(*args, status=0):
    done = subprocess.run([PROGRAM, *args], stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=120)
    assert done.returncode == status, done
    return done.stdout.decode()


def undo_list(repo):
    """The rows of undo --list, newest first."""
    return [json.loads(line) for line in run('undo', '--list', '--json', repo).splitlines()]


def is_clean(repo):
    """Does check call @repo clean, whose lock another program holds?"""
    out = subprocess.run([PROGRAM, 'check', '--json', '--no-lock', repo], stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, timeout=120).stdout
    return json.loads(out)['clean']


class Steps(Case):
    """Steps that the tests share."""

    def finish(self, terminal):
        """As everywhere, and answer no to leaving repair mode."""
        try:
            if terminal.ask('#{pane_dead}') == '0':
                terminal.press('C-u', 'Escape', 'n')
                self.leave(terminal)
        finally:
            terminal.close()

    def leave(self, terminal):
        terminal.type(':quit', 'Enter')
        self.assertEqual(terminal.ended(), 0)

    def path(self, name='repo'):
        return os.path.join(self.folder, name)

    def upgraded(self, repo, *options, **more):
        terminal = self.open(repo, *options, **more)
        terminal.press('u').wait('REPAIR MODE', 'exclusive, held by this program')
        return terminal

    def plan(self, terminal, key, name):
        terminal.press(key).wait('plan: ' + name)
        return terminal

    def confirm(self, terminal, name):
        terminal.press('Enter').wait(name + ': really?', 'Type %s and press Enter' % name)
        return terminal.type(name, 'Enter')

    def reported(self, terminal, name, verdict='The repository is whole'):
        return terminal.wait('report: ' + name, 'REPAIR MODE',
                             lambda s: VERIFIED_ANEW + verdict in s.words)

    def undo(self, terminal, verdict):
        self.plan(terminal, 'U', 'undo')
        self.confirm(terminal, 'undo')
        return terminal.wait('report: undo', 'The repair was taken back',
                             lambda s: re.search(VERIFIED_ANEW + verdict, s.words))

    def holder(self, repo, kind):
        holder = hold(repo, kind)
        self.addCleanup(let_go, holder)
        return holder


class Lock(Steps):
    def test_u_takes_the_exclusive_lock_the_frame_shows_it_and_l_gives_it_back(self):
        repo = self.sample()
        before = tree(repo)
        for size in SIZES + ((40, 10),):
            terminal = self.open(repo, columns=size[0], lines=size[1])
            terminal.wait('READ-ONLY')
            self.assertTrue(can_lock(repo, fcntl.LOCK_SH))
            screen = terminal.press('u').wait('REPAIR MODE', lambda s: 'READ-ONLY' not in s)
            self.assertIn('REPAIR MODE', screen.lines[0])
            self.assertFalse(can_lock(repo, fcntl.LOCK_SH))
            terminal.press('u').wait('held already')
            terminal.press('r').wait('read again', 'REPAIR MODE')
            self.assertFalse(can_lock(repo, fcntl.LOCK_SH))
            screen = terminal.press('6').wait('[6 Problems]')	# our own lock is not a problem
            self.assertNotIn('another process', screen.words)
            terminal.press('l').wait('READ-ONLY', 'given back', lambda s: 'REPAIR MODE' not in s)
            self.assertTrue(can_lock(repo, fcntl.LOCK_SH))
            self.assertFalse(can_lock(repo, fcntl.LOCK_EX))
            terminal.press('u').wait('REPAIR MODE')
            terminal.press('l').wait('READ-ONLY')
            terminal.press('r').wait('read again', 'READ-ONLY')
            terminal.press('1').wait('[1 Overview]')
            terminal.press('q')
            self.assertEqual(terminal.ended(), 0)
            self.assertTrue(can_lock(repo, fcntl.LOCK_EX))
        self.assertEqual(tree(repo), before)

    def test_the_mode_stays_visible_in_a_full_top_line(self):
        repo = small(self.path()).path
        for columns in (160, 80, 60, 59, 40):
            terminal = self.open(repo, columns=columns, lines=10)
            for key, mode in (('u', 'REPAIR MODE'), ('l', 'READ-ONLY'), ('u', 'REPAIR MODE')):
                terminal.press(key).wait(lambda s: mode in s.lines[0])
            open(os.path.join(repo, 'stray'), 'w').close()	# somebody writes
            terminal.wait(lambda s: 'CHANGED' in s.lines[0] and 'REPAIR MODE' in s.lines[0])
            os.unlink(os.path.join(repo, 'stray'))
            self.leave(terminal)

    def test_without_it_every_repair_key_says_how_to_get_it(self):
        repo = self.sample()
        before = tree(repo)
        terminal = self.verified(repo)
        for key in 'RBCSU':
            terminal.press(key).wait(REFUSED, '[1 Overview]')
            terminal.press('n').gone(REFUSED)
        for command in ('recover', 'rollback', 'compact', 'salvage', 'undo', 'salvage keep-tail'):
            terminal.type(':' + command, 'Enter').wait(REFUSED)
            terminal.press('n').gone(REFUSED)
        terminal.press('Up').wait(lambda s: s.selected == 'S salvage')
        terminal.press('Enter').wait(REFUSED, '[1 Overview]')
        self.assertEqual(tree(repo), before)

    def test_it_names_the_holder_waits_and_gets_the_lock_when_that_ends(self):
        repo = self.sample()
        holder = self.holder(repo, 'LOCK_SH')
        for size in SIZES:
            terminal = self.open(repo, columns=size[0], lines=size[1])
            terminal.press('u').wait('held by somebody else', '%d' % holder.pid, 'python',
                                     'waiting until it is free', 'READ-ONLY')
            seen = set()
            deadline = time.monotonic() + DEADLINE
            while len(seen) < 3 and time.monotonic() < deadline:
                seen |= set(re.findall(r'(\S) waiting until', terminal.screen().text))
            self.assertGreaterEqual(len(seen), 3)
            terminal.press('Escape').wait('given up', 'READ-ONLY',
                                          lambda s: 'waiting until' not in s)
            self.assertTrue(can_lock(repo, fcntl.LOCK_SH))
            terminal.press('u').wait('waiting until it is free')
            terminal.press('x').wait('given up', 'READ-ONLY')
            if size != SIZES[-1]:
                self.leave(terminal)
        terminal.press('u').wait('waiting until it is free')
        let_go(holder)
        terminal.wait('REPAIR MODE', lambda s: 'waiting until' not in s)
        self.assertFalse(can_lock(repo, fcntl.LOCK_SH))
        terminal.press('L').wait('refused', 'given up', 'upgraded')

    def test_a_second_program_that_wants_it_is_refused_and_named(self):
        repo = self.sample()
        first, second = self.open(repo), self.open(repo)
        first.press('u').wait('held by somebody else', 'atticscope')
        second.press('u').wait(lambda s: 'REPAIR MODE' not in s, 'is about to write')
        second.press('q', 'q')
        self.assertEqual(second.ended(), 0)
        first.wait('REPAIR MODE')

    def test_with_no_lock_it_is_not_available(self):
        terminal = self.open(self.sample(), '--no-lock')
        terminal.press('u').wait('opened with --no-lock', 'READ-ONLY')
        terminal.press('R').wait(REFUSED)

    def test_every_end_of_the_program_gives_it_back(self):
        repo = self.sample()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL):
            terminal = self.upgraded(repo)
            os.kill(terminal.pid, number)
            self.assertTrue(process_is_gone(terminal.pid))
            self.is_free(repo)
        terminal = self.upgraded(repo)
        terminal.tmux('kill-window')
        self.assertTrue(process_is_gone(terminal.pid))
        self.is_free(repo)

    def is_free(self, repo):
        """Wait: the threads of a killed process may outlive the first one."""
        deadline = time.monotonic() + DEADLINE
        while not can_lock(repo, fcntl.LOCK_EX):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)

    def test_q_asks_before_it_leaves_repair_mode(self):
        repo = self.sample()
        terminal = self.upgraded(repo)
        terminal.press('q').wait('leave?', 'lock is held')
        terminal.press('q').wait('[1 Overview]', lambda s: 'leave?' not in s, 'REPAIR MODE')
        terminal.press('q').wait('leave?')
        terminal.press('y')
        self.assertEqual(terminal.ended(), 0)
        self.assertTrue(can_lock(repo, fcntl.LOCK_EX))


class Whole(Steps):
    """Upgrade, plan, wrong confirmation, right one, report, verify again, undo."""

    def drive(self, repo, key, name, wanted, columns, lines, undone):
        before = tree(repo)
        terminal = self.upgraded(repo, columns=columns, lines=lines)
        self.plan(terminal, key, name)
        screen = terminal.wait('REPAIR MODE', *wanted)
        self.assertLessEqual(max(map(len, screen.lines)), columns)
        for wrong in ('', name[:-1], name + 's', name.upper(), 'yes'):
            terminal.press('Enter').wait(name + ': really?')
            terminal.type(wrong, 'Enter').wait('cancelled; nothing was done', 'plan: ' + name)
        terminal.press(key).wait(name + ': really?')	# the repair's own key confirms too
        terminal.type(name, 'Escape').wait('cancelled; nothing was done')
        self.assertEqual(tree(repo), before)
        self.confirm(terminal, name)
        self.reported(terminal, name)
        self.assertFalse(can_lock(repo, fcntl.LOCK_SH))
        written = self.path('report %s %d' % (name, columns))
        terminal.type(':write ' + written, 'Enter').wait('written: ')
        with open(written) as f:
            self.assertRegex(f.read(),
                             r'(?s)is done.*Afterwards: The repository is whole.*%s: done' % name)
        self.assertTrue(is_clean(repo))
        after = tree(repo)
        self.assertNotEqual(after, before)
        terminal.press('1').wait('[1 Overview]', 'no problems')
        self.plan(terminal, key, name).wait('Nothing to do')
        terminal.press('Enter').wait('there is nothing to do')
        self.assertEqual(tree(repo), after)
        terminal.type(':report', 'Enter').wait('report: ' + name)
        self.undo(terminal, undone)
        self.assertEqual(tree(repo), before)
        terminal.press('L').wait('what was done', 'upgraded', 'planned',
                                 'cancelled at the question', 'The %s is done' % name, 'taken back')

    def through_sizes(self, make, *args, undone):
        for size in SIZES:
            with self.subTest(size):
                repo = make(self.path('%s%d' % (make.__name__, size[0])))
                self.drive(repo, *args, *size, undone)

    def sample_at(self, path):
        return self.sample(os.path.basename(path))

    def test_salvage(self):
        self.through_sizes(self.sample_at, 'S', 'salvage',
                           ('4 keys lost', 'transaction  46 -> 49', 'files to be made'),
                           undone='The log is damaged')

    def test_recover(self):
        self.through_sizes(without_index, 'R', 'recover',
                           ('new index', 'new hints', 'none is lost'),
                           undone='Index or hints do not fit')

    def test_rollback(self):
        self.through_sizes(with_tail, 'B', 'rollback', ('data/0/3', 'to the undo folder'),
                           undone='A transaction was begun')

    def test_compact(self):
        self.through_sizes(with_superseded, 'C', 'compact', ('none is lost', 'to the undo folder'),
                           undone='The repository is whole')


class Interrupted(Steps):
    def test_an_interrupted_repair_is_named_at_the_start_and_after_verifying(self):
        repo = self.sample()
        done = subprocess.run([PROGRAM, 'salvage', '--yes', '--json', repo],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=120)
        undo = os.path.join(repo, json.loads(done.stdout)['undo'])
        os.unlink(os.path.join(undo, 'done'))
        terminal = self.open(repo)
        terminal.wait('next', lambda s: 'was cut short: verifying tells what is left' in s.words)
        terminal.press('v')
        terminal.wait(lambda s: 'was cut short, and nothing is wrong: undo takes back' in s.words)
        terminal.press('6').wait('a repair was cut short')
        self.leave(terminal)
        with open(os.path.join(undo, 'undoing'), 'w'):
            pass
        os.rename(os.path.join(undo, 'data/0/7'), os.path.join(repo, 'data/0/7'))
        terminal = self.upgraded(repo, '--verify')
        terminal.wait(lambda s: 'first Taking back the salvage of' in s.words, 'otherwise',
                      'S salvage')
        self.undo(terminal, 'The log is damaged')


class Plan(Steps):
    def test_enter_on_the_recommendation_plans_it(self):
        terminal = self.upgraded(self.sample(), '--verify')
        terminal.wait('S salvage')
        terminal.press('Up').wait(lambda s: s.selected == 'S salvage')
        terminal.press('Enter').wait('plan: salvage')

    def test_two_repairs_are_shown_side_by_side_and_both_can_be_planned(self):
        repo = with_damaged_commit(self.path())
        for size in SIZES:
            terminal = self.upgraded(repo, '--verify', columns=size[0], lines=size[1])
            screen = terminal.wait('S salvage', 'B rollback', 'keeps 11 objects', 'keeps 9 objects')
            line = [l for l in screen.lines if 'S salvage' in l][0]
            self.assertIn('B rollback', line)
            terminal.press('Up').wait(lambda s: s.selected == 'S salvage')
            terminal.press('Right').wait(lambda s: s.selected == 'B rollback')
            terminal.press('Enter').wait('plan: rollback', '-> 9')
            terminal.press('q').wait('[1 Overview]')
            terminal.press('Left').wait(lambda s: s.selected == 'S salvage')
            terminal.press('Enter').wait('plan: salvage', '-> 11')
            terminal.press('1').wait('[1 Overview]')
            terminal.press('Down').wait('segment 0:')
            self.leave(terminal)

    def test_after_a_partial_check_the_two_repairs_say_how_to_get_their_figures(self):
        repo = with_damaged_commit(self.path())
        for name in ('index', 'hints'):
            os.rename(os.path.join(repo, name + '.2'), os.path.join(repo, name + '.3'))
        self.age(repo)
        self.leave(self.verified(repo))
        terminal = self.open(repo)
        terminal.press('v').wait('S salvage', 'B rollback',
                                 lambda s: 'V to read everything' in s.words)
        terminal.press('V').wait(lambda s: len(re.findall(r'keeps \d+ objects', s.text)) == 2)
        self.leave(terminal)

    def test_a_plan_reads_everything_whatever_was_known(self):
        repo = with_superseded(self.path())
        self.age(repo)
        self.leave(self.verified(repo))
        terminal = self.open(repo)
        terminal.press('v').wait('segments were known from before')
        terminal.press('u').wait('REPAIR MODE')
        terminal.press('C').wait('plan: compact', 'objects')
        self.leave(terminal)

    def test_a_tail_can_be_kept_or_dropped_in_a_new_plan(self):
        terminal = self.upgraded(self.sample())
        self.plan(terminal, 'S', 'salvage')
        terminal.press('t').wait('plan: salvage, tail kept', '-> 283')
        terminal.press('t').wait('plan: salvage, tail dropped')
        terminal.press('t').wait('plan: salvage  ')
        terminal.press('s').wait('plan: salvage, with suspects')
        terminal.press('1').wait('[1 Overview]')
        terminal.type(':salvage --keep-tail', 'Enter').wait('plan: salvage, tail kept')
        terminal.type(':rollback no-undo', 'Enter').wait('plan: rollback, WITHOUT AN UNDO')
        terminal.type(':salvage nonsense', 'Enter').wait('nonsense: not an option of salvage')

    def test_it_is_scrolled_searched_and_written_to_a_new_file_outside(self):
        repo = self.sample()
        before = tree(repo)
        terminal = self.upgraded(repo)
        self.plan(terminal, 'S', 'salvage')
        terminal.type('/data/1/17',
                      'Enter').wait(lambda s: s.selected and 'data/1/17' in s.selected)
        terminal.press('g').wait(lambda s: s.selected and 'transaction' in s.selected)
        # The last row is either, as the folder lists them.
        terminal.press('G').wait(lambda s: re.search(r'(index|hints)\.46', s.selected or ''))
        path = self.path('plan.txt')
        terminal.press('w').wait('write this to a file')
        terminal.type(path, 'Enter').wait('written: ')
        with open(path) as f:
            text = f.read()
        for part in ('46 -> 49', '4 keys lost', 'data/1/17', 'index.49'):
            self.assertIn(part, text)
        terminal.type(':write ' + path, 'Enter').wait('not written', 'exists')
        for inside in (os.path.join(repo, 'x'), os.path.join(repo, 'data', '0', 'x')):
            terminal.type(':write ' + inside,
                          'Enter').wait(lambda s: 'lies in the repository' in s.words)
        terminal.type(':write ' + self.path('no/such/folder'), 'Enter').wait('not written')
        terminal.press('w').wait('write this to a file')
        terminal.press('Escape').wait(lambda s: 'write this to a file' not in s)
        self.assertEqual(tree(repo), before)

    def test_a_refused_plan_says_why_and_cannot_be_confirmed(self):
        repo = self.sample()
        before = tree(repo)
        terminal = self.upgraded(repo)
        self.plan(terminal, 'S', 'salvage').wait('4 keys lost', 'Enter:go on')
        self.plan(terminal, 'R', 'recover').wait('refused, see below', 'salvage', 'q:back',
                                                 lambda s: 'keys lost' not in s and
                                                 'go on' not in s)
        terminal.press('Enter').wait('this plan is refused')
        self.assertEqual(tree(repo), before)

    def test_an_empty_plan_offers_nothing_to_go_on_with(self):
        terminal = self.upgraded(with_superseded(self.path()))
        self.plan(terminal, 'B', 'rollback').wait('there is nothing to do', 'q:back',
                                                  lambda s: 'go on' not in s)
        terminal.press('Enter').wait(lambda s: s.lines[-1].startswith('there is nothing to do'))

    def test_without_an_undo_folder_undo_says_so(self):
        terminal = self.upgraded(self.sample())
        self.plan(terminal, 'U', 'undo').wait('Nothing to take back')

    def test_after_a_change_the_plan_is_made_again(self):
        repo = with_tail(self.path())
        terminal = self.upgraded(repo)
        self.plan(terminal, 'B', 'rollback').wait('data/0/3')
        with open(os.path.join(repo, 'data', '0', '4'), 'wb') as f:	# by a writer without lock
            f.write(b'ATTICSEG' + entry(PUT, key_of(70), b'sneaked in'))
        before = tree(repo)
        self.confirm(terminal, 'rollback')
        terminal.wait('plan: rollback', 'this is a new one', 'data/0/3', 'data/0/4')
        self.assertEqual(tree(repo), before)
        self.confirm(terminal, 'rollback')
        self.reported(terminal, 'rollback')
        terminal.press('L').wait('not begun: the repository changed')

    def test_a_plan_does_not_outlive_its_screen(self):
        terminal = self.upgraded(self.sample())
        self.plan(terminal, 'S', 'salvage')
        terminal.press('r').wait('read again', '[1 Overview]')
        terminal.press('Enter').tab('3')

    def test_small_plain_and_ascii_terminals_show_it_all(self):
        repo = self.sample()
        before = tree(repo)
        for size, env in (((40, 10), {}), ((80, 24), {'NO_COLOR': '1'}),
                          ((80, 24), {'LC_ALL': 'C'}), ((80, 24), {'TERM': 'vt100'})):
            with self.subTest((size, env)):
                terminal = self.open(repo, columns=size[0], lines=size[1], **env)
                terminal.press('u').wait('REPAIR MODE')
                self.plan(terminal, 'S', 'salvage')
                terminal.press('Enter').wait('salvage: really?', 'Type salvage')
                screen = terminal.type('salv').wait('> salv')
                self.assertLessEqual(max(map(len, screen.lines)), size[0])
                if 'LC_ALL' in env:
                    self.assertTrue(screen.text.isascii(), screen.text)
                if 'NO_COLOR' in env:
                    self.assertFalse(screen.colour)
                for columns, lines in ((160, 50), (30, 5), (60, 15), size):
                    terminal.resize(columns, lines)
                terminal.wait('> salv')
                terminal.press('Escape').wait('cancelled; nothing was done')
                self.leave(terminal)
        self.assertEqual(tree(repo), before)


class Folders(Steps):
    """The list of undo folders, and purging them."""

    def listed(self, terminal, count):
        words = {0: 'what repairs have set aside', 1: '1 undo folder,', 2: '2 undo folders,'}
        return terminal.press('F').wait(words[count], lambda s: len(self.rows(s)) == count)

    def rows(self, screen):
        """The cells of each row up to the one that says whether it can be undone."""
        return [line.split()[:10] for line in screen.lines
                if re.match(r'20\d\d-\d\d-\d\d \d\d:\d\d ', line)]

    def purge(self, terminal, name):
        terminal.press('P').wait('purge %s?' % name, 'Type purge and press Enter')
        return terminal.type('purge', 'Enter').wait(
            lambda s: re.search(r'%s was removed: [\d.]+ K?i?B freed' % name, s.words))

    def test_they_are_listed_newest_first_even_without_the_lock(self):
        repo = two_folders(self.path())
        before = tree(repo)
        told = undo_list(repo)
        for size in SIZES:
            terminal = self.open(repo, columns=size[0], lines=size[1])
            screen = self.listed(terminal, 2)
            for row, want, way in zip(self.rows(screen), told, ('yes', 'later')):
                self.assertEqual('%sT%s' % (row[0], row[1]), want['time'][:16])
                self.assertEqual(row[2:7], [want['action'], 'done'] + [str(want[name]) for name in (
                    'transaction_before', 'transaction_after', 'files')])
                self.assertEqual(row[9], way)
            self.assertEqual([row['action'] for row in told], ['compact', 'salvage'])
            for row in told:
                self.assertEqual(row['name'] in screen, size[0] > 80 or row == told[0])
            terminal.wait('plans to take it back', 'READ-ONLY', 'u asks for it')
            terminal.press('Down').wait('folder     ' + told[1]['name'], 'After the newer ones')
            terminal.type('/compact', 'Enter').wait('folder     ' + told[0]['name'])
            terminal.press('r').wait('read again', 'folder     ' + told[0]['name'])
            terminal.press('1').wait('[1 Overview]')
            terminal.type(':undo-list', 'Enter').wait('2 undo folders')
            self.leave(terminal)
        self.assertEqual(tree(repo), before)

    def test_without_the_lock_nothing_is_undone_or_purged(self):
        repo = two_folders(self.path())
        before = tree(repo)
        for size in SIZES:
            terminal = self.open(repo, columns=size[0], lines=size[1])
            self.listed(terminal, 2)
            for keys in (('P',), ('Enter',), ('U',), (':undo-purge', 'Enter')):
                terminal.type(keys[0]) if len(keys) > 1 else None
                terminal.press(keys[-1]).wait(REFUSED, '2 undo folders',
                                              lambda s: 'really' not in s)
                terminal.press('n').gone(REFUSED)
            self.leave(terminal)
        self.assertEqual(tree(repo), before)

    def test_the_chosen_one_is_purged_after_the_word_was_typed(self):
        for size in SIZES:
            repo = two_folders(self.path('repo%d' % size[0]))
            newest, oldest = [row['name'] for row in undo_list(repo)]
            before = tree(repo)
            terminal = self.upgraded(repo, columns=size[0], lines=size[1])
            self.listed(terminal, 2)
            terminal.press('Down').wait('folder     ' + oldest)
            for wrong in ('', 'purg', 'purges', 'PURGE', 'undo', 'yes'):
                terminal.press('P').wait('purge %s?' % oldest, 'That frees', 'was not verified')
                terminal.type(wrong, 'Enter').wait('cancelled; nothing was removed',
                                                   '2 undo folders')
            terminal.press('P').wait('purge %s?' % oldest)
            terminal.type('purge', 'Escape').wait('cancelled; nothing was removed')
            self.assertEqual(tree(repo), before)
            self.purge(terminal, oldest)
            screen = terminal.wait('1 undo folder,', 'REPAIR MODE')
            self.assertEqual([row[9] for row in self.rows(screen)], ['yes'])
            gone = os.path.join('undo', oldest)
            left = {name: data for name, data in before.items()
                    if name != gone and not name.startswith(gone + '/')}
            self.assertEqual(tree(repo), left)
            self.assertFalse(can_lock(repo, fcntl.LOCK_SH))
            terminal.press('L').wait('purge', 'cancelled at the question',
                                     'confirmed and begun: ' + oldest,
                                     lambda s: oldest + ' was removed: ' in s.words)
            terminal.press('F').wait('1 undo folder,')
            self.leave(terminal)
            self.assertEqual([row['name'] for row in undo_list(repo)], [newest])
            self.assertTrue(is_clean(repo))

    def test_with_the_last_one_the_undo_folder_goes_without_an_alarm(self):
        repo = two_folders(self.path())
        newest, oldest = [row['name'] for row in undo_list(repo)]
        terminal = self.upgraded(repo, '--verify')
        terminal.wait('nothing needs to be done')
        self.listed(terminal, 2)
        screen = terminal.press('P').wait('purge %s?' % newest,
                                          lambda s: 'The older one can then not' in s.words)
        self.assertNotIn('not verified', screen.words)
        terminal.press('Escape').wait('cancelled')
        self.purge(terminal, newest)
        terminal.wait('1 undo folder,', 'verified: no problems')
        terminal.wait(lambda s: [row[9] for row in self.rows(s)] == ['no'], 'later transaction')
        terminal.press('Enter').wait('not this one')
        self.purge(terminal, oldest)
        terminal.wait('There is none', 'verified: no problems',
                      lambda s: 'CHANGED ON DISK' not in s)
        terminal.press('P').wait('nothing to purge')
        terminal.press('Enter').wait('nothing to take back')
        self.plan(terminal, 'U', 'undo').wait('Nothing to take back')
        self.assertFalse(os.path.exists(os.path.join(repo, 'undo')))

    def test_enter_undoes_the_newest_and_then_the_next(self):
        repo = self.path()
        small(repo).damage(key_of(3))
        damaged = tree(repo)
        run('salvage', '--yes', repo, status=1)
        salvaged = tree(repo)
        run('compact', '--yes', repo)
        terminal = self.upgraded(repo)
        self.listed(terminal, 2)
        terminal.press('Down').wait('After the newer ones')
        terminal.press('Enter').wait('not this one')
        terminal.press('Up').wait('plans to take it back')
        for left, files in ((1, salvaged), (0, damaged)):
            terminal.press('Enter').wait('plan: undo')
            self.confirm(terminal, 'undo')
            terminal.wait('report: undo', 'The repair was taken back')
            self.assertEqual(tree(repo), files)
            self.listed(terminal, left)

    def test_interrupted_overtaken_and_unreadable_ones_are_marked(self):
        repo = two_folders(self.path())
        newest, oldest = [os.path.join(repo, 'undo', row['name']) for row in undo_list(repo)]
        os.unlink(os.path.join(newest, 'done'))
        terminal = self.upgraded(repo)
        self.listed(terminal, 2)
        terminal.wait('interrupted', 'The repair was interrupted')
        terminal.press('P').wait('was not finished')
        terminal.press('Escape').wait('cancelled')
        with open(os.path.join(newest, 'manifest'), 'a') as f:
            f.write('more\n')
        terminal.press('r').wait('unreadable', 'or more',
                                 lambda s: [row[-1] for row in self.rows(s)] == ['no', 'no'])
        terminal.press('P').wait('is not known.')
        terminal.press('Escape').wait('cancelled')
        self.leave(terminal)
        repo = without_index(self.path('overtaken'))
        run('recover', '--yes', repo, status=1)
        with open(self.path('object'), 'w') as f:
            f.write('later')
        run('put', repo, '%064x' % 99, self.path('object'))
        os.unlink(glob.glob(os.path.join(repo, 'index.*'))[0])
        run('recover', '--yes', repo, status=1)
        terminal = self.open(repo)
        screen = self.listed(terminal, 2)
        self.assertEqual([row[-1] for row in self.rows(screen)], ['yes', 'no'])
        terminal.press('Down').wait('a later transaction was written before the next repair')

    def test_an_empty_list_says_so(self):
        terminal = self.open(self.sample())
        terminal.press('F').wait('There is none', 'what repairs have set aside')

    def test_small_plain_and_ascii_terminals_show_it_all(self):
        repo = two_folders(self.path())
        before = tree(repo)
        for size, env in (((40, 10), {}), ((80, 24), {'NO_COLOR': '1'}),
                          ((80, 24), {'LC_ALL': 'C'}), ((80, 24), {'TERM': 'vt100'})):
            with self.subTest((size, env)):
                terminal = self.open(repo, columns=size[0], lines=size[1], **env)
                terminal.press('u').wait('REPAIR MODE')
                terminal.press('F').wait('2 undo folders', 'compact', 'salvage')
                terminal.press('P').wait('Type purge and press Enter')
                screen = terminal.type('purg').wait('> purg')
                self.assertLessEqual(max(map(len, screen.lines)), size[0])
                if 'LC_ALL' in env:
                    self.assertTrue(screen.text.isascii(), screen.text)
                if 'NO_COLOR' in env:
                    self.assertFalse(screen.colour)
                terminal.press('Escape').wait('cancelled')
                self.leave(terminal)
        self.assertEqual(tree(repo), before)


@unittest.skipUnless(strace_works(), 'strace cannot trace here')
class SlowFolders(Steps):
    """Undo folders on a slow disk."""

    def slowed(self, repo, call, delay, *more):
        terminal = self.terminal(['strace', '-f', '-qq', '-o', '/dev/null', '-e', 'trace=' + call,
                                  *more, '-e', 'inject=%s:delay_enter=%d' % (call, delay), PROGRAM,
                                  repo],
                                 ASAN_OPTIONS='detect_leaks=0')
        terminal.tab('1')
        return terminal

    def test_the_screen_does_not_wait_for_the_list(self):
        repo = two_folders(self.path())
        terminal = self.slowed(repo, 'getdents64', 1000000, '-P', os.path.join(repo, 'undo'))
        terminal.press('F').wait('Reading the undo folders', 'reading the undo folders')
        terminal.press('L').wait('what was done')
        terminal.press('q').wait('Reading the undo folders')
        terminal.wait('2 undo folders', 'salvage')

    def test_a_list_that_cannot_be_read_says_why(self):
        repo = two_folders(self.path())
        terminal = self.terminal(['strace', '-f', '-qq', '-o', '/dev/null', '-e',
                                  'trace=getdents64', '-P', os.path.join(repo, 'undo'), '-e',
                                  'inject=getdents64:error=EIO', PROGRAM, repo],
                                 ASAN_OPTIONS='detect_leaks=0')
        terminal.tab('1')
        unlisted = r'They cannot be listed: undo: .*\(r tries again\)'
        terminal.press('F').wait(lambda s: re.search(unlisted, s.words))

    def begun(self, repo):
        terminal = self.slowed(repo, 'unlinkat', 100000)
        terminal.press('u').wait('REPAIR MODE')
        terminal.press('F').wait('2 undo folders')
        terminal.press('P').wait('Type purge')
        terminal.type('purge', 'Enter').wait('purge is running', 'cannot be stopped')
        return terminal

    def test_progress_is_shown_and_no_other_key_works_meanwhile(self):
        repo = two_folders(self.path())
        newest, oldest = [row['name'] for row in undo_list(repo)]
        terminal = self.begun(repo)
        for key in ('q', 'Escape', 'x', 'r', 'l', '2', 'F', 'Enter'):
            terminal.press(key)
        seen = set()
        while len(seen) < 2:
            screen = terminal.wait('purge is running', 'removing ' + newest, 'REPAIR MODE')
            seen |= set(re.findall(r'(\S) removing', screen.text))
        terminal.wait('1 undo folder,', newest + ' was removed: ')
        self.assertEqual(os.listdir(os.path.join(repo, 'undo')), [oldest])

    def test_a_signal_waits_for_its_end(self):
        repo = two_folders(self.path())
        newest, oldest = [row['name'] for row in undo_list(repo)]
        terminal = self.begun(repo)
        with open('/proc/%d/task/%d/children' % (terminal.pid, terminal.pid)) as f:
            pid = int(f.read().split()[0])
        os.kill(pid, signal.SIGTERM)
        self.assertTrue(process_is_gone(pid))
        self.assertIn(newest + ' was removed: ', terminal.written())
        self.assertEqual(os.listdir(os.path.join(repo, 'undo')), [oldest])
        self.assertTrue(can_lock(repo, fcntl.LOCK_EX))


@unittest.skipUnless(strace_works(), 'strace cannot trace here')
class Slow(Steps):
    """A disk on which every read, or other call, is slow."""

    def slowed(self, repo, delay, call='pread64'):
        """Start the program; each of these system calls takes @delay microseconds."""
        terminal = self.terminal(['strace', '-f', '-qq', '-o', '/dev/null', '-e', 'trace=' + call,
                                  '-e', 'inject=%s:delay_enter=%d' % (call, delay), PROGRAM, '-j',
                                  '1', repo],
                                 ASAN_OPTIONS='detect_leaks=0')
        terminal.tab('1')
        terminal.press('u').wait('REPAIR MODE')
        return terminal

    def begun(self, repo):
        terminal = self.slowed(repo, 20000)
        self.plan(terminal, 'S', 'salvage')
        self.confirm(terminal, 'salvage')
        return terminal.wait('salvage is running') and terminal

    def test_progress_is_shown_and_x_stops_it_without_a_trace(self):
        repo = large(self.path())
        before = tree(repo)
        terminal = self.begun(repo)
        terminal.wait('copying', '%', '█', 'KiB/s', 'left', 'x stops it at the next safe point')
        for key in ('q', 'Escape', 'r', 'l', '2', ':', 'Enter'):	# none works meanwhile
            terminal.press(key)
        terminal.wait('salvage is running', 'REPAIR MODE')
        terminal.press('x')
        terminal.wait('report: salvage', 'was cancelled', 'Nothing is changed',
                      'nothing was changed')
        terminal.wait(lambda s: VERIFIED_ANEW + 'The log is damaged' in s.words)
        self.assertEqual(tree(repo), before)
        terminal.press('L').wait('was cancelled')

    def test_undo_shows_its_progress_too(self):
        repo = with_superseded(self.path())
        subprocess.run([PROGRAM, 'compact', '--yes', repo], stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, check=True, timeout=120)
        terminal = self.slowed(repo, 150000, 'fsync')
        self.plan(terminal, 'U', 'undo')
        self.confirm(terminal, 'undo')
        terminal.wait('undo is running', 'putting back', '%', '█', 'cannot be stopped')
        terminal.wait('report: undo', 'The repair was taken back')

    def test_a_signal_stops_it_at_a_safe_point_first(self):
        repo = large(self.path())
        before = tree(repo)
        terminal = self.begun(repo)
        terminal.wait('copying')
        with open('/proc/%d/task/%d/children' % (terminal.pid, terminal.pid)) as f:
            pid = int(f.read().split()[0])
        os.kill(pid, signal.SIGTERM)
        self.assertTrue(process_is_gone(pid))
        self.assertIn('Nothing is changed', terminal.written())
        self.assertEqual(tree(repo), before)
        self.assertTrue(can_lock(repo, fcntl.LOCK_EX))

    def test_planning_can_be_cancelled(self):
        repo = large(self.path())
        terminal = self.slowed(repo, 300000)
        terminal.press('S').wait('verifying')
        terminal.press('x').wait('cancelled', lambda s: 'plan:' not in s)


if __name__ == '__main__':
    unittest.main(verbosity=1, warnings='ignore')
