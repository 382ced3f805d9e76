#!/usr/bin/env python3
"""Faults that Attic itself makes, each in a repository where attic_writer.py repeats Attic's
writes. None of them may be taken for something worse: check names it, the recommended repair is
accepted and loses nothing readable, and undo restores every byte.

ATTICSCOPE names the program."""
import hashlib
import itertools
import json
import os
import subprocess
import tempfile
import unittest

import evidence_rules as rules
from attic_writer import MANIFEST, Attic, hints_image, index_image, walk
from evidence_judge import Judge, Program, Truth, write_files
from reader import COMMIT, COMMIT_BYTES, DELETE, MAGIC
from store_driver import Driver, Refused, summary

PROGRAM = os.environ.get('ATTICSCOPE', 'atticscope')
IDENTITY = '%064x' % 0xa771c
PER_FOLDER = 4
LIMIT = 400
OBJECT_MAX = 20 * 1024 * 1024   # the limit of Attic's reader, header and key included


def key_of(number):
    return hashlib.sha256(b'%d' % number).digest()


class Past:
    """A repository as Attic wrote it, and its truth."""

    def __init__(self, splits=False):
        self.attic = Attic(IDENTITY, LIMIT, PER_FOLDER, splits)
        self.objects = {}
        self.versions = set()

    def put(self, key, size=60):
        value = (b'%d,' % len(self.versions) * size)[:size]
        self.attic.put(key, value)
        self.objects[key] = value
        self.versions.add((key, rules.digest(value)))

    def delete(self, key):
        self.attic.delete(key)
        del self.objects[key]

    def commit(self):
        self.attic.commit()

    def backups(self, count, first=0):
        """New objects each time, and the manifest over and over."""
        for number in range(first, first + count):
            for i in range(3):
                self.put(key_of(10 * number + i))
            self.put(MANIFEST)
            self.commit()
        return self

    def path_of(self, key):
        number, offset = self.attic.index[key]
        return self.attic.path(number), offset

    def truth(self):
        objects = {key: rules.digest(value) for key, value in self.objects.items()}
        return Truth(objects, self.versions, {})


def moved_manifest():
    """The compaction of the newest commit moved the DELETE of the older manifest behind the PUT of
    the newer one: the segment ended between the two."""
    past = Past(splits=True)
    for number in range(200):
        for i in range(1 + number % 3):
            past.put(key_of(10 * number + i), 20 + 37 * number % 130)
        past.put(MANIFEST)
        past.commit()
        if by_log(past).get(MANIFEST) == DELETE:
            return past
    raise AssertionError('no DELETE was moved')


def by_log(past):
    """{key: tag of its last entry}"""
    return {key: tag for number in sorted(past.attic.data)
            for _, tag, key, _ in walk(past.attic.data[number]) if tag != COMMIT}


