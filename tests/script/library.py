#!/usr/bin/env python3
"""The library as others use it: it is installed into a fresh folder, and doc/examples/keep.c is
compiled against it, found through pkg-config. And which functions the engine's objects call: who
may change a file, and that nobody prints or exits.

BUILD_FOLDER names the build; the other variables come from tests/Makefile.am too."""
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HEADER = os.path.join(SOURCE, 'engine', 'atticstore.h')
EXAMPLE = os.path.join(SOURCE, 'doc', 'examples', 'keep.c')
BUILD = os.environ.get('BUILD_FOLDER')
if not BUILD:
    print('skipped: BUILD_FOLDER does not say what to install; "make check" does')
    sys.exit(77)

KINDS = os.environ['LIBRARY_KINDS'].split()
CC, CC_FLAGS, NM, PKG_CONFIG, MAKE = (
    shlex.split(os.environ[name]) for name in ('CC', 'CC_FLAGS', 'NM', 'PKG_CONFIG', 'MAKE'))
ARCHIVE = os.path.join(BUILD, 'engine', '.libs', 'libengine.a')
STRICT = ['-Wall', '-Wextra', '-Wpedantic', '-Werror']

CHANGES = set('''write writev pwrite pwritev pwritev2 sendfile copy_file_range splice
    fwrite fwrite_unlocked fputs fputs_unlocked fputc fputc_unlocked putc _IO_putc
    fprintf vfprintf dprintf vdprintf freopen fdopen
    rename renameat renameat2 link linkat symlink symlinkat unlink unlinkat remove rmdir
    mkdir mkdirat mknod mknodat mkfifo mkfifoat creat mkstemp mkostemp mkdtemp tmpfile
    truncate ftruncate fallocate posix_fallocate fsync fdatasync sync syncfs sync_file_range msync
    chmod fchmod fchmodat chown fchown lchown fchownat utime utimes futimes futimens utimensat
    setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr ioctl syscall'''.split())
# openat can make a file, though its name does not say so: it belongs to io.c too.
OPENS = {'open', 'openat'}
NEVER = set('''exit _exit _Exit quick_exit abort __assert_fail atexit on_exit
    printf vprintf puts putchar perror psignal warn warnx vwarn err errx verr syslog
    stdout stderr stdin fork vfork execve execv execvp execl execlp system popen posix_spawn
    posix_spawnp signal sigaction sigprocmask pthread_sigmask raise kill setlocale chdir fchdir
    umask putenv setenv srand rand random strtok'''.split())
# Sections that can be written to while the program runs.
VARIABLE = re.compile(r'\.(data|bss|tdata|tbss)\b(?!\.rel\.ro)|\*COM\*')


