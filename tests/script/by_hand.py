#!/usr/bin/env python3
"""Faults that only a person can mend: check names the file, the line and the text, recommends no
repair, and every repair refuses with the same words. Writing the printed lines by hand mends the
repository. Also repositories in Borg's format: they are named as such, and every command that
writes leaves
them as they are.

ATTICSCOPE names the program. SHARED (by default ../shared beside the source) may hold repositories
that Borg wrote."""
import glob
import json
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
import unittest

from system import state

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SHARED = os.environ.get('SHARED') or os.path.join(os.path.dirname(SOURCE), 'shared')
PROGRAM = os.environ.get('ATTICSCOPE', 'atticscope')
REPAIRS = ('recover', 'rollback', 'compact', 'salvage')
KEYS = ['%02x' % i * 32 for i in range(8)]
ENVIRONMENT = dict(os.environ, LC_ALL='C.UTF-8')


def run(*args, data=None):
    """(status, standard output, standard error)."""
    done = subprocess.run([PROGRAM, *args], input=data, capture_output=True, timeout=120,
                          env=ENVIRONMENT)
    return (done.returncode, done.stdout.decode('utf-8', 'replace'),
            done.stderr.decode('utf-8', 'replace'))


def put(path, *pieces):
    with open(path, 'wb') as f:
        for piece in pieces:
            f.write(piece)


def get(path):
    with open(path, 'rb') as f:
        return f.read()


def words(text):
    return re.sub(r'\s+', ' ', text)


class Case(unittest.TestCase):
    """Each test has a copy of a repository that is made once."""

    whole = None

    def make(self):
        Case.whole = tempfile.mkdtemp(prefix='atticscope-by-hand-')
        unittest.addModuleCleanup(shutil.rmtree, Case.whole)
        self.repo = os.path.join(Case.whole, 'repo')
        self.assertEqual(run('create', self.repo)[0], 0)
        self.edit(r'segments_per_dir = \d+', 'segments_per_dir = 2')
        for i, key in enumerate(KEYS):
            status, _, err = run('put', self.repo, key, '-', data=b'object %d' % i)
            self.assertEqual(status, 0, err)

    def setUp(self):
        if not Case.whole:
            self.make()
        self.folder = tempfile.mkdtemp(prefix='atticscope-by-hand-')
        self.repo = os.path.join(self.folder, 'repo')
        shutil.copytree(os.path.join(Case.whole, 'repo'), self.repo)
        self.config = get(self.path('config')).decode()

    def tearDown(self):
        shutil.rmtree(self.folder)

    def path(self, *names):
        return os.path.join(self.repo, *names)

    def edit(self, pattern, text):
        old = get(self.path('config')).decode()
        new = re.sub(pattern, text, old)
        self.assertNotEqual(old, new)
        put(self.path('config'), new.encode())

    def check(self):
        """(status, the JSON object, the text for a person)."""
        before = state(self.repo)
        status, out, err = run('check', '--json', self.repo)
        text = run('check', self.repo)
        self.assertEqual(text[0], status)
        self.assertEqual(state(self.repo), before)
        return status, json.loads(out), text[1] + text[2]

    def expect_plan(self, repair, plan, out):
        """A dry run prints its plan, or which part of it cannot be planned, even where it is
        refused."""
        text = words(out)
        self.assertTrue(text.startswith('Plan: ' + repair), out)
        self.assertIn(words(plan['refused']), text)
        if plan['not_planned']:
            self.assertIn(words(plan['not_planned']), text)
        for path in plan['created'] + plan['replaced'] + plan['removed']:
            self.assertRegex(out, r'(?m)^  %s\b' % re.escape(path))
        self.assertTrue(plan['not_planned'] or
                        plan['created'] + plan['replaced'] + plan['removed'] or
                        'nothing to do' in text, out)

    def expect_by_hand(self):
        """No repair is recommended, and all refuse with the instruction, which is returned."""
        status, report, text = self.check()
        self.assertIn(status, (4, 8))
        self.assertEqual((report['recommended'], report['clean']), (None, False))
        hand = report['by_hand']
        self.assertTrue(hand)
        for line in hand.splitlines():
            self.assertIn(words(line), words(text))
            if line.startswith('    '):
                self.assertIn(line + '\n', text)
        before = state(self.repo)
        for repair in REPAIRS:
            for how in ('--dry-run', '--yes'):
                status, out, err = run(repair, how, '--json', self.repo)
                plan = json.loads(out)
                self.assertIn(status, (4, 8), (repair, how))
                self.assertTrue(plan['refused'])
                self.assertEqual(plan['by_hand'], hand)
                status, out, err = run(repair, how, self.repo)
                self.assertIn('refused', err)
                if how == '--dry-run':
                    self.expect_plan(repair, plan, out)
                else:
                    self.assertEqual(out, '')
                self.assertIn(words(hand), words(err.replace('atticscope: ', '')))
        self.assertEqual(state(self.repo), before)
        return hand


