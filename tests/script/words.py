#!/usr/bin/env python3
"""What the command line says to a person: commands that can be typed, what opening has already
read, names in data/ that other programs fail on, the manifest, the client's cache, and who may read
a file.

ATTICSCOPE names the program."""
import os
import pwd
import re
import shutil
import subprocess
import tempfile
import unittest

from cli import COMMITTED, DELETE, PROGRAM, PUT, Case, Repository, key_of, run


def words(output):
    """The text of @output on one line."""
    return re.sub(r'\s+', ' ', output.decode('utf-8', 'replace')).strip()


class Commands(Case):
    """A command that is printed to be typed."""

    NAMES = (b'plain', b'with blank', b"quote'd", b'double"d', b'$HOME', b'`id`', b'semi;colon',
             b'100%done%s', b'back\\slash\\n', b'bang!bang', b'-dash', b'~tilde',
             'B\u00fcro'.encode(), b'new\nline', b'last\n', b'tab\there', b'escape\033[2J',
             b'latin\xfcmlaut', b'\xff\xfe', 'right\u202eleft'.encode(),
             'B\u00fcro \'!%\\'.encode(), b'-\xff' + 90 * '\u00fc'.encode())

    def typed(self, output):
        """The words after "Recommended: ", as bytes."""
        line = re.search(rb'(?m)^Recommended: atticscope (.*)$', output)
        self.assertTrue(line, output)
        return line.group(1)

    def test_can_be_typed_in_every_shell_and_locale_for_any_path(self):
        shells = [shell for shell in ('bash', 'dash', 'sh') if shutil.which(shell)]
        os.unlink(os.path.join(self.path, 'index.2'))
        here = os.getcwd()
        os.chdir(self.folder)
        self.addCleanup(os.chdir, here)
        last = b'repo'
        for name in self.NAMES:
            os.rename(last, name)
            last = name
            for locale in ('C', 'C.UTF-8'):
                words = self.typed(run('check', '--', name, env={'LC_ALL': locale})[1])
                self.assertTrue(words.isascii() or locale != 'C', words)
                self.assertFalse(re.search(rb'[\x00-\x1f\x7f]', words), words)
                for shell in shells:
                    script = b'eval "set -- $words"; cd "$2" && pwd -P'
                    done = subprocess.run([shell, '-c', script], capture_output=True, timeout=60,
                                          env=dict(os.environb, words=words, LC_ALL=locale))
                    self.assertEqual(done.returncode, 0, (shell, locale, words, done.stderr))
                    self.assertEqual(done.stdout, os.path.realpath(name) + b'\n',
                                     (shell, locale, words))

    def test_no_path_is_cut_off(self):
        deep = os.path.join(os.fsencode(self.folder), *7 * [120 * '\u00fc'.encode()],
                            *8 * [240 * b"'"])
        here = os.getcwd()
        self.addCleanup(os.chdir, here)
        for part in deep.split(b'/'):
            if not os.path.isdir(part or b'/'):
                os.mkdir(part)
            os.chdir(part or b'/')
        shutil.move(self.path, 'r')
        os.unlink('r/index.2')
        self.addCleanup(shutil.rmtree,
                        os.path.join(os.fsencode(self.folder), 120 * '\u00fc'.encode()))
        path = os.path.join(deep, b'r')
        self.assertGreater(len(path), 3600)
        os.chdir(here)
        words = self.typed(run('check', path, env={'LC_ALL': 'C'})[1])
        script = b'eval "set -- $words"; printf %s "$2"'
        done = subprocess.run(['sh', '-c', script], capture_output=True, timeout=60,
                              env=dict(os.environb, words=words))
        self.assertEqual(done.stdout, path)

    def test_the_command_of_a_refused_put_can_be_typed(self):
        os.unlink(os.path.join(self.path, 'index.2'))
        path = os.path.join(self.folder, 'with blank')
        os.rename(self.path, path)
        err = self.fails(8, 'put', path, key_of(20).hex(), os.devnull)
        self.assertIn("atticscope check '%s'\n" % path, err)


