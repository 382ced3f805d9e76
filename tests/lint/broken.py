#!/usr/bin/env python3
"""Tests of the tests beside this file: they fail when something is wrong. A copy of engine/, and
one of ui/ above it, gets a floor on top with two folders side by side, and then one fault at a
time; texts and functions are tried alone."""
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest

import floors
import sentences
import size
import words

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get('BUILD_FOLDER')
if not BUILD:
    print('skipped: BUILD_FOLDER does not say what to copy; "make check" does')
    sys.exit(77)


class House:
    ROOTS = ()		# what is copied; the two folders go into the last one
    BOTTOM = ''		# where faults that reach up to them go

    def setUp(self):
        root = self.ROOTS[-1]
        self.top = (root + '/left', root + '/right')
        self.copy = tempfile.mkdtemp(prefix='atticscope-house-')
        self.addCleanup(shutil.rmtree, self.copy)
        whole = floors.FLOORS
        self.addCleanup(setattr, floors, 'FLOORS', whole)
        floors.FLOORS = tuple(floor for floor in whole if floor[0].split('/')[0] in self.ROOTS)
        for name in self.ROOTS:
            shutil.copytree(os.path.join(SOURCE, name), os.path.join(self.copy, name))
        for folder in floors.folders():
            shutil.copy(floors.archive(BUILD, folder), os.path.join(self.copy, folder))
        floors.FLOORS += (self.top,)
        for folder in self.top:
            name = os.path.basename(folder)
            os.mkdir(os.path.join(self.copy, folder))
            self.write(folder, name + '.h', 'void %s(void);\n' % name)
            self.write(folder, name + '_internal.h', '')
            self.add(folder, name, '#include "%s/%s.h"\nvoid %s(void) { }\n' % (name, name, name))

    def write(self, folder, name, text):
        path = os.path.join(self.copy, folder, name)
        with open(path, 'w') as f:
            f.write(text)
        return path

    def add(self, folder, name, text):
        """Add a module to the folder and to its library."""
        source = self.write(folder, name + '.c', text)
        made = source[:-2] + '.o'
        subprocess.run([*shlex.split(os.environ['CC']), *shlex.split(os.environ['CC_FLAGS']),
                        '-I', os.path.join(self.copy, self.ROOTS[-1]), '-c', '-o', made, source],
                       check=True)
        subprocess.run([*shlex.split(os.environ['AR']), 'rc', floors.archive(self.copy, folder),
                        made], check=True)

    def errors(self, wanted=None):
        """(includes, circles, links); the last of @wanted, or of all folders"""
        return (floors.include_errors(self.copy), floors.circle_errors(self.copy),
                floors.link_errors(self.copy, wanted))

    def test_the_copy_is_in_order(self):
        self.assertEqual(self.errors(), ([], [], []))

    def test_an_upward_include(self):
        self.add(self.BOTTOM, 'fault', '#include "left/left.h"\n')
        includes, circles, links = self.errors([self.BOTTOM])
        self.assertEqual((len(includes), circles, links), (1, [], []))
        self.assertIn(self.top[0] + '/left.h does not lie below', includes[0])

    def test_an_include_from_beside(self):
        self.add(self.top[0], 'fault', '#include "right/right.h"\n')
        self.assertEqual(len(floors.include_errors(self.copy)), 1)

    def test_an_include_without_its_folder(self):
        self.add(self.top[0], 'fault', '#include "left.h"\n')
        self.assertEqual(len(floors.include_errors(self.copy)), 1)

    def test_an_include_of_what_is_private(self):
        floors.FLOORS = (*floors.FLOORS[:-1], self.top[:1], self.top[1:])
        self.add(self.top[1], 'fault', '#include "left/left.h"\n#include "left/left_internal.h"\n')
        includes = floors.include_errors(self.copy)
        self.assertEqual(len(includes), 1)
        self.assertIn('left_internal.h is private', includes[0])

    def test_a_source_outside_the_folders(self):
        folder = self.ROOTS[-1] + '/attic'
        os.mkdir(os.path.join(self.copy, folder))
        self.write(folder, 'fault.c', '')
        self.assertEqual(floors.include_errors(self.copy),
                         [folder + '/fault.c: lies in no folder of the table'])

    def test_an_upward_call(self):
        self.add(self.BOTTOM, 'fault',
                 'void left(void);\nvoid fault(void);\nvoid fault(void) { left(); }\n')
        includes, circles, links = self.errors([self.BOTTOM])
        self.assertEqual((includes, circles), ([], []))
        self.assertIn('%s: nothing below it has left' % self.BOTTOM, links)

    def test_a_call_beside(self):
        self.add(self.top[0], 'fault',
                 'void right(void);\nvoid fault(void);\nvoid fault(void) { right(); }\n')
        self.assertEqual(floors.link_errors(self.copy, self.top[:1]),
                         ['%s: nothing below it has right' % self.top[0]])

    def test_a_circle(self):
        for one, other in ('first', 'second'), ('second', 'third'), ('third', 'first'):
            self.add(self.top[0], one, 'void %s(void);\nvoid %s(void);\nvoid %s(void) { %s(); }\n'
                     % (one, other, one, other))
        includes, circles, links = self.errors(self.top[:1])
        self.assertEqual((includes, len(circles), links), ([], 1, []))
        self.assertIn('first.c calls second of second.c', circles[0])


