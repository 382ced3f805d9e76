#!/usr/bin/env python3
"""What the terminal interface and the commands say about the evidence: the credit of index and
hints with its figures, segment files that are no part of the log or have another number, copies
beside a damaged segment, the fate of an object, and plans that keep older versions or give up
readable objects.

ATTICSCOPE names the program. Skipped without tmux."""
import json
import os
import shutil
import subprocess
import unittest

import failing_disk
from cli import COMMIT, COMMITTED, DELETE, PUT, Repository, entry, key_of
from terminal import PROGRAM, Case
from tui_repair import Steps

SIZES = ((80, 24), (160, 50))


def whole(path, segments=4, each=6, first=0):
    """@each objects in each of @segments segments, nothing superseded."""
    numbers = iter(range(first, first + segments * each))
    return Repository(path, [[(PUT, key_of(next(numbers)), os.urandom(200)) for _ in range(each)]
                             + [COMMITTED]
                             for _ in range(segments)])


def with_returned(path):
    """Index and hints know nothing of segment 1."""
    repo = whole(path)
    for key in [key for key, place in repo.places.items() if place[0] == 1]:
        del repo.places[key], repo.objects[key]
    del repo.live[1]
    repo.write_index(3)
    repo.write_hints(3)
    return repo


def with_swapped(path):
    repo = whole(path)
    os.rename(repo.segment(0), repo.segment(4))
    os.rename(repo.segment(1), repo.segment(0))
    os.rename(repo.segment(4), repo.segment(1))
    return repo


def with_foreign_segment(path):
    repo = whole(path)
    shutil.copy(whole(path + '-other', first=1000).segment(1), repo.segment(1))
    return repo


def with_copy(path):
    """Segment 1 is all zeros, and a copy of it lies beside it."""
    repo = whole(path)
    shutil.copy(repo.segment(1), repo.segment(1) + '~')
    with open(repo.segment(1), 'r+b') as f:
        f.write(bytes(os.path.getsize(repo.segment(1))))
    return repo


def with_foreign_index(path):
    repo = whole(path)
    shutil.copy(os.path.join(whole(path + '-other', first=1000).path, 'index.3'), path)
    return repo


def run(*args, status=0):
    done = subprocess.run([PROGRAM, *args], stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=120)
    assert done.returncode == status, done
    return done.stdout.decode()


class Evidence(Case):
    def repo(self, make):
        return make(os.path.join(self.folder, make.__name__))


class Witnesses(Evidence):
    def states(self, repo, *options):
        info = json.loads(run('info', '--json', *options, repo.path))
        return [(w['file'], w['state'], w['confirmed'], w['of']) for w in info['witnesses']]

    def test_info_says_what_index_and_hints_are_worth(self):
        for make, fast, exact in (
                (whole, ('index.3', 'credible', 24, 24), ('hints.3', 'credible', 4, 4)),
                (with_foreign_index, ('index.3', 'foreign', 0, 24), ('hints.3', 'credible', 4, 4)),
                (with_returned, ('index.3', 'credible', 18, 18), ('hints.3', 'credible', 3, 3))):
            with self.subTest(make.__name__):
                repo = self.repo(make)
                self.assertEqual(self.states(repo), [fast, ('hints.3', None, None, None)])
                self.assertEqual(self.states(repo, '--verify'), [fast, exact])
                self.assertIn('%s: %s, %d of %d mappings confirmed' % fast, run('info', repo.path))

    def test_a_segment_in_the_wrong_place_is_not_blamed_on_the_index(self):
        repo = self.repo(with_swapped)
        self.assertEqual(self.states(repo)[0], ('index.3', None, 12, 24))
        self.assertEqual(self.states(repo, '--verify')[0], ('index.3', 'credible', 24, 24))

    def test_the_screens_show_the_figures(self):
        for make, before, after in (
                (whole, 'index.3   fits the log: 24 of 24 mappings confirmed',
                 'index.3   fits the log: 24 of 24 mappings confirmed, knows 24 of 24 objects'),
                (with_foreign_index, 'index.3   FOREIGN: 0 of 24 mappings confirmed',
                 'index.3   FOREIGN: 0 of 24 mappings confirmed, knows 0 of 24 objects')):
            for columns, lines in SIZES:
                with self.subTest(make.__name__, columns=columns):
                    shutil.rmtree(os.path.join(self.folder, make.__name__ + '-other'),
                                  ignore_errors=True)
                    shutil.rmtree(os.path.join(self.folder, make.__name__), ignore_errors=True)
                    terminal = self.open(self.repo(make).path, columns=columns, lines=lines)
                    terminal.press('4').wait('[4 Index]', before)
                    terminal.press('v').wait('verified: ', after)
                    terminal.press('1').wait('the index DOES NOT FIT (4)' if 'FOREIGN' in after
                                             else 'all agree')
                    terminal.press('5').wait('[5 Hints]',
                                             'hints.3   fits the log: 4 of 4 counts right')


