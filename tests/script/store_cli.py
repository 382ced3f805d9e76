#!/usr/bin/env python3
"""The store on the command line: create, put, put --batch and delete; what they print and refuse,
and that a failed command has changed no byte.

ATTICSCOPE names the program. What it wrote is read back from the format alone."""
import hashlib
import json
import os
import resource
import shutil
import signal
import stat
import struct
import subprocess
import tempfile
import threading
import time
import unittest
import zlib

import cli
from system import hold, let_go, strace_works, tree

VALUE_MAX = 20 * 1024 * 1024 - 41
PUT_FIELDS = ['action', 'repository', 'transaction_before', 'transaction_after', 'objects_before',
              'objects_after', 'keys', 'count', 'bytes', 'segments_compacted', 'entries_copied',
              'bytes_copied', 'bytes_freed', 'segments_skipped']


def key_of(number):
    return hashlib.sha256(b'%d' % number).hexdigest()


def run(*args, stdin=subprocess.DEVNULL, input=None, **more):
    """(status, standard output, standard error) of one run, as bytes."""
    source = {'stdin': stdin} if input is None else {'input': input}
    more.setdefault('stdout', subprocess.PIPE)
    more.setdefault('env', cli.ENVIRONMENT)
    done = subprocess.run([cli.PROGRAM, *args], stderr=subprocess.PIPE, timeout=120, **source,
                          **more)
    return done.returncode, done.stdout, done.stderr.decode('utf-8', 'replace')


def segments(path):
    """Numbers and paths of all segments, ascending."""
    return sorted((int(name), os.path.join(folder, name))
                  for folder, _, names in os.walk(os.path.join(path, 'data')) for name in names)


def entries(data):
    assert data[:8] == b'ATTICSEG'
    offset = 8
    while offset < len(data):
        crc, size, tag = struct.unpack_from('<IIB', data, offset)
        assert zlib.crc32(data[offset + 4:offset + size]) == crc
        yield tag, data[offset + 9:offset + 41].hex(), data[offset + 41:offset + size]
        offset += size


def objects(path):
    """The objects of the committed log, regardless of the index."""
    committed, current = {}, {}
    for _, name in segments(path):
        with open(name, 'rb') as f:
            for tag, key, data in entries(f.read()):
                if tag == cli.PUT:
                    current[key] = data
                elif tag == cli.DELETE:
                    current.pop(key, None)
                else:
                    committed = dict(current)
    return committed


class Case(unittest.TestCase):
    """Has an empty repository at self.path, and a folder for other files."""
    settings = ()

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='atticscope-store-')
        self.addCleanup(shutil.rmtree, self.folder)
        self.path = os.path.join(self.folder, 'repo')
        self.ok('create', self.path, *self.settings)

    def file(self, name, data):
        path = os.path.join(self.folder, name)
        with open(path, 'wb') as f:
            f.write(data)
        return path

    def ok(self, *args, **more):
        """Standard output, as text, of a run that must succeed without messages."""
        status, out, err = run(*args, **more)
        self.assertEqual((status, err), (0, ''), (args, out))
        return out.decode() if out is not None else None

    def object(self, *args, **more):
        out = self.ok(*args, '--json', **more)
        self.assertEqual(out.count('\n'), 1)
        return json.loads(out)

    def fails(self, status, *args, **more):
        """Standard error of a run that must end with @status, write nothing and change nothing."""
        before = tree(self.path)
        got, out, err = run(*args, **more)
        self.assertEqual((got, out), (status, b''), (args, err))
        self.unchanged(before)
        for line in err.splitlines():
            self.assertTrue(line.startswith('atticscope: '), err)
        self.assertTrue(err, args)
        return err

    def unchanged(self, before):
        after = tree(self.path)
        self.assertEqual(sorted(after), sorted(before))
        for name, data in before.items():
            self.assertTrue(after[name] == data, name + ' was changed')

    def holds(self, want):
        """The repository is clean and holds exactly @want, by its log and by its index."""
        check = self.object('check', self.path)
        self.assertEqual((check['clean'], check['objects'], check['tail']),
                         (True, len(want), 'none'))
        self.assertTrue(objects(self.path) == want)
        if check['transaction_id'] is None:
            return
        self.assertEqual(sorted(json.loads(row)['key'] for row in
                                self.ok('index', '--json', self.path).splitlines()), sorted(want))