def run(command, **more):
    """Its standard output; errors are shown."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=300, text=True, **more)
    if done.returncode:
        raise AssertionError('%s: status %d\n%s' % (shlex.join(command), done.returncode,
                                                    done.stdout))
    return done.stdout


def public_functions():
    with open(HEADER) as f:
        text = re.sub(r'/\*.*?\*/', '', f.read(), flags=re.S)
    text = re.sub(r'^#.*', '', text, flags=re.M)
    return set(re.findall(r'\bAS_API\b[^;(]*?(\w+)\s*\(', text))


def plain(name):
    """write for __write_chk, open for open64, __open64_2 and open@GLIBC_2.2."""
    name = name.partition('@')[0]
    name = re.sub(r'^__(\w+?)(_chk|_2)$', r'\1', name)
    return re.sub(r'64$', '', name)


def setUpModule():
    """make install into a fresh folder, once for all."""
    global FOLDER, LIBRARIES, ENVIRONMENT
    FOLDER = tempfile.mkdtemp(prefix='atticscope-library-')
    unittest.addModuleCleanup(shutil.rmtree, FOLDER)
    stage = os.path.join(FOLDER, 'stage')
    LIBRARIES = stage + os.environ['LIBRARY_FOLDER']
    own = {name: value for name, value in os.environ.items()
           if name not in ('MAKEFLAGS', 'MFLAGS', 'MAKELEVEL', 'MAKEOVERRIDES')}
    run([*MAKE, '-s', '-C', BUILD, 'install', 'DESTDIR=' + stage], env=own)

    # The .pc file says where the library will be; here it must say where it is.
    with open(stage + os.environ['PKG_CONFIG_FOLDER'] + '/atticstore.pc') as f:
        text = f.read()
    with open(os.path.join(FOLDER, 'atticstore.pc'), 'w') as f:
        f.write(re.sub(r'^(prefix|exec_prefix|libdir|includedir)=/', r'\1=%s/' % stage, text,
                       flags=re.M))
    others = os.environ.get('PKG_CONFIG_PATH')
    ENVIRONMENT = dict(own, PKG_CONFIG_PATH=FOLDER + (':' + others if others else ''),
                       LD_LIBRARY_PATH=LIBRARIES)


def flags(*options):
    return shlex.split(run([*PKG_CONFIG, *options, 'atticstore'], env=ENVIRONMENT))


def build(source, name, *options):
    program = os.path.join(FOLDER, name)
    run([*CC, *CC_FLAGS, *STRICT, '-o', program, source, *options])
    return program


def source_file(name, text):
    path = os.path.join(FOLDER, name)
    with open(path, 'w') as f:
        f.write(text)
    return path


class Header(unittest.TestCase):
    def check(self, language, standard):
        path = source_file('only.' + language, '#include <atticstore.h>\n'
                           'const char *(*name)(enum as_err) = as_err_name;\n')
        run([*CC, *STRICT, '-Wconversion', '-x', language, standard, '-fsyntax-only',
             path, *flags('--cflags')])

    def test_it_compiles_alone_in_c(self):
        self.check('c', '-std=c99')

    def test_it_compiles_in_cpp(self):
        empty = source_file('empty.cc', '')
        if subprocess.run([*CC, '-fsyntax-only', empty], stderr=subprocess.DEVNULL).returncode:
            self.skipTest('%s compiles no C++' % CC[0])
        self.check('c++', '-std=c++11')

    def test_pkg_config_knows_the_version(self):
        program = build(source_file('version.c', '#include <atticstore.h>\n#include <stdio.h>\n'
                                    'int main(void) { return puts(as_version()) < 0; }\n'),
                        'version', *flags('--static', '--cflags', '--libs'))
        self.assertEqual(run([program], env=ENVIRONMENT),
                         run([*PKG_CONFIG, '--modversion', 'atticstore'], env=ENVIRONMENT))


class Example:
    """keep.c, linked either way: it keeps, overwrites, lists and restores files."""
    def keep(self, *args):
        done = subprocess.run([self.program, *args], stdin=subprocess.DEVNULL, capture_output=True,
                              env=ENVIRONMENT, timeout=60)
        self.assertIn(done.returncode, (0, 1), done.stderr)
        self.assertNotIn(b'Sanitizer', done.stderr)
        return done.returncode, done.stdout, done.stderr.decode()

    def file(self, name, data):
        path = os.path.join(self.place, name)
        with open(path, 'wb') as f:
            f.write(data)
        return path

    def setUp(self):
        self.place = tempfile.mkdtemp(dir=FOLDER)
        self.repo = os.path.join(self.place, 'store')

    def test_example_keeps_files_and_gives_them_back(self):
        kept = {'empty': b'', 'small': b'attic', 'large': os.urandom(1 << 20)}
        paths = [self.file(name, data) for name, data in kept.items()]
        self.assertEqual(self.keep('put', self.repo, *paths), (0, b'', ''))
        status, names, _ = self.keep('list', self.repo)
        self.assertEqual((status, sorted(names.decode().split())), (0, sorted(kept)))
        for name, data in kept.items():
            self.assertEqual(self.keep('get', self.repo, name), (0, data, ''))

    def test_example_overwrites(self):
        self.keep('put', self.repo, self.file('name', b'before'))
        self.keep('put', self.repo, self.file('name', b'after'))
        self.assertEqual(self.keep('get', self.repo, 'name'), (0, b'after', ''))
        self.assertEqual(self.keep('list', self.repo), (0, b'name\n', ''))

    def test_example_keeps_all_or_none(self):
        first = self.file('first', b'1')
        self.keep('put', self.repo, first)
        status, _, message = self.keep('put', self.repo, self.file('second', b'2'),
                                       os.path.join(self.place, 'missing'))
        self.assertEqual(status, 1)
        self.assertIn('missing', message)
        self.assertEqual(self.keep('list', self.repo), (0, b'first\n', ''))

    def test_example_names_the_error(self):
        status, _, message = self.keep('list', self.repo)
        self.assertEqual((status, message.split(': ')[:2]), (1, ['keep', 'does-not-exist']))
        self.keep('put', self.repo, self.file('name', b'value'))
        status, _, message = self.keep('get', self.repo, 'other')
        self.assertEqual((status, message.split(': ')[:2]), (1, ['keep', 'object-not-found']))


@unittest.skipUnless('shared' in KINDS, 'no shared library was built')
class Shared(Example, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.program = build(EXAMPLE, 'keep', *flags('--cflags', '--libs'))

    def test_it_exports_exactly_the_functions_of_the_header(self):
        rows = run([*NM, '-P', '-D', '--defined-only', LIBRARIES + '/libatticstore.so'])
        self.assertEqual({row.split()[0] for row in rows.splitlines()}, public_functions())

    def test_example_uses_it(self):
        rows = run([*NM, '-P', '-u', self.program])
        self.assertIn('as_open', {row.split()[0] for row in rows.splitlines()})


@unittest.skipUnless('static' in KINDS, 'no static library was built')
class Static(Example, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.program = build(EXAMPLE, 'keep-static', *(
            '-l:libatticstore.a' if flag == '-latticstore' else flag
            for flag in flags('--static', '--cflags', '--libs')))

    @unittest.skipIf(os.environ['OBJCOPY'] == ':', 'configure found no objcopy to hide names with')
    def test_it_defines_only_the_functions_of_the_header(self):
        rows = run([*NM, '-P', '-g', '--defined-only', LIBRARIES + '/libatticstore.a'])
        self.assertEqual({row.split()[0] for row in rows.splitlines() if ' ' in row},
                         public_functions())


class Engine(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.calls = {}		# module: names that it needs from elsewhere
        rows = run([*NM, '-P', '-A', '-u', ARCHIVE])
        for module, name in re.findall(r'\[(?:lib\w+_la-)?(\w+)\.o\]: (\S+)', rows):
            cls.calls.setdefault(module, set()).add(plain(name))

    def callers(self, names):
        """{(module, name)} of those that are called."""
        return {(module, name) for module, called in self.calls.items()
                for name in called & names}

    def test_objects_have_names(self):
        self.assertIn(('io', 'pwrite'), self.callers(CHANGES))
        self.assertIn(('lock', 'fopen'), self.callers({'fopen'}))

    def test_io_alone_changes_files(self):
        self.assertEqual({row for row in self.callers(CHANGES | OPENS) if row[0] != 'io'}, set())

    def test_only_what_looks_at_processes_reads_with_stdio(self):
        self.assertEqual(self.callers({'fopen'}), {('lock', 'fopen'), ('machine', 'fopen')})

    def test_nobody_prints_or_exits(self):
        # kill with signal 0 asks whether a process is there.
        self.assertEqual(self.callers(NEVER), {('machine', 'kill')})

    def test_nobody_keeps_state(self):
        rows = run([*NM, '-A', '-f', 'sysv', '--defined-only', ARCHIVE])
        kept = set()
        for row in rows.splitlines():
            cells = [cell.strip() for cell in row.split('|')]
            name = cells[0].rpartition(':')[2]
            if VARIABLE.match(cells[-1]) and not name.startswith('__'):	# the sanitizers' own
                kept.add((name, cells[-1]))
        self.assertEqual(kept, set())


if __name__ == '__main__':
    unittest.main(verbosity=1)