class Segments(Evidence):
    def test_files_with_wrong_numbers_have_a_state_of_their_own(self):
        for make, cells, states, words in (
                (with_returned, '█R██', {1: 'R returned'}, 'returned'),
                (with_foreign_segment, '█F██', {1: 'F foreign'}, 'foreign'),
                (with_swapped, 'MM██', {0: 'M misnamed', 1: 'M misnamed'}, 'misnamed'),
                (with_copy, '█C██', {1: 'C copy beside'}, 'copy')):
            for columns, lines in SIZES:
                with self.subTest(make.__name__, columns=columns):
                    shutil.rmtree(os.path.join(self.folder, make.__name__ + '-other'),
                                  ignore_errors=True)
                    shutil.rmtree(os.path.join(self.folder, make.__name__), ignore_errors=True)
                    terminal = self.verified(self.repo(make).path, columns=columns, lines=lines)
                    legend = ' █ live  ' + next(iter(states.values()))
                    terminal.wait(cells, lambda s: legend in s.text)
                    terminal.type('/' + words, 'Enter').wait('segment %d: ' % max(states))
                    terminal.press('2').wait('[2 Segments]', lambda s: all(
                        state in s.lines[4 + number] for number, state in states.items()))

    def test_the_filter_shows_what_is_odd(self):
        terminal = self.verified(self.repo(with_swapped).path)
        terminal.press('2').wait('[2 Segments]')
        terminal.type(':filter odd', 'Enter').wait('2 of 4 segments   filter: odd')

    def test_without_colour_and_without_unicode_the_letter_is_there(self):
        terminal = self.verified(self.repo(with_returned).path, NO_COLOR='1', LC_ALL='C')
        self.assertFalse(terminal.wait('#R##', '# live  R returned').colour)

    def test_the_command_names_role_and_number(self):
        rows = {make.__name__: [(r['role'], r['is']) for r in
                                map(json.loads,
                                    run('segments', '--json', self.repo(make).path).splitlines())]
                for make in (with_returned, with_foreign_segment, with_swapped)}
        self.assertEqual(rows['with_returned'][1], ('returned', 1))
        self.assertEqual(rows['with_foreign_segment'][1], ('foreign', 1))
        self.assertEqual(rows['with_swapped'], [('log', 1), ('log', 0), ('log', 2), ('log', 3)])
        for name, word in (('with_returned', 'returned'), ('with_foreign_segment', 'foreign'),
                           ('with_swapped', 'misnamed')):
            self.assertIn(word, run('segments', '--verify', os.path.join(self.folder, name)))

    def test_records_of_earlier_checks_do_not_change_it(self):
        for make in (with_returned, with_swapped, with_foreign_segment, with_copy):
            with self.subTest(make.__name__):
                repo = self.repo(make).path
                self.age(repo)
                env = dict(os.environ, XDG_CACHE_HOME=os.path.join(self.folder, 'cache'))
                told = [json.loads(subprocess.run([PROGRAM, 'check', '--json', *options, repo],
                                                  env=env, timeout=60,
                                                  stdout=subprocess.PIPE).stdout)
                        for options in ((), ('--incremental',), ('--incremental',),
                                        ('--incremental',))]
                for one in told:
                    self.assertLessEqual(one.pop('segments_remembered'), one['segments'])
                    del one['bytes']
                    self.assertEqual(one, told[0])

    def test_hints_are_compared_with_the_segment_and_not_with_the_name(self):
        repo = Repository(os.path.join(self.folder, 'repo'), [
            [(PUT, key_of(i), os.urandom(200)) for i in range(first, end)] + [COMMITTED]
            for first, end in ((0, 3), (3, 10), (10, 20))])
        os.rename(repo.segment(0), repo.segment(4))
        os.rename(repo.segment(1), repo.segment(0))
        os.rename(repo.segment(4), repo.segment(1))
        rows = [json.loads(line) for line in run('hints', '--json', repo.path).splitlines()]
        self.assertEqual([(r['stored'], r['counted'], r['agree']) for r in rows],
                         [(3, 3, True), (7, 7, True), (10, 10, True)])
        terminal = self.verified(repo.path)
        terminal.press('5').wait('[5 Hints]', lambda s: '!' not in s.text)
        terminal.press('2').wait('[2 Segments]', 'M misnamed', lambda s: '!' not in s.text)


