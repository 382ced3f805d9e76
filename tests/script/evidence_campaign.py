#!/usr/bin/env python3
"""Damaged repositories of every kind, alone and in pairs: is anything whole given up, is any loss
left unnamed, is anything whole called lost, is advice refused, does undo miss a byte?

  evidence_campaign.py [--seed N] [--count N] [--kind A[+B]] [--dialect D] [--jobs N] [--list]
  evidence_campaign.py --corpus DIR

Repository N of a kind is always the same, so "--kind A+B --seed N --dialect D --count 1" shows one
fault again; --keep FOLDER leaves its files there. Without --kind the kinds take turns, one alone
and then a pair; without --dialect the dialects do (borg_form.py). Without arguments the judge is
tested first, and then judges a sample and the repositories that it once found fault with
(evidence_mended.txt); with ATTICSCOPE_TORTURE=1 it judges 10,000 repositories. --corpus takes
repositories with their truth in JSON instead. ATTICSCOPE names the program."""
import argparse
import collections
import concurrent.futures
import glob
import json
import os
import random
import shutil
import sys
import tarfile
import tempfile
import traceback

import evidence_rules as rules
from attic_writer import entry
from borg_form import DIALECTS, TURNS, habits, to_disk
from evidence_damage import KINDS, Damaged, Unfit
from evidence_judge import CLASSES, Judge, Program, Truth, write_files
from evidence_mutants import MUTANTS
from reader import PUT

PROGRAM = os.environ.get('ATTICSCOPE', 'atticscope')
IS_LONG = os.environ.get('ATTICSCOPE_TORTURE') == '1'
SAMPLE, LONG = 300, 10100     # one pair in a hundred fits no repository
BASE = '/dev/shm' if os.access('/dev/shm', os.W_OK) else None


# ---- one repository ----