class Create(Case):
    def test_an_empty_repository_is_clean_and_as_attic_makes_it(self):
        self.holds({})
        self.assertEqual(sorted(os.listdir(self.path)), ['README', 'config', 'data'])
        with open(os.path.join(self.path, 'README')) as f:
            self.assertEqual(f.read(), 'This is an Attic repository\n')
        info = self.object('info', self.path)
        self.assertEqual((info['version'], info['segments_per_dir'], info['max_segment_size'],
                          info['transaction_id'], info['problems']), (1, 10000, 5242880, None, 0))

    def test_it_prints_path_limits_and_id(self):
        path = os.path.join(self.folder, 'a')
        text = self.ok('create', path)
        info = self.object('info', path)
        self.assertEqual(text, 'created %s: segments of 5.0 MiB, 10000 a folder, id %s\n'
                         % (path, info['id']))
        path = os.path.join(self.folder, 'b')
        got = self.object('create', path, '--segments-per-dir=7', '--max-segment-size', '4096')
        info = self.object('info', path)
        self.assertEqual(got, {'action': 'create', 'repository': path, 'id': info['id'],
                               'segments_per_dir': 7, 'max_segment_size': 4096,
                               'dialect': 'attic'})
        self.assertEqual((info['segments_per_dir'], info['max_segment_size']), (7, 4096))
        with open(os.path.join(path, 'config')) as f:
            self.assertIn('segments_per_dir = 7\n', f.read())

    def test_every_repository_has_its_own_id(self):
        path = os.path.join(self.folder, 'another')
        self.ok('create', path)
        self.assertNotEqual(self.object('info', path)['id'],
                            self.object('info', self.path)['id'])

    def test_files_are_for_their_owner_alone(self):
        path = os.path.join(self.folder, 'umask')
        self.ok('create', path, preexec_fn=lambda: os.umask(0))
        self.ok('put', path, key_of(1), preexec_fn=lambda: os.umask(0))
        for folder, _, names in os.walk(path):
            self.assertEqual(stat.S_IMODE(os.stat(folder).st_mode), 0o700)
            for name in names:
                mode = os.stat(os.path.join(folder, name)).st_mode
                self.assertEqual(stat.S_IMODE(mode), 0o600, name)

    def test_an_empty_folder_is_accepted(self):
        path = os.path.join(self.folder, 'empty')
        os.mkdir(path)
        self.ok('create', path)
        self.assertEqual(self.object('check', path)['clean'], True)

    def test_a_folder_with_anything_in_it_is_refused(self):
        self.fails(8, 'create', self.path)
        self.assertIn('file', self.fails(8, 'create', self.file('file', b'x')))
        os.mkdir(os.path.join(self.folder, 'full'))
        self.file('full/.hidden', b'x')
        self.fails(8, 'create', os.path.join(self.folder, 'full'))
        self.assertEqual(os.listdir(os.path.join(self.folder, 'full')), ['.hidden'])
        os.symlink('nowhere', os.path.join(self.folder, 'link'))
        self.fails(8, 'create', os.path.join(self.folder, 'link'))

    def test_a_missing_parent_is_refused(self):
        self.fails(8, 'create', os.path.join(self.folder, 'no', 'such'))
        self.assertFalse(os.path.exists(os.path.join(self.folder, 'no')))

    def test_settings_out_of_range_are_wrong_usage(self):
        path = os.path.join(self.folder, 'new')
        for option in ('--segments-per-dir', '--max-segment-size'):
            for number in ('0', '-1', '', 'x', '5k', '2147483648', '18446744073709551617'):
                self.assertIn(option, self.fails(16, 'create', path, option, number))
        self.assertFalse(os.path.exists(path))
        self.ok('create', path, '--segments-per-dir=2147483647', '--max-segment-size=2147483647')