def with_moved_delete(path):
    """The DELETEs of older versions of objects 1 and 2 lie behind their PUTs; index and hints know
    the objects. The index also has a wrong count, so that recover has something to do."""
    repo = Repository(path, [[(PUT, key_of(i), os.urandom(100)) for i in range(8)] + [COMMITTED],
                             [(PUT, key_of(8), os.urandom(100)), COMMITTED]])
    with open(repo.segment(1), 'wb') as f:
        f.write(b'ATTICSEG' + entry(DELETE, key_of(1)) + entry(DELETE, key_of(2)) +
                entry(PUT, key_of(8), os.urandom(100)) + entry(COMMIT))
    repo.places[key_of(8)] = (1, 8 + 2 * 41)
    repo.write_index(1)
    repo.write_hints(1)
    with open(os.path.join(path, 'index.1'), 'r+b') as f:
        f.seek(8)
        f.write(b'\x0a')
    return repo


def with_older_versions(path):
    """The newest versions of the manifest and of object 1 are damaged; older ones and a newer
    object are whole."""
    manifest = bytes(32)
    first = [(PUT, manifest, b'old manifest'), (PUT, key_of(1), b'old'), (PUT, key_of(2), b'two'),
             COMMITTED]
    second = [(DELETE, manifest, b''), (PUT, manifest, b'new manifest'), (DELETE, key_of(1), b''),
              (PUT, key_of(1), b'new'), (PUT, key_of(3), b'three'), COMMITTED]
    repo = Repository(path, [first, second])
    repo.damage(manifest)
    repo.damage(key_of(1))
    return repo


class Plans(Steps, Evidence):
    def test_a_plan_that_drops_readable_objects_needs_a_key_and_their_number(self):
        for columns, lines in SIZES:
            with self.subTest(columns=columns):
                shutil.rmtree(os.path.join(self.folder, 'with_moved_delete'), ignore_errors=True)
                repo = self.repo(with_moved_delete).path
                terminal = self.upgraded(repo, '--verify', columns=columns, lines=lines)
                self.plan(terminal, 'R', 'recover')
                terminal.wait('refused, see below; D gives them up',
                              '2 objects that can be read now would be gone')
                terminal.press('Enter').wait('D plans it anyway')
                given_up = 'This gives up 2 objects that can be read'
                terminal.press('D').wait('plan: recover, DROPS READABLE',
                                         lambda s: s.lines[4].startswith(given_up))
                terminal.press('Enter').wait('recover: really?', 'Type their number')
                terminal.type('recover', 'Enter').wait('cancelled; nothing was done')
                terminal.press('Enter').wait('recover: really?')
                terminal.type('2', 'Enter')
                self.reported(terminal, 'recover')
                terminal.wait(lambda s: '(7 objects)' in s.words)
                self.undo(terminal, '')

    def test_D_has_nothing_to_do_where_nothing_readable_is_dropped(self):
        terminal = self.upgraded(self.repo(with_older_versions).path, '--verify')
        self.plan(terminal, 'S', 'salvage')
        terminal.press('D').wait('this plan gives up nothing that can be read')

    def test_the_choices_about_older_versions_are_keys_and_words(self):
        repo = self.repo(with_older_versions).path
        terminal = self.upgraded(repo, '--verify')
        self.plan(terminal, 'S', 'salvage').wait('1 key kept in an older version', '1 key left out')
        terminal.press('Enter').wait('1 object will be kept in an older version',
                                     '1 object will be left out')
        terminal.press('Escape').wait('cancelled')
        terminal.press('o').wait('plan: salvage, without older versions',
                                 lambda s: 'kept in an older version' not in s.text)
        terminal.press('o').wait('plan: salvage   ')
        terminal.press('m').wait('plan: salvage, with an older manifest',
                                 '2 keys kept in an older version')
        terminal.press('1').wait('[1 Overview]')
        terminal.type(':salvage no-older with-suspects', 'Enter').wait(
            'plan: salvage, with suspects, without older versions')
        terminal.type(':recover no-older', 'Enter').wait('no-older: not an option of recover')

    @unittest.skipUnless(failing_disk.preload_works(),
                         'no library can be loaded before the program here')
    def test_a_repair_that_did_not_keep_its_promise_says_so_and_names_undo(self):
        repo = self.repo(with_older_versions).path
        terminal = self.upgraded(repo, '--verify', columns=120, LD_PRELOAD=failing_disk.LIBRARY,
                                 ASAN_OPTIONS=failing_disk.OPTIONS + ':log_path=%s/sanitizer'
                                 % self.folder,
                                 BADBLOCKS='data/0/2 0 1000000 bad')
        self.plan(terminal, 'S', 'salvage')
        self.confirm(terminal, 'salvage')
        terminal.wait('report: salvage', 'NOT WHAT THE PLAN PROMISED', 'U plans to take it back',
                      'the repository holds other objects than the plan promised: U takes it back')
        terminal.press('L').wait('[Log]', 'and the plan promised')