class Config(Case):
    def lines(self, hand):
        return [line[4:] for line in hand.splitlines() if line.startswith('    ')]

    def mend(self, hand, config):
        """Follow @hand with the text @config: replace all of it, or some lines."""
        lines = self.lines(hand)
        identity = re.search('id = .*', self.config).group(0)
        lines = [identity if line.startswith('id = ') else line for line in lines]
        if lines[0] == '[repository]':
            return '\n'.join(lines) + '\n'
        names = [line.split(' ')[0] for line in lines]
        kept = [line for line in config.splitlines()
                if line.split(' ')[0] not in names and line != '[repository]']
        return '\n'.join(['[repository]'] + kept + lines) + '\n'

    def test_every_missing_or_wrong_line(self):
        cases = [('version = 1\n', ''), ('version = 1', 'version = 3'),
                 ('version = 1', 'version = x'), ('segments_per_dir = 2\n', ''),
                 ('segments_per_dir = 2', 'segments_per_dir = 10000'),
                 ('segments_per_dir = 2', 'segments_per_dir = 0'), ('max_segment_size = .*\n', ''),
                 ('max_segment_size = .*', 'max_segment_size = many'), ('id = .*\n', ''),
                 ('id = .*', 'id = 12'), (r'\[repository\]', '[other]'),
                 (r'\[repository\]\n', '[repository]\nno option\n'), ('(?s).*', ''),
                 ('(?s)version = 1\nsegments_per_dir = 2\n', 'segments_per_dir = 7\n')]
        for pattern, text in cases:
            with self.subTest(pattern=pattern, text=text):
                wrong = re.sub(pattern, text, self.config, count=1)
                put(self.path('config'), wrong.encode())
                hand = self.expect_by_hand()
                put(self.path('config'), self.mend(hand, wrong).encode())
                status, report, text = self.check()
                self.assertEqual((status, report['clean'], report['by_hand']), (0, True, None),
                                 text)
                self.assertEqual(report['objects'], len(KEYS))
                # The derived values are the old ones, except for the size, which the default
                # replaces.
                self.assertIn('segments_per_dir = 2\n', get(self.path('config')).decode())

    def test_readable_lines_survive_a_damaged_header(self):
        self.edit('max_segment_size = .*', 'max_segment_size = 5000000')
        whole = get(self.path('config'))
        for header in (b'[repositery]', b'[repository', b'repository]', b'[other]', b'[]', b'',
                       b'[repo\0itory]', b'[\xffepository]', b'{repository]',
                       b'\0\0\0\0\0\0\0\0\0\0\0\0', b'[Repository]'):
            with self.subTest(header=header):
                put(self.path('config'), whole.replace(b'[repository]', header))
                hand = self.expect_by_hand()
                lines = self.lines(hand)
                self.assertEqual(sorted(lines),
                                 sorted(line for line in whole.decode().split('\n') if line))
                put(self.path('config'), '\n'.join(lines).encode() + b'\n')
                self.assertEqual(self.check()[0], 0)

    def test_two_ids_are_an_error(self):
        identity = re.search('id = .*', self.config).group(0)
        other = '[other]\n' + self.config.split('\n', 1)[1] + '[third]\nid = %s\n'
        put(self.path('config'), (other % (64 * '0')).encode())
        self.assertIn('id = <64 hex digits>', self.lines(self.expect_by_hand()))
        put(self.path('config'), (other % identity[5:]).encode())
        self.assertIn(identity, self.lines(self.expect_by_hand()))

    def test_a_plan_says_which_settings_are_guessed(self):
        oldest = get(self.path('data', '0', '0'))
        put(self.path('data', '0', '0'), b'ATTICSEF', oldest[8:])
        whole = json.loads(run('salvage', '--dry-run', '--json', self.repo)[1])
        self.assertEqual((whole['refused'], whole['not_planned'], whole['entries_copied']),
                         (None, None, 1))
        config = get(self.path('config')).decode()
        for name, guess in (('version', None), ('id', None),
                            ('max_segment_size', 'number and size'),
                            ('segments_per_dir', 'the folders')):
            with self.subTest(name=name):
                put(self.path('config'), re.sub(r'%s = .*\n' % name, '', config).encode())
                plan = json.loads(run('salvage', '--dry-run', '--json', self.repo)[1])
                self.assertTrue(plan['refused'])
                self.assertEqual([plan[part]
                                  for part in ('created', 'replaced', 'removed', 'objects_after')],
                                 [whole[part]
                                  for part in ('created', 'replaced', 'removed', 'objects_after')])
                if not guess:
                    self.assertIsNone(plan['not_planned'])
                    continue
                self.assertIn(guess, plan['not_planned'])
                self.assertIn('config does not say ' + name, plan['not_planned'])

    def test_only_data_is_left(self):
        for name in os.listdir(self.repo):
            if name != 'data':
                os.remove(self.path(name))
        hand = self.expect_by_hand()
        self.assertEqual(self.lines(hand)[:3],
                         ['[repository]', 'version = 1', 'segments_per_dir = 2'])
        self.assertIn('recover comes next', hand)
        self.assertRegex(hand, r'~/\.cache/attic/<id>.*ATTIC_CACHE_DIR.*key file')
        put(self.path('config'), self.mend(hand, '').encode())
        status, report, text = self.check()
        self.assertEqual((status, report['recommended']), (4, 'recover'), text)
        self.assertIn(run('recover', '--yes', self.repo)[0], (0, 1))
        self.assertEqual(self.check()[0], 0)
        for i, key in enumerate(KEYS):
            self.assertEqual(run('get', self.repo, key)[:2], (0, 'object %d' % i))

    def test_a_wrong_line_does_not_call_for_salvage(self):
        self.edit('segments_per_dir = 2', 'segments_per_dir = 10000')
        status, report, text = self.check()
        self.assertEqual([p['code'] for p in report['problems']], ['config-limits'])
        self.assertNotIn('Recommended', text)
        # Commands that write are refused as well.
        before = state(self.repo)
        status, _, err = run('put', self.repo, 'ab' * 32, '-', data=b'x')
        self.assertEqual(status, 8)
        self.assertIn('segments_per_dir', err)
        self.assertEqual(state(self.repo), before)


