#!/usr/bin/env python3
"""What is said to a person, on the command line: commands that can be typed, what opening has read already,
names in data/ that other programs fail on, the manifest, the client's cache, and who may read a file.

ATTICSCOPE names the program."""
import os
import re
import shutil
import subprocess
import unittest

from cli import Case, key_of, run


class Commands(Case):
    """A command that is printed to be typed."""

    NAMES = (b'plain', b'with blank', b"quote'd", b'double"d', b'$HOME', b'`id`', b'semi;colon', b'100%done%s',
             b'back\\slash\\n', b'bang!bang', b'-dash', b'~tilde', 'B\u00fcro'.encode(), b'new\nline', b'last\n',
             b'tab\there', b'escape\033[2J', b'latin\xfcmlaut', b'\xff\xfe', 'right\u202eleft'.encode(),
             'B\u00fcro \'!%\\'.encode(), b'-\xff' + 90 * '\u00fc'.encode())

    def typed(self, output):
        """The words after "Recommended: ", as bytes."""
        line = re.search(rb'(?m)^Recommended: atticscope (.*)$', output)
        self.assertTrue(line, output)
        return line.group(1)

    def test_can_be_typed_in_every_shell_and_locale_whatever_the_path(self):
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
                    self.assertEqual(done.stdout, os.path.realpath(name) + b'\n', (shell, locale, words))

    def test_no_path_is_cut_off(self):
        deep = os.path.join(os.fsencode(self.folder), *7 * [120 * '\u00fc'.encode()], *8 * [240 * b"'"])
        here = os.getcwd()
        self.addCleanup(os.chdir, here)
        for part in deep.split(b'/'):
            os.chdir(part or b'/') if os.path.isdir(part or b'/') else (os.mkdir(part), os.chdir(part))
        shutil.move(self.path, 'r')
        os.unlink('r/index.2')
        self.addCleanup(shutil.rmtree, os.path.join(os.fsencode(self.folder), 120 * '\u00fc'.encode()))
        path = os.path.join(deep, b'r')
        self.assertGreater(len(path), 3600)
        os.chdir(here)
        words = self.typed(run('check', path, env={'LC_ALL': 'C'})[1])
        script = b'eval "set -- $words"; printf %s "$2"'
        done = subprocess.run(['sh', '-c', script], capture_output=True, timeout=60,
                              env=dict(os.environb, words=words))
        self.assertEqual(done.stdout, path)

    def test_what_a_refused_put_names_can_be_typed(self):
        os.unlink(os.path.join(self.path, 'index.2'))
        path = os.path.join(self.folder, 'with blank')
        os.rename(self.path, path)
        err = self.fails(8, 'put', path, key_of(20).hex(), os.devnull)
        self.assertIn("atticscope check '%s'\n" % path, err)


class Read(Case):
    """What opening has read is told by info, and once."""

    def test_info_names_segments_that_the_hints_count_objects_in_and_that_are_not_there(self):
        before = self.object('info', '--json', self.path)['problems']
        os.unlink(self.repo.segment(1))
        text = self.ok('info', self.path).decode()
        self.assertNotIn('Nothing wrong', text)
        self.assertRegex(text, r'error: segment 1: the segment is not there.*the hints count 1 object in it')
        self.assertEqual(self.object('info', '--json', self.path)['problems'], before + 1)
        codes = [p['code'] for p in self.object('check', '--json', self.path, status=4)['problems']]
        self.assertEqual(codes.count('segment-missing'), 1)

    def test_a_link_in_its_place_is_named_for_what_it_is(self):
        os.rename(self.repo.segment(1), os.path.join(self.folder, 'elsewhere'))
        os.symlink(os.path.join(self.folder, 'elsewhere'), self.repo.segment(1))
        text = self.ok('info', self.path).decode()
        self.assertIn('is a symbolic link', text)
        self.assertNotIn('is not there', text)

    def test_hints_that_count_nothing_there_or_are_of_another_transaction_say_nothing(self):
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
    """What lies in data/ and is neither a folder nor a segment of the repository."""

    def check(self):
        return re.sub(r'\s+', ' ', run('check', self.path)[1].decode())

    def test_a_folder_whose_name_is_no_number_is_named_with_what_others_do_about_it(self):
        for name in ('lost+found', '@eaDir', '0/.AppleDouble'):
            os.mkdir(os.path.join(self.path, 'data', name))
        text = self.check()
        for said in ('data/lost+found', 'data/@eaDir', 'data/0/.AppleDouble', 'Attic', 'ValueError', 'early versions of Borg',
                     'Move the folder out of data'):
            self.assertIn(said, text)
        report = self.object('check', '--json', self.path)
        self.assertEqual([p['code'] for p in report['problems']].count('folder-name'), 3)
        self.assertIn('Before Attic is run, move each folder', report['advice'])
        self.assertIn('Before Attic is run', re.sub(r'\s+', ' ', self.ok('info', self.path).decode()))
        with self.assertRaises(ValueError):	# what attic/repository.py does
            for _, folders, _ in os.walk(os.path.join(self.path, 'data')):
                folders.sort(key=int)

    def test_a_file_in_a_folders_place_is_named_likewise(self):
        open(os.path.join(self.path, 'data', '17'), 'w').close()
        text = self.check()
        self.assertRegex(text, 'data/17 is a file, not a folder: Attic takes it for a segment and may delete it, '
                         'Borg up to 1.2.4 fails on it; move it out of data')

    def test_a_file_whose_name_is_no_number_is_passed_over(self):
        open(os.path.join(self.path, 'data', 'core'), 'w').close()
        self.assertIn(b'Attic and Borg pass', self.ok('problems'))
        self.assertTrue(self.object('check', '--json', self.path)['clean'])


if __name__ == '__main__':
    unittest.main()
