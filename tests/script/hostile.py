#!/usr/bin/env python3
"""Random damage: the program ends by itself, with a sensible status and readable JSON, and changes
nothing below the repository. The seeds are fixed."""
import json
import os
import random
import shutil
import subprocess
import tempfile
import unittest

PROGRAM = os.environ.get('ATTICSCOPE', 'atticscope')
MKSAMPLE = os.environ.get('MKSAMPLE', 'mksample')
ROUNDS = int(os.environ.get('HOSTILE_ROUNDS', '60'))


def files_of(repo):
    return sorted(os.path.join(folder, name) for folder, _, names in os.walk(repo)
                  for name in names)


def flip(data, rng):
    for _ in range(rng.choice((1, 1, 3, 40))):
        at = rng.randrange(len(data))
        data[at] ^= 1 << rng.randrange(8)


def zero(data, rng):
    at = rng.randrange(len(data))
    size = rng.choice((16, 512, 4096))
    data[at:at + size] = bytes(len(data[at:at + size]))


def repeat(data, rng):
    at, to = rng.randrange(len(data)), rng.randrange(len(data))
    page = bytes(data[at:at + 4096])
    data[to:to + len(page)] = page


def cut(data, rng):
    del data[rng.randrange(len(data)):]


def grow(data, rng):
    data.extend(rng.randbytes(rng.choice((1, 9, 500))))


def scramble(data, rng):
    at = rng.randrange(len(data))
    data[at:at + 64] = rng.randbytes(len(data[at:at + 64]))


DAMAGES = (flip, zero, repeat, cut, grow, scramble)


def damage(repo, rng):
    for _ in range(rng.choice((1, 1, 2, 4))):
        path = rng.choice(files_of(repo))
        kind = rng.randrange(10)
        if kind == 0:
            os.unlink(path)
        elif kind == 1:
            other = rng.choice(files_of(repo))
            with open(other, 'rb') as f:
                data = f.read()
            with open(path, 'wb') as f:
                f.write(data)
        else:
            with open(path, 'rb') as f:
                data = bytearray(f.read())
            if data:
                rng.choice(DAMAGES)(data, rng)
            with open(path, 'wb') as f:
                f.write(data)


def picture(repo):
    return {path: (os.lstat(path).st_mtime_ns, os.lstat(path).st_size, open(path, 'rb').read())
            for path in files_of(repo)}


class Hostile(unittest.TestCase):
    def test_random_damage(self):
        folder = tempfile.mkdtemp(prefix='atticscope-hostile-')
        try:
            sample = os.path.join(folder, 'sample')
            subprocess.run([MKSAMPLE, sample], check=True, stdout=subprocess.DEVNULL)
            for seed in range(ROUNDS):
                with self.subTest(seed=seed):
                    self.one(sample, os.path.join(folder, 'repo'), random.Random(seed))
        finally:
            shutil.rmtree(folder)

    def one(self, sample, repo, rng):
        shutil.copytree(sample, repo)
        try:
            damage(repo, rng)
            before = picture(repo)
            for command in (['check', '--json'], ['segments'], ['segments', '--verify'],
                            ['index', '--all'], ['hints'], ['info'],
                            ['entries', str(rng.randrange(30))]):
                done = subprocess.run([PROGRAM, command[0],
                                       *[a for a in command[1:] if a[0] == '-'], repo,
                                       *[a for a in command[1:] if a[0] != '-']],
                                      stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
                self.assertIn(done.returncode, (0, 4, 8), (command, done.stderr[-2000:]))
                self.assertNotIn(b'Sanitizer', done.stderr)
                self.assertNotIn(b'runtime error', done.stderr)
                if command[0] == 'check' and done.returncode != 8:
                    found = json.loads(done.stdout)
                    self.assertEqual(found['clean'], done.returncode == 0)
                    self.assertIn(found['recommended'],
                                  (None, 'recover', 'rollback', 'compact', 'salvage'))
                elif done.returncode == 8:
                    self.assertTrue(done.stderr.startswith(b'atticscope: '), done.stderr)
            self.assertEqual(picture(repo), before)
        finally:
            shutil.rmtree(repo)


if __name__ == '__main__':
    unittest.main(verbosity=1)
