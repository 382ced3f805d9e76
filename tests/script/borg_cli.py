#!/usr/bin/env python3
"""The command line on repositories of Borg: create, what their config allows, and the locks of the
real Borg in the way of what changes them.

ATTICSCOPE names the program. Without Borg 1.x it is skipped."""
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import unittest

import borg_client

borg_client.skip_without_borg()

import cli
from system import tree

KEY, OTHER = 64 * '1', 64 * '2'
ELSEWHERE = 'elsewhere@17'
WAIT = 60                       # seconds for what must happen at once


def run(*args, value=b'', env=None):
    """(status, standard output, standard error) of one run."""
    done = subprocess.run([cli.PROGRAM, *args], input=value, capture_output=True, timeout=120,
                          env={**cli.ENVIRONMENT, **(env or {})})
    return done.returncode, done.stdout.decode(), done.stderr.decode()


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='atticscope-borg-cli-')
        self.addCleanup(shutil.rmtree, self.folder)
        self.environment = borg_client.environment(self.folder)
        self.repo = os.path.join(self.folder, 'repo')

    def borg(self, *words, status=0):
        done = subprocess.run([borg_client.BORG, '--lock-wait', '1', *words], text=True,
                              env=self.environment, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, timeout=120)
        self.assertEqual(done.returncode, status, done.stdout)
        return done.stdout

    def init(self, *options):
        self.borg('init', '-e', 'none', *options, self.repo)

    def works(self, *args, value=b''):
        status, out, err = run(*args, value=value)
        self.assertEqual((status, err), (0, ''), out)
        return out

    def is_refused(self, *args, status=8, value=b''):
        """What it says; not a byte of the repository is changed."""
        before = self.files()
        got, out, err = run(*args, value=value)
        self.assertEqual(got, status, out + err)
        self.assertEqual(self.files(), before)
        return err

    def files(self):
        return {name: data for name, data in tree(self.repo).items()
                if not name.startswith('lock.')}

    def content(self, name):
        with open(os.path.join(self.repo, name)) as f:
            return f.read()

    def check(self):
        return json.loads(run('check', '--json', self.repo)[1])


class Create(Case):
    def test_config_and_readme_are_those_of_borg_but_for_the_id(self):
        self.init()
        theirs = [self.content(name) for name in ('README', 'config')]
        shutil.rmtree(self.repo)
        self.works('create', '--dialect=borg', self.repo)
        ours = [self.content(name) for name in ('README', 'config')]
        ids = [re.search('id = ([0-9a-f]{64})\n', text[1])[1] for text in (theirs, ours)]
        self.assertNotEqual(*ids)
        self.assertEqual(ours[0], theirs[0])
        self.assertEqual(ours[1].replace(ids[1], ids[0]), theirs[1])
        self.assertEqual(sorted(os.listdir(self.repo)), ['README', 'config', 'data'])

    def test_borg_reads_what_is_put_into_it(self):
        self.works('create', '--dialect=borg', self.repo)
        self.works('put', self.repo, KEY, value=b'first')
        self.works('put', self.repo, KEY, value=b'second')
        self.borg('check', '--repository-only', self.repo)
        server = borg_client.Server(self.folder)
        self.addCleanup(server.quit)
        transaction, rows = server.read(self.repo)
        self.assertEqual((transaction, list(rows), rows[KEY][0]), (3, [KEY], 6))

    def test_what_it_says_names_borg(self):
        self.assertIn(' for Borg: segments of 500 MiB, 1000 a folder',
                      self.works('create', '--dialect=borg', self.repo))
        shutil.rmtree(self.repo)
        said = json.loads(self.works('create', '--dialect=borg', '--json', self.repo))
        self.assertEqual((said['dialect'], said['max_segment_size'], said['segments_per_dir']),
                         ('borg', 524288000, 1000))
        self.assertEqual(run('create', '--dialect=tar', self.repo + '2')[0], 16)