class Engine(House, unittest.TestCase):
    ROOTS = ('engine',)
    BOTTOM = 'engine/base'


class Terminal(House, unittest.TestCase):
    ROOTS = ('engine', 'ui')
    BOTTOM = 'ui/session'

    def test_an_include_in_the_engine(self):
        self.write('engine/cache', 'fault.c', '#include "ui/left/left.h"\n')
        self.assertEqual(floors.include_errors(self.copy),
                         ['engine/cache/fault.c: ui/left/left.h does not lie below'])

    def test_a_call_in_the_engine(self):
        self.add('engine/cache', 'fault',
                 'void left(void);\nvoid fault(void);\nvoid fault(void) { left(); }\n')
        self.assertEqual(floors.link_errors(self.copy, ['engine/cache']),
                         ['engine/cache: nothing below it has left'])


class Text(unittest.TestCase):
    """Phrases that are not plain English, and functions and lines that are too large, are found."""

    def setUp(self):
        self.copy = tempfile.mkdtemp(prefix='atticscope-text-')
        self.addCleanup(shutil.rmtree, self.copy)

    def write(self, name, text):
        path = os.path.join(self.copy, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w') as f:
            f.write(text)

    def expect(self, module, name, text, *errors):
        self.write(name, text)
        self.assertEqual(module.errors(self.copy), ['%s:%s' % (name, error) for error in errors])
        os.remove(os.path.join(self.copy, name))

    def test_phrases(self):
        phrase = 'an' + 'ew'
        error = '"%s": write again' % phrase
        for name, text in (('engine/base/fault.c', '/* Reads\n * it %s. */\n'),
                           ('ui/fault.h', '#define A 1\n#define B "it is read %s\\n"\n'),
                           ('src/fault.c', 'int a;	// Reads\n// it %s.\n'),
                           ('tests/fault.py', 'a = 1\n# It is read %s.\n'),
                           ('tests/fault.py', '"""One.\n\nIt is read %s."""\n'),
                           ('doc/fault.md', 'It is\nread %s.\n')):
            self.expect(words, name, text % phrase,
                        '%d: %s' % (text[:text.index('%s')].count('\n') + 1, error))

    def test_a_phrase_on_two_lines(self):
        self.expect(words, 'engine/fault.c', '/* Two, of\n * which one is read. */\n',
                    '1: "of' ' which": write two sentences')

    def test_a_sentence_that_begins_with_of(self):
        self.expect(words, 'engine/fault.c', '/* It is read. O' 'f two, the first. */\n',
                    '1: ". O' 'f t": write the subject first')

    def test_names_and_other_meanings(self):
        self.expect(words, 'engine/fault.c', 'int an' 'ew;\t/* no mo' 're than one of them */\n')

    def test_a_sentence_that_nothing_says(self):
        rows = ''.join('\t{ "Attic says %d "\n\t  "and more", "Borg" },\n' % i for i in range(12))
        self.write('engine/format/dialect.c',
                   'static const char *const borg_words[][2] = {\n%s\t{ NULL, NULL },\n};\n'
                   % rows)
        said = ''.join('a("Attic " /* now */ "says %d and"\n  " more.");\n' % i
                       for i in range(12))
        self.write('ui/said.c', said)
        self.assertEqual(sentences.errors(self.copy), [])
        self.write('ui/said.c', said.replace('says 7', 'said 7'))
        self.assertEqual(sentences.errors(self.copy), [
            'engine/format/dialect.c: nothing says "Attic says 7 and more"'])
        self.write('engine/format/dialect.c', '')
        self.assertEqual(len(sentences.errors(self.copy)), 1)

    def test_a_long_function(self):
        self.expect(size, 'engine/fault.c', 'int fault(void)\n{\n%s}\n' % ('	fault();\n' * 67))
        self.expect(size, 'engine/fault.c', 'int fault(int a,\n	  int b)\n{\n%s}\n'
                    % ('	fault();\n' * 67), '1: fault has 71 lines')

    def test_wide_lines(self):
        for name in ('engine/fault.c', 'ui/fault.h', 'src/Makefile.am', 'tests/fault.py',
                     'tests/fault.sh', 'tests/README'):
            self.expect(size, name, 'a\n\t%s\n%s\n' % ('b' * 92, 'c' * 100))
            self.expect(size, name, 'a\n\t%s\n%s\n' % ('b' * 93, 'c' * 101),
                        '2: is 101 columns wide', '3: is 101 columns wide')

    def test_wide_lines_of_a_document(self):
        self.expect(size, 'doc/fault.md', '| %s |\n\n    %s\n' % ('a' * 120, 'b' * 120))
        self.expect(size, 'doc/fault.md', '- %s\n  %s\n%s\n' % ('a' * 99, 'b' * 99, 'c' * 101),
                    '1: is 101 columns wide', '2: is 101 columns wide',
                    '3: is 101 columns wide')

    def test_deep_nesting(self):
        for depth, errors in (3, []), (4, ['1: fault is nested 4 levels deep']):
            inner = ''.join('\t' * level + 'if (fault(a,\n\t\t\t\t\t\tb))\n'
                            for level in range(1, depth + 1))
            self.expect(size, 'engine/fault.c',
                        'int fault(void)\n{\n%s%sreturn 1;\n}\n' % (inner, '	' * (depth + 1)),
                        *errors)


if __name__ == '__main__':
    unittest.main(verbosity=1)