class Put(Case):
    def test_a_file(self):
        text = self.ok('put', self.path, key_of(1), self.file('f', b'1234'))
        self.assertEqual(text, 'put 4 bytes under %s...; transaction 0, 1 object\n'
                         % key_of(1)[:16])
        text = self.ok('put', self.path, key_of(2), self.file('f', 1234 * b'x'))
        self.assertEqual(text, 'put 1,234 bytes under %s...; transaction 1, 2 objects\n'
                         % key_of(2)[:16])
        self.holds({key_of(1): b'1234', key_of(2): 1234 * b'x'})

    def test_standard_input_with_and_without_a_dash(self):
        self.assertIn('put 1 byte under', self.ok('put', self.path, key_of(1), input=b'1'))
        self.ok('put', self.path, key_of(2), '-', input=b'22')
        with open(self.file('f', b'xxx333'), 'rb') as f:
            f.seek(3)
            self.ok('put', self.path, key_of(3), stdin=f)
        self.holds({key_of(1): b'1', key_of(2): b'22', key_of(3): b'333'})

    def test_a_pipe_with_a_name(self):
        fifo = os.path.join(self.folder, 'fifo')
        os.mkfifo(fifo)
        data = os.urandom(300000)

        def write():
            with open(fifo, 'wb') as f:
                f.write(data)
        writer = threading.Thread(target=write)
        writer.start()
        self.ok('put', self.path, key_of(1), fifo)
        writer.join()
        self.holds({key_of(1): data})

    def test_an_empty_value(self):
        self.assertIn('put 0 bytes', self.ok('put', self.path, key_of(1)))
        self.ok('put', self.path, key_of(2), self.file('empty', b''))
        self.holds({key_of(1): b'', key_of(2): b''})

    def test_keys_of_all_zeros_and_all_ones_and_either_case(self):
        self.ok('put', self.path, 64 * '0', input=b'zeros')
        self.ok('put', self.path, 64 * 'F', input=b'ones')
        self.holds({64 * '0': b'zeros', 64 * 'f': b'ones'})

    def test_a_terminal_is_read_to_its_end(self):
        status, sent = cli.on_terminal('put', self.path, key_of(1), typed=b'typed\n\x04')
        self.assertEqual(status, 0, sent)
        self.assertIn(b'put 6 bytes', sent)
        self.holds({key_of(1): b'typed\n'})

    def test_overwriting(self):
        self.ok('put', self.path, key_of(1), input=b'old')
        self.ok('put', self.path, key_of(2), input=b'other')
        got = self.object('put', self.path, key_of(1), input=b'new!')
        self.assertEqual((got['objects_before'], got['objects_after'], got['bytes']), (2, 2, 4))
        self.holds({key_of(1): b'new!', key_of(2): b'other'})

    def test_json(self):
        got = self.object('put', self.path, key_of(1), input=b'old')
        self.assertEqual(list(got), PUT_FIELDS)
        self.assertEqual(got, {
            'action': 'put', 'repository': self.path, 'transaction_before': None,
            'transaction_after': 0, 'objects_before': 0, 'objects_after': 1, 'keys': [key_of(1)],
            'count': 1, 'bytes': 3, 'segments_compacted': 0, 'entries_copied': 0,
            'bytes_copied': 0, 'bytes_freed': 0, 'segments_skipped': 0})
        got = self.object('put', self.path, key_of(2), input=b'old')
        self.assertEqual((got['transaction_before'], got['objects_before'], got['objects_after']),
                         (0, 1, 2))

    def test_the_report_of_the_compaction_is_true(self):
        listed = ''.join('%s %s\n' % (key_of(n), self.file('f', 1000 * b'x')) for n in range(5))
        self.ok('put', '--batch', self.path, input=listed.encode())
        before = dict(segments(self.path))
        size = {name: os.path.getsize(path) for name, path in before.items()}
        got = self.object('put', self.path, key_of(3), input=b'new')
        gone = set(before) - set(dict(segments(self.path)))
        self.assertGreater(len(gone), 0)
        self.assertGreaterEqual(got['segments_compacted'], len(gone))
        self.assertEqual((got['entries_copied'], got['bytes_copied']),
                         (4 + 1, 4 * 1041 + 44))	# the new one lay beside its DELETE
        self.assertGreaterEqual(got['bytes_freed'],
                                sum(size[name] for name in gone) - got['bytes_copied'])
        self.assertEqual(got['transaction_after'], segments(self.path)[-1][0])
        want = {key_of(n): 1000 * b'x' for n in range(5)}
        self.holds(dict(want, **{key_of(3): b'new'}))
        text = self.ok('put', self.path, key_of(3), input=b'newer')
        self.assertRegex(text, r'; \d segments? compacted, \d[\d.]* \w+ freed\n\Z')

    def test_the_largest_value_and_one_byte_more(self):
        data = os.urandom(VALUE_MAX)
        self.ok('put', self.path, key_of(1), self.file('largest', data))
        self.ok('put', self.path, key_of(2), input=data)
        self.assertIn('20971479', self.fails(8, 'put', self.path, key_of(3), input=data + b'x'))
        with open(os.path.join(self.folder, 'larger'), 'wb+') as f:
            f.truncate(1 << 30)
            message = self.fails(8, 'put', self.path, key_of(3), stdin=f)
            self.assertIn('standard input', message)
            self.assertEqual(os.lseek(f.fileno(), 0, os.SEEK_CUR), VALUE_MAX + 1)
            self.assertIn(f.name, self.fails(8, 'put', self.path, key_of(3), f.name))
        self.fails(8, 'put', self.path, key_of(3), '/dev/zero')
        self.holds({key_of(1): data, key_of(2): data})

    def test_an_incomplete_key_is_wrong_usage(self):
        self.ok('put', self.path, key_of(1), input=b'x')
        for key in ('', 'ab', key_of(1)[:63], key_of(1) + '0', 63 * '0' + 'g', ' ' + key_of(1)):
            self.assertIn('64 hex digits', self.fails(16, 'put', self.path, key, input=b'y'))

    def test_wrong_usage(self):
        for args in (('put',), ('put', self.path), ('put', self.path, key_of(1), 'a', 'b'),
                     ('put', '--batch'), ('put', '--batch', self.path, 'a', 'b'),
                     ('put', '--no-lock', self.path, key_of(1)), ('create',), ('delete',),
                     ('delete', self.path), ('create', self.path, 'x'),
                     ('put', '--lock-wait=x', self.path, key_of(1)),
                     ('put', '--lock-wait=-1', self.path, key_of(1)),
                     ('put', '--lock-wait=604801', self.path, key_of(1)),
                     ('create', '--lock-wait=1', self.path),
                     ('delete', '--batch', self.path, key_of(1)), ('info', '--batch', self.path)):
            self.fails(16, *args)

    def test_a_file_that_cannot_be_read_is_named(self):
        missing = os.path.join(self.folder, 'mis\033[2Jsing')
        message = self.fails(8, 'put', self.path, key_of(1), missing)
        self.assertIn('mis\\x1b[2Jsing', message)
        self.assertIn('nothing was changed', message)
        self.assertIn(self.folder, self.fails(8, 'put', self.path, key_of(1), self.folder))
        closed = subprocess.run(['sh', '-c', 'exec "$0" "$@" <&-', cli.PROGRAM, 'put', self.path,
                                 key_of(1)], env=cli.ENVIRONMENT, stderr=subprocess.PIPE)
        self.assertEqual(closed.returncode, 8)
        self.assertIn(b'standard input', closed.stderr)
        self.holds({})

    def test_a_lost_report_does_not_hide_the_change(self):
        with open('/dev/full', 'w') as full:
            status, _, err = run('put', self.path, key_of(1), stdout=full)
        self.assertEqual(status, 8)
        self.assertIn('committed, although the report', err)
        read, write = os.pipe()
        os.close(read)
        status, _, err = run('put', self.path, key_of(2), stdout=write)
        os.close(write)
        self.assertEqual((status, err), (0, ''))
        self.holds({key_of(1): b'', key_of(2): b''})


