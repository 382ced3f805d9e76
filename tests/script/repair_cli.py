#!/usr/bin/env python3
"""The repairs on the command line: recover, rollback, compact, salvage and undo; plans, questions,
refusals, reports, locks, interrupts; and without confirmation no byte changes.

ATTICSCOPE names the program. The repositories are written and read here, from the format alone."""
import fcntl
import hashlib
import json
import os
import pty
import re
import select
import shlex
import shutil
import signal
import struct
import subprocess
import tempfile
import termios
import time
import unittest

import cli
import store_cli
from cli import COMMIT, COMMITTED, DELETE, PUT, key_of
from system import hold, let_go, strace_works, tree

REPAIRS = ('recover', 'rollback', 'compact', 'salvage')
FIELDS = ['action', 'repository', 'dry_run', 'transaction_before', 'transaction_after',
          'objects_before', 'objects_after', 'lost', 'created', 'replaced', 'removed', 'undo',
          'lost_causes', 'suspects', 'entries_copied', 'bytes_copied', 'deletes_written',
          'bytes_needed', 'bytes_free', 'bytes_in_undo', 'hardware_doubt', 'refused', 'done',
          'clean', 'verdict', 'bytes_created', 'by_hand', 'older', 'left_out', 'dropped',
          'at_least', 'possibly_deleted', 'not_planned', 'next_step']
UNDO_FIELDS = ['action', 'repository', 'dry_run', 'name', 'transaction_before', 'transaction_after',
               'objects_before', 'objects_after', 'lost', 'created', 'replaced', 'removed', 'undo',
               'refused', 'done']
LIST_FIELDS = ['name', 'time', 'action', 'state', 'transaction_before', 'transaction_after',
               'files', 'bytes']
MAY_DIFFER = ('dry_run', 'undo', 'done', 'clean', 'verdict', 'bytes_free')
TAIL = [(PUT, key_of(20), b'written, never committed')]
DOUBTFUL = [(PUT, key_of(20), b'the newest object'), COMMITTED]
DEADLINE = 60	# seconds


def run(*args, **more):
    """(status, standard output, standard error), both as text."""
    status, out, err = store_cli.run(*args, **more)
    return status, out.decode(), err


class Terminal:
    """The program with a terminal as its standard input, output and error."""

    def __init__(self, *args, lines=100, columns=100, under=()):
        environment = {'ASAN_OPTIONS': 'detect_leaks=0'} if under else {}
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack('HHHH', lines, columns, 0, 0))
                command = [*under, cli.PROGRAM, *args]
                os.execvpe(command[0], command, dict(cli.ENVIRONMENT, **environment))
            finally:
                os._exit(127)
        self.sent = ''

    def read_some(self):
        """False: the program has ended."""
        if not select.select([self.fd], [], [], DEADLINE)[0]:
            raise AssertionError('nothing came: ' + self.sent)
        try:
            part = os.read(self.fd, 65536)
        except OSError:
            part = b''
        self.sent += part.decode('utf-8', 'replace').replace('\r\n', '\n')
        return part != b''

    def wait(self, text):
        while text not in self.sent:
            if not self.read_some():
                raise AssertionError('%r did not come: %s' % (text, self.sent))

    def type(self, text):
        os.write(self.fd, text.encode())

    def end(self):
        """(exit status, all output)."""
        while self.read_some():
            pass
        os.close(self.fd)
        self.text = re.sub(r'\x1b\[[0-9;]*[mK]', '', self.sent)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1]), self.text


