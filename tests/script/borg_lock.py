#!/usr/bin/env python3
"""The lock of a repository of Borg: the real client and this program against each other.

LOCKDRV names the driver program, ATTICSCOPE the program. Without borg (1.1 to 1.4) on this machine
it is skipped."""
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

DRIVER = os.environ.get('LOCKDRV')
PROGRAM = os.environ.get('ATTICSCOPE')
BORG = os.environ.get('BORG') or shutil.which('borg', path='/usr/bin:/usr/local/bin:' +
                                              os.environ.get('PATH', ''))
WAIT = 60			# seconds for what must happen at once


def version_of_borg():
    if not BORG:
        return None
    done = subprocess.run([BORG, '--version'], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True)
    return done.stdout.strip() if done.returncode == 0 else None


VERSION = version_of_borg()
if not DRIVER or not VERSION or not VERSION.startswith('borg 1.'):
    print('skipped: ' + ('LOCKDRV does not name the driver' if not DRIVER else
                         'no borg 1.x is installed here (%s)' % (VERSION or 'none found')))
    sys.exit(77)


class Driver:
    """This program, as far as the lock goes."""

    def __init__(self, repo, env):
        self.process = subprocess.Popen([DRIVER, repo], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, env=env)

    def ask(self, line):
        self.process.stdin.write(line + '\n')
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def kill(self):
        self.process.kill()
        self.close()

    def close(self):
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        self.process.wait(WAIT)
        self.process.stdout.close()


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix='atticscope-borg-lock-')
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.clean = os.path.join(cls.folder, 'clean')
        cls.base = {key: value for key, value in os.environ.items()
                    if not key.startswith('BORG_')}
        cls.base.update(BORG_BASE_DIR=cls.folder, BORG_EXIT_CODES='legacy', LC_ALL='C.UTF-8',
                        BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK='yes',
                        BORG_RELOCATED_REPO_ACCESS_IS_OK='yes')
        subprocess.run([BORG, 'init', '-e', 'none', cls.clean], env=cls.base, check=True,
                       stderr=subprocess.DEVNULL)
        many = os.path.join(cls.folder, 'many')
        os.mkdir(many)
        for number in range(1500):	# so that a list of them fills a pipe
            with open(os.path.join(many, '%0150d' % number), 'w', encoding='ascii'):
                pass
        subprocess.run([BORG, 'create', cls.clean + '::many', '.'], cwd=many, env=cls.base,
                       check=True)

    def setUp(self):
        self.repo = os.path.join(tempfile.mkdtemp(dir=self.folder), 'repo')
        shutil.copytree(self.clean, self.repo)

    def env(self, host=None):
        return {**self.base, **({'BORG_HOST_ID': host} if host else {})}

    def driver(self, host=None):
        driver = Driver(self.repo, self.env(host))
        self.addCleanup(driver.kill)
        return driver

    def borg(self, *words, host=None, wait=1):
        """(exit status, what it said) of a borg command."""
        done = subprocess.run([BORG, '--lock-wait', str(wait), *words], env=self.env(host),
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return done.returncode, done.stdout

    def borg_works(self, **how):
        status, said = self.borg('with-lock', self.repo, 'true', **how)
        self.assertEqual(status, 0, said)
        return said

    def borg_is_refused(self, *words, **how):
        status, said = self.borg(*(words or ('list', self.repo)), **how)
        self.assertEqual(status, 2, said)
        self.assertIn('Failed to create/acquire the lock', said)

    def borg_holds(self, host=None):
        """A borg that holds the exclusive lock; it ends with its standard input."""
        process = subprocess.Popen(
            [BORG, 'with-lock', self.repo, 'sh', '-c', 'echo held; cat >/dev/null'],
            env=self.env(host), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True, start_new_session=True)
        self.addCleanup(self.end, process, signal.SIGKILL)
        self.assertEqual(process.stdout.readline(), 'held\n')
        return process

    def borg_reads(self, host=None):
        """A borg list that holds a shared lock, because nobody reads what it writes."""
        process = subprocess.Popen(
            [BORG, 'list', self.repo + '::many'], env=self.env(host), stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, start_new_session=True)
        self.addCleanup(self.end, process, signal.SIGKILL)
        self.assertTrue(process.stdout.read(1))
        return process

    @staticmethod
    def end(process, number=None):
        if process.returncode is not None:
            return
        if number:
            os.killpg(process.pid, number)
        for pipe in (process.stdin, process.stdout):
            if pipe:
                pipe.close()
        process.wait(WAIT)

    def traces(self):
        return sorted(name for name in os.listdir(self.repo) if name.startswith('lock.'))


class Living(Case):
    def test_borg_can_neither_read_nor_write_while_we_hold_it(self):
        driver = self.driver()
        self.assertEqual(driver.ask('take 0'), 'ok 0')
        self.assertEqual(self.traces(), ['lock.exclusive', 'lock.roster'])
        self.borg_is_refused()
        self.borg_is_refused('with-lock', self.repo, 'true')
        self.assertEqual(self.traces(), ['lock.exclusive', 'lock.roster'])
        self.assertEqual(driver.ask('leave'), 'ok')
        self.assertEqual(self.traces(), [])
        self.borg_works()
        self.assertEqual(self.traces(), [])

    def test_the_end_of_our_process_gives_it_back(self):
        driver = self.driver()
        driver.ask('take 0')
        driver.close()
        self.assertEqual(self.traces(), [])
        self.borg_works()

    def test_we_are_refused_while_borg_writes_and_it_is_named(self):
        borg = self.borg_holds()
        driver = self.driver()
        answer = driver.ask('take 0')
        self.assertIn('refused', answer)
        self.assertIn('the exclusive lock is held by process %d (borg), since ' % borg.pid, answer)
        self.assertIn('held exclusive process %d (borg)' % borg.pid, driver.ask('see'))
        self.assertIn('process %d' % borg.pid, driver.ask('break'))
        self.assertEqual(self.traces(), ['lock.exclusive', 'lock.roster'])
        self.end(borg)
        self.assertEqual(driver.ask('see'), 'free')
        self.assertEqual(driver.ask('take 0'), 'ok 0')

    def test_we_are_refused_while_borg_reads_and_it_is_named(self):
        borg = self.borg_reads()
        driver = self.driver()
        answer = driver.ask('take 0')
        self.assertIn('a shared lock is held by process %d (borg)' % borg.pid, answer)
        self.assertIn('held shared process %d (borg)' % borg.pid, driver.ask('see'))
        self.assertEqual(self.traces(), ['lock.roster'])
        self.end(borg, signal.SIGTERM)
        self.assertEqual(driver.ask('take 0'), 'ok 0')

    def test_we_wait_for_borg(self):
        borg = self.borg_holds()
        driver = self.driver()
        timer = threading.Timer(1, borg.stdin.close)
        timer.start()
        self.assertEqual(driver.ask('take 60000'), 'ok 0')
        timer.join()
        self.borg_is_refused()

    def test_borg_waits_for_us(self):
        driver = self.driver()
        driver.ask('take 0')
        timer = threading.Timer(2, driver.close)
        timer.start()
        self.borg_works(wait=WAIT)
        timer.join()

    def test_one_of_us_refuses_the_other(self):
        first, second = self.driver(), self.driver()
        self.assertEqual(first.ask('take 0'), 'ok 0')
        answer = second.ask('take 0')
        self.assertIn('process %d (lockdrv)' % first.process.pid, answer)
        first.ask('leave')
        self.assertEqual(second.ask('take 0'), 'ok 0')


@unittest.skipUnless(PROGRAM, 'ATTICSCOPE does not name the program')
class Viewing(Case):
    def tree(self):
        found = {}
        for folder, _, names in os.walk(self.repo):
            for path in [folder, *(os.path.join(folder, name) for name in names)]:
                state = os.lstat(path)
                found[path] = (state.st_mtime_ns, state.st_ctime_ns, state.st_size)
        return found

    def info(self, *options):
        """The lock of info --json, which changes nothing, and the text of info."""
        before = self.tree()
        said = [subprocess.run([PROGRAM, 'info', *words, *options, self.repo], env=self.env(),
                               stdout=subprocess.PIPE, text=True).stdout
                for words in (('--json',), ())]
        self.assertEqual(self.tree(), before)
        return json.loads(said[0])['lock'], said[1]

    def test_no_lock_is_taken(self):
        self.assertEqual(self.info()[0], {'state': 'deferred', 'holder': None})
        self.assertEqual(self.info('--no-lock')[0], {'state': 'none', 'holder': None})

    def test_a_writer_is_named(self):
        borg = self.borg_holds()
        for options in ((), ('--no-lock',)):
            lock, text = self.info(*options)
            holder = lock['holder']
            self.assertEqual((holder['pid'], holder['program'], holder['exclusive'],
                              holder['elsewhere']), (borg.pid, 'borg', True, False))
            self.assertLess(abs(holder['since'] - time.time()), WAIT)
            self.assertIn('exclusive by process %d (borg), since 20' % borg.pid, text)

    def test_a_writer_on_another_machine_is_named(self):
        borg = self.borg_holds(host='elsewhere\033[2J@17')
        lock, text = self.info()
        self.assertEqual((lock['holder']['pid'], lock['holder']['host'],
                          lock['holder']['elsewhere']), (borg.pid, 'elsewhere\033[2J@17', True))
        self.assertIn('process %d on elsewhere\\x1b[2J@17, since' % borg.pid, text)

    def test_a_reader_is_named(self):
        borg = self.borg_reads()
        lock, text = self.info()
        self.assertEqual((lock['holder']['pid'], lock['holder']['exclusive']), (borg.pid, False))
        self.assertIn('shared by process %d (borg)' % borg.pid, text)

    def problems(self):
        """The codes that check finds beside the foreign format, and what it says of each."""
        before = self.tree()
        done = subprocess.run([PROGRAM, 'check', '--json', self.repo], env=self.env(),
                              stdout=subprocess.PIPE, text=True)
        self.assertEqual(self.tree(), before)
        return {row['code']: row['message'] for row in json.loads(done.stdout)['problems']
                if row['code'].startswith(('lock-', 'writer-'))}

    def test_check_says_who_holds_it(self):
        self.assertEqual(self.problems(), {})
        borg = self.borg_reads()
        self.assertEqual(self.problems(), {})
        self.end(borg, signal.SIGTERM)
        borg = self.borg_holds()
        self.assertIn('process %d (borg), since 20' % borg.pid, self.problems()['writer-active'])
        self.end(borg, signal.SIGKILL)
        self.assertIn('lock.exclusive, lock.roster: process %d, which is gone' % borg.pid,
                      self.problems()['lock-stale'])
        self.borg_works()
        borg = self.borg_holds(host='elsewhere@17')
        self.assertIn('the exclusive lock of process %d on elsewhere@17' % borg.pid,
                      self.problems()['lock-unknown'])

    def test_what_is_left_of_the_dead_is_no_lock(self):
        self.end(self.borg_holds(), signal.SIGKILL)
        self.assertEqual(self.info()[0], {'state': 'deferred', 'holder': None})

    def test_a_damaged_lock_breaks_nothing(self):
        path = os.path.join(self.repo, 'lock.roster')
        for content in ('', '[]', '{"shared": 7}', '[' * 100000, '{"shared": [["x", 1e999, 0]]}'):
            with open(path, 'w', encoding='ascii') as f:
                f.write(content)
            self.assertEqual(self.info()[0], {'state': 'deferred', 'holder': None})
        self.assertEqual(list(self.problems()), ['lock-damaged'])
        os.unlink(path)
        os.mkfifo(path)
        os.symlink('/', os.path.join(self.repo, 'lock.exclusive'))
        self.assertEqual(self.info()[0], {'state': 'deferred', 'holder': None})


class Dead(Case):
    def test_borg_finds_the_lock_of_our_killed_process_stale(self):
        driver = self.driver()
        driver.ask('take 0')
        driver.kill()
        self.assertEqual(self.traces(), ['lock.exclusive', 'lock.roster'])
        status, said = self.borg('list', self.repo)
        self.assertEqual(status, 0, said)
        self.assertIn('Killed stale lock', said)
        self.assertEqual(self.traces(), [])

    def test_we_remove_what_a_killed_borg_has_left(self):
        borg = self.borg_holds()
        self.end(borg, signal.SIGKILL)
        driver = self.driver()
        self.assertIn('stale exclusive process %d, which is gone, since 20' % borg.pid,
                      driver.ask('see'))
        self.assertEqual(self.traces(), ['lock.exclusive', 'lock.roster'])
        self.assertEqual(driver.ask('take 0'), 'ok 1')
        driver.ask('leave')
        self.assertEqual(self.traces(), [])

    def test_we_remove_what_killed_readers_have_left(self):
        readers = [self.borg_reads(), self.borg_reads()]
        for borg in readers:
            self.end(borg, signal.SIGKILL)
        driver = self.driver()
        self.assertTrue(driver.ask('see').startswith('stale shared process'))
        self.assertEqual(driver.ask('take 0'), 'ok 2')
        driver.ask('leave')
        self.assertEqual(self.traces(), [])

    def test_a_reader_that_lives_beside_a_dead_one_counts(self):
        self.end(self.borg_reads(), signal.SIGKILL)
        borg = self.borg_reads()
        driver = self.driver()
        self.assertIn('process %d (borg)' % borg.pid, driver.ask('take 0'))

    def test_our_second_process_removes_what_the_first_has_left(self):
        driver = self.driver()
        driver.ask('take 0')
        driver.kill()
        self.assertEqual(self.driver().ask('take 0'), 'ok 1')

    def test_an_old_empty_folder_is_taken_as_by_borg(self):
        path = os.path.join(self.repo, 'lock.exclusive')
        os.mkdir(path)
        driver = self.driver()
        self.assertIn('right now', driver.ask('take 0'))
        os.utime(path, (1000, 1000))
        self.assertEqual(driver.ask('take 0'), 'ok 0')


class Foreign(Case):
    """Another machine is one with another BORG_HOST_ID."""

    def test_what_died_on_another_machine_is_not_removed(self):
        borg = self.borg_holds(host='elsewhere@17')
        self.end(borg, signal.SIGKILL)
        driver = self.driver()
        answer = driver.ask('take 0')
        self.assertIn('held by process %d on elsewhere@17, since 20' % borg.pid, answer)
        self.assertTrue(driver.ask('see').startswith('unknown exclusive process'))
        self.borg_is_refused()

    def test_it_can_be_broken_and_borg_goes_on(self):
        self.end(self.borg_holds(host='elsewhere@17'), signal.SIGKILL)
        driver = self.driver()
        self.assertEqual(driver.ask('break'), 'ok')
        self.assertEqual(self.traces(), [])
        self.assertEqual(driver.ask('take 0'), 'ok 0')
        driver.ask('leave')
        self.borg_works()

    def test_borg_leaves_the_lock_of_another_machine_of_ours_alone(self):
        driver = self.driver(host='elsewhere@17')
        driver.ask('take 0')
        driver.kill()
        self.borg_is_refused()
        self.assertEqual(self.borg('break-lock', self.repo)[0], 0)
        self.borg_works()

    def test_both_take_the_name_of_the_machine_from_the_environment(self):
        borg = self.borg_holds(host='the same')
        driver = self.driver(host='the same')
        self.assertIn('held by process %d (borg)' % borg.pid, driver.ask('take 0'))
        self.end(borg, signal.SIGKILL)
        self.assertEqual(driver.ask('take 0'), 'ok 1')
        driver.kill()
        self.assertIn('Killed stale lock', self.borg_works(host='the same'))

    def test_a_lock_that_borg_has_broken_is_not_given_back_twice(self):
        first = self.driver()
        first.ask('take 0')
        self.assertEqual(self.borg('break-lock', self.repo)[0], 0)
        second = self.driver()
        borg = self.borg_holds()
        self.assertEqual(first.ask('leave'), 'ok')
        self.assertEqual(self.traces(), ['lock.exclusive', 'lock.roster'])
        self.assertIn('process %d' % borg.pid, second.ask('see'))


class Race(Case):
    ROUNDS = int(os.environ.get('BORG_LOCK_ROUNDS', '6'))

    def test_there_is_never_more_than_one_writer(self):
        guard = os.path.join(self.folder, 'guard')
        failures = []

        def ours(seed):
            numbers = random.Random(seed)
            for _ in range(3 * self.ROUNDS):
                driver = Driver(self.repo, self.env())
                answer = driver.ask('take 60000')
                if not answer.startswith('ok'):
                    failures.append(answer)
                    driver.kill()
                    continue
                try:
                    os.mkdir(guard)
                    time.sleep(numbers.random() / 50)
                    os.rmdir(guard)
                except OSError as error:
                    failures.append('ours: %s' % error)
                if numbers.random() < 0.3:
                    driver.kill()
                else:
                    driver.close()

        def theirs():
            for _ in range(self.ROUNDS):
                status, said = self.borg('with-lock', self.repo, 'sh', '-c',
                                         'mkdir "$1" && sleep 0.02 && rmdir "$1"', 'sh', guard,
                                         wait=WAIT)
                if status != 0:
                    failures.append('borg: ' + said)

        threads = [threading.Thread(target=ours, args=(seed,)) for seed in range(2)]
        threads += [threading.Thread(target=theirs) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])
        driver = self.driver()
        self.assertTrue(driver.ask('take 0').startswith('ok'))
        driver.ask('leave')
        self.assertEqual(self.traces(), [])
        self.assertEqual(self.borg('check', '--repository-only', self.repo)[0], 0)


if __name__ == '__main__':
    unittest.main()
