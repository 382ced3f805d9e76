#!/usr/bin/env python3
"""The command line: help, usage, each command as text and as JSON, exit statuses, hostile names,
closed pipes, full disks, interrupts, locks held by others, and the manual against the tables.

ATTICSCOPE names the program. The repositories are written here, from the format alone."""
import base64
import fcntl
import glob
import hashlib
import json
import os
import pty
import re
import shutil
import signal
import struct
import subprocess
import tempfile
import time
import unittest
import zlib

from system import hold, let_go

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.environ.get('ATTICSCOPE', 'atticscope')
PAGE = os.path.join(SOURCE, 'doc', 'atticscope.1')

# A shell makes its background jobs ignore interrupts, and the program would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

PUT, DELETE, COMMIT = 0, 1, 2
COMMANDS = ('info', 'check', 'segments', 'entries', 'index', 'hints', 'history', 'get', 'create',
            'put', 'delete', 'recover', 'rollback', 'compact', 'salvage', 'undo', 'problems',
            'help')
READING = ('info', 'check', 'segments', 'index', 'hints')	# those whose only argument is REPO

ENVIRONMENT = dict(os.environ, LC_ALL='C.UTF-8', TERM='xterm')
for name in ('NO_COLOR', 'POSIXLY_CORRECT'):
    ENVIRONMENT.pop(name, None)


def run(*args, env=None, **more):
    """(status, standard output, standard error) of one run, as bytes."""
    more.setdefault('stdout', subprocess.PIPE)
    done = subprocess.run([PROGRAM, *args], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          env=dict(ENVIRONMENT, **(env or {})), timeout=120, **more)
    return done.returncode, done.stdout, done.stderr.decode('utf-8', 'replace')


def rows(output):
    return [json.loads(line) for line in output.splitlines()]


def on_terminal(*args, env=None, columns=80, typed=b'', after=b''):
    """(status, everything sent to the terminal), which is both outputs. @typed is typed as soon as
    the program has sent @after."""
    pid, fd = pty.fork()
    if pid == 0:
        try:
            fcntl.ioctl(1, 0x5414, struct.pack('HHHH', 24, columns, 0, 0))	# TIOCSWINSZ
            os.execvpe(PROGRAM, [PROGRAM, *args], dict(ENVIRONMENT, **(env or {})))
        finally:
            os._exit(127)
    sent = b''
    while True:
        if typed and after in sent:
            os.write(fd, typed)
            typed = b''
        try:
            part = os.read(fd, 65536)
        except OSError:
            break
        if not part:
            break
        sent += part
    os.close(fd)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), sent


def entry(tag, key=b'', data=b''):
    body = struct.pack('<IB', 9 + len(key) + len(data), tag) + key + data
    return struct.pack('<I', zlib.crc32(body)) + body


def key_of(number):
    return hashlib.sha256(b'%d' % number).digest()


def msgpack_number(number):
    return bytes([number]) if number < 128 else b'\xcd' + struct.pack('>H', number)


class Repository:
    """A list of segments, each a list of (tag, key, data), written as Attic writes it."""

    def __init__(self, path, segments, segments_per_dir=10000):
        self.path, self.places, self.objects = path, {}, {}
        os.makedirs(os.path.join(path, 'data', '0'))
        with open(os.path.join(path, 'config'), 'w') as f:
            f.write('[repository]\nversion = 1\nsegments_per_dir = %d\n'
                    'max_segment_size = 5242880\nid = %s\n'
                    % (segments_per_dir, '0123456789abcdef' * 4))
        self.live, self.sparse = {}, set()
        for number, entries in enumerate(segments):
            self.write_segment(number, entries)
        self.write_index(len(segments) - 1)
        self.write_hints(len(segments) - 1)

    def write_segment(self, number, entries):
        data = b'ATTICSEG'
        self.live[number] = 0
        for tag, key, payload in entries:
            if tag != COMMIT and key in self.places:
                old = self.places.pop(key)[0]
                self.live[old] -= 1
                self.sparse.add(old)
                del self.objects[key]
            if tag == DELETE:
                self.sparse.add(number)
            if tag == PUT:
                self.places[key] = (number, len(data))
                self.objects[key] = payload
                self.live[number] += 1
            data += entry(tag, key, payload)
        with open(self.segment(number), 'wb') as f:
            f.write(data)

    def segment(self, number):
        return os.path.join(self.path, 'data', '0', str(number))

    def write_index(self, transaction, buckets=1024):
        while len(self.places) * 10 > buckets * 9:
            buckets *= 2
        table = [None] * buckets
        for key, place in self.places.items():
            home = struct.unpack('<I', key[:4])[0] % buckets
            while table[home]:
                home = (home + 1) % buckets
            table[home] = key + struct.pack('<II', *place)
        with open(os.path.join(self.path, 'index.%d' % transaction), 'wb') as f:
            f.write(struct.pack('<8siibb', b'ATTICIDX', len(self.places), buckets, 32, 8))
            f.write(b''.join(row or bytes(32) + b'\xff' * 8 for row in table))

    def write_hints(self, transaction):
        pairs = b''.join(msgpack_number(s) + msgpack_number(n) for s, n in self.live.items())
        with open(os.path.join(self.path, 'hints.%d' % transaction), 'wb') as f:
            f.write(b'\x83\xa7version\x01\xa8segments\xde' + struct.pack('>H', len(self.live)) +
                    pairs + b'\xa7compact\xdc' + struct.pack('>H', len(self.sparse)) +
                    b''.join(map(msgpack_number, sorted(self.sparse))))

    def flip(self, number, offset):
        with open(self.segment(number), 'r+b') as f:
            f.seek(offset)
            byte = f.read(1)[0]
            f.seek(offset)
            f.write(bytes([byte ^ 1]))

    def damage(self, key):
        """Flip a bit of the data of @key."""
        number, offset = self.places[key]
        self.flip(number, offset + 41)


