#!/usr/bin/env python3
"""Commands on one object, run on damaged repositories: get and history agree with check, and put,
delete and compact give up nothing readable.

The repositories are those of the corpora in ../shared (SHARED names another folder), where they
exist, and a sample of the kinds of evidence_damage.py. With ATTICSCOPE_TORTURE=1 every key of more
repositories is read. evidence_rules.py says what is readable. ATTICSCOPE names the program.

  evidence_store.py [--kind A[+B]] [--seed N] [--count N] [--case NAME]"""
import argparse
import base64
import concurrent.futures
import glob
import json
import os
import random
import re
import shutil
import sys
import tarfile
import tempfile

import evidence_rules as rules
from evidence_campaign import kinds_of, make_repository
from evidence_damage import Damaged, Unfit
from evidence_judge import Program, read_files, without_undo

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SHARED = os.environ.get('SHARED') or os.path.join(os.path.dirname(SOURCE), 'shared')
PROGRAM = Program(os.environ.get('ATTICSCOPE', 'atticscope'))
IS_LONG = os.environ.get('ATTICSCOPE_TORTURE') == '1'
KEYS = 4                # keys read in a repository of a corpus, besides those that check names
NEW = b'\x5a' * 32
BASE = '/dev/shm' if os.access('/dev/shm', os.W_OK) else None


class Trial:
    def __init__(self, repo, truth):
        """@truth, {key: digest}, is what the repository held. Folders whose names begin with @repo
        are made and removed."""
        self.truth = truth
        self.repo, self.before = repo, read_files(repo)
        self.rules = rules.Evidence(self.before)
        self.readable = self.rules.readable()
        self.log = rules.by_log(self.before)
        self.faults = []

    def fault(self, text, *args):
        self.faults.append(text % args)

    def run(self, command, *args):
        status, out, err = PROGRAM.run(command, *args)
        if status < 0 or re.search(r'Sanitizer|runtime error:', err):
            self.fault('%s %s: exit %d: %s', command, ' '.join(args[1:]), status, err[-400:])
        return status, out, err

    def judge(self, rng):
        status, out, _ = self.run('check', '--json', '--all', self.repo)
        try:
            self.check = json.loads(out)
        except ValueError:
            return self.faults      # no repository
        if self.check.get('dialect') == 'attic' and self.check.get('objects') is not None:
            self.ask(rng)
        for change in (self.put, self.delete, self.compact):
            change(rng)
        return self.faults

    # ---- asking ----

    def ask(self, rng):
        named = {}
        for problem in self.check['problems']:
            if problem.get('key') and problem['code'] in ('object-lost', 'object-older'):
                named[problem['key']] = problem
        keys = {key.hex() for key, _ in rules.whole_puts(self.before) if key}
        keys |= {key.hex() for key in self.rules.index or ()} | set(named)
        self.is_all = is_all = IS_LONG or len(keys) < 20
        asked = sorted(keys if is_all else
                       set(named) | set(rng.sample(sorted(keys), min(KEYS, len(keys)))))
        given = 0
        followed = set(rng.sample(asked, min(3, len(asked)))) | set(list(named)[:2])
        for key in asked:
            place = self.get(key, named.get(key))
            given += place is not None
            if key in followed:
                self.history(key, place)
        counted = self.check['objects'] - self.check.get('older', 0)
        if is_all and given != counted:
            self.fault('get gives %d objects, check counts %d', given, counted)

    def get(self, key, problem):
        """The place of the object that get returns, or None."""
        status, out, err = self.run('get', '--json', self.repo, key)
        if problem:
            place = '%s:%s' % (problem['segment'], problem['offset'])
            if status != 4 or out or place not in err:
                self.fault('get of %s, %s at %s: exit %d: %s', key[:12], problem['code'], place,
                           status, err.strip()[-200:])
            self.get_older(key, problem)
            return None
        expected = self.readable.get(bytes.fromhex(key))
        place = None
        if status == 0:
            found = json.loads(out)
            place = found['segment'], found['offset']
            value = rules.digest(base64.b64decode(found['data']))
            right = expected, self.log.get(bytes.fromhex(key)), self.truth.get(bytes.fromhex(key))
            if expected is not None and value not in right and not self.is_named(key):
                self.fault('get of %s: another version', key[:12])
        elif expected is not None and not self.is_named(key) and not self.is_all:
            self.fault('get of %s, which is readable: exit %d: %s', key[:12], status, err[-200:])
        return place

    def history(self, key, place):
        """If get returns an object, just one entry is live. A file under another's number has its
        own number here; get has that of the segment."""
        status, out, err = self.run('history', '--json', self.repo, key)
        rows = [json.loads(line) for line in out.splitlines()]
        live = [row['offset'] for row in rows if row['status'] == 'live']
        is_whole = place and any(row['offset'] == place[1] and row['crc'] == 'ok' for row in rows)
        if len(live) != bool(is_whole):
            self.fault('history of %s: live at %s, get gives %s', key[:12], live, place)

    def is_named(self, key):
        return any(problem.get('key') == key for problem in self.check['problems'])

    def get_older(self, key, problem):
        status, out, err = self.run('get', '--json', '--older', self.repo, key)
        if (status == 0) != (problem['code'] == 'object-older'):
            self.fault('get --older of %s, %s: exit %d: %s', key[:12], problem['code'], status,
                       err.strip()[-200:])

    # ---- changing ----

    def change(self, named, command, *args):
        """Run on a copy; returns the files and the status."""
        copy = self.repo + '.' + command
        shutil.copytree(self.repo, copy, symlinks=True)
        status, out, err = self.run(command, *(copy if arg is None else arg for arg in args))
        files = without_undo(read_files(copy))
        shutil.rmtree(copy)
        if status in (0, 1, 4) and files != self.before:
            self.keeps(files, named, '%s: exit %d: %s' % (command, status, err.strip()[-150:]))
        elif files != self.before:
            self.fault('%s failed (%d) and changed files: %s', command, status, err[-200:])
        return status, files, out

    def keeps(self, files, named, what):
        """An object that is not readable now, but would be after a replay, is not gone."""
        after, log = rules.Evidence(files).readable(), rules.by_log(files)
        gone = {key for key, value in self.readable.items()
                if value not in (after.get(key), log.get(key))} - named
        if gone:
            self.fault('%d of %d readable objects are gone after %s: %s', len(gone),
                       len(self.readable), what, ' '.join(sorted(k.hex()[:12] for k in gone)[:4]))

    def put(self, rng):
        status, files, _ = self.change(set(), 'put', None, NEW.hex(), __file__)
        if status == 0 and NEW not in rules.Evidence(files).readable():
            self.fault('what was put cannot be read')

    def delete(self, rng):
        if self.readable:
            key = rng.choice(sorted(self.readable))
            self.change({key}, 'delete', None, key.hex())

    def compact(self, rng):
        copy = self.repo + '.plan'
        shutil.copytree(self.repo, copy, symlinks=True)
        _, out, _ = self.run('compact', '--dry-run', '--json', copy)
        shutil.rmtree(copy)
        plan = json.loads(out) if out else {}
        named = {bytes.fromhex(row['key'] if isinstance(row, dict) else row)
                 for name in ('lost', 'dropped', 'older', 'left_out')
                 for row in plan.get(name) or ()}
        self.change(named, 'compact', '--yes', '--json', None)