def kinds_of(seed):
    """The kind, or pair, whose turn it is."""
    names = sorted(KINDS)
    if seed % 2 == 0:
        return names[seed // 2 % len(names)]
    return '+'.join(random.Random(seed).sample(names, 2))


def make_repository(repo, damaged, dialect='attic'):
    """Folders of data/ are made even when they are empty."""
    for path in damaged.state.files:
        os.makedirs(os.path.dirname(os.path.join(repo, path)), exist_ok=True)
    write_files(repo, to_disk(damaged.files, damaged.state.files, dialect))


def truth_of(damaged):
    digest = rules.digest
    history = damaged.history
    objects = {key: digest(value) for key, value in damaged.state.objects.items()}
    truth = Truth(objects, {(key, digest(value)) for key, value in history.versions}, {})
    if len(damaged.kinds) == 1 and damaged.kinds[0].strong:
        segments = [damaged.files[path] for path in damaged.segments().values()]
        truth.survivors = {key: objects[key] for key, value in damaged.state.objects.items()
                           if any(entry(PUT, key, value) in b for b in segments)}
    truth.uncommitted = {number: {(key, digest(value)) for key, value in rows}
                         for number, (image, rows) in damaged.uncommitted.items()
                         if damaged.files.get(damaged.path_of(number)) == image}
    truth.nested = history.nested
    if any(kind.misdirects for kind in damaged.kinds):
        truth.may_stay = {key for key, _ in damaged.foreign.versions}
    truth.two_histories = any(kind.two_histories for kind in damaged.kinds)
    truth.by_hand = any(kind.by_hand for kind in damaged.kinds)
    return truth


def judge_one(name, seed, dialect='attic', keep=None, program=None):
    """(name, seed, dialect, faults, steps, commands)"""
    folder = keep or tempfile.mkdtemp(prefix='atticscope-evidence-', dir=BASE)
    try:
        damaged = Damaged(name, seed, habits(dialect))
        repo = os.path.join(folder, 'repo')
        make_repository(repo, damaged, dialect)
        if keep:
            whole = damaged.state.files
            write_files(repo + '.found', to_disk(damaged.files, whole, dialect))
            write_files(repo + '.whole', to_disk(whole, whole, dialect))
        judge = Judge(program or Program(PROGRAM), repo, truth_of(damaged), dialect)
        judge.judge()
        return name, seed, dialect, judge.faults, judge.steps, judge.commands
    except Unfit:
        return name, seed, dialect, None, [], 0
    except Exception:
        return name, seed, dialect, [('broken', traceback.format_exc())], [], 0
    finally:
        if not keep:
            shutil.rmtree(folder)


class Tally:
    def __init__(self):
        self.repositories, self.commands, self.unfit = collections.Counter(), 0, 0
        self.faulty = 0
        self.steps = collections.Counter()
        self.kinds = set()
        self.classes = collections.defaultdict(collections.Counter)     # class -> kind -> count

    def add(self, result):
        name, seed, dialect, faults, steps, commands = result
        if faults is None:
            self.unfit += 1
            return
        self.repositories[dialect] += 1
        self.commands += commands
        self.steps['+'.join(steps) or 'nothing'] += 1
        self.kinds |= set(name.split('+'))
        self.faulty += bool(faults)
        for kind, text in faults:
            self.classes[kind][name] += 1
            print('--kind %s --seed %d --dialect %s: %s: %s' % (name, seed, dialect, kind, text),
                  flush=True)

    def show(self):
        for kind, counts in sorted(self.classes.items()):
            print('%s: %s: %d' % (kind, CLASSES[kind], sum(counts.values())))
            for name, count in sorted(collections.Counter(
                    {part: sum(n for whole, n in counts.items() if part in whole.split('+'))
                     for part in {p for whole in counts for p in whole.split('+')}}).items(),
                    key=lambda row: (-row[1], row[0]))[:25]:
                print('    %4d  %s%s' % (count, name, ', %d of them alone' % counts[name]
                                         if counts[name] else ''))
        for dialect in DIALECTS:
            print('figure: damaged repositories judged by the evidence, %s: %d' %
                  (dialect, self.repositories[dialect]))
        print('figure: kinds of damage: %d' % len(self.kinds))
        print('figure: commands run on them: %d' % self.commands)
        print('figure: repositories with a fault: %d' % self.faulty)


def campaign(names, jobs):
    """@names: (kind, seed, dialect) of each. Returns how many have a fault."""
    tally = Tally()
    with concurrent.futures.ProcessPoolExecutor(jobs) as pool:
        for result in pool.map(judge_one, *zip(*names), chunksize=4):
            tally.add(result)
    tally.show()
    return tally.faulty


# ---- repositories with their truth in JSON ----

def unhex(rows):
    return {bytes.fromhex(key) for key in rows}


def truth_of_case(case):
    objects = {bytes.fromhex(key): value for key, value in case['objects'].items()}
    lost, older = unhex(case['lost']), unhex(case.get('older', ()))
    versions = set(objects.items()) | {
        (bytes.fromhex(key), value) for key, values in case.get('older_values', {}).items()
        for value in values}
    truth = Truth(objects, versions, {key: value for key, value in objects.items()
                                      if key not in lost | older})
    truth.forbidden = unhex(case['must_not_return'])
    truth.maybe = unhex(case.get('possibly_deleted', ()))
    truth.may_stay = unhex(case.get('may_stay', ()))
    truth.by_hand = bool(case.get('by_hand') or case.get('config_error'))
    return truth


def judge_case(path):
    with open(path) as f:
        case = json.load(f)
    if case.get('weird') or case.get('writes_refused'):
        return None
    with tempfile.TemporaryDirectory(prefix='atticscope-evidence-', dir=BASE) as folder:
        with tarfile.open(path[:-5] + '.tar.gz') as archive:
            if not all(member.isfile() or member.isdir() for member in archive):
                return None
            archive.extractall(folder)
        judge = Judge(Program(PROGRAM), os.path.join(folder, 'repo'), truth_of_case(case))
        return case['case'], judge.judge()


def corpus(folder, jobs):
    paths = sorted(glob.glob(os.path.join(folder, '*.json')))
    with concurrent.futures.ProcessPoolExecutor(jobs) as pool:
        results = [result for result in pool.map(judge_case, paths) if result]
    for name, faults in results:
        for kind, text in faults:
            print('%-32s %s: %s' % (name, kind, text))
    faulty = sum(bool(faults) for _, faults in results)
    print('%d of %d cases hold' % (len(results) - faulty, len(results)))
    return faulty


# ---- a test of the judge ----

def is_fit_for_mutants(damaged):
    """Something was lost, something was deleted, and enough is whole."""
    deleted = {key for key, _ in damaged.history.versions} - set(damaged.state.objects)
    lost = set(damaged.state.objects) - set(rules.by_log(damaged.files))
    return lost and deleted and len(damaged.state.objects) > 10


def judged(damaged, program):
    with tempfile.TemporaryDirectory(prefix='atticscope-evidence-', dir=BASE) as folder:
        repo = os.path.join(folder, 'repo')
        make_repository(repo, damaged)
        judge = Judge(program, repo, truth_of(damaged))
        return {kind for kind, _ in judge.judge()}


def test_the_judge():
    """What is wrong with the judge, one line each. It must accuse every mutant, and no correct
    program."""
    wrong = []
    damaged = next(found for found in (Damaged('flip-value', seed) for seed in range(1000))
                   if is_fit_for_mutants(found) and not judged(found, Program(PROGRAM)))
    for mutant in MUTANTS:
        found = judged(damaged, mutant(PROGRAM, damaged))
        if mutant.accused not in found:
            wrong.append('%s is accused of %s only' % (mutant.__name__, sorted(found)))
    for seed in range(8):
        whole = Damaged('flip-value', seed)
        whole.files, whole.kinds = whole.state.files, []
        if found := judged(whole, Program(PROGRAM)):
            wrong.append('what is whole is accused: seed %d, %s' % (seed, found))
    print('figure: faulty programs that the judge accuses: %d' % (len(MUTANTS) - len(wrong)))
    return wrong


def once_misjudged():
    """(kind, seed) of repositories that long runs found fault with, and that are right since."""
    with open(os.path.join(os.path.dirname(__file__), 'evidence_mended.txt')) as f:
        return [(name, int(seed), 'attic') for name, seed in map(str.split, f)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--count', type=int)
    parser.add_argument('--kind')
    parser.add_argument('--dialect', choices=DIALECTS)
    parser.add_argument('--jobs', type=int, default=min(os.cpu_count() or 1, 8))
    parser.add_argument('--keep')
    parser.add_argument('--list', action='store_true')
    parser.add_argument('--corpus')
    given = parser.parse_args()

    def dialect_of(seed):
        return given.dialect or TURNS[seed // 2 % len(TURNS)]

    if given.list:
        print('\n'.join(sorted(KINDS)))
        return 0
    if given.corpus:
        return 1 if corpus(given.corpus, given.jobs) else 0
    if given.keep:
        name, _, _, faults, steps, _ = judge_one(given.kind or kinds_of(given.seed), given.seed,
                                                 dialect_of(given.seed), given.keep)
        print(name, steps, *faults, sep='\n')
        return 1 if faults else 0
    is_whole_test = given.kind is None and given.count is None and given.dialect is None
    wrong = test_the_judge() if is_whole_test else []
    print('\n'.join(wrong) + '\n' * bool(wrong), end='')
    count = given.count or (LONG if IS_LONG else SAMPLE)
    seeds = range(given.seed, given.seed + count)
    names = [(given.kind or kinds_of(seed), seed, dialect_of(seed)) for seed in seeds]
    faulty = campaign(names + once_misjudged() * is_whole_test, given.jobs)
    return 1 if wrong or faulty else 0


if __name__ == '__main__':
    sys.exit(main())