class Keys(Evidence):
    def history(self, repo, key):
        done = subprocess.run([PROGRAM, 'history', '--json', repo.path, key.hex()],
                              capture_output=True, timeout=60)
        self.assertEqual(done.returncode, 0)
        return [json.loads(line)['status']
                for line in done.stdout.splitlines()], done.stderr.decode()

    def on_screen(self, repo, key, *expected):
        for columns, lines in SIZES:
            terminal = self.verified(repo.path, columns=columns, lines=lines)
            terminal.type(':history ' + key.hex(), 'Enter').wait('[7 Key]', key.hex(), *expected)

    def test_an_older_version_is_called_older(self):
        repo = self.repo(with_older_versions)
        older, newest = (0, 8 + 41 + 12), repo.places[key_of(1)]
        says = 'older version: the newest, at %d:%d, is gone; %d:%d is whole' % (*newest, *older)
        statuses, errors = self.history(repo, key_of(1))
        self.assertEqual(statuses, ['older', 'tombstone', 'damaged'])
        self.assertIn(says, errors)
        rows = [json.loads(line) for line in run('entries', '--json', repo.path, '0').splitlines()]
        self.assertEqual([row['status'] for row in rows], ['older', 'older', 'live', 'commit'])
        self.on_screen(repo, key_of(1), '! ' + says, 'older')

    def test_a_lost_object_without_any_entry_is_called_lost(self):
        repo = self.repo(with_foreign_segment)
        key = next(key for key, place in repo.places.items() if place == (1, 8))
        statuses, errors = self.history(repo, key)
        self.assertEqual(statuses, [])
        self.assertIn('lost: no whole entry is left; it should lie at 1:8', errors)
        self.on_screen(repo, key, '! lost: no whole entry is left; it should lie at 1:8',
                       'No entry of this key is left in the log.')

    def test_an_object_that_may_have_been_deleted_is_called_possibly_deleted(self):
        repo = self.repo(whole)
        key = next(key for key, place in repo.places.items() if place[0] == 0)
        del repo.places[key]
        repo.write_index(3)
        repo.flip(1, 8 + 41 + 20)
        os.remove(os.path.join(repo.path, 'hints.3'))
        statuses, errors = self.history(repo, key)
        self.assertEqual(statuses, ['live'])
        self.assertIn('possibly deleted', errors)
        self.on_screen(repo, key, '! possibly deleted: nobody can tell, so it is kept', 'live')

    def test_a_delete_that_was_moved_hides_nothing(self):
        repo = self.repo(with_moved_delete)
        self.assertEqual(self.history(repo, key_of(1))[0], ['live', 'tombstone'])
        self.on_screen(repo, key_of(1), '! an object: the DELETE after it is of an older version')

    def test_the_entries_of_a_swapped_segment_are_live(self):
        repo = self.repo(with_swapped)
        rows = [json.loads(line)
                for line in run('entries', '--json', '--verify', repo.path, '0').splitlines()]
        self.assertEqual([row['status'] for row in rows], ['live'] * 6 + ['commit'])

    def test_nothing_is_said_of_a_whole_object(self):
        repo = self.repo(whole)
        statuses, errors = self.history(repo, key_of(3))
        self.assertEqual((statuses, errors), (['live'], ''))


if __name__ == '__main__':
    unittest.main(verbosity=1, warnings='ignore')
