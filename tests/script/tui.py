#!/usr/bin/env python3
"""The terminal interface as a person uses it: every screen, the ways between them, search, prompt,
help, sorting, filters, scrolling, the mouse, and every size of the terminal. Its contents are
compared with the output of the commands and, if the corpus is there (SHARED, by default ../shared
beside the source), with its truth.

ATTICSCOPE names the program, MKSAMPLE the maker of a damaged repository. Skipped without tmux."""
import glob
import json
import os
import re
import subprocess
import tarfile
import unittest

from cli import COMMITTED, DELETE, PUT, Repository, key_of
from terminal import PROGRAM, Case

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SHARED = os.environ.get('SHARED') or os.path.join(os.path.dirname(SOURCE), 'shared')
CORPUS = sorted(glob.glob(os.path.join(SHARED, 'corpus', '*.json')))

SCREENS = ('1 Overview', '2 Segments', '3 Entries', '4 Index', '5 Hints', '6 Problems', '7 Key',
           '8 Hex')
SIZES = ((80, 24), (160, 50))

# What must be complete at 80x24, and what wider terminals show besides.
SHOWN = {
    '1': r'repository .* id .* transactions log .* lock .* verdict .* recommended ',
    '2': r'segment.* size.* entries.* live.* hints.* unused.* CRC.* state',
    '3': r'offset size tag key.* CRC status',
    '4': r'bucket key segment:offset home dist target',
    '5': r'segment stored counted difference',
    '6': r'segment:offset .*what was found',
    '7': r'segment offset tag size CRC',
    '8': r'[0-9]+ \(0x[0-9a-f]+\) .*begins an entry',
}
WIDE = {'2': r'PUT DELETE .*modified', '3': r'payload', '6': r'code'}