class Read(Case):
    """info reports what opening has read, and reports it once."""

    def test_info_names_missing_segments_with_objects_by_the_hints(self):
        before = self.object('info', '--json', self.path)['problems']
        os.unlink(self.repo.segment(1))
        text = self.ok('info', self.path).decode()
        self.assertNotIn('Nothing wrong', text)
        self.assertRegex(text,
                         r'error: segment 1: the segment is not there.*'
                         r'the hints count 1 object in it')
        self.assertEqual(self.object('info', '--json', self.path)['problems'], before + 1)
        codes = [p['code'] for p in self.object('check', '--json', self.path, status=4)['problems']]
        self.assertEqual(codes.count('segment-missing'), 1)

    def test_a_link_in_place_of_a_segment_is_called_a_link(self):
        os.rename(self.repo.segment(1), os.path.join(self.folder, 'elsewhere'))
        os.symlink(os.path.join(self.folder, 'elsewhere'), self.repo.segment(1))
        text = self.ok('info', self.path).decode()
        self.assertIn('is a symbolic link', text)
        self.assertNotIn('is not there', text)

    def test_empty_rows_and_older_hints_are_not_reported(self):
        os.unlink(self.repo.segment(1))
        self.repo.live[1] = 0
        self.repo.write_hints(2)
        self.assertIn(b'Nothing wrong', self.ok('info', self.path))
        self.repo.live[1] = 1
        self.repo.write_hints(1)
        os.unlink(os.path.join(self.path, 'hints.2'))
        text = self.ok('info', self.path).decode()
        self.assertIn('the hints are older', text)
        self.assertNotIn('is not there', text)


class Names(Case):
    """Files in data/ that are neither a folder nor a segment of the repository."""

    def check(self):
        return words(run('check', self.path)[1])

    def test_a_folder_whose_name_is_not_a_number_is_named_with_its_effect_on_others(self):
        for name in ('lost+found', '@eaDir', '0/.AppleDouble'):
            os.mkdir(os.path.join(self.path, 'data', name))
        text = self.check()
        for said in ('data/lost+found', 'data/@eaDir', 'data/0/.AppleDouble', 'Attic', 'ValueError',
                     'early versions of Borg', 'Move the folder out of data'):
            self.assertIn(said, text)
        report = self.object('check', '--json', self.path)
        self.assertEqual([p['code'] for p in report['problems']].count('folder-name'), 3)
        self.assertIn('Before Attic is run, move each folder', report['advice'])
        self.assertIn('Before Attic is run', words(self.ok('info', self.path)))
        with self.assertRaises(ValueError):	# as attic/repository.py does
            for _, folders, _ in os.walk(os.path.join(self.path, 'data')):
                folders.sort(key=int)

    def test_a_file_in_place_of_a_folder_is_named_likewise(self):
        open(os.path.join(self.path, 'data', '17'), 'w').close()
        text = self.check()
        self.assertRegex(text,
                         'data/17 is a file, not a folder: Attic takes it for a segment and may '
                         'delete it, Borg up to 1.2.4 fails on it; move it out of data')

    def test_a_file_whose_name_is_not_a_number_is_ignored(self):
        open(os.path.join(self.path, 'data', 'core'), 'w').close()
        self.assertIn(b'Attic and Borg pass', self.ok('problems'))
        self.assertTrue(self.object('check', '--json', self.path)['clean'])


class Causes(Case):
    """Why part of it cannot be read: its one cause."""

    ALL = {'permission': 'permission', 'mount': '(?i)mount', 'kind': 'of the wrong kind|a link',
           'disk': 'ddrescue'}

    def expect(self, cause):
        report = self.object('check', '--json', self.path, status=4)
        err = self.fails(4, 'salvage', '--yes', self.path)
        for text in (report['advice'], ' '.join(err.split())):
            named = [name for name, pattern in self.ALL.items() if re.search(pattern, text)]
            self.assertEqual(named, [cause], text)
        self.assertRegex(words(run('check', self.path)[1]), self.ALL[cause])

    def test_data_is_missing(self):
        os.rename(os.path.join(self.path, 'data'), os.path.join(self.path, 'gone'))
        self.expect('mount')

    def test_data_is_empty(self):
        shutil.rmtree(os.path.join(self.path, 'data'))
        os.mkdir(os.path.join(self.path, 'data'))
        self.expect('mount')

    def test_a_link_in_place_of_a_folder(self):
        for name in ('data/0', 'data'):
            away = os.path.join(self.folder, 'away')
            os.rename(os.path.join(self.path, name), away)
            os.symlink(away, os.path.join(self.path, name))
            self.expect('kind')
            os.unlink(os.path.join(self.path, name))
            os.rename(away, os.path.join(self.path, name))