class Batch(Case):
    def batch(self, text, **more):
        return self.ok('put', '--batch', self.path, input=text.encode(), **more)

    def test_many_in_one_transaction(self):
        want, text = {}, ''
        for n in range(300):
            want[key_of(n)] = n * b'x'
            text += '%s %s\n' % (key_of(n), self.file('file %d' % n, n * b'x'))
        told = self.batch(text)
        self.assertEqual(told, 'put 300 objects, 44,850 bytes; transaction 0, 300 objects\n')
        self.holds(want)

    def test_a_list_in_a_file_and_as_a_dash(self):
        line = '%s %s\n' % (key_of(1), self.file('f', b'1'))
        self.ok('put', '--batch', self.path, self.file('list', line.encode()))
        line = '%s %s\n' % (key_of(2), self.file('f', b'2'))
        self.ok('put', '--batch', self.path, '-', input=line.encode())
        self.holds({key_of(1): b'1', key_of(2): b'2'})

    def test_lines_as_the_manual_has_them(self):
        names = {'plain': b'a', 'with  two blanks': b'b', 'tab\there': b'c', '#number': b'd',
                 '-': b'e', '\u00e4\udcff': b'f'}
        for name, data in names.items():
            self.file(name, data)
        keys = {name: key_of(n) for n, name in enumerate(names)}
        text = '\n# a comment\n   \n#%s plain\n' % key_of(99)
        # The last line has no newline.
        text += '\n'.join('%s  %s' % (keys[name], name) for name in names)
        told = json.loads(run('put', '--batch', '--json', self.path, cwd=self.folder,
                              input=text.encode('utf-8', 'surrogateescape'))[1])
        self.assertEqual(list(told), PUT_FIELDS)
        self.assertEqual((told['count'], told['bytes'], told['keys']), (6, 6, None))
        self.holds({keys[name]: data for name, data in names.items()})

    def test_the_output_of_sha256sum_is_a_list(self):
        if not shutil.which('sha256sum'):
            self.skipTest('no sha256sum here')
        for n in range(3):
            self.file('%d.jpg' % n, b'%d' % n)
        text = subprocess.run(['sha256sum', '0.jpg', '1.jpg', '2.jpg'], cwd=self.folder,
                              capture_output=True, check=True).stdout.decode()
        self.batch(text, cwd=self.folder)
        self.holds({key_of(n): b'%d' % n for n in range(3)})

    def test_the_last_value_of_a_repeated_key_wins(self):
        self.file('a', b'first')
        self.file('b', b'second')
        told = self.batch('%s a\n%s b\n%s b\n%s a\n' % (key_of(1), key_of(1), key_of(2), key_of(2)),
                          cwd=self.folder)
        self.assertIn('put 4 objects, 22 bytes', told)
        self.holds({key_of(1): b'second', key_of(2): b'first'})

    def test_an_empty_list_changes_nothing(self):
        self.ok('put', self.path, key_of(1), input=b'x')
        before = tree(self.path)
        self.assertEqual(self.batch('\n# nothing\n'),
                         'put 0 objects, 0 bytes; transaction 0, 1 object\n')
        self.unchanged(before)

    def test_one_bad_line_refuses_all(self):
        self.ok('put', self.path, key_of(1), input=b'kept')
        self.file('good', b'good')
        with open(self.file('large', b''), 'r+') as f:
            f.truncate(VALUE_MAX + 1)
        bad = {'%s missing\033' % key_of(9): r'missing\\x1b: No such file',
               '%s .' % key_of(9): r'\.: Is a directory',
               '%s large' % key_of(9): 'large: more than 20971479 bytes',
               '%s good' % key_of(9)[1:]: 'key of 64 hex digits',
               '%sx good' % key_of(9)[1:]: 'key of 64 hex digits',
               ' %s good' % key_of(9): 'key of 64 hex digits',
               '%s' % key_of(9): 'no path', '%s  \t' % key_of(9): 'no path',
               '%s %s' % (key_of(9), 9000 * 'x'): 'too long', '\0%s good' % key_of(9): 'NUL',
               '%s good\0more' % key_of(9): 'NUL'}
        for line, reason in bad.items():
            for text in ('%s good\n\n%s\n%s good\n' % (key_of(1), line, key_of(3)),
                         '#\n%s good\n%s\n' % (key_of(2), line),
                         '#\n%s good\n%s' % (key_of(2), line)):
                message = self.fails(8, 'put', '--batch', self.path, input=text.encode(),
                                     cwd=self.folder)
                self.assertRegex(message, r'standard input:3: .*' + reason)
                self.assertIn('nothing was changed', message)
        self.holds({key_of(1): b'kept'})

    def test_a_list_that_cannot_be_read(self):
        self.assertIn('no-list', self.fails(8, 'put', '--batch', self.path, 'no-list'))
        self.assertIn(self.folder, self.fails(8, 'put', '--batch', self.path, self.folder))
        name = self.file('li\033st', b'x\n')
        self.assertIn('li\\x1bst:1: ', self.fails(8, 'put', '--batch', self.path, name))