class Blocking(Case):
    def test_it_is_named_and_after_its_removal_a_repair_does_the_rest(self):
        head = max(int(n) for n in os.listdir(self.path('data', '3')))
        cases = [('index.%d' % head, os.mkdir, 'recover'), ('hints.%d' % head, os.mkdir, 'recover'),
                 ('index.1', os.mkdir, None), ('index.tmp', os.mkdir, None),
                 ('undo', os.mkfifo, None), ('data/0/1', os.mkfifo, 'salvage'),
                 ('data/0/1', lambda p: os.symlink('/nowhere', p), 'salvage')]
        for name, make, after in cases:
            with self.subTest(name=name):
                self.tearDown()
                self.setUp()
                path = self.path(*name.split('/'))
                if os.path.exists(path):
                    os.remove(path)
                if name == 'undo':	# only a repair needs it, so something must need repair
                    os.remove(self.path('index.%d' % head))
                    after = 'recover'
                make(path)
                status, report, text = self.check()
                self.assertIsNone(report['recommended'], text)
                self.assertRegex(report['by_hand'], '(?m)^    %s\\b' % re.escape(name))
                self.assertRegex(report['by_hand'], '[Mm]ove (it|undo) out of the repository')
                if os.path.isdir(path):
                    os.rmdir(path)
                else:
                    os.remove(path)
                status, report, text = self.check()
                self.assertEqual((report['recommended'], report['by_hand']), (after, None), text)
                if after:
                    self.assertIn(run(after, '--yes', self.repo)[0], (0, 1))
                self.assertEqual(self.check()[0], 0)


    def test_a_folder_is_neither_index_nor_hints(self):
        """Check names nothing else as wrong, and nothing as in danger."""
        head = max(int(n) for n in os.listdir(self.path('data', '3')))
        for name in ('index.1', 'hints.1', 'index.%d' % (head + 1), 'hints.%d' % (head + 3),
                     'index.4294967295'):
            with self.subTest(name=name):
                os.mkdir(self.path(name))
                status, report, text = self.check()
                self.assertEqual((status, [p['code'] for p in report['problems']]),
                                 (4, ['not-a-file']), text)
                self.assertEqual((report['objects'], report['index_id']), (len(KEYS), head))
                self.assertIn('No object is in danger', report['advice'])
                self.assertNotRegex(words(text), 'count[^.]* as lost|has the file of that name')
                self.assertEqual(run('put', self.repo, KEYS[0], '-', data=b'x')[0],
                                 0 if name.endswith('.1') else 8)
                os.rmdir(self.path(name))
                if name.endswith('.1'):
                    self.tearDown()
                    self.setUp()
        os.remove(self.path('index.%d' % head))
        os.mkdir(self.path('index.1'))
        codes = [p['code'] for p in self.check()[1]['problems']]
        self.assertEqual(sorted(codes), ['index-missing', 'not-a-file'])