class AppendOnly(Case):
    def setUp(self):
        super().setUp()
        self.init('--append-only')

    def test_each_commit_is_written_down_as_borg_does(self):
        self.works('put', self.repo, KEY, value=b'x')
        self.works('delete', self.repo, KEY)
        server = borg_client.Server(self.folder)
        self.addCleanup(server.quit)
        server.ask('change', self.repo, [(OTHER, '00')], False, 0.1)
        lines = self.content('transactions').splitlines()
        pattern = r'transaction (\d+), UTC time \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}'
        self.assertEqual([int(re.fullmatch(pattern, line)[1]) for line in lines], [1, 3, 5, 7])
        self.assertEqual(sorted(line[line.index('UTC'):] for line in lines),
                         [line[line.index('UTC'):] for line in lines])
        self.borg('check', '--repository-only', self.repo)

    def test_without_a_file_to_write_it_down_nothing_is_put(self):
        def info():
            return json.loads(run('info', '--json', self.repo)[1])['transaction_id']

        path = os.path.join(self.repo, 'transactions')
        os.unlink(path)
        self.assertNotIn('the file transactions', run('check', self.repo)[1])
        for make in (os.mkdir, lambda name: os.symlink('/dev/null', name)):
            before = info()
            if os.path.lexists(path):
                os.unlink(path) if not os.path.isdir(path) else os.rmdir(path)
            make(path)
            self.assertIn('transactions: is no regular file',
                          self.is_refused('put', self.repo, KEY, value=b'x'))
            self.assertEqual(info(), before)
            self.assertIn('not-a-file', [row['code'] for row in self.check()['problems']])
        os.unlink(path)
        self.works('put', self.repo, KEY, value=b'x')
        self.assertIn('the file transactions', run('check', self.repo)[1])

    def test_compact_is_refused_and_not_recommended(self):
        self.works('put', self.repo, KEY, value=b'x')
        self.works('put', self.repo, KEY, value=b'y')
        self.assertIsNone(self.check()['recommended'])
        for options in (['--yes'], ['--dry-run'], ['--yes', '--json']):
            self.assertIn('append-only', self.is_refused('compact', *options, self.repo))


class Quota(Case):
    QUOTA = 10 ** 7

    def setUp(self):
        super().setUp()
        self.init('--storage-quota', '10M')

    def test_a_put_beyond_it_is_refused(self):
        used = json.loads(run('info', '--json', self.repo)[1])['storage_quota_use']
        room = self.QUOTA - used - 41
        said = self.is_refused('put', self.repo, KEY, value=bytes(room + 1))
        self.assertIn('its storage quota of 10000000 bytes would be exceeded', said)
        self.works('put', self.repo, KEY, value=bytes(room))
        info = json.loads(run('info', '--json', self.repo)[1])
        self.assertEqual(info['storage_quota_use'], self.QUOTA)
        self.assertIn('quota', self.is_refused('put', self.repo, OTHER))
        self.assertIn('quota', self.is_refused('put', self.repo, KEY))

    def test_what_is_compacted_away_no_longer_counts(self):
        self.works('put', self.repo, KEY, value=bytes(9000000))
        self.works('delete', self.repo, KEY)
        self.assertIn('quota', self.is_refused('put', self.repo, OTHER, value=bytes(9000000)))
        self.works('compact', '--yes', self.repo)
        self.works('put', self.repo, OTHER, value=bytes(9000000))
        self.borg('check', '--repository-only', self.repo)