class Case(unittest.TestCase):
    """self.path is a repository of ten objects; key_of(1) was replaced and key_of(2) deleted. The
    methods named after the repairs make each of them necessary."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='atticscope-repair-')
        self.addCleanup(shutil.rmtree, self.folder)
        self.make('repo')

    def make(self, name):
        self.repo = cli.sample(os.path.join(self.folder, name))
        self.path = self.repo.path

    def recover(self):
        os.unlink(os.path.join(self.path, 'index.2'))

    def rollback(self):
        self.repo.write_segment(3, TAIL)

    def compact(self):
        pass

    def salvage(self):
        self.repo.damage(key_of(3))

    def doubtful(self):
        """A transaction that lacks only its COMMIT."""
        self.repo.write_segment(3, DOUBTFUL)
        self.repo.flip(3, os.path.getsize(self.repo.segment(3)) - 1)

    def each(self):
        for action in REPAIRS:
            with self.subTest(action):
                self.make(action)
                getattr(self, action)()
                yield action

    def object(self, *args, status=0):
        got, out, err = run(*args, '--json')
        self.assertEqual(got, status, (args, out, err))
        self.assertEqual(out.count('\n'), 1)
        return json.loads(out)

    def repair(self, action, *options, status=1):
        return self.object(action, '--yes', *options, self.path, status=status)

    def text(self, *args, status=0):
        got, out, err = run(*args)
        self.assertEqual((got, err), (status, ''), (args, out))
        return out

    def fails(self, status, *args, **more):
        """Standard error of a run that ends with @status and changes nothing. Only a dry run may
        print something, its plan."""
        before = tree(self.path)
        got, out, err = run(*args, **more)
        self.assertEqual(got, status, (args, err))
        if out and '--dry-run' in args:
            self.assertRegex(re.sub(r'\s+', ' ', out), '^Plan: %s .* Refused: ' % args[0])
        else:
            self.assertEqual(out, '', (args, err))
        self.assertEqual(tree(self.path), before)
        self.assertTrue(err)
        for line in err.splitlines():
            self.assertTrue(line.startswith('atticscope: '), err)
        return err

    def is_clean(self):
        return run('check', self.path)[0] == 0

    def undo_folders(self):
        try:
            return sorted(os.listdir(os.path.join(self.path, 'undo')))
        except FileNotFoundError:
            return []


class Asking(Case):
    def test_without_a_terminal_nothing_is_done_unasked(self):
        for action in self.each():
            err = self.fails(16, action, self.path)
            self.assertIn('--dry-run', err)
            self.assertIn('--yes', err)
        for args in (('undo',), ('undo', '--purge')):
            self.assertIn('--yes', self.fails(16, *args, self.path))

    def test_json_on_a_terminal_asks_no_question(self):
        self.salvage()
        terminal = Terminal('salvage', '--json', self.path)
        status, text = terminal.end()
        self.assertEqual(status, 16)
        self.assertIn('without --json', text)

    def test_the_name_of_the_repair_must_be_typed(self):
        for action in self.each():
            before = tree(self.path)
            for answer in ('yes\n', '\n', action.upper() + '\n', action + ' \n', '\x04', 'undo\n'):
                terminal = Terminal(action, self.path)
                terminal.wait('anything else cancels: ')
                self.assertEqual(tree(self.path), before)
                terminal.type(answer)
                status, text = terminal.end()
                self.assertEqual(status, 32, text)
                self.assertIn('cancelled: nothing was changed', text)
                self.assertEqual(tree(self.path), before)
            terminal = Terminal(action, self.path)
            terminal.wait('Type %s to do it; anything else cancels: ' % action)
            terminal.type(action + '\n')
            status, text = terminal.end()
            self.assertEqual(status, 0 if action == 'compact' else 1, text)
            self.assertIn('%s: done' % action, text)
            self.assertTrue(self.is_clean())

    def test_control_c_at_the_question_cancels(self):
        self.salvage()
        before = tree(self.path)
        terminal = Terminal('salvage', self.path)
        terminal.wait('cancels: ')
        terminal.type('\x03')
        status, text = terminal.end()
        self.assertEqual(status, 32)
        self.assertIn('nothing was changed', text)
        self.assertEqual(tree(self.path), before)

    def test_undo_and_purge_ask_for_their_own_words(self):
        self.salvage()
        before = tree(self.path)
        self.repair('salvage')
        for args, word in ((('undo',), 'undo'), (('undo', '--purge'), 'purge')):
            terminal = Terminal(*args, self.path)
            terminal.wait('Type %s to do it' % word)
            terminal.type('salvage\n')
            self.assertEqual(terminal.end()[0], 32)
            self.assertEqual(len(self.undo_folders()), 1)
        terminal = Terminal('undo', self.path)
        terminal.wait('cancels: ')
        terminal.type('undo\n')
        self.assertEqual(terminal.end()[0], 0)
        self.assertEqual(tree(self.path), before)

    def many(self):
        """More lost keys than are shown before the question."""
        first = [(PUT, key_of(100 + i), b'%d' % i) for i in range(30)] + [COMMITTED]
        self.repo = cli.Repository(os.path.join(self.folder, 'many'),
                                   [first, [(PUT, key_of(1), b'x'), COMMITTED]])
        self.path = self.repo.path
        for i in range(30):
            self.repo.damage(key_of(100 + i))

    def test_a_terminal_gets_the_first_twenty_of_a_list_and_a_pipe_all(self):
        self.many()
        terminal = Terminal('salvage', self.path)
        terminal.wait('cancels: ')
        terminal.type('\n')
        text = terminal.end()[1]
        self.assertEqual(len(re.findall(r'(?m)^  [0-9a-f]{64}  0:\d+$', text)), 20)
        self.assertIn('30 keys lost', text)
        self.assertIn('and 10 more', text)
        text = self.text('salvage', '--dry-run', self.path)
        self.assertEqual(len(re.findall(r'(?m)^  [0-9a-f]{64}  0:\d+$', text)), 30)
        self.assertNotIn(' more', text)

    def test_the_plan_fits_a_narrow_terminal(self):
        self.doubtful()
        self.repo.damage(key_of(3))
        terminal = Terminal('salvage', self.path, columns=80)
        terminal.wait('cancels: ')
        terminal.type('\n')
        for line in terminal.end()[1].splitlines():
            self.assertLessEqual(len(line), 80)


class Planning(Case):
    def test_a_dry_run_prints_everything_and_changes_nothing(self):
        for action in self.each():
            before = tree(self.path)
            plan = self.object(action, '--dry-run', self.path)
            self.assertEqual(list(plan), FIELDS)
            self.assertEqual((plan['action'], plan['dry_run'], plan['undo'], plan['done'],
                              plan['refused'], plan['hardware_doubt']),
                             (action, True, None, False, None, False))
            self.assertEqual((plan['repository'], plan['transaction_before'],
                              plan['objects_before']), (self.path, 2, 9))
            self.assertTrue(plan['created'] or plan['removed'])
            text = self.text(action, '--dry-run', self.path)
            for part in plan['created'] + plan['replaced'] + plan['removed'] + plan['lost']:
                self.assertIn(part, text)
            self.assertEqual(tree(self.path), before)

    @unittest.skipUnless(strace_works(), 'strace cannot trace here')
    def test_a_dry_run_takes_no_exclusive_lock_and_opens_nothing_for_writing(self):
        log = os.path.join(self.folder, 'trace')
        for action in self.each():
            env = dict(cli.ENVIRONMENT, ASAN_OPTIONS='detect_leaks=0')
            done = subprocess.run(['strace', '-f', '-y', '-qq', '-o', log, '-e',
                                   'trace=openat,fcntl,flock', cli.PROGRAM, action, '--dry-run',
                                   self.path], stdin=subprocess.DEVNULL, capture_output=True,
                                  env=env, timeout=DEADLINE)
            self.assertEqual(done.returncode, 0, done.stderr)
            with open(log) as f:
                calls = [line for line in f if self.path in line]
            self.assertTrue([c for c in calls if 'F_RDLCK' in c], calls)
            for call in calls:
                self.assertNotRegex(call, 'F_WRLCK.*SETLK|SETLK.*F_WRLCK|flock|O_RDWR|O_WRONLY')

    def test_the_report_has_the_figures_of_the_plan(self):
        for action in self.each():
            plan = self.object(action, '--dry-run', self.path)
            report = self.repair(action, status=0 if action == 'compact' else 1)
            self.assertEqual(list(report), FIELDS)
            for field in FIELDS:
                if field not in MAY_DIFFER:
                    self.assertEqual(report[field], plan[field], field)
            self.assertEqual((report['dry_run'], report['done'], report['clean']),
                             (False, True, True))
            for path in report['created'] + report['replaced']:
                self.assertTrue(os.path.exists(os.path.join(self.path, path)), path)
            self.assertEqual(plan['bytes_created'],
                             sum(os.path.getsize(os.path.join(self.path, path))
                                 for path in report['created']))
            for path in report['removed'] + report['replaced']:
                kept = os.path.join(self.path, report['undo'], path)
                self.assertTrue(os.path.isfile(kept), kept)
            for path in report['removed']:
                self.assertFalse(os.path.exists(os.path.join(self.path, path)), path)

    def test_each_repair(self):
        want = {
            'recover': (2, 9, ['hints.2'], 0), 'rollback': (2, 9, [], 0),
            'compact': (3, 9, ['data/0/3', 'hints.3', 'index.3'], 0),
            'salvage': (3, 8, ['data/0/3', 'hints.3', 'index.3'], 1),
        }
        for action in self.each():
            report = self.object(action, '--dry-run', self.path)
            after, objects, _, lost = want[action]
            if action == 'compact':
                after = report['transaction_after']
            self.assertEqual((report['transaction_after'], report['objects_after'],
                              len(report['lost'])), (after, objects, lost))
            self.repair(action, status=0 if action == 'compact' else 1)
            check = self.object('check', self.path)
            self.assertEqual((check['objects'], check['transaction_id'], check['clean']),
                             (objects, after, True))

    def test_lost_keys_have_a_name_and_a_cause(self):
        self.salvage()
        os.unlink(self.repo.segment(2))
        plan = self.object('salvage', '--dry-run', self.path)
        causes = {row['key']: (row['cause'], row['segment']) for row in plan['lost_causes']}
        self.assertEqual(causes, {key_of(3).hex(): ('damaged', 0), key_of(8).hex(): ('missing', 2),
                                  key_of(9).hex(): ('missing', 2)})
        self.assertEqual(plan['lost'], sorted(causes))
        text = self.text('salvage', '--dry-run', self.path)
        self.assertRegex(text,
                         r'(?s)1 key lost: no whole entry .*\n  %s  0:152\n' % key_of(3).hex())
        self.assertRegex(text, r'(?m)^2 keys lost: the segment is missing ')

    def test_a_second_run_finds_nothing_to_do(self):
        for action in self.each():
            self.repair(action, status=0 if action == 'compact' else 1)
            before = tree(self.path)
            again = self.repair(action, status=0)
            self.assertEqual([again[f] for f in ('lost', 'created', 'replaced', 'removed', 'undo',
                                                 'refused')], [[], [], [], [], None, None])
            self.assertEqual(again['transaction_after'], again['transaction_before'])
            self.assertEqual(again['objects_after'], again['objects_before'])
            self.assertIn('Nothing to do', self.text(action, '--yes', self.path))
            self.assertEqual(tree(self.path), before)

    def test_nothing_to_do_needs_no_question(self):
        self.make('whole')
        terminal = Terminal('rollback', self.path)
        status, text = terminal.end()
        self.assertEqual(status, 0)
        self.assertIn('Nothing to do: no transaction was left unfinished.', text)

    def test_nothing_to_do_with_problems_left_ends_with_4(self):
        self.salvage()
        before = tree(self.path)
        self.assertIn('damaged', self.text('rollback', '--yes', self.path, status=4))
        self.assertEqual(tree(self.path), before)

    def test_a_refusal_says_why_and_what_instead(self):
        self.salvage()
        before = tree(self.path)
        self.assertIn('salvage', self.fails(4, 'recover', '--yes', self.path))
        self.assertIn('salvage', self.fails(4, 'recover', '--dry-run', self.path))
        status, out, err = run('recover', '--yes', '--json', self.path)
        self.assertEqual(status, 4)
        plan = json.loads(out)
        self.assertIn('salvage', plan['refused'])
        self.assertEqual([plan[f] for f in ('transaction_after', 'objects_after', 'undo', 'created',
                                            'done')],
                         [2, 8, None, [], False])
        self.assertEqual(len(plan['lost']), 1)
        self.assertEqual(tree(self.path), before)

    def test_colliding_keys_are_refused_before_look_ups_become_slow(self):
        """Their first four bytes choose the bucket: each look-up would pass all of them."""
        keys = [b'same' + hashlib.sha256(b'%d' % i).digest()[:28] for i in range(100000)]
        self.repo = cli.Repository(os.path.join(self.folder, 'alike'), [[COMMITTED]])
        with open(self.repo.segment(0), 'wb') as f:
            f.write(b'ATTICSEG' + b''.join(cli.entry(PUT, key, b'') for key in keys)
                    + cli.entry(*COMMITTED))
        os.unlink(os.path.join(self.repo.path, 'index.0'))
        os.unlink(os.path.join(self.repo.path, 'hints.0'))
        before = tree(self.repo.path)
        for action in ('recover', 'salvage'):
            self.assertIn('begin alike', self.fails(4, action, '--yes', self.repo.path))
        self.assertEqual(tree(self.repo.path), before)
        self.assertEqual(run('get', self.repo.path, keys[99999].hex())[0], 0)

    def test_a_file_in_place_of_the_undo_folder_is_reported_before_anything_is_done(self):
        things = {'file': lambda path: open(path, 'w').close(), 'fifo': os.mkfifo,
                  'link': lambda path: os.symlink(self.folder, path)}
        for name, make in things.items():
            for action in self.each():
                path = os.path.join(self.path, 'undo')
                make(path)
                status = 8 if action == 'compact' else 4
                for option in ('--dry-run', '--yes'):
                    got, out, err = run(action, option, self.path)
                    self.assertEqual(got, status, (name, action, err))
                    self.assertEqual(out.startswith('Plan: '), option == '--dry-run', out)
                    self.assertIn('has the name of the undo folder', err)
                self.assertEqual(os.listdir(self.path).count('undo'), 1)
                os.unlink(path)
                shutil.rmtree(self.path)

    def test_a_folder_in_place_of_an_index_is_reported_before_anything_is_done(self):
        for name in ('index.100', 'hints.100', 'index.2', 'hints.2'):
            self.make('folder-' + name)
            path = os.path.join(self.path, name)
            if os.path.exists(path):
                os.unlink(path)
            os.mkdir(path)
            self.assertIn(name + ' is a folder', self.fails(4, 'recover', '--yes', self.path))

    def test_an_undo_folder_with_the_last_possible_name_is_refused(self):
        """A foreign one: if ours had a lower name, undo would take back the foreign one."""
        self.recover()
        os.makedirs(os.path.join(self.path, 'undo', '99981231T235959Z.999-salvage'))
        self.assertIn('no name can follow this one', self.fails(4, 'recover', '--yes', self.path))
        os.rename(os.path.join(self.path, 'undo', '99981231T235959Z.999-salvage'),
                  os.path.join(self.path, 'undo', '99981231T235959Z.998-salvage'))
        report = self.repair('recover')
        self.assertEqual(os.path.basename(report['undo']), '99981231T235959Z.999-recover')
        self.assertEqual(self.object('undo', '--yes', self.path)['name'],
                         '99981231T235959Z.999-recover')

    def test_recover_full(self):
        self.recover()
        self.assertTrue(self.repair('recover', '--full')['clean'])

    def test_without_a_repository_the_status_is_8(self):
        for action in REPAIRS + ('undo',):
            status, out, err = run(action, '--yes', os.path.join(self.folder, 'none'))
            self.assertEqual((status, out), (8, ''))

    def test_each_repair_accepts_only_its_own_options(self):
        for args in (('recover', '--keep-tail'), ('rollback', '--full'), ('salvage', '--no-undo'),
                     ('compact', '--with-suspects'), ('undo', '--keep-tail'),
                     ('salvage', '--no-lock'), ('check', '--yes'),
                     ('check', '--break-lock'),
                     ('salvage', '--keep-tail', '--drop-tail'), ('undo', '--list', '--purge')):
            self.fails(16, *args, self.path)
        self.fails(16, 'undo', '--yes', self.path, 'name')


class Doing(Case):
    def test_the_report_is_verified_from_the_disk_and_names_undo(self):
        self.salvage()
        text = self.text('salvage', '--yes', self.path, status=1)
        for part in ('salvage: done', 'transaction  2 -> 3', 'objects      9 -> 8',
                     '1 key lost: no whole entry is left', key_of(3).hex(),
                     'moved to the undo', 'data/0/0', 'undo folder  undo/',
                     'The repository is whole', 'atticscope undo ' + self.path,
                     'undo --purge frees it'):
            self.assertIn(part, text)

    def test_an_entry_in_place_of_the_magic_is_an_object(self):
        for start in range(8):
            with self.subTest(start):
                self.make('start-%d' % start)
                key = next(key for key, place in self.repo.places.items() if place == (0, 8))
                with open(self.repo.segment(0), 'r+b') as f:
                    content = f.read()[8 - start:]
                    f.seek(0)
                    f.write(content)
                    f.truncate()
                status, out, _ = run('entries', '--json', self.path, '0')
                rows = [json.loads(line) for line in out.splitlines()]
                self.assertEqual((status, rows[0]['cause'], rows[0]['length'], rows[1]['key'],
                                  rows[1]['offset']),
                                 (0, 'bad magic', start, key.hex(), start))
                self.assertNotIn('object-lost', [row['code'] for row in
                                                 self.object('check', self.path,
                                                             status=4)['problems']])
                self.assertEqual(run('get', self.path, key.hex())[1],
                                 self.repo.objects[key].decode())
                self.assertEqual(self.repair('salvage')['lost'], [])
                self.assertEqual(run('get', self.path, key.hex())[1],
                                 self.repo.objects[key].decode())

    def test_a_whole_copy_of_a_damaged_segment_is_used_wherever_it_lies(self):
        spoilings = {'cut': lambda path: os.truncate(path, 60),
                     'empty': lambda path: os.truncate(path, 0),
                     'flip': lambda path: self.repo.flip(0, 60),
                     'cut between entries': lambda path: os.truncate(
                         path, self.repo.places[key_of(4)][1])}
        for name, spoil in spoilings.items():
            with self.subTest(name):
                self.make(name)
                os.mkdir(os.path.join(self.path, 'data', '1'))
                shutil.copy(self.repo.segment(0), os.path.join(self.path, 'data', '1', '0'))
                spoil(self.repo.segment(0))
                before = tree(self.path)
                report = self.repair('salvage')
                self.assertEqual((report['lost'], report['objects_after'], report['clean']),
                                 ([], 9, True))
                for number in (0, 3, 4, 5, 6, 7):
                    self.assertEqual(run('get', self.path, key_of(number).hex())[1],
                                     'text %d\n' % number)
                self.object('undo', '--yes', self.path)
                self.assertEqual(tree(self.path), before)

    def test_undo_restores_every_byte(self):
        for action in self.each():
            before = tree(self.path)
            report = self.repair(action, status=0 if action == 'compact' else 1)
            plan = self.object('undo', '--dry-run', self.path)
            back = self.object('undo', '--yes', self.path)
            self.assertEqual(list(back), UNDO_FIELDS)
            self.assertEqual((back['action'], back['name'], back['undo'], back['done']),
                             ('undo', os.path.basename(report['undo']), None, True))
            self.assertEqual((back['transaction_before'], back['transaction_after']),
                             (report['transaction_after'], report['transaction_before']))
            for field in UNDO_FIELDS:
                if field not in ('dry_run', 'done'):
                    self.assertEqual(back[field], plan[field], field)
            self.assertEqual(sorted(back['created'] + back['replaced']),
                             sorted(report['removed'] + report['replaced']))
            self.assertEqual(sorted(back['removed']), sorted(report['created']))
            self.assertEqual(tree(self.path), before)

    def test_values_that_end_like_a_commit_do_not_change_the_numbers(self):
        """No segment may end with one, so sizes alone do not decide where the next begins."""
        value = b'x' * 400 + cli.entry(COMMIT)
        for action in ('compact', 'salvage'):
            entries = [(PUT, key_of(i), value) for i in range(12)] + [COMMITTED]
            self.repo = cli.Repository(os.path.join(self.folder, 'like-' + action),
                                       [entries, [(DELETE, key_of(0), b''), COMMITTED]])
            self.path = self.repo.path
            with open(os.path.join(self.path, 'config')) as f:
                config = f.read()
            with open(os.path.join(self.path, 'config'), 'w') as f:
                f.write(config.replace('max_segment_size = 5242880', 'max_segment_size = 1000'))
            if action == 'salvage':
                self.repo.damage(key_of(1))
            before = tree(self.path)
            plan = self.object(action, '--dry-run', self.path)
            report = self.repair(action, status=0 if action == 'compact' else 1)
            for field in ('transaction_after', 'created'):
                self.assertEqual(report[field], plan[field], field)
            for path in report['created']:
                self.assertTrue(os.path.exists(os.path.join(self.path, path)), path)
            self.object('undo', '--yes', self.path)
            self.assertEqual(tree(self.path), before)

    def test_undo_restores_every_byte_of_many_folders(self):
        self.path = os.path.join(self.folder, 'many')
        name = os.path.join(self.folder, 'value')
        with open(name, 'wb') as f:
            f.write(b'x' * 2000)
        self.text('create', '--segments-per-dir=1', '--max-segment-size=1000', self.path)
        lines = ''.join('%s %s\n' % (key_of(i).hex(), name) for i in range(150))
        self.assertEqual(run('put', '--batch', self.path, input=lines.encode())[0], 0)
        damaged = store_cli.segments(self.path)[:140]
        for _, path in damaged:
            with open(path, 'r+b') as f:
                f.seek(1000)
                f.write(b'y')
        before = tree(self.path)
        report = self.repair('salvage')
        self.assertEqual(len(report['lost']), len(damaged))
        self.object('undo', '--yes', self.path)
        self.assertEqual(tree(self.path), before)

    def test_undo_takes_the_newest_first(self):
        self.salvage()
        first = tree(self.path)
        self.repair('salvage')
        second = tree(self.path)
        self.repair('compact', status=0)
        self.object('undo', '--yes', self.path)
        self.assertEqual(tree(self.path), second)
        self.object('undo', '--yes', self.path)
        self.assertEqual(tree(self.path), first)
        self.assertIn('Nothing to take back', self.text('undo', '--yes', self.path))

    def test_without_a_manifest_purge_removes_nothing(self):
        for action in self.each():
            report = self.repair(action, status=0 if action == 'compact' else 1)
            undo = os.path.join(self.path, report['undo'])
            os.unlink(os.path.join(undo, 'manifest'))
            for option in ('--dry-run', '--yes'):
                self.assertIn('holds files but no manifest',
                              self.fails(8, 'undo', option, self.path))
            self.text('undo', '--purge', '--yes', self.path, os.path.basename(undo))
            self.assertEqual(self.undo_folders(), [])

    def test_undo_is_refused_when_a_file_set_aside_is_gone(self):
        self.salvage()
        report = self.repair('salvage')
        os.unlink(os.path.join(self.path, report['undo'], 'data/0/0'))
        for option in ('--dry-run', '--yes'):
            self.assertIn('data/0/0 was moved to the undo folder, but is neither there nor in its '
                          'place',
                          self.fails(8, 'undo', option, self.path))
        self.assertTrue(self.is_clean())

    def test_undo_is_refused_after_a_later_transaction(self):
        self.salvage()
        self.repair('salvage')
        status, _, err = store_cli.run('put', self.path, key_of(40).hex(), input=b'later')
        self.assertEqual(status, 0, err)
        self.assertIn('later transaction', self.fails(8, 'undo', '--yes', self.path))
        status, out, _ = run('undo', '--yes', '--json', self.path)
        self.assertEqual(status, 8)
        self.assertIn('later transaction', json.loads(out)['refused'])

    def test_a_repair_that_leaves_problems_ends_with_4(self):
        self.recover()
        with open(os.path.join(self.path, 'data', '0', '007'), 'w'):
            pass
        self.assertFalse(self.repair('recover', status=4)['clean'])

    def test_a_doubtful_transaction_is_kept_or_dropped_as_asked(self):
        for action, options, status, objects in (
                ('salvage', (), 1, 10), ('salvage', ('--keep-tail',), 1, 10),
                ('salvage', ('--drop-tail',), 1, 9), ('rollback', (), 1, 9)):
            with self.subTest(action, options=options):
                self.make('%s%d'
                          % (action, len(self.undo_folders()) + len(os.listdir(self.folder))))
                self.doubtful()
                report = self.repair(action, *options, status=status)
                self.assertEqual((report['objects_after'], report['clean']), (objects, True))
                self.assertEqual([(row['key'], row['cause']) for row in report['lost_causes']],
                                 [] if objects == 10 else [(key_of(20).hex(), 'rolled-back')])

    def test_keep_tail_keeps_an_uncommitted_transaction(self):
        self.rollback()
        report = self.repair('salvage', '--keep-tail')
        self.assertEqual((report['objects_after'], report['clean']), (10, True))

    def nested(self):
        """A damaged entry that holds a whole one, which no witness knows."""
        inner = cli.entry(PUT, key_of(30), b'inner')
        self.repo = cli.Repository(os.path.join(self.folder, 'nested'),
                                   [[(PUT, key_of(1), b'a' * 50 + inner + b'b' * 50),
                                     (PUT, key_of(2), b'whole'), COMMITTED]])
        self.path = self.repo.path
        self.repo.damage(key_of(1))
        os.unlink(os.path.join(self.path, 'index.0'))

    def test_suspects_are_listed_and_restored_when_asked(self):
        self.nested()
        plan = self.object('salvage', '--dry-run', self.path)
        self.assertEqual([(s['key'], s['segment'], s['taken']) for s in plan['suspects']],
                         [(key_of(30).hex(), 0, False)])
        self.assertIn('1 suspect, not brought back', self.text('salvage', '--dry-run', self.path))
        plan = self.object('salvage', '--dry-run', '--with-suspects', self.path)
        self.assertTrue(plan['suspects'][0]['taken'])
        self.repair('salvage', '--with-suspects')
        self.assertEqual(run('get', self.path, key_of(30).hex())[:2], (0, 'inner'))

    def test_no_undo_deletes_for_good_and_says_so(self):
        self.rollback()
        plan = self.text('rollback', '--no-undo', '--dry-run', self.path)
        self.assertIn('deleted for good', plan)
        report = self.repair('rollback', '--no-undo')
        self.assertEqual((report['undo'], report['removed']), (None, ['data/0/3']))
        self.assertEqual(self.undo_folders(), [])
        self.assertFalse(os.path.exists(self.repo.segment(3)))

    def test_compacting_a_whole_repository_ends_with_0(self):
        report = self.repair('compact', status=0)
        self.assertTrue(report['done'])
        self.assertGreater(report['bytes_in_undo'], 0)

    def test_plan_and_report_are_kept_in_the_undo_folder(self):
        self.salvage()
        report = self.repair('salvage')
        for name, word in (('plan.txt', 'to be moved'), ('report.txt', 'salvage: done')):
            with open(os.path.join(self.path, report['undo'], name)) as f:
                text = f.read()
            self.assertIn(word, text)
            self.assertIn(key_of(3).hex(), text)


class Purging(Case):
    def setUp(self):
        super().setUp()
        self.salvage()
        self.repair('salvage')
        self.repair('compact', status=0)

    def rows(self):
        status, out, err = run('undo', '--list', '--json', self.path)
        self.assertEqual((status, err), (0, ''))
        return [json.loads(line) for line in out.splitlines()]

    def test_the_list(self):
        rows = self.rows()
        self.assertEqual([row['action'] for row in rows], ['compact', 'salvage'])
        self.assertEqual(sorted(row['name'] for row in rows), self.undo_folders())
        for row in rows:
            self.assertEqual(list(row), LIST_FIELDS)
            self.assertEqual(row['state'], 'done')
            self.assertRegex(row['time'], r'^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$')
            self.assertGreater(row['bytes'], 0)
        self.assertEqual([row['transaction_before'] for row in rows], [3, 2])
        text = self.text('undo', '--list', self.path)
        for row in rows:
            self.assertRegex(text, r'%s +%s +%d +[\d.]+ K?i?B +done\n'
                             % (re.escape(row['name']), row['time'], row['files']))
            self.assertLessEqual(len(text.splitlines()[1]), 80)

    def test_the_empty_list(self):
        self.make('new')
        self.assertIn('No repair', self.text('undo', '--list', self.path))
        self.assertEqual(self.text('undo', '--list', '--json', self.path), '')

    def test_purging_all(self):
        rows = self.rows()
        before = tree(self.path)
        plan = self.object('undo', '--purge', '--dry-run', self.path)
        self.assertEqual(tree(self.path), before)
        report = self.object('undo', '--purge', '--yes', self.path)
        self.assertEqual((report['action'], report['done']), ('purge', True))
        for told in (plan, report):
            self.assertEqual(told['purged'], [row['name'] for row in rows])
            self.assertGreaterEqual(told['bytes_freed'], sum(row['bytes'] for row in rows))
        self.assertFalse(os.path.exists(os.path.join(self.path, 'undo')))
        self.assertTrue(self.is_clean())
        self.assertIn('Nothing to purge', self.text('undo', '--purge', '--yes', self.path))

    def test_purging_one_by_its_name(self):
        newest, oldest = self.rows()
        text = self.text('undo', '--purge', '--yes', self.path, oldest['name'])
        self.assertRegex(text, r'\d B freed|KiB freed')
        self.assertEqual([row['name'] for row in self.rows()], [newest['name']])
        self.fails(8, 'undo', '--purge', '--yes', self.path, oldest['name'])
        self.fails(8, 'undo', '--purge', '--yes', self.path, '../data')

    def test_folders_deeper_than_any_repair_makes_are_not_entered(self):
        names = sorted(os.listdir(os.path.join(self.path, 'undo')))
        deep = os.path.join(self.path, 'undo', names[0], *'abcdefgh')
        os.makedirs(deep)
        status, out, err = run('undo', '--purge', '--yes', self.path, names[0])
        self.assertNotEqual(status, 0)
        self.assertTrue(os.path.isdir(deep))

    def test_check_names_what_repairs_have_kept(self):
        newest, oldest = self.rows()
        report = json.loads(run('check', '--json', self.path)[1])
        self.assertEqual(report['undo'], {'folders': 2, 'oldest': oldest['time'],
                                          'bytes': newest['bytes'] + oldest['bytes']})
        text = self.text('check', self.path)
        self.assertIn('2 repairs have kept ', text)
        self.assertIn('the oldest of %s; undo --purge' % oldest['time'], text)
        self.text('undo', '--purge', '--yes', self.path)
        report = json.loads(run('check', '--json', self.path)[1])
        self.assertEqual(report['undo'], {'folders': 0, 'oldest': None, 'bytes': 0})
        self.assertNotIn('have kept', self.text('check', self.path))

    def test_a_purge_of_older_ones_keeps_the_rest(self):
        newest, oldest = self.rows()
        old = '20200131T235959Z-' + oldest['action']
        os.rename(os.path.join(self.path, 'undo', oldest['name']),
                  os.path.join(self.path, 'undo', old))
        for args in (['--older-than=30', self.path],
                     ['--purge', '--older-than=30', self.path, old]):
            self.fails(16, 'undo', '--yes', *args)
        self.text('undo', '--purge', '--yes', '--older-than=36500', self.path)
        self.assertEqual(sorted(self.undo_folders()), sorted([newest['name'], old]))
        status, out, err = run('undo', '--purge', '--yes', '--json', '--older-than=30', self.path)
        self.assertEqual((status, json.loads(out)['purged'], json.loads(out)['kept']),
                         (0, [old], 0))
        self.assertEqual(self.undo_folders(), [newest['name']])
        self.text('undo', '--purge', '--yes', '--older-than=0', self.path)
        self.assertEqual(self.undo_folders(), [])

    def test_an_interrupted_repair_is_purged_only_by_name(self):
        newest, oldest = self.rows()
        os.unlink(os.path.join(self.path, 'undo', newest['name'], 'done'))
        self.assertEqual([row['state'] for row in self.rows()], ['interrupted', 'done'])
        status, out, err = run('undo', '--purge', '--yes', '--json', self.path)
        self.assertEqual((status, json.loads(out)['purged'], json.loads(out)['kept']),
                         (0, [oldest['name']], 1))
        self.assertIn('1 undo folder', err)
        self.assertEqual(self.undo_folders(), [newest['name']])
        self.text('undo', '--purge', '--yes', self.path, newest['name'])
        self.assertEqual(self.undo_folders(), [])


class Locks(Case):
    def test_a_reader_locks_out_a_repair_but_not_its_plan(self):
        self.salvage()
        holder = hold(self.path, 'LOCK_SH')
        try:
            self.text('salvage', '--dry-run', self.path)
            err = self.fails(8, 'salvage', '--yes', self.path)
            self.assertIn(str(holder.pid), err)
            self.assertIn('--lock-wait', err)
            self.fails(8, 'salvage', '--yes', '--lock-wait=1', self.path)
            self.fails(8, 'salvage', '--yes', '--break-lock', self.path)
        finally:
            let_go(holder)
        self.repair('salvage')

    def test_a_writer_locks_out_everything(self):
        self.salvage()
        holder = hold(self.path, 'LOCK_EX')
        try:
            for args in (('salvage', '--dry-run'), ('salvage', '--yes'), ('undo', '--yes'),
                         ('undo', '--list')):
                self.assertIn(str(holder.pid), self.fails(8, *args, self.path))
        finally:
            let_go(holder)

    def waiting(self):
        """A salvage that waits for the lock of each kind: (its process, the holder's, the tree
        before both)."""
        self.salvage()
        before = tree(self.path)
        for kind in ('LOCK_SH', 'LOCK_EX'):
            holder = hold(self.path, kind)
            work = subprocess.Popen([cli.PROGRAM, 'salvage', '--yes', '--lock-wait=60', self.path],
                                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE, env=cli.ENVIRONMENT)
            time.sleep(0.5)
            self.assertIsNone(work.poll())
            yield work, holder, before

    def test_it_waits_for_a_lock(self):
        for work, holder, _ in self.waiting():
            let_go(holder)
            out, err = work.communicate(timeout=DEADLINE)
            self.assertEqual((work.returncode, err), (1, b''), out)
            self.object('undo', '--yes', self.path)

    def test_waiting_can_be_interrupted(self):
        for work, holder, before in self.waiting():
            work.send_signal(signal.SIGINT)
            out, err = work.communicate(timeout=DEADLINE)
            let_go(holder)
            self.assertEqual((work.returncode, out), (32, b''), err)
            self.assertEqual(tree(self.path), before)

    def test_after_a_change_without_a_lock_the_plan_is_made_again(self):
        self.salvage()
        terminal = Terminal('salvage', self.path)
        terminal.wait('cancels: ')
        time.sleep(0.05)	# a different mtime
        self.repo.write_segment(3, [(PUT, key_of(50), b'new'), COMMITTED])
        terminal.type('salvage\n')
        terminal.wait('planning again')
        terminal.sent = terminal.sent[terminal.sent.index('planning again'):]
        terminal.wait('transaction  3 -> 4')
        terminal.wait('cancels: ')
        terminal.type('salvage\n')
        status, text = terminal.end()
        self.assertEqual(status, 1, text)
        self.assertEqual(run('get', self.path, key_of(50).hex())[:2], (0, 'new'))


@unittest.skipUnless(strace_works(), 'strace cannot trace here')
class Interrupts(Case):
    def interrupted(self, action, call, when):
        """(status, output, messages) of a run that gets a SIGINT at a system call."""
        trace = ['strace', '-f', '-qq', '-o', '/dev/null', '-e', 'trace=' + call,
                 '-e', 'inject=%s:signal=INT:when=%d' % (call, when)]
        env = dict(cli.ENVIRONMENT, ASAN_OPTIONS='detect_leaks=0')
        done = subprocess.run(trace + [cli.PROGRAM, action, '--yes', '-j1', self.path],
                              stdin=subprocess.DEVNULL, capture_output=True, env=env,
                              timeout=DEADLINE)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def test_an_interrupt_leaves_a_state_that_is_reported(self):
        outcomes = set()
        for action in ('salvage', 'compact', 'recover'):
            for call, when in (('pwrite64', 1), ('pwrite64', 2), ('fsync', 1), ('fsync', 4),
                               ('fsync', 8), ('renameat', 2), ('mkdirat', 1)):
                with self.subTest(action, call=call, when=when):
                    self.make('%s-%s-%d' % (action, call, when))
                    getattr(self, action)()
                    before = tree(self.path)
                    status, out, err = self.interrupted(action, call, when)
                    outcomes.add(self.judge(action, before, status, out, err))
        self.assertEqual(outcomes, {'untouched', 'done'})

    def judge(self, action, before, status, out, err):
        self.assertEqual(status, 32, (out, err))
        if tree(self.path) == before:
            self.assertIn('nothing was changed', err)
            return 'untouched'
        # After the point of no return it finishes, and says so.
        self.assertIn('%s: done' % action, out)
        self.assertEqual(self.object('undo', '--yes', self.path)['done'], True)
        self.assertEqual(tree(self.path), before)
        return 'done'


@unittest.skipUnless(strace_works(), 'strace cannot trace here')
class Failures(Case):
    def failing(self, action, call, when):
        """(status, output, messages) of a run whose system calls of one kind fail from the n-th
        on."""
        env = dict(cli.ENVIRONMENT, ASAN_OPTIONS='detect_leaks=0')
        done = subprocess.run(['strace', '-f', '-qq', '-o', '/dev/null', '-e', 'trace=' + call,
                               '-e', 'inject=%s:error=EIO:when=%d+' % (call, when), cli.PROGRAM,
                               action, '--yes', '--json', self.path], stdin=subprocess.DEVNULL,
                              capture_output=True, env=env, timeout=DEADLINE)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def test_a_failure_leaves_a_state_that_is_reported_and_can_be_undone(self):
        outcomes = set()
        for action in ('salvage', 'compact', 'recover', 'rollback'):
            for call in ('pwrite64', 'fsync', 'renameat', 'mkdirat'):
                for when in (1, 2, 3, 5, 8):
                    with self.subTest(action, call=call, when=when):
                        self.make('%s-%s-%d' % (action, call, when))
                        getattr(self, action)()
                        before = tree(self.path)
                        outcomes.add(self.judge(before, *self.failing(action, call, when)))
        self.assertEqual(outcomes, {'untouched', 'begun', 'done'})

    def judge(self, before, status, out, err):
        if status in (0, 1):
            return 'done'
        self.assertEqual(status, 8, (out, err))
        if 'nothing was changed' in err:
            self.assertEqual(out, '')
            if self.undo_folders():	# a file that could not even be removed again
                self.object('undo', '--yes', self.path)
            self.assertEqual(tree(self.path), before)
            return 'untouched'
        self.assertIn('was not finished', err)
        self.assertFalse(json.loads(out)['done'])
        self.assertTrue(self.object('undo', '--yes', self.path)['done'])
        self.assertEqual(tree(self.path), before)
        return 'begun'


class Interrupted(Case):
    """What the next start says of an interrupted repair or undo."""

    def setUp(self):
        super().setUp()
        self.salvage()
        self.before = tree(self.path)
        self.name = os.path.basename(self.repair('salvage')['undo'])
        self.undo = os.path.join(self.path, 'undo', self.name)

    def unmark(self):
        os.unlink(os.path.join(self.undo, 'done'))

    def codes(self, check):
        return [problem['code'] for problem in check['problems']]

    def test_an_interrupted_repair_is_named_everywhere(self):
        self.unmark()
        os.unlink(os.path.join(self.path, 'index.3'))	# it did not get that far
        check = self.object('check', self.path, status=4)
        self.assertIn('repair-interrupted', self.codes(check))
        told = [p for p in check['problems'] if p['code'] == 'repair-interrupted']
        self.assertEqual((told[0]['severity'], told[0]['repair']), ('info', None))
        self.assertIn('undo/' + self.name, told[0]['message'])
        self.assertRegex(check['advice'],
                         r'^The salvage of \d{4}-\d\d-\d\d \d\d:\d\d UTC was cut short: '
                         r'recover continues from there, undo takes back what it did\.')
        self.assertIn('a repair was cut short [repair-interrupted]\n    undo/' + self.name,
                      self.text('check', self.path, status=4))
        text = self.text('info', self.path)
        self.assertIn('a repair was cut short (undo/%s)' % self.name, text)
        self.assertIn('was cut short: recover', ' '.join(text.split()))

    def test_it_is_finished_or_undone(self):
        self.unmark()
        os.unlink(os.path.join(self.path, 'index.3'))
        self.repair('recover')
        self.assertIn('a later repair was finished', self.text('check', self.path))
        self.object('undo', '--yes', self.path)
        self.object('undo', '--yes', self.path)
        self.assertEqual(tree(self.path), self.before)

    def test_without_faults_it_stays_until_purged_by_name(self):
        self.unmark()
        check = self.object('check', self.path)
        self.assertEqual((check['clean'], 'repair-interrupted' in self.codes(check)), (True, True))
        self.assertIn('undo --purge ' + self.name, check['advice'])
        self.text('undo', '--purge', '--yes', self.path, self.name)
        self.assertNotIn('repair-interrupted', self.codes(self.object('check', self.path)))

    def test_an_interrupted_undo_is_finished_first(self):
        with open(os.path.join(self.undo, 'undoing'), 'w'):
            pass
        os.rename(os.path.join(self.undo, 'data/0/0'), self.repo.segment(0))
        check = self.object('check', self.path, status=4)
        self.assertIn('undo-interrupted', self.codes(check))
        self.assertIn('undo, once more', check['advice'])
        text = self.text('check', self.path, status=4)
        self.assertIn('\nRecommended: atticscope undo %s\n' % self.path, text)
        self.assertEqual(text.count('Recommended'), 1)
        self.object('undo', '--yes', self.path)
        self.assertEqual(tree(self.path), self.before)

    def test_an_unreadable_undo_folder_is_reported(self):
        with open(os.path.join(self.undo, 'manifest'), 'r+b') as f:
            f.write(b'x')
        check = self.object('check', self.path)
        self.assertIn('undo-unreadable', self.codes(check))
        self.assertIn('undo/%s/manifest' % self.name, self.text('check', self.path))


class Guidance(Case):
    def commands(self):
        text = run('check', self.path)[1]
        return text, re.findall(r'(?m)^(?:Recommended: |  )(atticscope .*)$', text)

    def test_check_says_what_to_type(self):
        for action in self.each():
            text, commands = self.commands()
            self.assertEqual(commands, ['atticscope %s %s' % (action, self.path)])

    def test_the_command_can_be_typed_for_any_path(self):
        for name in ("with blank", "quote'd", '$HOME', 'semi;colon', 'ümlaut', '-dash'):
            self.make(name)
            self.salvage()
            folder, self.path = os.path.split(self.path)
            here = os.getcwd()
            os.chdir(folder)
            try:
                text = run('check', '--', self.path)[1]
                command = re.search(r'(?m)^Recommended: (.*)$', text).group(1)
                words = shlex.split(command)
                self.assertEqual(words[:2], ['atticscope', 'salvage'])
                self.assertTrue(os.path.samefile(words[2], self.path), command)
                self.assertEqual(run(*words[1:], '--dry-run')[0], 0)
            finally:
                os.chdir(here)

    def test_two_repairs_are_shown_side_by_side(self):
        self.doubtful()
        before = tree(self.path)
        text, commands = self.commands()
        self.assertEqual(commands, ['atticscope salvage ' + self.path,
                                    'atticscope rollback ' + self.path])
        self.assertRegex(text, r'(?s)salvage \S+\n +keeps 10 objects, loses none\n.*'
                         r'rollback \S+\n +keeps 9 objects, loses 1\n')
        self.assertEqual(tree(self.path), before)

    def test_a_blocked_repair_is_not_recommended_and_check_says_why(self):
        self.doubtful()
        os.mkfifo(os.path.join(self.path, 'undo'))
        text, commands = self.commands()
        self.assertEqual(commands, [])
        self.assertRegex(text,
                         r'(?s)To be done by hand:\n    undo: is not a folder\n'
                         r'Move undo out of the repository')

    def test_json_has_the_figures_of_both_repairs(self):
        for action in self.each():
            ways = self.object('check', self.path, status=0 if action == 'compact' else 4)['ways']
            self.assertEqual(ways,
                             [{'action': action, 'keeps': None, 'loses': None, 'refused': None}])
        self.make('two')
        self.doubtful()
        ways = self.object('check', self.path, status=4)['ways']
        self.assertEqual(ways, [{'action': 'salvage', 'keeps': 10, 'loses': 0, 'refused': None},
                                {'action': 'rollback', 'keeps': 9, 'loses': 1, 'refused': None}])
        self.make('none')
        for name in ('config', 'index.2', 'hints.2'):
            os.rename(os.path.join(self.path, name), os.path.join(self.folder, name))
        os.rename(os.path.join(self.path, 'data'), os.path.join(self.path, 'elsewhere'))
        os.mkdir(os.path.join(self.path, 'data'))
        got = self.object('check', self.path, status=4)
        self.assertEqual((got['recommended'], got['ways']), (None, []))

    def test_progress_is_drawn_on_a_terminal_only(self):
        path = os.path.join(self.folder, 'long')
        repo = cli.Repository(path, [[COMMITTED]])
        for number in range(1, 200):
            with open(repo.segment(number), 'wb') as f:
                f.write(b'ATTICSEG')
                f.truncate(32 << 20)
        terminal = Terminal('salvage', '--yes', path, columns=100)
        terminal.wait('segments')
        terminal.type('\x03')
        status, text = terminal.end()
        self.assertEqual(status, 32)
        self.assertRegex(text, r'verifying \[#*-*\] +\d+ %  \d+/200 segments')

    @unittest.skipUnless(strace_works(), 'strace cannot trace here')
    def test_progress_of_undo_is_drawn_as_well(self):
        self.repair('compact', status=0)
        terminal = Terminal('undo', '--yes', self.path, under=(
            'strace', '-f', '-qq', '-o', '/dev/null', '-e', 'trace=fsync', '-e',
            'inject=fsync:delay_enter=150000'))
        status, text = terminal.end()
        self.assertEqual(status, 0, text)
        self.assertRegex(text, r'putting back \[#*-*\] +\d+ %')


if __name__ == '__main__':
    unittest.main(verbosity=1, warnings='ignore')
