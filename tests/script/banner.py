#!/usr/bin/env python3
"""The five answers of "check --json" for every repository of the corpora: how bad it is, and how
urgent, by the table banner_cases.txt; and what no answer may say.

The table was judged by hand. "act now" is where an object is hit, or where the client's next start
deletes something; "before the next backup" where that fails or builds on something wrong; the rest
can wait.

Needs the corpora: SHARED names their folder (by default ../shared beside the source). Skipped with
a message where they are absent."""
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(HERE))
SHARED = os.environ.get('SHARED') or os.path.join(os.path.dirname(SOURCE), 'shared')
PROGRAM = os.environ.get('ATTICSCOPE', 'atticscope')
ENVIRONMENT = dict(os.environ, BORG_HOST_ID='corpus-host', LC_ALL='C.UTF-8')
ANSWERS = ('line', 'act', 'first', 'then', 'meanwhile', 'if_not', 'cause')
# What nobody has to know who reads the answers.
FORMAT = re.compile(r'\b(segments?|log|transactions?|COMMIT|PUT|DELETE|tail|hints|buckets?|CRC'
                    r'|entr(y|ies)|manifest|msgpack)\b')
LONGEST = 200			# characters of an answer: three lines of the terminal

if not os.path.isdir(os.path.join(SHARED, 'corpus')):
    print('skipped: no corpus in %s (set SHARED)' % SHARED)
    sys.exit(77)


def cases():
    with open(os.path.join(HERE, 'banner_cases.txt')) as table:
        for row in table:
            name, word, urgency = re.fullmatch(r'(\S+): (.*); (.*)\n', row).groups()
            yield name, word, None if urgency == 'no need' else urgency


class Banner(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.reports = {}
        for name, _, _ in cases():
            folder = tempfile.mkdtemp(prefix='atticscope-banner-')
            try:
                with tarfile.open(os.path.join(SHARED, name + '.tar.gz')) as archive:
                    archive.extractall(folder)
                done = subprocess.run([PROGRAM, 'check', '--json', os.path.join(folder, 'repo')],
                                      env=ENVIRONMENT, capture_output=True, timeout=60)
                cls.reports[name] = json.loads(done.stdout)
            finally:
                shutil.rmtree(folder)

    def test_word_and_urgency_are_those_of_the_table(self):
        for name, word, urgency in cases():
            with self.subTest(name):
                banner = self.reports[name]['banner']
                self.assertEqual((banner['word'], banner['urgency']), (word, urgency))

    def test_the_table_has_every_repository(self):
        named = {name for name, _, _ in cases()}
        for corpus in ('corpus', 'corpus-evidence', 'corpus-borg'):
            for file in os.listdir(os.path.join(SHARED, corpus)):
                if file.endswith('.tar.gz'):
                    self.assertIn('%s/%s' % (corpus, file[:-7]), named)

    def test_nothing_is_called_intact_over_a_problem(self):
        for name, report in self.reports.items():
            with self.subTest(name):
                banner = report['banner']
                self.assertEqual(banner['word'].startswith('INTACT'), report['clean'])
                loses = report['lost'] + report['older'] > 0
                self.assertEqual(loses and banner['word'] != 'DAMAGED', False)
                self.assertEqual(loses and banner['urgency'] != 'act now', False)
                if loses:
                    self.assertRegex(banner['line'], r'\b%d of %d '
                                     % (report['lost'] + report['older'],
                                        report['objects'] + report['lost']))

    def test_the_way_on_is_the_recommended_repair(self):
        for name, report in self.reports.items():
            with self.subTest(name):
                then, repair = report['banner']['then'], report['recommended']
                if repair:
                    self.assertTrue(then.startswith(repair + ' '), then)
                elif not report['clean']:
                    self.assertRegex(then, 'hand|each problem|Wait until')

    def test_no_answer_is_long_or_speaks_the_words_of_the_format(self):
        for name, report in self.reports.items():
            for answer in ANSWERS:
                with self.subTest(name, answer=answer):
                    text = report['banner'][answer] or ''
                    self.assertLessEqual(len(text), LONGEST)
                    self.assertRegex(text, r'\A(|[A-Za-z0-9].*[.?])\Z')
                    if not (answer == 'line' and report['clean']):
                        self.assertIsNone(FORMAT.search(text), text)
                    if report['dialect'] == 'borg':
                        self.assertNotIn('Attic', text)

    def test_what_is_wrong_is_answered_in_full(self):
        for name, report in self.reports.items():
            if report['clean'] or report['dialect'] == 'borg2':
                continue
            for answer in ('line', 'act', 'then', 'meanwhile', 'if_not', 'cause'):
                with self.subTest(name, answer=answer):
                    self.assertTrue(report['banner'][answer])


if __name__ == '__main__':
    unittest.main()