class Losses(Case):
    """What a loss means, and what the client must do about it."""

    MANIFEST = bytes(32)

    def lose(self, key):
        shutil.rmtree(self.path)
        objects = [(PUT, self.MANIFEST, b'archives'), (PUT, key_of(1), b'one'),
                   (PUT, key_of(2), b'two')]
        self.repo = Repository(self.path, [objects + [COMMITTED]])
        self.repo.damage(key)

    def everything(self):
        """check, its JSON, and plan and report of its repair."""
        check = words(run('check', self.path)[1])
        report = self.object('check', '--json', self.path, status=4)
        return check, report, [words(self.ok('salvage', option, self.path, status=status))
                               for option, status in (('--dry-run', 0), ('--yes', 1))]

    def test_the_manifest_is_named_with_the_meaning_of_its_loss(self):
        self.lose(self.MANIFEST)
        check, report, plans = self.everything()
        self.assertIn('key 0000000000000000 (the manifest)', check)
        for text in (check, *plans):
            self.assertIn('the manifest, the list of all archives. Attic lists no archive without '
                          'it; attic check --repair makes it again', text)
        for text in plans:
            self.assertIn(64 * '0' + ' 0:8 (the manifest)', text)
            self.assertNotIn('cache', text)
        self.assertIn('The manifest is lost', report['advice'])
        self.assertTrue(all(p['manifest'] is True for p in report['problems']
                            if p['key'] == 64 * '0'))
        self.assertTrue(any(p['code'] == 'object-lost' and '(the manifest)' in p['message']
                            for p in report['problems']))

    def test_the_manifest_is_named_wherever_its_key_is_listed(self):
        self.lose(key_of(1))
        for command in (('index',), ('entries', '0'), ('history', 64 * '0')):
            text = self.ok(command[0], self.path, *command[1:], status=0).decode()
            self.assertEqual(len(re.findall('^.* %s \\(the manifest\\)$' % (64 * '0'), text, re.M)),
                             1, text)
            self.assertEqual(text.count('manifest'), 1)
        self.assertIn('(the manifest)', run('delete', self.path, 64 * '0')[1].decode())
        self.assertIn('(the manifest)', self.fails(8, 'delete', self.path, 64 * '0'))

    def test_the_clients_cache_must_be_removed_before_lost_objects_are_stored_again(self):
        self.lose(key_of(1))
        check, report, plans = self.everything()
        for text in (check, *plans):
            self.assertRegex(text,
                             r"only once attic check --repair was run and the client's cache is "
                             r"removed \(~/\.cache/attic/ID, or below ATTIC_CACHE_DIR\)")
            self.assertNotIn('so that a new backup can store it again', text)
            self.assertNotIn('manifest', text)
        self.assertFalse(any('manifest' in p for p in report['problems']))


class Repairs(Case):
    """What a problem says about repairs, beside the one that mends it and the one that is
    recommended."""

    def groups(self):
        """The paragraphs of each problem that check prints."""
        text = run('check', self.path)[1].decode()
        return [words(group.encode()) for group in text.split('\n\n')
                if re.match('(error|warning): ', group)]

    def test_with_older_data_no_problem_mentions_salvage(self):
        shutil.rmtree(self.path)
        self.repo = Repository(self.path, [
            [(PUT, key_of(1), b'one'), COMMITTED], [(PUT, key_of(2), b'two'), COMMITTED],
            [(DELETE, key_of(1), b''), (PUT, key_of(1), b'another'), (PUT, key_of(4), b'four'),
             COMMITTED]])
        os.unlink(self.repo.segment(2))
        report = self.object('check', '--json', self.path, status=4)
        self.assertEqual(report['recommended'], 'recover')
        self.assertEqual({'segment-missing', 'object-lost',
                          'object-older'} - {p['code'] for p in report['problems']}, set())
        for group in self.groups():
            self.assertIn('Repaired by: recover', group)
            self.assertNotRegex(group, '(?i)salvage')
        plan = self.object('recover', '--dry-run', '--json', self.path)	# as the words say
        self.assertEqual((plan['lost'], plan['older']), ([key_of(4).hex()], [key_of(1).hex()]))

    def test_advice_about_borg_is_given_once_and_not_contradicted(self):
        for segment in (0, 1):	# half upgraded
            with open(self.repo.segment(segment), 'r+b') as f:
                f.write(b'BORG_SEG')
        index = os.path.join(self.path, 'index.2')
        with open(index, 'r+b') as f:
            f.write(b'BORG_IDX')
        self.assertEqual(self.object('check', '--json', self.path, status=4)['dialect'], 'mixed')
        text = words(run('check', self.path)[1])
        self.assertIn('run neither Attic nor Borg', text)
        self.assertNotRegex(text, 'Borg can use it\\.|Use Borg on it')
        self.assertNotIn('Borg can use it.', self.ok('problems').decode())