COMMITTED = (COMMIT, b'', b'')
BINARY = bytes(range(256)) * 4


def sample(path):
    """Objects 0 to 7; 1 is replaced and 2 deleted later. 8 is binary, 9 is empty."""
    first = [(PUT, key_of(i), b'text %d\n' % i) for i in range(8)] + [COMMITTED]
    second = [(DELETE, key_of(1), b''), (PUT, key_of(1), b'second text\n'),
              (DELETE, key_of(2), b''), COMMITTED]
    third = [(PUT, key_of(8), BINARY), (PUT, key_of(9), b''), COMMITTED]
    return Repository(path, [first, second, third])


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='atticscope-cli-')
        self.addCleanup(shutil.rmtree, self.folder)
        self.repo = sample(os.path.join(self.folder, 'repo'))
        self.path = self.repo.path

    def ok(self, *args, status=0, **more):
        """Standard output of a run that must end with @status, without messages when that is 0."""
        got, out, err = run(*args, **more)
        self.assertEqual(got, status, (args, out, err))
        if status == 0:
            self.assertEqual(err, '', args)
        return out

    def fails(self, status, *args, **more):
        """Standard error of a run that must end with @status and write nothing else."""
        got, out, err = run(*args, **more)
        self.assertEqual(got, status, (args, out, err))
        self.assertFalse(out, args)
        for line in err.splitlines():
            self.assertTrue(line.startswith('atticscope: '), err)
        self.assertTrue(err, args)
        return err

    def object(self, *args, status=0):
        out = self.ok(*args, status=status)
        self.assertEqual(out.count(b'\n'), 1)
        return json.loads(out)


class Usage(Case):
    def test_help_of_the_program_names_every_command(self):
        text = self.ok('--help').decode()
        for name in COMMANDS:
            self.assertRegex(text, r'(?m)^  %s\b' % name)
        self.assertEqual(self.ok('help').decode(), text)
        self.assertEqual(self.ok('-h').decode(), text)

    def test_help_of_every_command(self):
        for name in COMMANDS:
            text = self.ok(name, '--help').decode()
            self.assertTrue(text.startswith('Usage: atticscope %s ' % name), text)
            self.assertEqual(self.ok('help', name).decode(), text)
            self.assertEqual(self.ok('--help', name).decode(), text)
            self.assertLessEqual(max(map(len, text.splitlines())), 100)

    def test_version_of_every_command(self):
        text = self.ok('--version').decode()
        self.assertRegex(text, r'\Aatticscope \d+\.\d+.*\nCRC-32 computed by \S')
        for name in COMMANDS:
            self.assertEqual(self.ok(name, '-V').decode(), text)

    def test_wrong_usage_is_16_and_says_so(self):
        for args in ((), ('chekc', self.path), ('--no-such',), ('check', '--no-such', self.path),
                     ('check', '-x', self.path), ('check',), ('check', self.path, self.path),
                     ('check', '-j', 'x', self.path), ('check', '-j'),
                     ('check', '-j', '-1', self.path),
                     ('check', '--json=3', self.path), ('check', '--force', self.path),
                     ('info', '-a', self.path), ('--json', self.path), ('entries', self.path),
                     ('entries', self.path, 'x'), ('entries', self.path, '-1'),
                     ('entries', self.path, '4294967296'), ('get', self.path, 'xyz'),
                     ('get', self.path, ''), ('get', self.path, '0' * 65),
                     ('history', self.path, 'g'),
                     ('check', '--color=sometimes', self.path), ('help', 'nothing'),
                     ('check', '--ver', '--v', self.path)):
            self.fails(16, *args)

    def test_a_quiet_check_says_nothing_when_all_is_well(self):
        self.assertEqual(self.ok('check', '-q', self.path), b'')
        self.assertEqual(self.ok('check', '--quiet', '--json', self.path), b'')
        os.remove(glob.glob(os.path.join(self.path, 'hints.*'))[0])
        line = self.ok('check', '-q', self.path, status=4).decode()
        report = self.object('check', '--json', self.path, status=4)
        self.assertEqual(line, '%s: %s Recommended: atticscope recover %s\n'
                         % (self.path, report['verdict'], self.path))
        self.assertEqual(self.object('check', '-q', '--json', self.path, status=4), report)

    def test_a_mistyped_word_names_the_one_that_was_meant(self):
        for args, meant in ((('chekc', self.path), "'check'"), (('help', 'slavage'), "'salvage'"),
                            (('check', '--jsn', self.path), "'--json'")):
            self.assertIn('did you mean %s?' % meant, self.fails(16, *args))
        self.assertIn("did you mean the command 'check'?", self.fails(8, 'chekc'))
        self.assertNotIn('did you mean', self.fails(8, 'backup-of-monday'))

    def test_options_stand_anywhere(self):
        want = self.ok('info', '--json', self.path)
        self.assertEqual(self.ok('--json', 'info', self.path), want)
        self.assertEqual(self.ok('info', self.path, '--json'), want)
        self.assertEqual(self.ok('info', '--json', '--', self.path), want)
        self.assertEqual(self.ok('info', self.path, '--json', env={'POSIXLY_CORRECT': '1'}), want)

    def test_without_a_repository_the_status_is_8(self):
        nothing = os.path.join(self.folder, 'nothing')
        os.mkdir(os.path.join(self.folder, 'empty'))
        for name in READING:
            self.assertIn('nothing', self.fails(8, name, nothing))
            self.fails(8, name, '--json', os.path.join(self.folder, 'empty'))
            self.fails(8, name, os.path.join(self.path, 'config'))
        self.fails(8, 'entries', nothing, '0')
        self.fails(8, 'get', nothing, 'ab')
        self.fails(8, 'history', nothing, 'ab')