class BatchOfManySegments(Batch):
    """The same when a transaction fills many segments in many folders."""
    settings = ('--max-segment-size=200', '--segments-per-dir=3')

    def test_many_in_one_transaction(self):
        want, text = {}, ''
        for n in range(50):
            want[key_of(n)] = n * b'x'
            text += '%s %s\n' % (key_of(n), self.file('file %d' % n, n * b'x'))
        self.assertIn('put 50 objects', self.batch(text))
        self.assertGreater(len(segments(self.path)), 10)
        self.holds(want)


class Delete(Case):
    def setUp(self):
        super().setUp()
        text = ''.join('%s %s\n' % (key_of(n), self.file('f%d' % n, b'%d' % n)) for n in range(6))
        self.ok('put', '--batch', self.path, input=text.encode())
        self.want = {key_of(n): b'%d' % n for n in range(6)}

    def deleted(self, *numbers):
        for n in numbers:
            del self.want[key_of(n)]
        self.holds(self.want)

    def test_one(self):
        text = self.ok('delete', self.path, key_of(2))
        self.assertRegex(text, r'\Adeleted %s\.\.\.; transaction \d, 5 objects; '
                         r'\d segments? compacted, .* freed\n\Z' % key_of(2)[:16])
        self.deleted(2)
        self.fails(8, 'delete', self.path, key_of(2))
        self.assertEqual(run('get', self.path, key_of(2))[0], 8)

    def test_several_in_one_transaction(self):
        got = self.object('delete', self.path, key_of(1), key_of(4).upper(), key_of(3))
        self.assertEqual(list(got), PUT_FIELDS)
        self.assertEqual((got['action'], got['count'], got['bytes'], got['objects_before'],
                          got['objects_after'], got['transaction_before'], got['keys']),
                         ('delete', 3, 0, 6, 3, 0, sorted((key_of(1), key_of(3), key_of(4)))))
        self.deleted(1, 3, 4)
        self.assertIn('deleted 2 objects; ', self.ok('delete', self.path, key_of(0), key_of(2)))
        self.deleted(0, 2)

    def test_the_last_one(self):
        self.assertIn('0 objects', self.ok('delete', self.path, *self.want))
        self.deleted(*range(6))
        self.ok('put', self.path, key_of(7), input=b'7')
        self.holds({key_of(7): b'7'})

    def test_a_key_given_twice_is_deleted_once(self):
        got = self.object('delete', self.path, key_of(1), key_of(2), key_of(1), key_of(1).upper())
        self.assertEqual((got['count'], got['keys']), (2, sorted((key_of(1), key_of(2)))))
        self.deleted(1, 2)

    def test_when_one_is_missing_none_is_deleted(self):
        message = self.fails(8, 'delete', self.path, key_of(1), key_of(77), key_of(2), key_of(78))
        for missing in (77, 78):
            self.assertIn('no object ' + key_of(missing), message)
        self.assertNotIn(key_of(1), message)
        self.assertIn('nothing was changed', message)
        self.deleted()

    def test_it_accepts_no_prefix_of_a_key(self):
        for key in ('', key_of(1)[:8], key_of(1)[:63], key_of(1) + '0', 'x' + key_of(1)[1:]):
            message = self.fails(16, 'delete', self.path, key_of(2), key)
            self.assertIn('not take the beginning of a key', message)

    def test_a_deleted_object_does_not_come_back_with_the_index_lost(self):
        self.ok('delete', self.path, key_of(2))
        for name in os.listdir(self.path):
            if name.startswith(('index.', 'hints.')):
                os.unlink(os.path.join(self.path, name))
        self.assertEqual(run('get', self.path, key_of(2))[0], 8)
        self.assertEqual(run('get', self.path, key_of(3))[1], b'3')