# ---- repositories ----

def try_folder(name, seed, repo, truth):
    return ['%s: %s' % (name, fault) for fault in Trial(repo, truth).judge(random.Random(seed))]


def try_case(path):
    with open(path[:-7] + '.json') as f:
        truth = json.load(f).get('objects') or {}
    with tempfile.TemporaryDirectory(dir=BASE) as folder:
        with tarfile.open(path) as archive:
            archive.extractall(folder)
        return try_folder(os.path.basename(path)[:-7], 1, os.path.join(folder, 'repo'),
                          {bytes.fromhex(key): value for key, value in truth.items()})


def try_kind(name, seed):
    try:
        damaged = Damaged(name, seed)
    except Unfit:
        return []
    with tempfile.TemporaryDirectory(dir=BASE) as folder:
        repo = os.path.join(folder, 'repo')
        make_repository(repo, damaged)
        return try_folder('--kind %s --seed %d' % (name, seed), seed, repo,
                          {key: rules.digest(value)
                           for key, value in damaged.state.objects.items()})


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--kind')
    parser.add_argument('--case')
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--count', type=int)
    options = parser.parse_args()
    cases = [] if options.kind or options.count else sorted(
        path for corpus in ('corpus', 'corpus-evidence')
        for path in glob.glob(os.path.join(SHARED, corpus, (options.case or '*') + '.tar.gz')))
    count = 0 if options.case else options.count or (3000 if IS_LONG else 40)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        trials = [pool.submit(try_case, path) for path in cases]
        trials += [pool.submit(try_kind, options.kind or kinds_of(seed), seed)
                   for seed in range(options.seed, options.seed + count)]
        faults = [fault for trial in trials for fault in trial.result()]
    print(''.join('%s\n' % fault for fault in faults), end='')
    print('%d repositories of the corpora, %d others: %d faults' % (len(cases), count, len(faults)))
    return bool(faults)


if __name__ == '__main__':
    sys.exit(main())