class Foreign(Case):
    def segments(self):
        return sorted(glob.glob(self.path('data', '*', '*')),
                      key=lambda p: int(os.path.basename(p)))

    def upgrade(self, segments):
        """Change the oldest @segments, in the order of borg upgrade."""
        paths = self.segments()
        index, = glob.glob(self.path('index.*'))
        put(index, b'BORG_IDX', get(index)[8:])
        for path in paths[:segments]:
            put(path, b'BORG_SEG', get(path)[8:])
        if segments >= len(paths):
            put(self.path('README'), b'This is a Borg Backup repository.\n')

    def expect_left_alone(self, dialect, says):
        before = state(self.repo)
        status, report, text = self.check()
        self.assertEqual((status, report['dialect'], report['recommended'], report['clean']),
                         (8, dialect, None, False))
        self.assertEqual([(p['code'], p['severity']) for p in report['problems']],
                         [('foreign-format', 'error')])
        self.assertIsNone(report['objects'])
        self.assertIn('Borg', report['by_hand'])
        self.assertRegex(text, says)
        self.assertNotRegex(text.lower(), 'damage[^.]*segment|lost|recommended|atticscope salvage')
        status, out, err = run('info', '--json', self.repo)
        self.assertEqual((status, json.loads(out)['dialect']), (8, dialect))
        self.assertRegex(err, says)
        for args in (['segments'], ['index'], ['hints'], ['entries', '0'], ['history', KEYS[0]],
                     ['get', KEYS[0]]):
            status, out, err = run(args[0], self.repo, *args[1:])
            self.assertEqual((status, out), (8, ''), args)
            self.assertIn('Borg', err)
        self.expect_refused(before)

    def expect_refused(self, before, allowed=()):
        writes = [[repair, how, self.repo] for repair in REPAIRS for how in ('--dry-run', '--yes')]
        writes += [['undo', '--yes', self.repo], ['undo', '--purge', '--yes', self.repo],
                   ['put', self.repo, 'ab' * 32, '-'], ['put', '--batch', self.repo],
                   ['delete', self.repo, KEYS[0]], ['create', self.repo]]
        writes = [args for args in writes if args[0] not in allowed]
        for args in writes:
            status, out, err = run(*args, data=b'')
            self.assertEqual(status, 8, (args, err))
            if args[0] != 'create':
                self.assertIn('Borg', err, args)
            if '--dry-run' in args:
                self.assertRegex(words(out), 'Plan: .*Borg.*cannot be planned')
        self.assertEqual(state(self.repo), before)

    def expect_read(self, dialect, clean, objects):
        """Every command that reads works, and changes nothing."""
        before = state(self.repo)
        status, report, text = self.check()
        self.assertEqual((status, report['dialect'], report['clean'], report['objects']),
                         (0 if clean else 4, dialect, clean, objects))
        self.assertEqual(report['by_hand'] is None, clean)
        self.assertEqual('atticscope ' + str(report['recommended']) in text,
                         report['recommended'] is not None)
        status, out, err = run('info', '--json', self.repo)
        self.assertEqual((status, json.loads(out)['dialect']), (0, dialect))
        for args in (['info'], ['segments'], ['hints'], ['segments', '--verify']):
            status, out, err = run(*args, self.repo)
            self.assertEqual((status, err), (0, ''), args)
        self.assertEqual(state(self.repo), before)
        return before

    def test_borg(self):
        objects = self.check()[1]['objects']
        self.upgrade(99)
        self.expect_read('borg', True, objects)
        self.assertEqual(run('put', self.repo, 'ab' * 32, '-', data=b'new')[0], 0)
        self.expect_read('borg', True, objects + 1)
        self.assertEqual(run('recover', '--yes', self.repo)[0], 0)
        os.remove(glob.glob(self.path('hints.*'))[0])
        self.assertEqual(run('recover', '--yes', self.repo)[0], 1)
        self.expect_read('borg', True, objects + 1)

    def test_half_upgraded(self):
        objects = self.check()[1]['objects']
        self.upgrade(3)
        before = self.expect_read('mixed', False, objects)
        self.expect_refused(before, allowed=('salvage', 'undo'))
        report = self.check()[1]
        self.assertEqual(report['recommended'], 'salvage')
        self.assertIn('upgrade-interrupted', [p['code'] for p in report['problems']])
        self.assertIn('borg upgrade, run again', words(report['by_hand']))
        self.assertEqual(run('salvage', '--yes', self.repo)[0], 1)
        self.expect_read('borg', True, objects)
        self.assertEqual(run('undo', '--yes', self.repo)[0], 0)
        self.expect_read('mixed', False, objects)

    def test_no_sentence_names_attic_where_borg_is_meant(self):
        self.upgrade(99)
        os.remove(self.segments()[-1])
        os.remove(glob.glob(self.path('hints.*'))[0])
        put(self.path('config'), b'nothing')
        status, report, text = self.check()
        self.assertEqual((status, report['dialect']), (4, 'borg'))
        self.assertNotIn('Attic', text + json.dumps(report))
        self.assertIn('Borg', text)

    def test_an_interrupted_upgrade_is_named_wherever_it_stopped(self):
        for segments in range(1, len(self.segments())):
            self.upgrade(segments)
            self.assertEqual(self.check()[1]['dialect'], 'mixed')

    def test_borg_2(self):
        shutil.rmtree(self.path('data'))
        for name in os.listdir(self.repo):
            os.remove(self.path(name))
        for name in ('config', 'data', 'keys', 'locks'):
            os.mkdir(self.path(name))
        put(self.path('config', 'version'), b'3')
        put(self.path('config', 'id'), b'00' * 32)
        self.expect_left_alone('borg2', 'Borg 2')

    def test_one_sign_alone_means_damage_not_another_format(self):
        paths = self.segments()
        for path in (paths[0], paths[-1]):
            whole = get(path)
            for wrong in (b'BORG_SEG', b'ATTICSEF'):
                put(path, wrong, whole[8:])
                status, report, text = self.check()
                self.assertEqual((status, report['dialect']), (4, 'attic'))
                self.assertIn('segment-magic', [p['code'] for p in report['problems']])
            put(path, whole)
        self.assertEqual(self.check()[1]['dialect'], 'attic')

    def test_repositories_written_by_borg(self):
        names = (('clean', 'borg'), ('clean-empty', 'borg'), ('real-created', 'borg'),
                 ('hints-of-1-0', 'borg'), ('real-repokey-pruned-compacted', 'borg'),
                 ('segment-magic-lost', 'borg'), ('random-bytes', 'borg'),
                 ('index-hints-integrity-missing', 'borg'), ('upgraded-from-attic', 'borg'),
                 ('half-upgraded', 'mixed'), ('config-version-2', 'borg2'),
                 ('borg2-store', 'borg2'))
        present = [case for case in names
                   if os.path.exists(os.path.join(SHARED, 'corpus-borg', case[0] + '.tar.gz'))]
        if not present:
            self.skipTest('no repositories of Borg in ' + SHARED)
        for name, dialect in present:
            with self.subTest(name=name):
                shutil.rmtree(self.repo)
                with tarfile.open(os.path.join(SHARED, 'corpus-borg', name + '.tar.gz')) as archive:
                    archive.extractall(self.folder)
                before = state(self.repo)
                self.assertEqual(self.check()[1]['dialect'], dialect)
                if dialect == 'borg2':
                    self.expect_refused(before)
                for repair in REPAIRS:
                    self.assertIn(run(repair, '--dry-run', self.repo)[0], (0, 4, 8))
                self.assertEqual(state(self.repo), before)


if __name__ == '__main__':
    unittest.main()