class AtticsOwn(unittest.TestCase):
    """A repository that was written from the format alone, with superseded entries in it."""

    def test_it_is_extended_and_stays_whole(self):
        folder = tempfile.mkdtemp(prefix='atticscope-store-')
        self.addCleanup(shutil.rmtree, folder)
        repo = cli.sample(os.path.join(folder, 'repo'))
        want = {key.hex(): data for key, data in repo.objects.items()}
        new = key_of(50)
        self.assertEqual(run('put', repo.path, new, input=b'fifty')[0], 0)
        old = sorted(want)[0]
        self.assertEqual(run('delete', repo.path, old)[0], 0)
        del want[old]
        want[new] = b'fifty'
        self.assertEqual(objects(repo.path), want)
        self.assertEqual(run('check', repo.path)[0], 0)


class Refusals(Case):
    def setUp(self):
        super().setUp()
        self.ok('put', self.path, key_of(1), input=b'one')
        self.ok('put', self.path, key_of(2), input=b'two')

    def refused(self, pattern, is_read=False, **more):
        """Every command is refused before it reads its standard input, and says why."""
        text = '%s /dev/null\n' % key_of(3)
        for args in (('put', self.path, key_of(3)), ('put', '--json', self.path, key_of(1)),
                     ('put', '--batch', self.path), ('delete', self.path, key_of(1))):
            with open(self.file('input', text.encode()), 'rb') as f:
                message = self.fails(8, *args, stdin=f, **more)
                self.assertTrue(is_read or os.lseek(f.fileno(), 0, os.SEEK_CUR) == 0, args)
            self.assertRegex(message, pattern)
        return message

    def test_a_file_size_limit(self):
        before = tree(self.path)
        large = self.file('large', 600000 * b'x')
        done = subprocess.run(['sh', '-c', 'ulimit -f 100; exec "$0" put "$1" "$2" "$3"',
                               cli.PROGRAM, self.path, key_of(3), large], capture_output=True,
                              stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, 8, done.stderr)
        self.assertIn(b'nothing was changed', done.stderr)
        self.assertEqual(tree(self.path), before)

    def test_no_repository(self):
        for path in (os.path.join(self.folder, 'nothing'), self.file('file', b''), self.folder):
            for args in (('put', path, key_of(1)), ('put', '--batch', path),
                         ('delete', path, key_of(1))):
                self.assertIn(path, self.fails(8, *args))

    def test_an_uncommitted_tail(self):
        with open(os.path.join(self.path, 'data', '0', '2'), 'wb') as f:
            f.write(b'ATTICSEG' + cli.entry(cli.PUT, bytes(32), b'data'))
        message = self.refused('unfinished transaction')
        self.assertIn(': atticscope check %s\n' % self.path, message)

    def test_an_index_that_is_missing_cut_off_or_of_another_transaction(self):
        index = os.path.join(self.path, 'index.1')
        with open(index, 'rb') as f:
            data = f.read()
        os.unlink(index)
        message = self.refused('index')
        self.assertIn(': atticscope check %s\n' % self.path, message)
        with open(index, 'wb') as f:
            f.write(data[:-1])
        self.refused('index')
        os.rename(index, os.path.join(self.path, 'index.0'))
        self.refused('index')

    def test_hints_that_are_missing(self):
        os.unlink(os.path.join(self.path, 'hints.1'))
        self.refused('hints')

    def test_a_damaged_config(self):
        with open(os.path.join(self.path, 'config'), 'w') as f:
            f.write('[repository]\nversion = 2\n')
        self.refused('config')

    def test_no_permission(self):
        """As another user, who may read everything and write nothing."""
        if os.geteuid() != 0:
            self.skipTest('only root can become somebody else')
        os.chmod(self.folder, 0o755)
        for folder, _, names in os.walk(self.path):
            os.chmod(folder, 0o755)
            for name in names:
                os.chmod(os.path.join(folder, name), 0o644)

        def nobody():
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
        try:
            run('--version', preexec_fn=nobody)
        except PermissionError:
            self.skipTest('nobody cannot run the program here')
        self.refused('[Pp]ermission', is_read=True, preexec_fn=nobody)

    def test_a_file_that_cannot_grow(self):
        before = tree(self.path)

        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000))
        status, out, err = run('put', self.path, key_of(3), input=200000 * b'x', preexec_fn=limit)
        self.assertEqual((status, out), (8, b''))
        self.assertIn('File too large', err)
        self.assertIn('nothing was changed', err)
        self.unchanged(before)
        self.holds({key_of(1): b'one', key_of(2): b'two'})

    def test_a_full_disk(self):
        mount = os.path.join(self.folder, 'disk')
        os.mkdir(mount)
        script = r'''
mount -t tmpfs -o size=1m none "$1" 2>/dev/null || exit 77
"$0" create "$1/repo" >/dev/null && echo kept | "$0" put "$1/repo" "$2" >/dev/null || exit 1
(cd "$1/repo" && find . -type f | sort | xargs sha256sum) >"$1/../before"
head -c 2000000 /dev/zero | "$0" put "$1/repo" "$3"; echo "status $?"
(cd "$1/repo" && find . -type f | sort | xargs sha256sum) >"$1/../after"
cmp "$1/../before" "$1/../after" && "$0" check "$1/repo" >/dev/null && echo clean'''
        done = subprocess.run(['unshare', '--mount', 'sh', '-c', script, cli.PROGRAM, mount,
                               key_of(1), key_of(2)], env=cli.ENVIRONMENT, capture_output=True)
        if done.returncode == 77 or b'unshare' in done.stderr:
            self.skipTest('no file system can be mounted here')
        self.assertEqual(done.stdout, b'status 8\nclean\n', done.stderr)
        self.assertRegex(done.stderr, b'No space left on device\n.*nothing was changed')

    def test_a_damaged_segment_is_not_compacted_and_reported(self):
        text = ''.join('%s %s\n' % (key_of(n), self.file('f', b'data')) for n in (5, 6))
        self.ok('put', '--batch', self.path, input=text.encode())
        number, path = segments(self.path)[-1]
        with open(path, 'rb') as f:
            damaged = bytearray(f.read())
        damaged[8 + 45 + 41] ^= 1	# the data of the second
        with open(path, 'wb') as f:
            f.write(damaged)
        status, out, err = run('put', '--json', self.path, key_of(5), input=b'new')
        self.assertEqual(status, 4)
        self.assertRegex(err, r'warning: .*segment.* %d\b' % number)
        self.assertEqual(json.loads(out)['segments_skipped'], 1)
        self.assertEqual(run('get', self.path, key_of(5))[1], b'new')
        with open(path, 'rb') as f:
            self.assertEqual(f.read(), damaged)