class Commands(Case):
    def test_info(self):
        info = self.object('info', '--json', self.path)
        self.assertEqual(list(info), ['repository', 'id', 'version', 'segments_per_dir',
                                      'max_segment_size', 'transaction_id', 'index_id', 'hints_id',
                                      'tail_segments', 'segments', 'bytes', 'index', 'lock',
                                      'dialect', 'problems', 'witnesses', 'hints_version',
                                      'append_only', 'storage_quota', 'storage_quota_use'])
        self.assertEqual([info[field] for field in list(info)[-4:]], [1, False, 0, None])
        self.assertEqual(info['witnesses'][0],
                         {'file': 'index.2', 'state': 'credible', 'confirmed': 9, 'of': 9,
                          'sampled': False, 'known': None, 'objects': None})
        self.assertEqual([w['file'] for w in info['witnesses']], ['index.2', 'hints.2'])
        sizes = sum(os.path.getsize(self.repo.segment(n)) for n in range(3))
        self.assertEqual((info['repository'], info['id'], info['version'], info['transaction_id'],
                          info['segments'], info['bytes'], info['tail_segments'], info['problems']),
                         (self.path, '0123456789abcdef' * 4, 1, 2, 3, sizes, 0, 1))
        self.assertEqual((info['index']['used'], info['index']['buckets']), (9, 1024))
        self.assertAlmostEqual(info['index']['load'], 9 / 1024, places=5)
        self.assertEqual(info['lock'], {'state': 'shared', 'holder': None})
        text = self.ok('info', self.path).decode()
        for part in (self.path, '0123456789abcdef', '9 of 1024 buckets', 'index.2', 'hints.2'):
            self.assertIn(part, text)

    def test_info_of_a_broken_repository(self):
        os.unlink(os.path.join(self.path, 'config'))
        os.unlink(os.path.join(self.path, 'index.2'))
        info = self.object('info', '--json', self.path)
        self.assertEqual((info['id'], info['version'], info['index'], info['index_id'],
                          info['lock']['state']), (None, None, None, None, 'impossible'))
        self.assertGreaterEqual(info['problems'], 2)
        self.assertIn('config', self.ok('info', self.path).decode())

    def test_segments(self):
        got = rows(self.ok('segments', '--json', '--verify', self.path))
        self.assertEqual(list(got[0])[:13],
                         ['segment', 'path', 'size', 'entries', 'puts', 'deletes', 'commits',
                          'live', 'live_bytes', 'complete', 'committed', 'crc', 'damaged_bytes'])
        self.assertEqual({(r['role'], r['is'] == r['segment']) for r in got}, {('log', True)})
        self.assertEqual([r['segment'] for r in got], [0, 1, 2])
        self.assertEqual((got[0]['path'], got[0]['entries'], got[0]['puts'], got[0]['live'],
                          got[0]['crc'], got[0]['complete'], got[0]['committed']),
                         ('data/0/0', 9, 8, 6, 'ok', True, True))
        self.assertEqual((got[1]['puts'], got[1]['deletes'], got[1]['commits'], got[1]['live']),
                         (1, 2, 1, 1))
        self.assertEqual(got[0]['live_bytes'], 6 * 48)
        self.assertEqual([r['size'] for r in got],
                         [os.path.getsize(self.repo.segment(n)) for n in range(3)])
        self.assertEqual(len(self.ok('segments', '--verify', self.path).splitlines()), 4)

    def test_segments_without_their_data(self):
        """What files, hints and the newest COMMIT say is as with --verify; the rest is null,
        damaged or not."""
        whole = rows(self.ok('segments', '--json', '--verify', self.path))
        self.repo.damage(key_of(3))
        got = rows(self.ok('segments', '--json', '--no-verify', self.path))
        known = ('segment', 'path', 'size', 'live', 'committed')
        for row, other in zip(got, whole):
            self.assertEqual(list(row), list(other))
            self.assertEqual({name: row[name] for name in known},
                             {name: other[name] for name in known})
            self.assertEqual({row[name] for name in set(row) - set(known) - {'complete'}}, {None})
        self.assertEqual([row['complete'] for row in got], [None, None, True])
        lines = self.ok('segments', self.path).decode().splitlines()
        self.assertEqual([line.split() for line in lines[:2]],
                         [['segment', 'size', 'live', 'state', 'path'],
                          ['0', str(whole[0]['size']), 'B', '6', 'unverified', 'data/0/0']])

    def test_segments_of_an_unfinished_transaction_and_without_hints(self):
        self.repo.write_segment(3, [(PUT, key_of(20), b'')])
        row = rows(self.ok('segments', '--json', '--no-verify', self.path))[3]
        self.assertEqual((row['complete'], row['committed']), (False, False))
        self.assertIn('uncommitted', self.ok('segments', self.path).decode())
        os.unlink(os.path.join(self.path, 'hints.2'))
        self.assertEqual({row['live']
                          for row in rows(self.ok('segments', '--json', '--no-verify', self.path))},
                         {None})

    def test_segments_reads_data_only_when_asked(self):
        self.repo.damage(key_of(3))
        self.assertNotIn(b'damaged', self.ok('segments', self.path))
        self.assertIn(b'damaged', self.ok('segments', '--verify', self.path))
        self.assertEqual(self.ok('segments', '--json', self.path),
                         self.ok('segments', '--json', '--verify', self.path))
        self.assertNotEqual(self.ok('segments', '--json', self.path),
                            self.ok('segments', '--json', '--no-verify', self.path))

    def test_segments_damaged(self):
        self.repo.damage(key_of(3))
        row = rows(self.ok('segments', '--json', '--verify', self.path))[0]
        self.assertEqual((row['crc'], row['damaged_bytes'], row['damaged'], row['entries']),
                         ('damaged', 48, 1, 8))

    def test_entries(self):
        got = rows(self.ok('entries', '--json', self.path, '1'))
        self.assertEqual(list(got[0])[:9], ['segment', 'offset', 'size', 'tag', 'key', 'crc',
                                            'crc_stored', 'crc_computed', 'status'])
        self.assertEqual([(r['offset'], r['size'], r['tag'], r['status']) for r in got],
                         [(8, 41, 'DELETE', 'tombstone'), (49, 53, 'PUT', 'live'),
                          (102, 41, 'DELETE', 'tombstone'), (143, 9, 'COMMIT', 'commit')])
        self.assertEqual([r['key'] for r in got],
                         [key_of(1).hex(), key_of(1).hex(), key_of(2).hex(), None])
        for row in got:
            self.assertEqual((row['crc'], row['crc_stored']), ('ok', row['crc_computed']))
        first = {r['key']: r['status'] for r in rows(self.ok('entries', '--json', self.path, '0'))}
        self.assertEqual((first[key_of(0).hex()], first[key_of(1).hex()], first[key_of(2).hex()]),
                         ('live', 'superseded', 'deleted'))
        self.assertEqual(len(self.ok('entries', self.path, '1').splitlines()), 5)
        self.assertIn('no segment 7', self.fails(8, 'entries', self.path, '7'))

    def test_entries_damaged(self):
        self.repo.damage(key_of(3))
        got = rows(self.ok('entries', '--json', self.path, '0'))
        row = got[3]
        self.assertEqual((row['tag'], row['offset'], row['size'], row['length'], row['status'],
                          row['crc'], row['key']),
                         ('DAMAGED', 8 + 3 * 48, 48, 48, 'damaged', 'mismatch', key_of(3).hex()))
        self.assertNotEqual(row['crc_stored'], row['crc_computed'])
        self.assertTrue(row['cause'])
        self.assertEqual(len(got), 9)
        self.assertIn(b'DAMAGED', self.ok('entries', self.path, '0'))

    def test_entries_are_the_same_without_an_index_as_by_the_log(self):
        want = [self.ok('entries', '--json', self.path, str(n)) for n in range(3)]
        self.assertEqual([self.ok('entries', '--json', '--verify', self.path, str(n))
                          for n in range(3)], want)
        os.unlink(os.path.join(self.path, 'index.2'))
        self.assertEqual([self.ok('entries', '--json', self.path, str(n)) for n in range(3)], want)

    def test_entries_of_a_wrong_index(self):
        place = self.repo.places.pop(key_of(5))
        self.repo.write_index(2)
        self.repo.places[key_of(5)] = place
        got = rows(self.ok('entries', '--json', self.path, '0'))
        self.assertEqual(got[5]['status'], 'live')

    def test_index(self):
        got = rows(self.ok('index', '--json', self.path))
        self.assertEqual(list(got[0])[:7],
                         ['bucket', 'key', 'segment', 'offset', 'home', 'distance', 'target'])
        self.assertEqual({bytes.fromhex(r['key']): (r['segment'], r['offset']) for r in got},
                         self.repo.places)
        for row in got:
            self.assertEqual((row['target'], (row['home'] + row['distance']) % 1024),
                             ('ok', row['bucket']))
        everything = rows(self.ok('index', '--all', '--json', self.path))
        self.assertEqual([r['bucket'] for r in everything], list(range(1024)))
        empty = [r for r in everything if r['state'] == 'empty']
        self.assertEqual(len(empty), 1024 - len(got))
        self.assertEqual(set(map(repr, (empty[0][n] for n in ('key', 'segment', 'offset', 'home',
                                                              'distance', 'target')))), {'None'})
        text = self.ok('index', self.path).decode()
        self.assertIn('9 of 1024 buckets used', text)
        self.assertEqual(len(text.splitlines()), 2 + 9)

    def test_index_targets(self):
        self.repo.places[key_of(0)] = (99, 8)
        self.repo.places[key_of(3)] = (0, 8)
        self.repo.places[key_of(4)] = (0, 100000)
        self.repo.places[key_of(5)] = (1, 8)
        self.repo.damage(key_of(6))
        self.repo.write_index(2)
        target = {r['key']: r['target'] for r in rows(self.ok('index', '--json', self.path))}
        self.assertEqual([target[key_of(n).hex()] for n in (0, 3, 4, 5, 6, 7)],
                         ['no-segment', 'other-key', 'out-of-range', 'not-a-put', 'damaged', 'ok'])

    def test_a_missing_index(self):
        with open(os.path.join(self.path, 'index.2'), 'r+b') as f:
            f.write(b'NOTINDEX')
        self.assertIn('index', self.fails(8, 'index', self.path))
        os.unlink(os.path.join(self.path, 'index.2'))
        self.assertIn('index', self.fails(8, 'index', '--json', self.path))

    def test_hints(self):
        got = rows(self.ok('hints', '--json', self.path))
        self.assertEqual([(r['segment'], r['stored'], r['counted'], r['agree'], r['compact'])
                          for r in got], [(0, 6, 6, True, True), (1, 1, 1, True, True),
                                          (2, 2, 2, True, False)])
        self.repo.live.update({0: 5, 77: 3})
        self.repo.write_hints(2)
        got = rows(self.ok('hints', '--json', self.path))
        self.assertEqual([(r['segment'], r['stored'], r['counted'], r['agree']) for r in got],
                         [(0, 5, 6, False), (1, 1, 1, True), (2, 2, 2, True), (77, 3, None, False)])
        self.assertEqual(len(self.ok('hints', self.path).splitlines()), 2 + 4)

    def test_check_of_a_clean_repository(self):
        out = self.ok('check', '--json', self.path)
        check = json.loads(out)
        self.assertEqual(list(check)[:9], ['repository', 'transaction_id', 'index_id', 'segments',
                                           'bytes', 'objects', 'problems', 'recommended', 'clean'])
        self.assertEqual((check['transaction_id'], check['index_id'], check['segments'],
                          check['objects'], check['clean']), (2, 2, 3, 9, True))
        self.assertEqual(check['bytes'],
                         sum(os.path.getsize(self.repo.segment(n)) for n in range(3)))
        for threads in ('1', '2', '7'):
            self.assertEqual(self.ok('check', '--json', '-j', threads, self.path), out)
        self.assertIn(b'9 objects', self.ok('check', self.path))

    def test_check_of_a_damaged_repository(self):
        self.repo.damage(key_of(3))
        check = self.object('check', '--json', self.path, status=4)
        self.assertFalse(check['clean'])
        self.assertEqual(check['recommended'], 'salvage')
        found = [p for p in check['problems'] if p['code'] == 'entry-crc-mismatch']
        self.assertEqual(len(found), 1)
        self.assertEqual(list(found[0])[:8],
                         ['code', 'severity', 'segment', 'offset', 'length', 'key', 'message',
                          'repair'])
        self.assertEqual((found[0]['severity'], found[0]['segment'], found[0]['offset'],
                          found[0]['length'], found[0]['key'], found[0]['repair']),
                         ('error', 0, 8 + 3 * 48, 48, key_of(3).hex(), 'salvage'))
        self.assertEqual((check['problems_total'], check['omitted']), (len(check['problems']), 0))
        text = self.ok('check', self.path, status=4).decode()
        for part in ('entry-crc-mismatch', 'object-lost', key_of(3).hex()[:16], 'salvage'):
            self.assertIn(part, text)

    def test_check_names_ten_places_and_all_of_them_when_asked(self):
        for i in range(30):
            open(os.path.join(self.path, 'stray-%02d' % i), 'w').close()
        text = self.ok('check', self.path).decode()
        self.assertEqual(len(re.findall(r'stray-\d', text)), 10)
        self.assertIn('20 more', text)
        text = self.ok('check', '-a', self.path).decode()
        self.assertEqual(len(re.findall(r'stray-\d', text)), 30)

    def test_history(self):
        got = rows(self.ok('history', '--json', self.path, key_of(1).hex()))
        self.assertEqual([(r['segment'], r['offset'], r['tag'], r['status'], r['index'])
                          for r in got],
                         [(0, 56, 'PUT', 'superseded', False), (1, 8, 'DELETE', 'tombstone', False),
                          (1, 49, 'PUT', 'live', True)])
        self.assertEqual(rows(self.ok('history', '--json', self.path, key_of(1).hex()[:12])), got)
        self.assertEqual(len(self.ok('history', self.path, key_of(1).hex()).splitlines()), 4)
        self.fails(8, 'history', self.path, key_of(77).hex())

    def test_prefix_of_several_keys(self):
        keys = sorted(hashlib.sha256(b'p%d' % i).digest() for i in range(40))
        repo = Repository(os.path.join(self.folder, 'more'),
                          [[(PUT, key, b'x') for key in keys] + [COMMITTED]])
        digit = keys[0].hex()[0]
        several = [key.hex() for key in keys if key.hex()[0] == digit]
        self.assertGreater(len(several), 1)
        for with_index in (True, False):
            message = self.fails(16, 'get', repo.path, digit)
            self.assertTrue(any(key in message for key in several), message)
            self.fails(16, 'history', repo.path, digit)
            self.assertEqual(self.ok('get', repo.path, keys[0].hex()[:20].upper()), b'x')
            if with_index:
                os.unlink(os.path.join(repo.path, 'index.0'))

    def test_problems(self):
        got = rows(self.ok('problems', '--json'))
        self.assertEqual(len({p['code'] for p in got}), len(got))
        text = self.ok('problems').decode()
        for problem in got:
            self.assertIn(problem['severity'], ('info', 'warning', 'error'))
            self.assertIn('%(severity)s: %(found)s [%(code)s]' % problem, text)


