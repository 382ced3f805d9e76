"""Which folder lies on which floor, and the checks of the tests beside this file.

A folder may use the folders on the floors below its own; never one above, never one beside it."""
import os
import re
import shlex
import subprocess

FLOORS = (			# from the bottom up
    ('engine/base',),		# errors, files, paths, arrays, threads: nothing of the format
    ('engine/format',),		# bytes of a segment, an index, the hints, config
    ('engine/repo',),		# one repository: open, create, lock, append to its log
    ('engine/check',),		# read everything, weigh the evidence, say what is lost
    ('engine/repair',		# plan a repair, run it, undo it
     'engine/store',		# the library's own put, delete, commit, get
     'engine/cache'),		# records of verified segments, kept for the next check
    ('ui/session',		# state, jobs and text that need no terminal
     'ui/term'),		# the terminal: colours, keys, areas
    ('ui/widget',),		# lists, tables, prompts
    ('ui/app',),		# the program with a terminal: its state and its loop
    ('ui/screen',),		# the screens that show
    ('ui/repair',),		# the screens that change
    ('ui',),			# the tables of keys and screens, which name all of them
    ('src',),			# the commands; no library, but the program's own objects
)
FOR_ALL = ('build-config.h', 'engine/atticstore.h')	# headers that every folder may include
NEEDS = {			# the variable with the libraries that it and all above need
    'ui/term': 'NCURSES_LIBS',
}

ROOTS = ('engine', 'src', 'ui')


def folders():
    return [folder for floor in FLOORS for folder in floor]


def below(folder):
    """The folders that @folder may use, without itself."""
    found = []
    for floor in FLOORS:
        if folder in floor:
            return found
        found += floor
    raise KeyError(folder)


# ---- includes ----

def source_files(source):
    for root in ROOTS:
        for folder, _, names in os.walk(os.path.join(source, root)):
            for name in sorted(names):
                if name.endswith(('.c', '.h')):
                    yield os.path.relpath(os.path.join(folder, name), source)


def resolve(source, path, name):
    """The file that @path, in @source, includes as @name: below the first folder of @path, as
    "format/segment.h" in engine/, or named from the top of the source."""
    for found in (os.path.join(path.split('/')[0], name), name):
        if found in FOR_ALL or os.path.isfile(os.path.join(source, found)):
            return found
    return None


def include_errors(source):
    """Includes of files above or beside, and of private files of other folders; and sources beside
    the folders of the table, but not in any of them."""
    errors = []
    roots = {folder.split('/')[0] for folder in folders()}
    for path in source_files(source):
        with open(os.path.join(source, path)) as f:
            names = re.findall(r'^\s*#\s*include\s+"([^"]+)"', f.read(), flags=re.M)
        folder = os.path.dirname(path)
        if folder not in folders() and path.split('/')[0] in roots and path not in FOR_ALL:
            errors.append('%s: lies in no folder of the table' % path)
        for name in names:
            found = resolve(source, path, name)
            if found in FOR_ALL:
                continue
            if not found:
                errors.append('%s: "%s" does not name the folder of a file' % (path, name))
            elif re.search(r'_(internal|private)\.h$', found) and os.path.dirname(found) != folder:
                errors.append('%s: %s is private to its folder' % (path, found))
            elif folder in folders() and os.path.dirname(found) not in [folder, *below(folder)]:
                errors.append('%s: %s does not lie below' % (path, found))
    return errors


# ---- calls ----

def archive(build, folder):
    """The convenience library of @folder: libtool's, or a plain one."""
    name = 'lib%s.a' % os.path.basename(folder)
    path = os.path.join(build, folder, '.libs', name)
    return path if os.path.exists(path) else os.path.join(build, folder, name)


def made_of(build, folder):
    """The files with the compiled code of @folder."""
    if folder == 'src':
        return [os.path.join(build, name) for name in os.environ['PROGRAM_OBJECTS'].split()]
    return [archive(build, folder)]


def uses_in(build, folder):
    """{module: {another module of @folder: a name that it uses of it}}"""
    rows = subprocess.run([*shlex.split(os.environ['NM']), '-P', '-A', '-g',
                           *made_of(build, folder)],
                          stdout=subprocess.PIPE, text=True, check=True).stdout
    names = re.findall(r'[\[/](?:lib\w+_l?a-|atticscope-)?(\w+)\.o\]?: (\S+) (\w)', rows)
    home = {name: module for module, name, kind in names if kind not in 'Uwv'}
    uses = {}
    for module, name, kind in names:
        if kind == 'U' and home.get(name, module) != module:
            uses.setdefault(module, {})[home[name]] = name
    return uses


def find_circle(uses):
    """Modules that use each other in a circle, with the first one repeated at the end; or []."""
    done = set()

    def follow(module, way):
        if module in way:
            return way[way.index(module):] + [module]
        if module in done:
            return []
        for other in uses.get(module, ()):
            circle = follow(other, way + [module])
            if circle:
                return circle
        done.add(module)
        return []

    for module in uses:
        circle = follow(module, [])
        if circle:
            return circle
    return []


def circle_errors(build):
    errors = []
    for folder in folders():
        uses = uses_in(build, folder)
        circle = find_circle(uses)
        if circle:
            errors.append('%s: a circle: %s' % (folder, ', '.join(
                '%s.c calls %s of %s.c' % (one, uses[one][other], other)
                for one, other in zip(circle, circle[1:]))))
    return errors


def link_errors(build, wanted=None):
    """Link each folder, or those @wanted, with only those below it: a name from elsewhere is
    undefined."""
    errors = []
    for folder in wanted or folders():
        used = [folder, *below(folder)]
        libraries = [os.environ[NEEDS[name]] for name in used if name in NEEDS]
        command = [*shlex.split(os.environ['CC']), *shlex.split(os.environ['CC_FLAGS']),
                   '-pthread', '-nostartfiles', '-Wl,-e,0', '-o', '/dev/null',
                   '-Wl,--whole-archive',
                   *(path for name in used for path in made_of(build, name)),
                   '-Wl,--no-whole-archive',
                   *shlex.split(' '.join([*libraries, os.environ['ENGINE_NEEDS']]))]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            names = sorted(set(re.findall(r"undefined reference to `(\w+)'", done.stdout)))
            errors.append('%s: %s' % (folder, 'nothing below it has ' + ', '.join(names)
                                      if names else done.stdout))
    return errors