def output(*args):
    return subprocess.run([PROGRAM, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          timeout=60).stdout.decode()


def truth(command, repo, *args):
    """The output of the command line: the rows, or the one object of check."""
    return [json.loads(line) for line in output(command, '--json', repo, *args).splitlines()]


def numbers(screen, first=4):
    """The first column of a list whose rows begin at line @first."""
    found = [re.match(r' *([0-9,]+) ', line + ' ') for line in screen.lines[first:-1]]
    return [int(match.group(1).replace(',', '')) for match in found if match]


def is_list(screen):
    """No line of the last screen is left: the terminal can be read while it is drawn."""
    return len(numbers(screen)) == sum(1 for line in screen.lines[4:-1] if line.strip())


def dumped(screen):
    """The bytes of a hex dump, by offset."""
    found = {}
    for line in screen.lines[3:]:
        match = re.match(r'([0-9a-f]{10}) ((?:[ │]+[0-9a-f]{2}(?![0-9a-f]))+)', line)
        for i, byte in enumerate(re.findall(r'[0-9a-f]{2}', match.group(2)) if match else ()):
            found[int(match.group(1), 16) + i] = int(byte, 16)
    return found


def whole_repository(folder, segments=30, each=12):
    """A whole repository with every kind of entry: every 5th object is replaced, every 7th
    deleted."""
    rows, live = [], []
    for number in range(segments):
        entries = []
        for i in range(number * each, (number + 1) * each):
            entries.append((PUT, key_of(i), b'%d ' % i * (i % 50)))
            live.append(i)
            if i % 5 == 0:
                old = live[i // 2 % len(live)]
                entries += [(DELETE, key_of(old), b''), (PUT, key_of(old), b'again')]
            if i % 7 == 0:
                entries.append((DELETE, key_of(live.pop(0)), b''))
        rows.append(entries + [COMMITTED])
    path = os.path.join(folder, 'whole')
    Repository(path, rows)
    return path


class ByHand(Case):
    def test_a_repository_of_borg_is_read_and_can_be_repaired(self):
        repo = whole_repository(self.folder)
        for folder, _, names in os.walk(repo):
            for name in names:
                path = os.path.join(folder, name)
                with open(path, 'r+b') as f:
                    magic = {b'ATTICSEG': b'BORG_SEG', b'ATTICIDX': b'BORG_IDX'}.get(f.read(8))
                    if magic:
                        f.seek(0)
                        f.write(magic)
        terminal = self.open(repo)
        terminal.wait('atticscope  Borg ', 'Borg 1.x, hints of version 1', 'READ-ONLY', 'all agree')
        terminal.press('v').wait('The repository is whole')
        terminal.press('5').wait('fits the log')
        terminal.press('4').wait('fits the log')
        terminal.press('1')
        terminal.press('u').wait('REPAIR MODE', 'lock held')
        terminal.press('l').wait('READ-ONLY')

    def test_the_lines_to_write_by_hand_are_on_the_first_screen(self):
        repo = whole_repository(self.folder)
        os.remove(os.path.join(repo, 'config'))
        self.open(repo, '--verify').wait('by hand', '    version = 1',
                                         lambda s: 'id = <64 hex digits>' in s)


class Screens(Case):
    def whole(self, terminal, tab):
        """Wait until the screen of @tab is complete: frame lines in their places, no line longer
        than the terminal."""
        name = SCREENS[int(tab) - 1]
        wide = WIDE.get(tab, '') if terminal.columns >= 160 else ''

        def frame(screen):
            top, tabs, bottom = screen.lines[0], screen.lines[1], screen.lines[-1]
            return (len(screen.lines) == terminal.height and screen.tab == name and
                    'READ-ONLY' in top and top.startswith(' atticscope') and
                    all(v in tabs for v in SCREENS) and bottom.endswith('q:back') and
                    '?:help' in bottom)
        screen = terminal.wait(frame, lambda s: re.search(SHOWN[tab], s.words),
                               lambda s: re.search(wide, s.words))
        self.assertLessEqual(max(map(len, screen.lines)), terminal.columns)
        self.assertEqual(terminal.ask('#{pane_width}x#{pane_height}'),
                         '%dx%d' % (terminal.columns, terminal.height))
        unwrapped = terminal.tmux('capture-pane', '-p', '-J').decode().split('\n')
        self.assertLessEqual(max(map(len, unwrapped)), terminal.columns)
        return screen

    def drive(self, repo, columns, lines):
        key = truth('index', repo)[0]['key']
        terminal = self.verified(repo, columns=columns, lines=lines)
        self.whole(terminal, '1')
        terminal.type(':history ' + key[:12], 'Enter')
        self.whole(terminal, '7')
        terminal.wait(key)
        for tab in '23456781345627815':
            terminal.press(tab)
            self.whole(terminal, tab)
        terminal.press('3')
        self.whole(terminal, '3')
        if columns >= 160:
            terminal.wait(truth('entries', repo, '0')[0]['key'])

    def test_every_screen_is_complete_at_every_size_for_a_whole_repository(self):
        repo = whole_repository(self.folder)
        for size in SIZES:
            with self.subTest(size):
                self.drive(repo, *size)

    def test_every_screen_is_complete_at_every_size_for_a_damaged_repository(self):
        repo = self.sample()
        for size in SIZES:
            with self.subTest(size):
                self.drive(repo, *size)

    def test_the_overview_comes_first_and_nothing_is_verified_unasked(self):
        screen = self.open(self.sample()).wait('READ-ONLY', 'not verified yet', 'transactions')
        self.assertIn('?' * 40, screen)
        self.assertNotIn('recommended', screen)

    def map_of(self, repo):
        """The map that belongs to the rows of the command line."""
        cells = ''
        for row in truth('segments', repo, '--verify'):
            cells += ('!' if row['crc'] == 'damaged' else '~' if not row['committed'] else
                      '░' if row['live'] == 0 else '█' if row['live'] == row['puts'] else '▒')
        return cells

    def test_v_verifies_and_fills_map_verdict_and_problems(self):
        for repo in (whole_repository(self.folder), self.sample()):
            with self.subTest(os.path.basename(repo)):
                check = truth('check', repo)[0]
                bad = len([p for p in check['problems'] if p['severity'] != 'info'])
                terminal = self.open(repo)
                terminal.wait('?????')
                terminal.press('v').wait('recommended', 'verified', self.map_of(repo),
                                         '   %d problems' % bad if bad else '   no problems',
                                         '   %d objects   ' % check['objects'],
                                         check['recommended'] or 'nothing needs to be done')
                terminal.press('6').wait('[6 Problems]', '%d finding' % len(check['problems']))

    def test_segments_known_as_whole_are_read_again_only_by_V(self):
        repo = whole_repository(self.folder)
        self.age(repo)
        segments = truth('check', repo)[0]['segments']
        known = '%d of %d segments were known' % (segments, segments)
        first = self.open(repo)
        self.assertNotIn('known', first.press('v').wait('verified: no problems').text)
        second = self.open(repo, columns=160, lines=50)
        second.press('v').wait('verified: no problems', known, self.map_of(repo))
        second.press('V').wait('verified: no problems', lambda s: 'known from' not in s.text)
        second.press('v').wait(known)

    def test_verify_at_start_does_the_same_unasked(self):
        repo = self.sample()
        self.open(repo, '--verify').wait('recommended', 'salvage', self.map_of(repo))

    def test_problems_are_those_of_check_each_with_its_explanation(self):
        repo = self.sample()
        problems = truth('check', repo)[0]['problems']
        terminal = self.verified(repo, columns=160, lines=50)
        terminal.press('6').tab('6')
        for problem in problems:
            place = '%(segment)d:%(offset)d' % problem if problem['offset'] is not None else ''
            terminal.at(problem['severity'])
            terminal.wait(lambda s: s.selected and problem['code'] in s.selected and
                          place in s.selected, lambda s: problem['message'][:60] in s.words,
                          'found', 'meaning', 'if not', 'meanwhile', 'repair')
            terminal.press('j')

    def test_segments_hints_and_index_say_what_the_commands_say(self):
        repo = self.sample()
        terminal = self.verified(repo, columns=160, lines=60)
        screen = terminal.press('2').wait('[2 Segments]', is_list, lambda s: len(numbers(s)) == 48)
        lines = {int(l.split()[0]): l.split() for l in screen.lines[4:-1] if l}
        for row in truth('segments', repo, '--verify'):
            line = lines[row['segment']]
            self.assertEqual([int(word) for word in line[3:7]],
                             [row['entries'], row['puts'], row['deletes'], row['live']], line)
            self.assertEqual('bad' in line, row['crc'] == 'damaged', line)
        terminal.press('5').tab('5')
        screen = terminal.wait(is_list, lambda s: len(numbers(s)) >= 47)
        marked = [int(l.split()[0]) for l in screen.lines[4:-1] if '!' in l]
        self.assertEqual(marked, [r['segment'] for r in truth('hints', repo)
                                  if not r.get('agree', True)])
        terminal.press('4').tab('4')
        want = [r['bucket'] for r in truth('index', repo)]
        screen = terminal.wait(is_list, lambda s: len(numbers(s)) >= 50)
        self.assertEqual(numbers(screen), want[:len(numbers(screen))])

    def test_an_empty_repository_and_one_without_index_or_hints_show_every_screen(self):
        bare = os.path.join(self.folder, 'bare')
        os.makedirs(os.path.join(bare, 'data'))
        with open(os.path.join(bare, 'config'), 'w') as f:
            f.write('[repository]\nversion = 1\nid = %s\n' % ('ab' * 32))
        stripped = self.sample()
        for name in os.listdir(stripped):
            if name.startswith(('index.', 'hints.')):
                os.unlink(os.path.join(stripped, name))
        for repo in (bare, stripped):
            with self.subTest(os.path.basename(repo)):
                terminal = self.verified(repo)
                for tab in '2456':
                    terminal.press(tab).tab(tab)
                for tab in '378':
                    terminal.press(tab)
                terminal.press('1').tab('1')
                terminal.press('q')
                self.assertEqual(terminal.ended(), 0)


class Ways(Case):
    def follow(self, terminal, key, tab):
        """Press @key on the row under the cursor and wait for @screen; None: for one without a
        tab."""
        terminal.wait(lambda s: s.selected)
        terminal.press(key)
        return terminal.tab(tab) if tab else terminal.wait(lambda s: s.tab is None)

    def test_from_each_problem_to_its_place_and_back_by_one_key(self):
        repo = self.sample()
        terminal = self.verified(repo)
        terminal.press('6').tab('6')
        for problem in truth('check', repo)[0]['problems']:
            if problem['offset'] is None:
                break
            place = '%(segment)d:%(offset)d' % problem
            terminal.wait(lambda s: s.selected and s.selected.split()[1] == place)
            self.follow(terminal, 'Enter', '3')
            around = [r for r in truth('entries', repo, str(problem['segment']))
                      if r['offset'] <= problem['offset'] < r['offset'] + r['size']]
            terminal.at('%d ' % around[0]['offset'] if around else '')
            terminal.wait('segment %(segment)d ' % problem)
            self.follow(terminal, 'q', '6')
            terminal.wait(lambda s: s.selected and s.selected.split()[1] == place)
            terminal.press('j')

    def test_a_place_is_found_again_after_the_cursor_moved_away(self):
        terminal = self.verified(self.sample())
        screen = terminal.press('6').wait('[6 Problems]', lambda s: s.selected)
        offset = screen.selected.split()[1].split(':')[1] + ' '
        terminal.press('Enter').at(offset)
        terminal.press('g').at('8 ')
        terminal.press('6').wait('[6 Problems]', lambda s: s.selected)
        terminal.press('Enter').tab('3')
        terminal.at(offset)

    def test_from_an_index_bucket_to_its_entry_and_back(self):
        terminal = self.verified(whole_repository(self.folder))
        terminal.press('4').tab('4')
        before = terminal.wait(lambda s: s.selected).selected
        for _ in range(3):
            screen = terminal.press('j').wait(lambda s: s.selected not in (before, None), ' ok')
            before = screen.selected
            key = screen.selected.split()[1][:12]
            segment, offset = screen.selected.split()[2].split(':')
            self.follow(terminal, 'Enter', '3')
            screen = terminal.at(offset + ' ')
            self.assertIn(' %s' % key, screen.selected)
            self.assertIn('segment %s ' % segment, screen)
            self.follow(terminal, 'Escape', '4')
            terminal.wait(lambda s: s.selected == before)

    def test_from_an_entry_to_its_fields_its_key_and_its_bytes_and_back(self):
        repo = self.sample()
        terminal = self.verified(repo)
        rows = truth('entries', repo, '7')
        damaged = [r for r in rows if r['tag'] == 'DAMAGED'][0]
        with open(os.path.join(repo, 'data/0/7'), 'rb') as f:
            data = f.read()
        for row in (rows[1], damaged):
            terminal.type(':entries 7:%d' % row['offset'], 'Enter')
            terminal.tab('3')
            terminal.at('%d ' % row['offset'])
            screen = terminal.press('Enter').wait('entry at offset %d' % row['offset'], 'CRC',
                                                  'size', 'tag', row['key'][:16])
            self.assertIn('%08x' % row['crc_stored'] if isinstance(row['crc_stored'], int)
                          else row['crc_stored'], screen)
            self.follow(terminal, 'k', '7')
            history = truth('history', repo, row['key'])
            terminal.wait(row['key'], lambda s: len(numbers(s, 5)) == len(history))
            terminal.press('q').wait('entry at offset %d' % row['offset'])
            self.follow(terminal, 'h', '8')
            terminal.wait('%d (0x' % row['offset'], lambda s: row['offset'] in dumped(s),
                          lambda s: all(data[at] == byte for at, byte in dumped(s).items()))
            terminal.press('q').wait('entry at offset %d' % row['offset'])
            self.follow(terminal, 'Escape', '3')
            self.follow(terminal, 'Escape', '1')

    def test_history_names_every_entry_of_a_key_and_the_one_the_index_believes(self):
        repo = whole_repository(self.folder)
        key = [k for k in map(key_of, range(100))
               if len(truth('history', repo, k.hex())) > 2][0].hex()
        terminal = self.open(repo)
        terminal.type(':history ' + key[:10], 'Enter').tab('7')
        rows = truth('history', repo, key)
        screen = terminal.wait(key, lambda s: len(numbers(s, 5)) == len(rows))
        for row, line in zip(rows, screen.lines[5:]):
            words = line.split()
            self.assertEqual((int(words[0]), int(words[1].replace(',', '')), words[2]),
                             (row['segment'], row['offset'], row['tag']))
            self.assertIn(row['status'], line)
        believed = [r for r in truth('index', repo) if r['key'] == key]
        self.assertEqual([l.split()[0] for l in screen.lines[5:-1] if 'index' in l],
                         [str(r['segment']) for r in believed])
        terminal.press('Enter').tab('3')
        terminal.at('%d ' % rows[0]['offset'])

    def test_the_whole_way_in_and_out_again_by_one_key_a_step(self):
        terminal = self.verified(self.sample())
        for key, tab in (('6', '6'), ('Enter', '3'), ('K', '7'), ('h', '8'), ('Enter', None),
                         ('i', '4')):
            self.follow(terminal, key, tab)
        for tab in (None, '8', '7', '3', '6', '1'):
            self.follow(terminal, 'Escape', tab)
        terminal.press('q')
        self.assertEqual(terminal.ended(), 0)

    def test_map_segments_and_hints_lead_to_the_entries_of_a_segment(self):
        terminal = self.verified(self.sample())
        terminal.press('Right', 'Right').wait('segment 2: live', lambda s: s.selected == '█')
        terminal.press('Enter').tab('3')
        terminal.wait('segment 2 ')
        terminal.press('q').tab('1')
        for tab in '25':
            terminal.press(tab).wait('[%s]' % SCREENS[int(tab) - 1])
            terminal.press('j', 'j', 'j').at('3 ')
            terminal.press('Enter').tab('3')
            terminal.wait('segment 3 ')
            self.follow(terminal, 'q', tab)
            self.follow(terminal, 'h', '8')
            terminal.wait('data/0/3')
            self.follow(terminal, 'q', tab)

    def test_the_key_of_a_damaged_entry_is_known_in_every_screen_that_knows_it_in_one(self):
        repo = self.sample()
        row = [r for r in truth('entries', repo, '28') if r['tag'] == 'DAMAGED'][0]
        terminal = self.verified(repo)
        for command in (':entries 28:%d', ':hex 28:%d'):
            terminal.type(command % row['offset'], 'Enter').wait('DAMAGED')
            self.follow(terminal, 'K', '7')
            terminal.wait(row['key'])
            terminal.press('1').tab('1')

    def test_bytes_of_an_index_bucket_and_the_next_entry_in_hex(self):
        repo = self.sample()
        terminal = self.verified(repo)
        terminal.press('4').wait('[4 Index]', lambda s: s.selected)
        terminal.press('h').tab('8')
        first = truth('index', repo)[0]
        terminal.wait('index.46', 'bucket %d' % first['bucket'],
                      bytes.fromhex(first['key'])[:2].hex(' '))
        terminal.press('q').tab('4')
        rows = truth('entries', repo, '0')
        terminal.type(':hex 0:8', 'Enter').wait('8 (0x8)', 'PUT at 8,')
        for row in rows[1:4]:
            terminal.press('Tab').wait('%(offset)d (0x%(offset)x)' % row)
        terminal.press('BTab').wait('%(offset)d (0x%(offset)x)' % rows[2])

    def test_from_an_entry_to_where_the_index_has_its_key(self):
        repo = self.sample()
        row = [r for r in truth('entries', repo, '0') if r['status'] == 'live'][1]
        bucket = [r for r in truth('index', repo) if r['key'] == row['key']][0]['bucket']
        terminal = self.verified(repo)
        terminal.type(':entries 0:%d' % row['offset'], 'Enter').tab('3')
        terminal.at('%d ' % row['offset'])
        terminal.press('i').tab('4')
        terminal.wait(lambda s: s.selected and s.selected.split()[0] == str(bucket) and
                      row['key'][:10] in s.selected)


class Searching(Case):
    def setUp(self):
        super().setUp()
        self.repo = self.sample()
        self.terminal = self.verified(self.repo)

    def search(self, text):
        self.terminal.type('/').wait(lambda s: s.lines[-1].startswith('/'))
        self.terminal.type(text, 'Enter')

    def test_a_key_prefix_in_index_and_entries(self):
        row = truth('index', self.repo)[150]
        self.terminal.press('4').tab('4')
        self.search(row['key'][:9])
        self.terminal.at('%d ' % row['bucket'])
        row = truth('entries', self.repo, '7')[6]
        self.terminal.type(':entries 7', 'Enter').tab('3')
        self.search(row['key'][:9].upper())
        self.terminal.at('%d ' % row['offset'])

    def test_a_key_in_place_of_the_magic_is_found_in_its_own_row(self):
        path = os.path.join(self.repo, 'data', '0', '7')
        with open(path, 'r+b') as f:
            content = f.read()[8:]
            f.seek(0)
            f.write(content)
            f.truncate()
        gone, first = truth('entries', self.repo, '7')[:2]
        self.assertEqual((gone['size'], gone['offset'], first['offset']), (0, 0, 0))
        self.terminal.type(':entries 7', 'Enter').tab('3')
        self.terminal.press('End')
        self.search(first['key'][:9])
        self.terminal.wait(lambda s: s.selected and first['key'][:9] in s.selected)

    def test_a_segment_number_in_segments_and_map(self):
        self.terminal.wait('segment 0:')
        self.search('31')
        self.terminal.wait('segment 31:')
        self.terminal.press('2').tab('2')
        self.search('40')
        self.terminal.at('40 ')

    def test_a_place_from_every_screen(self):
        row = truth('entries', self.repo, '12')[3]
        for tab in '1245678':
            self.terminal.press(tab).tab(tab)
            self.search('12:%d' % row['offset'])
            self.terminal.tab('3')
            self.terminal.wait('segment 12 ')
            self.terminal.at('%d ' % row['offset'])
            self.terminal.press('1').tab('1')

    def test_text_with_next_and_previous_past_the_end(self):
        rows = truth('entries', self.repo, '0')
        self.terminal.press('3').tab('3')
        places = ['%d ' % r['offset'] for r in rows if r['status'] == 'superseded']
        self.assertGreaterEqual(len(places), 2)
        self.search('superseded')
        for place in places + places[:2]:
            self.terminal.at(place)
            self.terminal.press('n')
        self.terminal.press('g').at('8 ')
        self.terminal.press('n').at(places[0])
        self.terminal.press('n').at(places[1])
        self.terminal.press('N').at(places[0])
        self.terminal.press('N').at(places[-1])

    def test_a_failed_search_is_reported_and_the_cursor_stays(self):
        self.terminal.press('3').tab('3')
        self.terminal.press('j').at('49 ')
        self.search('no such text')
        self.terminal.wait('not found', 'no such text')
        self.terminal.at('49 ')

    def test_escape_leaves_the_prompt_without_a_search(self):
        self.terminal.press('3').tab('3')
        self.terminal.type('/damaged').wait('/damaged')
        self.terminal.press('Escape').gone('/damaged')
        self.terminal.tab('3')
        self.terminal.at('8 ')

    def test_commands_of_the_prompt(self):
        terminal = self.terminal
        key = truth('index', self.repo)[5]['key']
        for command, tab, text in ((':segments', '2', 'of 48 segments'),
                                   (':entries 3', '3', 'segment 3 '),
                                    (':index', '4', 'index.46'), (':hints', '5', 'hints.46'),
                                    (':problems', '6', 'finding'),
                                   (':history ' + key[:8], '7', key),
                                    (':hex 5:100', '8', '100 (0x64)'), (':check', '6', 'finding'),
                                    (':info', '1', 'verdict')):
            terminal.type(command, 'Enter').tab(tab)
            terminal.wait(text)
        terminal.type(':ent', 'Tab').wait(':entries')
        terminal.type('9', 'Enter').wait('segment 9 ')
        terminal.type(':nonsense', 'Enter').wait('nonsense: no such command')
        terminal.type(':segmnts', 'Enter').wait('did you mean :segments')
        terminal.type(':entries 4711', 'Enter').wait('4711 is not there')
        terminal.type(':segments', 'Enter').tab('2')
        terminal.type(':filter damaged', 'Enter').wait('filter: damaged')
        terminal.type(':quit', 'Enter')
        self.assertEqual(terminal.ended(), 0)

    def test_the_prompt_is_edited_and_takes_a_line_longer_than_the_screen(self):
        terminal = self.terminal
        terminal.type(':segmentz', 'BSpace').wait(lambda s: s.lines[-1].startswith(':segment '))
        terminal.type('s', 'Enter').tab('2')
        terminal.type('/' + '0123456789' * 30)
        terminal.wait(lambda s: '0123456789' in s.lines[-1])
        terminal.press('Enter').wait('READ-ONLY', '2 Segments')
        self.assertEqual(len(terminal.screen().lines), 24)


class Help(Case):
    OWN = {'1': ('Left', 'Right'), '2': ('s', 'S', 'f'), '3': ('K', 'i', 'h'), '4': ('a', 'K'),
           '5': ('f',), '6': ('K', 'h'), '7': ('h', 'i'), '8': ('Tab ]', 'K')}
    COMMON = ('Up k', 'Down j', 'PgUp', 'PgDn', 'Home g', 'End G', '1', '8', '/', 'n', 'N', ':',
              'v', 'x', 'r', '?', 'q Esc')

    def labels(self, terminal):
        """The column of keys on all pages of the help screen."""
        found = set()
        screen = terminal.wait('keys of the screen', lambda s: s.selected)
        while True:
            found |= {re.split(r'  +', line.strip())[0] for line in screen.lines[4:-1]}
            before = screen.selected
            screen = terminal.press('PgDn').wait(lambda s: s.selected)
            if screen.selected == before:
                screen = terminal.press('G').wait(lambda s: s.selected)
                found |= {re.split(r'  +', line.strip())[0] for line in screen.lines[4:-1]}
                return found

    def test_help_of_every_screen_lists_the_keys_of_that_screen(self):
        repo = self.sample()
        terminal = self.verified(repo, columns=100, lines=60)
        key = truth('index', repo)[0]['key']
        for tab in '12345678':
            with self.subTest(tab):
                if tab == '7':
                    terminal.type(':history ' + key[:8], 'Enter')
                else:
                    terminal.press(tab)
                terminal.tab(tab)
                terminal.press('?').wait('keys of the screen ' + SCREENS[int(tab) - 1][2:])
                labels = self.labels(terminal)
                for label in self.COMMON + self.OWN[tab]:
                    self.assertIn(label, labels)
                words = {word for label in labels for word in label.split()}
                self.assertIn('S', labels)      # salvage; on the Segments screen the order
                for other in set('sfa') - set(self.OWN[tab]):
                    self.assertNotIn(other, labels)
                terminal.press('q').tab(tab)
                # The bottom line is drawn last; it names no key that the help does not list.
                terminal.wait(lambda s: 'q:back' in s.lines[-1] and
                              set(re.findall(r'(\S+):[a-z]', s.lines[-1])) <= words)

    def test_a_key_without_meaning_and_a_repair_key_are_answered_in_words(self):
        terminal = self.verified(self.sample())
        terminal.press('Z').wait('does nothing here')
        terminal.press('R').wait('repairs need the exclusive lock')
        terminal.press('x').wait('nothing is running')


class Lists(Case):
    def test_segments_are_sorted_by_each_column_both_ways(self):
        repo = self.sample()
        terminal = self.verified(repo, columns=160, lines=60)
        rows = {r['segment']: r for r in truth('segments', repo, '--verify')}
        terminal.press('2').wait('sorted by segment', lambda s: numbers(s) == sorted(rows))
        terminal.press('S').wait(lambda s: numbers(s) == sorted(rows, reverse=True))
        terminal.press('S').wait(lambda s: numbers(s) == sorted(rows))
        titles = {'size': 'size', 'entries': 'entries', 'PUT': 'puts', 'DELETE': 'deletes',
                  'live': 'live'}
        for title, field in titles.items():
            def falls(screen):
                values = [rows[n][field] for n in numbers(screen)]
                return len(values) == 48 and values == sorted(values, reverse=True)

            def rises(screen):
                values = [rows[n][field] for n in numbers(screen)]
                return len(values) == 48 and values == sorted(values)
            terminal.press('s').wait('sorted by ' + title, falls)
            terminal.press('S').wait('sorted by ' + title, rises)

    def test_the_cursor_stays_on_its_segment_when_the_order_changes(self):
        terminal = self.verified(self.sample())
        terminal.press('2').tab('2')
        terminal.press('j', 'j', 'j', 'j').at('4 ')
        for title in ('size', 'entries', 'PUT', 'DELETE', 'live', 'hints'):
            terminal.press('s').wait('sorted by ' + title,
                                     lambda s: (s.selected or '').startswith('4 '))
        terminal.press('S').wait(lambda s: 'downwards' not in s)
        terminal.at('4 ')

    def test_the_cursor_stays_on_its_segment_when_the_order_changes_several_times_at_once(self):
        terminal = self.verified(self.sample())
        terminal.press('2').tab('2')
        terminal.press('j', 'j', 'j', 'j').at('4 ')
        terminal.press('s', 's', 's').wait('sorted by PUT')
        terminal.at('4 ')

    def test_segments_are_filtered(self):
        repo = self.sample()
        rows = truth('segments', repo, '--verify')
        terminal = self.verified(repo, columns=160, lines=60)
        terminal.press('2').wait(lambda s: len(numbers(s)) == 48)
        want = {
            'damaged': [r['segment'] for r in rows if r['crc'] == 'damaged'],
            'odd': [],
            'uncommitted': [r['segment'] for r in rows if not r['committed'] and
                            r['crc'] != 'damaged'],
            'sparse': [r['segment'] for r in rows if r['committed'] and
                       (r['size'] - r['live_bytes']) * 4 >= r['size']],
            'entries': [r['segment'] for r in rows],	# none is a lone COMMIT
            'all': [r['segment'] for r in rows]}
        for name, segments in want.items():
            terminal.press('f').wait('filter: ' + name, '%d of 48' % len(segments))
            if segments:
                terminal.wait(lambda s: numbers(s) == segments)

    def test_index_shows_the_used_buckets_or_all(self):
        repo = self.sample()
        used = [r['bucket'] for r in truth('index', repo)]
        terminal = self.open(repo)
        terminal.press('4').wait(lambda s: s.selected and numbers(s) == used[:len(numbers(s))])
        terminal.press('a').wait('empty', lambda s: numbers(s)[:8] == list(range(8)))
        terminal.press('a').wait(lambda s: 'empty' not in s, lambda s: numbers(s)[:3] == used[:3])

    def test_a_long_list_scrolls_by_every_key(self):
        terminal = self.open(self.sample())
        terminal.press('4').wait('[4 Index]', lambda s: s.selected)
        terminal.press('a').wait('empty')
        terminal.press('g')
        rows = terminal.height - 5
        for key, row in (('j', 1), ('Down', 2), ('k', 1), ('Up', 0), ('Up', 0), ('G', 1023),
                         ('j', 1023), ('g', 0), ('End', 1023), ('Home', 0)):
            terminal.press(key).at('%d ' % row)
        for key in ('PgDn', 'Space', 'C-f'):
            before = int(terminal.screen().selected.split()[0].replace(',', ''))
            terminal.press(key).wait(lambda s: before + rows - 2 <= self.row(s) <= before + rows)
        for key in ('PgUp', 'C-b'):
            before = self.row(terminal.screen())
            terminal.press(key).wait(lambda s: before - rows <= self.row(s) <= before - rows + 2)
        terminal.press('G').at('1023 ')
        self.assertEqual(numbers(terminal.screen())[-1], 1023)
        terminal.press(*['k'] * 30).at('993 ')

    def row(self, screen):
        return int(screen.selected.split()[0].replace(',', '')) if screen.selected else -1


class Mouse(Case):
    def drive(self, **env):
        terminal = self.verified(self.sample(), **env)
        terminal.tells('#{mouse_any_flag}', '1')
        terminal.mouse(0, 17, 1).tab('2')			# a tab
        terminal.wait(lambda s: len(numbers(s)) > 10)
        terminal.mouse(0, 20, 9).at('5 ')			# a row
        terminal.mouse(65, 20, 9).wait(lambda s: numbers(s)[0] > 0)
        terminal.mouse(64, 20, 9).wait(lambda s: numbers(s)[0] == 0)
        terminal.mouse(0, 20, 11).at('7 ')
        terminal.mouse(0, 20, 11).tab('3')			# the second click of a double click
        terminal.wait('segment 7 ')
        terminal.mouse(0, 1, 1).tab('1')
        line = [i for i, l in enumerate(terminal.screen().lines) if '▒▒█' in l][0]
        terminal.mouse(0, 1 + 7, line).wait('segment 7:')	# a cell of the map

    def test_clicks_select_and_open_and_the_wheel_scrolls(self):
        self.drive(TERM='screen')

    def test_the_same_with_coordinates_as_xterm_sends_them(self):
        self.drive(TERM='xterm-256color')

    def test_a_click_on_nothing_does_nothing(self):
        terminal = self.verified(self.sample())
        terminal.press('6').tab('6')
        before = terminal.wait(lambda s: s.selected).lines[:8]
        for column, line in ((79, 0), (79, 1), (79, 23), (0, 23), (40, 20), (0, 2)):
            terminal.mouse(0, column, line)
        terminal.mouse(1, 5, 5).mouse(2, 5, 5)
        terminal.press('?').wait('keys of the screen Problems')
        terminal.press('q').wait(lambda s: s.lines[:8] == before)


class Resizing(Case):
    STEPS = ((160, 50), (60, 15), (40, 10), (39, 24), (80, 9), (20, 5), (1, 1), (300, 80), (41, 11))

    def test_every_screen_lives_through_every_size_and_keeps_its_cursor(self):
        repo = self.sample()
        terminal = self.verified(repo)
        for tab in '12345678':
            with self.subTest(tab):
                terminal.press(tab).tab(tab)
                mark, before = self.move(terminal, tab)
                self.walk(terminal, tab)
                terminal.resize(80, 24)
                terminal.wait('[%s]' % SCREENS[int(tab) - 1], 'READ-ONLY', 'q:back',
                              lambda s: mark(s) == mark(before))

    def move(self, terminal, tab):
        """Move the cursor by two; returns (what shows where it is, the Screen)."""
        if tab == '7':		# there is nothing to move on
            return lambda s: s.tab, terminal.screen()
        key = 'Right' if tab in '18' else 'Down'
        where = (lambda s: re.findall(r'segment \d+:', s.text)) if tab == '1' else \
            (lambda s: re.findall(r'\d+ \(0x', s.text)) if tab == '8' else (lambda s: s.selected)
        screen = terminal.wait(where)
        for _ in range(2):
            before = where(screen)
            screen = terminal.press(key).wait(where, lambda s: where(s) != before)
        return where, screen

    def walk(self, terminal, tab):
        for columns, lines in self.STEPS:
            terminal.resize(columns, lines)
            if columns < 40 or lines < 10:
                if columns >= 20:
                    terminal.wait(lambda s: 'too small' in s.words, lambda s: 'READ-ONLY' not in s)
            else:
                terminal.wait('READ-ONLY',
                              lambda s: len(s.lines) == lines and s.lines[-1].endswith(':back'),
                              lambda s: re.search(r'\[%s\b' % tab, s.lines[1]))

    def test_entry_help_and_prompt_live_through_every_size(self):
        terminal = self.verified(self.sample())
        terminal.press('3').wait('[3 Entries]', lambda s: s.selected and s.selected[0] == '8')
        terminal.press('Enter').wait('entry at offset 8')
        for _ in range(2):
            for columns, lines in self.STEPS + ((80, 24),):
                terminal.resize(columns, lines)
            terminal.wait('entry at offset 8', 'q:back')
        terminal.press('?').wait('keys of the screen')
        for columns, lines in self.STEPS + ((80, 24),):
            terminal.resize(columns, lines)
        terminal.wait('keys of the screen')
        terminal.press('q').wait('entry at offset 8')
        terminal.type(':segme')
        for columns, lines in self.STEPS + ((80, 24),):
            terminal.resize(columns, lines)
        terminal.wait(lambda s: s.lines[-1].startswith(':segme '))
        terminal.type('nts', 'Enter').tab('2')

    def test_a_terminal_too_small_from_the_start_gets_the_message_and_room_brings_the_screen(self):
        terminal = self.terminal([PROGRAM, self.sample()], 30, 8)
        terminal.wait(lambda s: 'too small' in s.words)
        terminal.resize(80, 24).tab('1')
        terminal.resize(30, 8).wait(lambda s: 'too small' in s.words)
        terminal.press('q')
        self.assertEqual(terminal.ended(), 0)


@unittest.skipUnless(CORPUS, 'no corpus in %s (set SHARED)' % SHARED)
class Corpus(Case):
    def test_verdict_and_recommendation_agree_with_the_truth_and_every_screen_opens(self):
        for path in CORPUS:
            with open(path) as f:
                case = json.load(f)
            with self.subTest(case['case']):
                folder = os.path.join(self.folder, case['case'])
                with tarfile.open(path[:-5] + '.tar.gz') as archive:
                    archive.extractall(folder)
                self.judge(case, os.path.join(folder, 'repo'))

    def judge(self, case, repo):
        terminal = self.verified(repo, columns=120, lines=30)
        screen = terminal.wait(' objects', 'problem')
        self.assertEqual('no problems' in screen.lines[0], case['clean'], screen.text)
        said = re.search(r'recommended +(.*)', screen.text).group(1)
        self.assertTrue([a for a in case['actions'] if a and a in said] if case['actions']
                        else said.startswith(('nothing', 'see')), said)
        count = len(case['objects']) - len(case['lost'])
        self.assertIn('%d object%s' % (count, '' if count == 1 else 's'), screen.lines[0])
        for tab in '2345678':
            terminal.press(tab)
        terminal.press('6').tab('6')
        terminal.press('q', 'q', 'q', 'q', 'q', 'q', 'q', 'q')
        self.assertEqual(terminal.ended(), 0)


if __name__ == '__main__':
    unittest.main(verbosity=1, warnings='ignore')