class Get(Case):
    def test_bytes(self):
        for key, data in self.repo.objects.items():
            self.assertEqual(self.ok('get', self.path, key.hex()), data)

    def test_json(self):
        for key, data in self.repo.objects.items():
            got = self.object('get', '--json', self.path, key.hex())
            self.assertEqual((got['key'], got['size'], base64.b64decode(got['data'])),
                             (key.hex(), len(data), data))
            self.assertEqual((got['segment'], got['offset']), self.repo.places[key])

    def test_no_such_object(self):
        self.fails(8, 'get', self.path, key_of(77).hex())
        self.fails(8, 'get', self.path, key_of(2).hex())	# deleted

    def test_damaged_object_gives_no_byte(self):
        self.repo.damage(key_of(3))
        self.fails(4, 'get', self.path, key_of(3).hex())
        self.fails(4, 'get', '--json', self.path, key_of(3).hex())
        os.unlink(os.path.join(self.path, 'index.2'))
        self.fails(4, 'get', self.path, key_of(3).hex())
        self.assertEqual(self.ok('get', self.path, key_of(4).hex()), b'text 4\n')

    def test_without_an_index(self):
        os.unlink(os.path.join(self.path, 'index.2'))
        for key, data in self.repo.objects.items():
            self.assertEqual(self.ok('get', self.path, key.hex()[:30]), data)
        self.fails(8, 'get', self.path, key_of(2).hex())

    def test_wrong_index(self):
        right = dict(self.repo.places)
        self.repo.places.pop(key_of(4))
        self.repo.places[key_of(5)] = right[key_of(6)]
        self.repo.write_index(2)
        for number in (4, 5):
            status, out, _ = run('get', self.path, key_of(number).hex())
            self.assertEqual((status, out), (0, b'text %d\n' % number))

    def test_binary_data_is_not_written_to_a_terminal(self):
        status, sent = on_terminal('get', self.path, key_of(8).hex())
        self.assertEqual(status, 8)
        self.assertNotIn(BINARY[1:9], sent)
        self.assertIn(b'--force', sent)
        status, sent = on_terminal('get', '--force', self.path, key_of(8).hex())
        self.assertEqual(status, 0)
        self.assertIn(BINARY[14:32], sent)
        status, sent = on_terminal('get', self.path, key_of(0).hex())
        self.assertEqual((status, sent), (0, b'text 0\r\n'))