class Lock(Case):
    """Each repository has something for every repair to do."""

    REPAIRS = ('recover', 'rollback', 'compact', 'salvage')

    def setUp(self):
        super().setUp()
        self.init()
        self.works('put', self.repo, KEY, value=b'old')
        self.works('put', self.repo, KEY, value=b'new')

    def hold(self, host=None, command='echo held; cat >/dev/null'):
        """A borg that holds the exclusive lock, until its standard input ends."""
        env = {**self.environment, **({'BORG_HOST_ID': host} if host else {})}
        process = subprocess.Popen([borg_client.BORG, 'with-lock', self.repo, 'sh', '-c', command],
                                   env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL, text=True, start_new_session=True)
        self.addCleanup(self.end, process, signal.SIGKILL)
        self.assertEqual(process.stdout.readline(), 'held\n')
        return process

    @staticmethod
    def end(process, number=None):
        """Kill it, or let it end."""
        if process.returncode is not None:
            return
        if number:
            os.killpg(process.pid, number)
        process.stdin.close()
        process.stdout.close()
        process.wait(WAIT)

    def die(self, host=None):
        """A borg took the lock and was killed before it wrote anything. Its process id."""
        data = os.path.join(self.repo, 'data', '0')
        before = os.listdir(data)
        process = self.hold(host)
        self.end(process, signal.SIGKILL)
        for name in set(os.listdir(data)) - set(before):    # borg with-lock begins to write
            os.unlink(os.path.join(data, name))
        self.assertIn('lock.exclusive', os.listdir(self.repo))
        return process.pid

    def test_whatever_changes_is_refused_while_borg_works(self):
        borg = self.hold()
        for command in (['put', self.repo, KEY], ['delete', self.repo, KEY],
                        *([repair, '--yes', self.repo] for repair in self.REPAIRS),
                        ['put', '--break-lock', '--yes', self.repo, KEY],
                        ['recover', '--break-lock', '--yes', self.repo]):
            said = self.is_refused(*command)
            self.assertIn('the exclusive lock is held by process %d (borg)' % borg.pid, said)
            self.assertNotIn('break-lock', said)
            self.assertNotIn('transaction', said)
        self.end(borg)
        self.works('put', self.repo, KEY, value=b'x')

    def test_put_waits_until_borg_is_done_and_goes_on_from_there(self):
        borg = self.hold()
        before = self.check()['transaction_id']
        timer = threading.Timer(1.5, self.end, [borg])
        timer.start()
        said = json.loads(self.works('put', '--json', '--lock-wait=60', self.repo, OTHER))
        timer.join()
        self.assertGreater(said['transaction_before'], before)
        self.assertTrue(self.check()['clean'])
        self.borg('check', '--repository-only', self.repo)

    def test_the_lock_of_the_dead_goes_and_is_named(self):
        for command in (['put', self.repo, OTHER], ['delete', self.repo, OTHER],
                        ['recover', '--yes', self.repo], ['compact', '--yes', self.repo]):
            pid = self.die()
            status, out, err = run(*command)
            self.assertIn(status, (0, 1), out + err)
            self.assertIn('removed the lock of process %d, which is gone' % pid, err)
            self.assertEqual([name for name in os.listdir(self.repo) if name.startswith('lock')],
                             [])

    def test_the_lock_of_another_machine_stays(self):
        pid = self.die(ELSEWHERE)
        for command in (['put', self.repo, KEY], ['delete', self.repo, KEY],
                        *([repair, '--yes', self.repo] for repair in self.REPAIRS)):
            said = self.is_refused(*command)
            self.assertIn('process %d on %s' % (pid, ELSEWHERE), said)
            self.assertIn('--break-lock removes the lock, after asking', said)
        self.assertIn('lock.exclusive', os.listdir(self.repo))

    def test_it_is_broken_only_after_asking(self):
        for command in (['put', '--break-lock', self.repo, OTHER],
                        ['recover', '--break-lock', self.repo],
                        ['compact', '--break-lock', self.repo]):
            self.die(ELSEWHERE)
            said = self.is_refused(*command, status=16)
            self.assertIn('it can only ask on a terminal', said)
            self.assertIn('lock.exclusive', os.listdir(self.repo))
            status, sent = cli.on_terminal(*command, typed=b'no\n', after=b'Type break')
            self.assertEqual(status, 32, sent)
            self.assertIn(b'a backup that still runs there would be destroyed', sent)
            self.assertIn('lock.exclusive', os.listdir(self.repo))
            shutil.rmtree(os.path.join(self.repo, 'lock.exclusive'))
            os.unlink(os.path.join(self.repo, 'lock.roster'))

    def test_broken_by_a_word_or_by_yes(self):
        self.die(ELSEWHERE)
        status, sent = cli.on_terminal('delete', '--break-lock', self.repo, KEY, typed=b'break\n',
                                       after=b'Type break')
        self.assertEqual(status, 0, sent)
        self.assertIn(b'the lock was removed', sent)
        for command in (['put', self.repo, OTHER], ['compact', self.repo],
                        ['recover', self.repo]):
            self.die(ELSEWHERE)
            status, out, err = run(command[0], '--break-lock', '--yes', *command[1:])
            self.assertIn(status, (0, 1), out + err)
            self.assertIn('the lock was removed', err)
        self.assertNotIn('lock.exclusive', os.listdir(self.repo))
        self.borg('check', '--repository-only', self.repo)


class Race(Case):
    ROUNDS = 20

    def test_nothing_is_lost_where_both_write_all_the_time(self):
        self.works('create', '--dialect=borg', '--max-segment-size=2000', '--segments-per-dir=5',
                   self.repo)
        failures = []

        def ours(digit):
            for number in range(self.ROUNDS):
                status, out, err = run('put', '--lock-wait=60', self.repo,
                                       '%s%063d' % (digit, number), value=b'x' * 300)
                if status != 0:
                    failures.append(out + err)

        def theirs(digit):
            server = borg_client.Server(self.folder, digit)
            for number in range(self.ROUNDS):
                row = '%s%063d' % (digit, number), '78' * 300
                while 'LockTimeout' in (error := self.change(server, row)):
                    pass
                if error:
                    failures.append(error)
            server.quit()

        threads = [threading.Thread(target=work, args=(digit,))
                   for work, digit in ((ours, '1'), (ours, '2'), (theirs, '3'), (theirs, '4'))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])
        self.assertTrue(self.check()['clean'])
        server = borg_client.Server(self.folder)
        self.addCleanup(server.quit)
        rows = server.read(self.repo)[1]
        self.assertEqual(sorted(rows), sorted('%s%063d' % (digit, number) for digit in '1234'
                                              for number in range(self.ROUNDS)))
        self.assertEqual({row[0] for row in rows.values()}, {300})
        self.borg('check', '--repository-only', self.repo)

    def change(self, server, row):
        """What Borg says if it fails, or ''."""
        try:
            server.ask('change', self.repo, [row], False, 0.1)
        except borg_client.Failed as failure:
            return str(failure)
        return ''


if __name__ == '__main__':
    unittest.main()