class Locks(Case):
    def test_another_process_is_named_and_waited_for_only_when_asked(self):
        for kind in ('LOCK_SH', 'LOCK_EX'):
            holder = hold(self.path, kind)
            self.addCleanup(let_go, holder)
            for args in (('put', self.path, key_of(1)),
                         ('put', '--lock-wait=0', '--json', self.path, key_of(1))):
                message = self.fails(8, *args)
                self.assertIn('process %d' % holder.pid, message)
                self.assertIn('--lock-wait', message)
            let_go(holder)
            self.ok('put', self.path, key_of(1))

    def test_the_lock_of_attic_cannot_be_broken(self):
        self.ok('put', '--break-lock', self.path, key_of(1))
        holder = hold(self.path, 'LOCK_SH')
        self.addCleanup(let_go, holder)
        for args in (('put', '--break-lock', self.path, key_of(1)),
                     ('delete', '--break-lock', '--yes', self.path, key_of(1))):
            self.assertIn('process %d' % holder.pid, self.fails(8, *args))

    def test_delete_and_batch_are_locked_out_too(self):
        self.ok('put', self.path, key_of(1))
        holder = hold(self.path, 'LOCK_SH')
        self.addCleanup(let_go, holder)
        self.fails(8, 'delete', self.path, key_of(1))
        text = '%s /dev/null\n' % key_of(2)
        self.fails(8, 'put', '--batch', self.path, input=text.encode())

    def test_it_waits_as_long_as_asked(self):
        for kind in ('LOCK_SH', 'LOCK_EX'):
            holder = hold(self.path, kind)
            begun = time.monotonic()
            message = self.fails(8, 'put', '--lock-wait=1', self.path, key_of(1))
            self.assertIn('process %d' % holder.pid, message)
            self.assertNotIn('--lock-wait', message)
            self.assertGreaterEqual(time.monotonic() - begun, 1)
            timer = threading.Timer(1, let_go, [holder])
            timer.start()
            self.ok('put', '--lock-wait=60', self.path, key_of(1))
            timer.join()

    def test_many_at_once_that_wait_for_each_other_all_get_through(self):
        work = [subprocess.Popen([cli.PROGRAM, 'put', '--lock-wait=100', self.path, key_of(n)],
                                 env=cli.ENVIRONMENT, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                for n in range(12)]
        said = [process.communicate(timeout=110)[1] for process in work]
        self.assertEqual(([process.returncode for process in work], said), (12 * [0], 12 * [b'']))
        self.holds({key_of(n): b'' for n in range(12)})


class Interrupts(Case):
    def setUp(self):
        super().setUp()
        self.ok('put', self.path, key_of(1), input=b'kept')
        self.before = tree(self.path)

    def start(self, *args):
        process = subprocess.Popen([cli.PROGRAM, *args], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   env=cli.ENVIRONMENT)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        return process

    def cancelled(self, process, number=signal.SIGINT):
        """Send it a signal; returns its messages."""
        process.send_signal(number)
        process.wait(60)
        process.stdin.close()
        self.assertEqual((process.returncode, process.stdout.read()), (32, b''))
        err = process.stderr.read().decode()
        self.assertIn('cancelled', err)
        self.unchanged(self.before)
        return err

    def wait_until(self, condition):
        until = time.monotonic() + 60
        while not condition():
            self.assertLess(time.monotonic(), until)
            time.sleep(0.01)

    def test_while_data_is_awaited(self):
        process = self.start('put', self.path, key_of(2))
        process.stdin.write(b'some')
        process.stdin.flush()
        time.sleep(1)
        self.assertIn('nothing was changed', self.cancelled(process))
        self.holds({key_of(1): b'kept'})

    def test_in_the_middle_of_a_batch(self):
        process = self.start('put', '--batch', self.path)
        value = self.file('f', 1000000 * b'x')
        for n in range(2, 9):
            process.stdin.write(('%s %s\n' % (key_of(n), value)).encode())
        process.stdin.flush()
        self.wait_until(lambda: tree(self.path) != self.before)
        time.sleep(0.5)
        self.assertIn('nothing was changed', self.cancelled(process, signal.SIGTERM))
        self.holds({key_of(1): b'kept'})

    def interrupted_at(self, call, when, path, *args):
        """A run that gets a SIGINT when the system call @call (on the file @path, if given) was
        done @when times."""
        trace = ['strace', '-qq', '-o', '/dev/null', '-e', 'trace=' + call,
                 '-e', 'inject=%s:signal=INT:when=%d' % (call, when)]
        # LeakSanitizer would trace the program, too.
        sanitizer = os.environ.get('ASAN_OPTIONS', '') + ':detect_leaks=0'
        done = subprocess.run([*trace, *(['-P', path] if path else []), cli.PROGRAM, *args],
                              capture_output=True, stdin=subprocess.DEVNULL, timeout=120,
                              env=dict(cli.ENVIRONMENT, ASAN_OPTIONS=sanitizer))
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    @unittest.skipUnless(strace_works(), 'strace cannot trace here')
    def test_between_the_data_and_the_commit(self):
        data = self.file('f', b'data')
        status, out, err = self.interrupted_at('read', 2, data, 'put', self.path, key_of(2), data)
        self.assertEqual((status, out), (32, ''), err)
        self.assertIn('nothing was changed', err)
        self.unchanged(self.before)

    @unittest.skipUnless(strace_works(), 'strace cannot trace here')
    def test_after_the_commit_the_report_is_still_written(self):
        status, out, _ = self.interrupted_at('/^rename', 1, None, 'put', self.path, key_of(2))
        self.assertEqual(status, 32)
        self.assertIn('transaction 1, 2 objects', out)
        self.holds({key_of(1): b'kept', key_of(2): b''})

    def test_while_a_lock_is_awaited(self):
        for kind in ('LOCK_SH', 'LOCK_EX'):
            holder = hold(self.path, kind)
            process = self.start('delete', '--lock-wait=100', self.path, key_of(1))
            time.sleep(1)
            self.assertIsNone(process.poll())
            self.cancelled(process)
            let_go(holder)


if __name__ == '__main__':
    unittest.main()
