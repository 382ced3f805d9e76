#!/usr/bin/env python3
"""Objects where Attic cannot read them: beyond 2 GiB of a segment, and above segment 2147483647.

ATTICSCOPE names the program. The large segment is a sparse file: its objects are zeros."""
import json
import os
import shutil
import struct
import subprocess
import tempfile
import unittest
import zlib

import reader

PROGRAM = os.environ.get('ATTICSCOPE', 'atticscope')
PUT, DELETE, COMMIT = 0, 1, 2
HIGHEST = 2**31 - 1
CONFIG = '''[repository]
version = 1
segments_per_dir = %d
max_segment_size = 1000
id = 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f
'''


def entry(tag, key=b'', data=b''):
    body = struct.pack('<IB', 9 + len(key) + len(data), tag) + key + data
    return struct.pack('<I', zlib.crc32(body)) + body


def key_of(number):
    return struct.pack('<II', number * 2654435761 & 0xffffffff, number) + b'k' * 24


class Limits(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='atticscope-limits-')
        self.path = os.path.join(self.folder, 'repo')
        self.addCleanup(shutil.rmtree, self.folder)

    def make(self, segments_per_dir=1000):
        os.makedirs(os.path.join(self.path, 'data'))
        self.per_dir = segments_per_dir
        with open(os.path.join(self.path, 'config'), 'w') as f:
            f.write(CONFIG % segments_per_dir)

    def segment(self, number):
        folder = os.path.join(self.path, 'data', str(number // self.per_dir))
        os.makedirs(folder, exist_ok=True)
        return os.path.join(folder, str(number))

    def write(self, number, *entries):
        with open(self.segment(number), 'wb') as f:
            f.write(b'ATTICSEG' + b''.join(entries))

    def run_it(self, *args, status):
        done = subprocess.run([PROGRAM, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, status, (args, done.stdout[-2000:], done.stderr))
        return done.stdout, done.stderr.decode()

    def object(self, *args, status):
        return json.loads(self.run_it(*args, '--json', self.path, status=status)[0])

    def repair(self, action, status, *options):
        return self.object(action, '--yes', *options, status=status)

    def codes(self, check):
        return [problem['code'] for problem in check['problems']]

    def whole(self):
        check = self.object('check', status=0)
        self.assertTrue(check['clean'], check)
        return reader.Log(self.path)

    def write_large(self):
        """Fill segment 0 with PUTs of 20 MiB of two keys in turn, to beyond 2 GiB."""
        size = 20 * 1024 * 1024
        heads = [entry(PUT, key, bytes(size - 41))[:41] for key in (key_of(1), key_of(2))]
        with open(self.segment(0), 'wb') as f:
            f.write(b'ATTICSEG')
            for i in range(104):
                f.seek(8 + i * size)
                f.write(heads[0] if i == 0 else heads[1])
            f.seek(8 + 104 * size)
            f.write(entry(COMMIT))

    def test_salvage_copies_objects_from_beyond_2_gib_to_below(self):
        self.make()
        self.write_large()
        check = self.object('check', status=4)
        self.assertEqual(self.codes(check), ['segment-too-large', 'index-missing',
                                             'hints-missing'])
        self.assertEqual(check['problems'][0]['offset'], 8 + 103 * 20 * 1024 * 1024)
        self.assertEqual(check['recommended'], 'salvage')
        self.assertEqual(self.repair('salvage', 1)['lost'], [])
        self.assertLess(max(os.path.getsize(path)
                            for path in reader.segments(self.path).values()), 2**31)
        shutil.rmtree(os.path.join(self.path, 'undo'))
        self.assertEqual(set(self.whole().live), {key_of(1), key_of(2)})

    def write_some(self):
        self.write(0, entry(PUT, key_of(1), b'one'), entry(PUT, key_of(2), b'two' * 100),
                   entry(COMMIT))
        self.repair('recover', 1)

    def test_a_tail_with_the_highest_number_is_rolled_back(self):
        for number in (HIGHEST - 1, HIGHEST, 2**32 - 2, 2**32 - 1):
            self.make()
            self.write_some()
            self.write(number, entry(PUT, key_of(3), b'three'))
            check = self.object('check', status=4)
            self.assertEqual(self.codes(check), ['tail-uncommitted'])
            self.assertEqual(check['recommended'], 'rollback')
            self.repair('rollback', 1)
            self.assertEqual(set(self.whole().live), {key_of(1), key_of(2)})
            shutil.rmtree(self.path)

    def test_salvage_writes_below_a_tail_with_the_highest_number(self):
        for number in (HIGHEST, 2**32 - 1):
            self.make()
            self.write_some()
            self.write(number, entry(PUT, key_of(3), b'three'))
            with open(self.segment(0), 'r+b') as f:
                f.seek(8 + 44 + 100)
                f.write(b'?')
            report = self.repair('salvage', 1)
            self.assertEqual(report['lost'], [key_of(2).hex()])
            self.assertEqual(report['transaction_after'], 1)
            self.assertEqual(set(self.whole().live), {key_of(1)})
            shutil.rmtree(self.path)

    def test_committed_numbers_that_attic_cannot_read_are_named_and_block_writing(self):
        self.make()
        self.write(2**31, entry(PUT, key_of(1), b'one'), entry(COMMIT))
        self.repair('recover', 4)
        check = self.object('check', status=4)
        self.assertEqual(self.codes(check), ['segment-number-too-high'])
        self.assertEqual(check['problems'][0]['segment'], 2**31)
        self.assertIsNone(check['recommended'])
        self.assertEqual(self.run_it('get', self.path, key_of(1).hex(), status=0)[0], b'one')
        value = os.path.join(self.folder, 'value')
        with open(value, 'wb') as f:
            f.write(b'two')
        before = sorted(os.walk(self.path))
        _, said = self.run_it('put', self.path, key_of(2).hex(), value, status=8)
        self.assertIn('segment numbers end at 2147483647', said)
        self.assertEqual(sorted(os.walk(self.path)), before)

    def test_the_last_number_can_be_used(self):
        self.make(2**31 - 1)
        self.write(HIGHEST - 1, entry(PUT, key_of(1), b'one'), entry(COMMIT))
        self.repair('recover', 1)
        value = os.path.join(self.folder, 'value')
        with open(value, 'wb') as f:
            f.write(b'two')
        self.run_it('put', self.path, key_of(2).hex(), value, status=0)
        self.assertEqual(set(reader.check(self.path).live), {key_of(1), key_of(2)})
        self.assertEqual(list(reader.segments(self.path)), [HIGHEST - 1, HIGHEST])
        _, said = self.run_it('delete', self.path, key_of(2).hex(), status=8)
        self.assertIn('segment numbers end at 2147483647', said)


if __name__ == '__main__':
    unittest.main(verbosity=1, warnings='ignore')