class WritersFaults(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = scratch.name
        self.repo = os.path.join(self.folder, 'repo')

    def make(self, files):
        for path in (self.repo, self.repo + '.again'):
            subprocess.run(['rm', '-rf', path], check=True)
        os.makedirs(os.path.join(self.repo, 'data'))
        write_files(self.repo, files)

    def run_program(self, command, *args):
        done = subprocess.run([PROGRAM, command, *args], stdin=subprocess.DEVNULL,
                              capture_output=True)
        return done.returncode, done.stdout, done.stderr.decode()

    def look(self):
        return json.loads(self.run_program('check', '--json', '--all', self.repo)[1])

    def named(self, check, code):
        """[(segment, key)] of the problems of this kind."""
        return [(problem['segment'], problem['key']) for problem in check['problems']
                if problem['code'] == code]

    def judge(self, files, truth, recommended):
        """The result of check on @files, whose advice must be @recommended. Following it is judged
        by the truth, and by what the bytes prove; undo must restore every byte."""
        self.make(files)
        check = self.look()
        self.assertEqual(check['recommended'], recommended, check['problems'])
        judge = Judge(Program(PROGRAM), self.repo, truth)
        self.assertEqual(judge.judge(), [])
        if recommended:
            self.assertEqual(judge.steps[:1], [recommended])
        self.make(files)
        return check

    def assert_undamaged(self, check):
        """Check calls nothing lost, and the log undamaged."""
        self.assertNotRegex(check['verdict'], 'damaged|not complete')
        self.assertEqual((check['lost'], check['older'], check['at_least']), (0, 0, False))

    def assert_reads(self, objects):
        for key, value in objects.items():
            status, out, err = self.run_program('get', self.repo, key.hex())
            self.assertEqual((status, out), (0, value), err)

    def assert_gone(self, key):
        status, out, err = self.run_program('get', self.repo, key.hex())
        self.assertNotEqual(status, 0)
        self.assertEqual(out, b'', err)

    # ---- a DELETE behind its PUT ----

    def test_a_delete_moved_behind_its_put_deletes_nothing(self):
        past = moved_manifest()
        check = self.judge(past.attic.files(), past.truth(), 'compact')
        self.assertEqual(self.named(check, 'delete-moved'),
                         [(past.attic.index[MANIFEST][0], MANIFEST.hex())])
        self.assert_undamaged(check)
        self.assertEqual(check['objects'], len(past.objects))
        self.assert_reads({MANIFEST: past.objects[MANIFEST]})

    def test_recover_asks_before_it_believes_the_moved_delete(self):
        past = moved_manifest()
        self.make(past.attic.files())
        status, _, err = self.run_program('recover', '--yes', self.repo)
        self.assertNotIn(status, (0, 1))
        self.assertIn('--drop-readable', err)
        plan = json.loads(self.run_program('recover', '--dry-run', '--json', '--drop-readable',
                                           self.repo)[1])
        self.assertEqual(plan['dropped'], [MANIFEST.hex()])

    def test_a_store_gives_up_nothing_behind_a_moved_delete(self):
        """With index and hints, without the newest, and with those of the COMMIT before: what a
        recovery keeps or refuses, and a put and commit after it."""
        past = moved_manifest()
        whole, value = past.attic.files(), past.objects[MANIFEST]
        past.put(key_of(9000))
        past.attic.commit(compacts=False)
        behind = {name: data for name, data in past.attic.files().items()
                  if name.startswith('data')}
        behind.update((name, data) for name, data in whole.items() if not name.startswith('data'))
        for files in (whole, behind):
            for recover in ('recover', 'recover-full'):
                for commits in ('commit', 'commit-no-compact'):
                    self.make(files)
                    with Driver() as store:
                        store.ask('open', self.repo)
                        try:
                            store.ask(recover)
                        except Refused as refusal:
                            self.assertEqual((recover, refusal.name), ('recover-full', 'integrity'))
                            self.assertIn('does not give 1 object',
                                          str(refusal).replace('1 objects', '1 object'))
                            store.ask('recover')
                        else:
                            self.assertTrue(recover == 'recover')
                        self.assertEqual(store.ask('get', MANIFEST.hex()), summary(value))
                        store.ask('put', key_of(9001).hex(), 1, 1)
                        store.ask(commits)
                        self.assertEqual(store.ask('get', MANIFEST.hex()), summary(value))
                    self.assert_reads({MANIFEST: value})
                    self.assertEqual(self.look()['objects'], len(past.objects) + (files is behind))

    def test_a_moved_delete_deletes_nothing_with_index_and_hints_one_behind(self):
        """A COMMIT came after them: they are still right about everything before it."""
        past = moved_manifest()
        witnesses = {name: data for name, data in past.attic.files().items()
                     if not name.startswith('data')}
        past.put(key_of(9000))
        past.attic.commit(compacts=False)
        files = {name: data for name, data in past.attic.files().items()
                 if name.startswith('data')} | witnesses
        check = self.judge(files, past.truth(), 'salvage')
        self.assertEqual([key for _, key in self.named(check, 'delete-moved')], [MANIFEST.hex()])
        self.assertEqual(check['objects'], len(past.objects))
        self.assert_reads({MANIFEST: past.objects[MANIFEST]})

    def test_a_moved_delete_does_not_hide_that_the_put_is_damaged(self):
        past = moved_manifest()
        files = past.attic.files()
        path, offset = past.path_of(MANIFEST)
        files[path] = flipped(files[path], offset + 45)
        check = self.judge(files, past.truth(), 'salvage')
        self.assertEqual(self.named(check, 'object-lost'),
                         [(past.attic.index[MANIFEST][0], MANIFEST.hex())])
        self.assertEqual(check['lost'], 1)

    def test_a_moved_delete_deletes_nothing_with_the_newest_data_missing(self):
        """Index and hints are newer than data/: the index still knows the PUT."""
        past = moved_manifest()
        past.put(key_of(9000))
        past.attic.commit(compacts=False)
        files = past.attic.files()
        del files[past.path_of(key_of(9000))[0]]
        check = self.judge(files, past.truth(), 'salvage')
        self.assertEqual([key for _, key in self.named(check, 'object-lost')],
                         [key_of(9000).hex()])
        self.assertEqual((check['lost'], check['possibly_deleted']), (1, 1))
        del past.objects[key_of(9000)]
        self.assert_reads(past.objects)
        self.run_program('salvage', '--yes', self.repo)
        self.assert_reads(past.objects)

    # ---- segments that stay ----

    def test_an_emptied_segment_that_was_not_removed_changes_nothing(self):
        """unlink failed, and Attic ignored that."""
        past = Past().backups(3)
        past.put(key_of(500))
        past.commit()
        before = past.attic.files()
        doomed = past.path_of(key_of(500))[0]
        past.delete(key_of(500))
        past.commit()
        files = past.attic.files()
        self.assertNotIn(doomed, files)
        files[doomed] = before[doomed]
        truth = past.truth()
        truth.forbidden = {key_of(500)}
        check = self.judge(files, truth, 'compact')
        self.assertTrue(self.named(check, 'segment-returned') +
                        self.named(check, 'segment-emptied'), check['problems'])
        self.assert_undamaged(check)
        self.assert_gone(key_of(500))

    def old_put_without_its_delete(self):
        """The segment of a deleted object stays, since unlink failed; then a later compaction drops
        the DELETE that the first one carried over."""
        past = Past().backups(3)
        past.put(key_of(500))
        past.put(key_of(501))
        past.commit()
        before = past.attic.files()
        doomed = past.path_of(key_of(500))[0]
        past.delete(key_of(500))
        past.put(key_of(502))
        past.commit()
        self.assertEqual(by_log(past)[key_of(500)], DELETE)
        past.delete(key_of(501))        # its copy lies beside the DELETE
        past.commit()
        self.assertNotIn(key_of(500), by_log(past))
        files = past.attic.files()
        self.assertNotIn(doomed, files)
        files[doomed] = before[doomed]
        return past, files, doomed

    def test_a_delete_that_compaction_dropped_brings_nothing_back(self):
        past, files, doomed = self.old_put_without_its_delete()
        truth = past.truth()
        truth.forbidden = {key_of(500)}
        check = self.judge(files, truth, 'compact')
        number = int(doomed.rpartition('/')[2])
        self.assertIn((number, None), self.named(check, 'segment-returned'))
        self.assert_undamaged(check)
        self.assertEqual(check['objects'], len(past.objects))
        self.assert_gone(key_of(500))

    def test_without_a_witness_the_old_put_counts_and_nothing_is_lost(self):
        """Index and hints are gone: nobody can know about the DELETE. Whole objects stay."""
        past, files, _ = self.old_put_without_its_delete()
        truth = past.truth()
        truth.may_stay = {key_of(500), key_of(501)}
        for name in [path for path in files if path.startswith(('index.', 'hints.'))]:
            del files[name]
        check = self.judge(files, truth, 'recover')
        self.assert_undamaged(check)
        self.assert_reads(past.objects)

    # ---- a first backup that died ----

    def after_a_first_backup_that_died(self, cut, backups):
        """The next run opens its segment 0, without @cut bytes at the end, for appending, writes
        the magic once more and counts offsets from there."""
        dead = Past()
        dead.put(key_of(1))
        dead.put(key_of(900))
        left = bytes(dead.attic.data[0])
        left = left[:len(left) - cut]
        past = Past().backups(1)
        for number in range(1, backups):
            for i in range(3):
                past.put(key_of(10 * number + i))
            past.commit()
        files = past.attic.files()
        files[past.attic.path(0)] = left + files[past.attic.path(0)]
        past.versions |= dead.versions
        truth = past.truth()
        truth.may_stay = {key_of(900)}
        return past, files, truth

    def test_a_second_magic_in_the_middle_loses_nothing(self):
        for cut, backups in itertools.product((0, 10, 101, 101 + 5), (1, 2, 5)):
            with self.subTest(cut=cut, backups=backups):
                past, files, truth = self.after_a_first_backup_that_died(cut, backups)
                check = self.judge(files, truth, 'salvage')
                self.assertIn(0, [problem['segment'] for problem in check['problems']])
                if cut in (0, 101):	# the magic is where an entry should begin
                    self.assertTrue(any('the magic a second time: a first backup was interrupted' in
                                        problem['message'] for problem in check['problems']),
                                    check['problems'])
                self.assertEqual((check['lost'], check['older'], check['at_least']),
                                 (0, 0, False))
                self.assert_reads(past.objects)

    # ---- data/ was not mounted ----

    def test_an_empty_index_with_a_higher_number_is_not_believed(self):
        """check --repair without data/ wrote a COMMIT below the mount point, and witnesses."""
        for commit_is_there in (False, True):
            with self.subTest(commit_is_there=commit_is_there):
                past = Past().backups(4)
                files = past.attic.files()
                newest = past.attic.number - 1
                for kind in ('index', 'hints'):
                    del files['%s.%d' % (kind, newest)]
                files['index.%d' % (newest + 1)] = index_image({})
                files['hints.%d' % (newest + 1)] = hints_image({}, [])
                if commit_is_there:
                    files[past.attic.path(newest + 1)] = MAGIC + COMMIT_BYTES
                check = self.judge(files, past.truth(), 'recover')
                self.assertTrue(self.named(check, 'index-foreign') +
                                self.named(check, 'index-newer-than-log') +
                                self.named(check, 'index-too-new'), check['problems'])
                self.assert_undamaged(check)
                self.assertEqual(check['objects'], len(past.objects))
                self.assert_reads(past.objects)

    # ---- a COMMIT that never reached the disk ----

    def test_a_transaction_whose_commit_was_lost_is_kept(self):
        """fsync came before the flush: after a power loss the end of the newest segment is missing,
        but its index and hints are there."""
        past = Past().backups(4)
        past.put(key_of(700))
        past.attic.commit(compacts=False)
        path, _ = past.path_of(key_of(700))
        files = past.attic.files()
        files[path] = files[path][:-len(COMMIT_BYTES)]
        check = self.judge(files, past.truth(), 'salvage')
        self.assertTrue(self.named(check, 'tail-was-committed'), check['problems'])
        self.assertEqual((check['lost'], check['older'], check['at_least']), (0, 0, False))
        self.assertEqual(check['objects'], len(past.objects))
        self.assert_reads(past.objects)

    def test_entries_lost_with_the_commit_are_named(self):
        for left in ('part of the entry', 'the magic alone', 'nothing'):
            with self.subTest(left):
                past = Past().backups(4)
                past.put(key_of(700))
                past.attic.commit(compacts=False)
                path, offset = past.path_of(key_of(700))
                self.assertEqual(offset, len(MAGIC))
                files = past.attic.files()
                files[path] = files[path][:{'part of the entry': offset + 50,
                                            'the magic alone': offset, 'nothing': 0}[left]]
                self.make(files)
                check = self.judge(files, past.truth(), self.look()['recommended'])
                self.assertIn(check['recommended'], ('salvage', 'recover'))
                self.assertEqual([key for _, key in self.named(check, 'object-lost')],
                                 [key_of(700).hex()])
                self.assertEqual(check['lost'], 1)
                del past.objects[key_of(700)]
                self.assert_reads(past.objects)

    # ---- an object that no reader accepts ----

    def test_an_object_over_the_limit_is_named_and_hides_no_other(self):
        """Attic checks the limit only when it reads."""
        for size, is_read in ((OBJECT_MAX, True), (OBJECT_MAX + 1, False)):
            with self.subTest(size=size):
                past = Past().backups(2)
                past.attic.limit = 2 * OBJECT_MAX       # all in one segment
                past.put(key_of(600))
                past.attic.put(key_of(601), b'\xff' * (size - 41))
                past.put(key_of(602))
                large = b'\xff' * (size - 41)
                past.objects[key_of(601)] = large
                past.versions.add((key_of(601), rules.digest(large)))
                past.attic.commit(compacts=False)
                files = past.attic.files()
                number, offset = past.attic.index[key_of(601)]
                self.make(files)
                if is_read:
                    self.assertEqual(self.named(self.look(), 'entry-size-large'), [])
                    self.assert_reads(past.objects)
                    continue
                check = self.judge(files, past.truth(), 'salvage')
                problem = next(problem for problem in check['problems']
                               if problem['code'] == 'entry-size-large')
                self.assertEqual((problem['segment'], problem['offset']), (number, offset))
                self.assertIn(str(size), problem['message'])
                self.assertEqual([key for _, key in self.named(check, 'object-lost')],
                                 [key_of(601).hex()])
                self.assertEqual((check['lost'], check['at_least']), (1, False))
                self.assert_gone(key_of(601))
                self.assert_reads({key: past.objects[key]
                                   for key in (key_of(600), key_of(602), MANIFEST)})


def flipped(b, at):
    b = bytearray(b)
    b[at] ^= 1
    return bytes(b)


if __name__ == '__main__':
    unittest.main()