class Ways(Case):
    """Two repairs shown side by side count their losses by one rule."""

    def test_objects_that_only_the_index_of_the_tail_knows_are_lost_by_both(self):
        shutil.rmtree(self.path)
        first = [(PUT, key_of(1), b'one'), COMMITTED]
        second = [(PUT, key_of(number), 100 * b'x') for number in (2, 3, 4)] + [COMMITTED]
        self.repo = Repository(self.path, [first, second])
        os.truncate(self.repo.segment(1), 60)
        text = words(run('check', self.path)[1])
        self.assertRegex(text,
                         r'salvage \S+ keeps 1 object, loses 3 '
                         r'atticscope rollback \S+ keeps 1 object, loses 3$')
        ways = self.object('check', '--json', self.path, status=4)['ways']
        self.assertEqual([(way['action'], way['keeps'], way['loses']) for way in ways],
                         [('salvage', 1, 3), ('rollback', 1, 3)])

    def test_objects_that_one_of_them_keeps_are_lost_only_by_the_other(self):
        shutil.rmtree(self.path)
        first = [(PUT, key_of(1), b'one'), (PUT, key_of(5), b'five'), COMMITTED]
        second = [(PUT, key_of(2), 100 * b'x'), (DELETE, key_of(5), b''),
                  (PUT, key_of(3), 100 * b'y'), COMMITTED]
        self.repo = Repository(self.path, [first, second])
        os.truncate(self.repo.segment(1), self.repo.places[key_of(3)][1] + 50)
        ways = self.object('check', '--json', self.path, status=4)['ways']
        self.assertEqual([(way['action'], way['keeps'], way['loses']) for way in ways],
                         [('salvage', 2, 1), ('rollback', 2, 2)])


@unittest.skipUnless(os.geteuid() == 0 and shutil.which('setpriv'), 'only root can be another user')
class Owners(Case):
    """When a permission is missing: who owns the file and who asks."""

    ASKER = 'you are uid 65534 (%s)' % pwd.getpwuid(65534).pw_name

    def setUp(self):
        super().setUp()
        # They may not enter the build folder.
        programs = tempfile.mkdtemp(prefix='atticscope-program-')
        self.addCleanup(shutil.rmtree, programs)
        self.program = shutil.copy(PROGRAM, programs)
        os.chmod(programs, 0o755)
        os.chmod(self.folder, 0o755)
        for folder, folders, files in os.walk(self.path):
            os.chmod(folder, 0o755)
            for name in files:
                os.chmod(os.path.join(folder, name), 0o644)

    def refuse(self, name, mode):
        os.chown(os.path.join(self.path, name), 12345, 0)
        os.chmod(os.path.join(self.path, name), mode)

    def ask(self, *args):
        """The messages that another user gets."""
        done = subprocess.run(['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups',
                               self.program, *args],
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=60,
                              env=dict(os.environ, LC_ALL='C.UTF-8'))
        return words(done.stdout) + words(done.stderr)

    def test_files_that_cannot_be_read(self):
        for name, mode, command in (('config', 0o600, 'check'), ('hints.2', 0o640, 'info'),
                                    ('index.2', 0o600, 'info'), ('data', 0o700, 'info'),
                                    ('data/0', 0o700, 'check'), ('data/0/1', 0o600, 'check')):
            with self.subTest(name):
                self.refuse(name, mode)
                self.assertIn('%s belongs to uid 12345, mode %04o, %s' % (name, mode, self.ASKER),
                              self.ask(command, self.path))
                os.chmod(os.path.join(self.path, name), 0o755)

    def test_the_advice_names_this_one_cause_and_no_other(self):
        for name, mode in (('config', 0o600), ('hints.2', 0o640), ('index.2', 0o600),
                           ('data', 0o700), ('data/0', 0o700), ('data/0/1', 0o600),
                           ('data/0/2', 0o600)):
            with self.subTest(name):
                self.refuse(name, mode)
                for command in ('check', 'info'):
                    text = self.ask(command, self.path)
                    # info reads only the last segment
                    if command == 'check' or name != 'data/0/1':
                        self.assertIn('%s belongs to uid 12345, mode %04o, %s'
                                      % (name, mode, self.ASKER), text)
                        self.assertIn('permission', text)
                    self.assertNotRegex(text, '(?i)mount|ddrescue|failing|link|move away|disk',
                                        text)
                text = self.ask('check', self.path)
                self.assertIn('Run this program as the owner of these files, or give the '
                              'permission', text)
                self.assertEqual(text.count('To be done by hand'), 1)
                self.assertEqual(text.count('Run this program as the owner'), 1)
                if name.startswith('data'):
                    self.assertRegex(self.ask('salvage', '--yes', self.path),
                                     'refused: a permission to read part of the repository is '
                                     'missing')
                os.chmod(os.path.join(self.path, name), 0o755)

    def test_the_repository_and_a_folder_above_it(self):
        for folder in (self.path, self.folder):
            with self.subTest(folder):
                os.chmod(folder, 0o710)
                self.assertIn('%s belongs to uid 0 (root), mode 0710, %s' % (folder, self.ASKER),
                              self.ask('info', self.path))
                os.chmod(folder, 0o755)

    def test_files_that_cannot_be_written(self):
        for args in (('put', self.path, key_of(20).hex(), os.devnull),
                     ('compact', '--yes', self.path)):
            self.assertIn('config belongs to uid 0 (root), mode 0644, ' + self.ASKER,
                          self.ask(*args))


if __name__ == '__main__':
    unittest.main()