class Surroundings(Case):
    def every_command(self):
        yield from ((name, self.path) for name in READING)
        yield ('entries', self.path, '0')
        yield ('history', self.path, key_of(1).hex())
        yield ('get', self.path, key_of(8).hex())
        yield ('problems',)

    def test_a_full_disk_is_8(self):
        with open('/dev/full', 'w') as full:
            for args in (*self.every_command(), ('--help',), ('--version',), ('help', 'check')):
                for more in ((), ('--json',)):
                    if more and args[0] in ('--help', '--version', 'help'):
                        continue
                    status, _, err = run(*args, *more, stdout=full)
                    self.assertEqual(status, 8, args)
                    self.assertIn('No space left', err)

    def test_a_closed_output_is_8(self):
        for args in self.every_command():
            done = subprocess.run(['sh', '-c', 'exec "$0" "$@" >&-', PROGRAM, *args],
                                  env=ENVIRONMENT, stderr=subprocess.PIPE, timeout=60)
            self.assertEqual(done.returncode, 8, args)

    def test_a_closed_pipe_ends_quietly(self):
        for i in range(3000):
            open(os.path.join(self.path, 'stray-%d-%s' % (i, 100 * 'x')), 'w').close()
        for args in (*self.every_command(), ('index', '--all', '--json', self.path),
                     ('check', '--all', self.path)):
            read, write = os.pipe()
            os.close(read)
            status, _, err = run(*args, stdout=write)
            os.close(write)
            self.assertEqual((status, err), (0, ''), args)

    def test_a_reader_that_leaves_early(self):
        first = subprocess.Popen([PROGRAM, 'index', '--all', '--json', self.path], env=ENVIRONMENT,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertTrue(first.stdout.readline().startswith(b'{'))
        first.stdout.close()
        self.assertEqual((first.wait(60), first.stderr.read()), (0, b''))
        first.stderr.close()

    def test_color(self):
        self.repo.damage(key_of(3))
        args = ('check', self.path)
        self.assertNotIn(b'\033', self.ok(*args, status=4))
        self.assertIn(b'\033[', self.ok(*args, '--color=always', status=4))
        self.assertIn(b'\033[', on_terminal(*args)[1])
        self.assertNotIn(b'\033', on_terminal(*args, env={'NO_COLOR': '1'})[1])
        self.assertNotIn(b'\033', on_terminal(*args, env={'TERM': 'dumb'})[1])
        self.assertNotIn(b'\033', on_terminal(*args, '--color=never')[1])
        self.assertIn(b'\033[', on_terminal(*args, '--color=always', env={'NO_COLOR': '1'})[1])
        self.assertNotIn(b'\033', self.ok('check', '--json', '--color=always', self.path, status=4))

    def test_rows_fit_a_terminal(self):
        """The path is printed whole, so its length is that of one below /tmp."""
        for columns in (80, 160):
            for args in (('entries', self.path, '0'), ('index', self.path), ('segments', self.path),
                         ('check', self.path), ('info', self.path), ('hints', self.path)):
                _, sent = on_terminal(*args, env={'NO_COLOR': '1'}, columns=columns)
                lines = sent.decode().replace(self.path, '/tmp/atticscope-cli-12345678/repo')
                self.assertLessEqual(max(map(len, lines.splitlines())), columns, args)

    def test_hostile_names_are_masked(self):
        path = os.path.join(self.folder, 'a\033]0;evil\a\nb\u009b31m\udcff')
        os.rename(self.path, path)
        open(os.path.join(path, 'stray\033[2J\u202e\udcfe'), 'w').close()
        hostile = re.compile(rb'[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\xff]|\xc2[\x80-\x9f]|\xe2\x80\xae')
        for args in (('info', path), ('check', path), ('check', '--all', path),
                     ('info', '--json', path), ('check', '--json', path)):
            status, sent = on_terminal(*args, env={'NO_COLOR': '1'})
            self.assertEqual(status, 0)
            self.assertIsNone(hostile.search(sent), sent)
        _, _, err = run('info', path + '-not')
        self.assertIsNone(re.search('[\x00-\x09\x0b-\x1f\x7f-\x9f]', err), err)
        self.assertEqual(len(err.splitlines()), 1)
        self.assertEqual(self.object('info', '--json', path)['repository'],
                         path.replace('\udcff', '\ufffd'))

    def test_nothing_is_written(self):
        def state():
            return sorted((p, f, os.lstat(os.path.join(p, f)).st_mtime_ns,
                           os.lstat(os.path.join(p, f)).st_size)
                          for p, _, files in os.walk(self.path) for f in files + ['.'])
        self.repo.damage(key_of(3))
        before = state()
        for args in self.every_command():
            run(*args)
        self.assertEqual(state(), before)


class Locks(Case):
    def hold(self, kind):
        """Start a process that holds Attic's lock, taken as Attic does, until the test ends."""
        holder = hold(self.path, kind)
        self.addCleanup(let_go, holder)
        return holder.pid

    def test_a_writer_locks_us_out_and_is_named(self):
        pid = self.hold('LOCK_EX')
        for name in READING:
            message = self.fails(8, name, self.path)
            self.assertIn(str(pid), message)
            self.assertIn('--no-lock', message)

    def test_no_lock_reads_nevertheless(self):
        self.hold('LOCK_EX')
        for name in READING:
            self.ok(name, '--no-lock', self.path)
        info = self.object('info', '--json', '--no-lock', self.path)
        self.assertEqual(info['lock']['state'], 'none')

    def test_a_concurrent_change_is_reported(self):
        self.repo.write_index(2, buckets=16384)
        work = subprocess.Popen([PROGRAM, 'index', '--all', '--json', '--no-lock', self.path],
                                env=ENVIRONMENT, bufsize=0, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)
        self.assertTrue(work.stdout.readline())		# now the pipe is full
        self.repo.write_segment(3, [(PUT, key_of(50), b'new'), COMMITTED])
        out, err = work.communicate(timeout=60)
        self.assertEqual((work.returncode, len(out.splitlines())), (0, 16383))
        self.assertRegex(err, rb'\Aatticscope: .* was changed while it was read')

    def test_another_reader_does_not_lock_us_out(self):
        pid = self.hold('LOCK_SH')
        holder = self.object('info', '--json', self.path)['lock']['holder']
        self.assertEqual((holder['pid'], holder['exclusive']), (pid, False))
        self.assertIn(str(pid), self.ok('info', self.path).decode())


class LongWork(unittest.TestCase):
    """Sparse segments: no room on the disk, but time to read."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='atticscope-cli-')
        self.addCleanup(shutil.rmtree, self.folder)
        self.path = os.path.join(self.folder, 'repo')
        repo = Repository(self.path, [[COMMITTED]])
        for number in range(1, 400):
            with open(repo.segment(number), 'wb') as f:
                f.write(b'ATTICSEG')
                f.truncate(32 << 20)

    def test_an_interrupt_ends_it_with_32_and_prints_nothing(self):
        for args in (('check', self.path), ('check', '--json', self.path),
                     ('segments', '--verify', self.path), ('history', self.path, 'ab')):
            for number in (signal.SIGINT, signal.SIGTERM):
                work = subprocess.Popen([PROGRAM, *args], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, env=ENVIRONMENT)
                time.sleep(0.5)
                work.send_signal(number)
                out, err = work.communicate(timeout=60)
                self.assertEqual((work.returncode, out), (32, b''), (args, err))
                self.assertIn(b'cancelled', err)

    def test_progress_is_drawn_on_a_terminal_only(self):
        status, sent = on_terminal('check', self.path, typed=b'\x03', after=b'segments')
        self.assertEqual(status, 32)
        self.assertRegex(sent, rb'verifying \[#*-*\] +\d+ %  \d+/400 segments')
        self.assertRegex(sent, rb'\r\x1b\[K[^\r]*cancelled\r\n\Z')


class Manual(unittest.TestCase):
    def setUp(self):
        with open(PAGE) as f:
            self.page = f.read()

    def section(self, name):
        return re.search(r'(?ms)^\.Sh %s$(.*?)^\.Sh ' % name, self.page).group(1)

    def test_problems_are_those_of_the_table(self):
        want = [(p['code'], p['severity'] + (', ' + p['repair'] if p['repair'] else ''), p['found'])
                for p in rows(run('problems', '--json')[1])]
        page = re.findall(r'(?m)^\.It Cm (\S+) Pq (.*)\n(.*)\.$', self.section('PROBLEMS'))
        self.assertEqual([(code, what, found[0].lower() + found[1:]) for code, what, found in page],
                         [(code, what, found[0].lower() + found[1:]) for code, what, found in want])

    def test_every_command_and_option_is_there(self):
        text = run('--help')[1].decode()
        commands = re.findall(r'(?m)^  ([a-z]+) ?(.*?)  ', text[text.index('Commands:'):])
        page = re.findall(r'(?m)^\.It Ic (\w+)(.*)$', self.section('COMMANDS'))
        self.assertEqual(sorted(name for name, _ in page), sorted(name for name, _ in commands))
        options = set()
        for name in COMMANDS:
            text = run('help', name)[1].decode()
            options |= set(re.findall(r'(?m)^  (?:-\w, |    )--([\w-]+)', text))
        page = re.findall(r'(?m)^\.It .*Fl -([\w-]+)', self.section('OPTIONS'))
        self.assertEqual(sorted(page), sorted(options))

    def test_json_fields_are_named(self):
        folder = tempfile.mkdtemp(prefix='atticscope-cli-')
        self.addCleanup(shutil.rmtree, folder)
        repo = sample(os.path.join(folder, 'repo'))
        repo.damage(key_of(3))
        for args in ((name, repo.path) for name in READING):
            first = json.loads(run(*args, '--json')[1].splitlines()[0])
            for field in first:
                self.assertRegex(self.section('JSON'), r'\b%s\b' % field)

    def test_keys_are_those_of_the_table(self):
        page = self.section('THE TERMINAL')
        told = [json.loads(row)['help'] for row in run('keys', '--json')[1].splitlines()]
        self.assertGreater(len(told), 20)
        self.assertEqual([text for text in told if text[1:] + '.' not in page], [],
                         '"make update-manual" rewrites the list')

    def test_mandoc_has_no_complaint(self):
        if not shutil.which('mandoc'):
            self.skipTest('no mandoc here')
        done = subprocess.run(['mandoc', '-Tlint', '-W', 'warning', PAGE], capture_output=True)
        self.assertEqual((done.returncode, done.stdout), (0, b''))


if __name__ == '__main__':
    unittest.main()
