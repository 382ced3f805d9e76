#include "build-config.h"

#include "format/dialect.h"

#include <string.h>

#define MIB (1024u * 1024)

/* Sources: attic/repository.py, MAGIC, MAX_OBJECT_SIZE, DEFAULT_SEGMENTS_PER_DIR,
 * DEFAULT_MAX_SEGMENT_SIZE, Repository.create and write_index; attic/_hashindex.c, MAGIC,
 * hashindex_set and hashindex_delete. */
const struct dialect dialect_attic = {
	.name = "attic",
	.title = "Attic",
	.client = "Attic",
	.id_places = "~/.cache/attic/<id>, or $ATTIC_CACHE_DIR/<id>. It is in the first line of "
		     "the client's key file as well (~/.attic/keys)",
	.after_lost_manifest = "The manifest, the list of all archives, is not there afterwards. "
			       "Attic opens the repository only when attic check --repair has "
			       "made it again from the other objects.",
	.is_read = true,
	.readme = "This is an Attic repository\n",
	.readme_start = "This is an Attic",
	.segment_magic = "ATTICSEG",
	.index_magic = "ATTICIDX",
	.frame = "",
	.entry_max = 20 * MIB,
	.segment_number_max = INT32_MAX,
	.segment_offset_max = INT32_MAX,
	.hints_version = 1,
	.hints_version_max = 1,
	.index_buckets_min = 1024,
	.index_growth = 2,
	.index_used_max = 90,
	.index_used_min = 25,
	.segments_per_dir = 10000,
	.max_segment_size = 5 * MIB,
	.max_segment_size_limit = INT32_MAX,
	.lock_kind = LOCK_KIND_FILE,
};

static const char *const borg_words[][2] = {
	{ "Attic deletes these segments when it opens the repository",
	  "Borg deletes these segments when it next writes" },
	{ "Attic deletes the whole transaction when it opens the repository",
	  "Borg deletes the whole transaction when it next writes" },
	{ "Attic deletes the newest backup when it next opens the repository",
	  "Borg deletes the newest backup when it next writes" },
	{ "Attic deletes everything when it next opens the repository.",
	  "Borg refuses the repository until borg check --repair was run." },
	{ "Attic deletes every segment when it opens the repository.",
	  "Borg refuses the repository until borg check --repair was run." },
	{ "Do not let Attic open the repository, not even to list it: it would delete the newest "
	  "transaction.",
	  "Do not let Borg write to the repository: it would delete the newest transaction." },
	{ "Do not let Attic open it, not even to list it.", "Do not let Borg write to it." },
	{ "Attic can read the repository, but its next backup fails. No object is in danger.",
	  "Borg reads the whole log to make them once more; where it does not know their version, "
	  "its next backup fails. No object is in danger." },
	{ "A writer stopped before it compacted. Compact copies",
	  "Borg compacts when a person asks for it. Compact copies" },
	{ "Attic cannot open the repository; its objects are not touched by this",
	  "Early versions of Borg cannot open the repository; its objects are not touched by "
	  "this" },
	{ "leaves the folder as it is. Attic fails on it.",
	  "leaves the folder as it is. Early versions of Borg fail on it." },
	{ "Before Attic is run, move each folder whose name is no number out of data: it fails on "
	  "them.",
	  "Early versions of Borg fail on a folder in data whose name is no number: move it out." },
	{ "Attic sorts the folders by number and fails on this name, with a ValueError; so do "
	  "early versions of Borg, while later ones pass over it.",
	  "Early versions of Borg fail on this name, with a ValueError; later ones pass over it." },
	{ "Attic and Borg pass over it", "Borg passes over it" },
	{ "~/.cache/attic/ID, or below ATTIC_CACHE_DIR", "borg delete --cache-only" },
	{ "attic check", "borg check" },
	{ "Attic", "Borg" },
	{ NULL, NULL },
};

/* borg/_hashindex.c, hash_sizes. */
static const uint32_t borg_sizes[] = {
	1031, 2053, 4099, 8209, 16411, 32771, 65537, 131101, 262147, 445649, 757607, 1287917,
	2189459, 3065243, 4291319, 6007867, 8410991, 11775359, 16485527, 23079703, 27695653,
	33234787, 39881729, 47858071, 57429683, 68915617, 82698751, 99238507, 119086189,
	144378011, 157223263, 173476439, 190253911, 209915011, 230493629, 253169431, 278728861,
	306647623, 337318939, 370742809, 408229973, 449387209, 493428073, 543105119, 596976533,
	657794869, 722676499, 795815791, 874066969, 962279771, 1057701643, 1164002657,
	1280003147, 1407800297, 1548442699, 1703765389, 1873768367, 2062383853, 0
};

static const char *const borg_files[] = {
	"nonce", "transactions", "lock.exclusive", "lock.roster", NULL
};

/* Sources: borg/repository.py of the tags 1.0.13, 1.1.18, 1.2.4 and 1.4.0, create, open,
 * write_index and compact_segments; borg/constants.py. What upgrades left is read so as well. */
#define BORG_READ \
	.client = "Borg", \
	.id_places = "~/.cache/borg/<id>, or $BORG_CACHE_DIR/<id>; and in " \
		     "~/.config/borg/security. It is in the first line of a key file as well " \
		     "(~/.config/borg/keys)", \
	.is_read = true, \
	.readme_start = "This is a Borg", \
	.segment_magic = "BORG_SEG", \
	.index_magic = "BORG_IDX", \
	.entry_max = 20 * MIB, \
	.segment_number_max = 0xfffffbff, \
	.segment_offset_max = 0xfffffbff, \
	.hints_version_max = 2, \
	.index_buckets_min = 1031, \
	.index_sizes = borg_sizes, \
	.index_used_max = 75, \
	.index_used_min = 25, \
	.max_segment_size_limit = UINT32_MAX - 20 * MIB, \
	.has_options = true, \
	.own_files = borg_files, \
	.index_names_are_exact = true, \
	.lock_kind = LOCK_KIND_FOLDER

/* Borg 1.1 or later may have written some of what 1.0 began: lone COMMITs are in both. */
#define BORG_1 \
	BORG_READ, \
	.name = "borg", \
	.title = "Borg 1.x", \
	.frame = "Borg ", \
	.words = borg_words, \
	.after_lost_manifest = "The manifest, the list of all archives, is not there afterwards. " \
			       "Borg opens the repository only when borg check --repair has made " \
			       "it again from the other objects.", \
	.after_rollback = "Clients that know the newer transaction will take this for a replay " \
			  "attack, and refuse the repository. Then remove what they remember of " \
			  "it: borg delete --cache-only, and the folder of its id in " \
			  "~/.config/borg/security.", \
	.has_lone_commits = true

const struct dialect dialect_borg = {
	BORG_1,
	.readme = "This is a Borg Backup repository.\nSee https://borgbackup.readthedocs.io/\n",
	.hints_version = 2,
	.has_integrity = true,
	.compact_percent = 10,
	.segments_per_dir = 1000,
	.max_segment_size = 524288000,
};

const struct dialect dialect_borg_1_0 = {
	BORG_1,
	.hints_version = 1,
	.segments_per_dir = 10000,
	.max_segment_size = 5 * MIB,
};

static const char *const mixed_words[][2] = {
	{ "Salvage copies every whole entry out of the damaged segments, keeps the damaged ones "
	  "aside",
	  "Salvage copies every whole entry out of the segments that are damaged or still in "
	  "Attic's format, keeps these aside" },
	{ NULL, NULL },
};

const struct dialect dialect_mixed = {
	BORG_READ,
	.words = mixed_words,
	.name = "mixed",
	.title = "Attic, half upgraded to Borg",
	.frame = "half upgraded ",
	.refusal = "this Attic repository is half upgraded to Borg: a salvage finishes that, and "
		   "so does borg upgrade, run again",
	.by_hand = "This Attic repository is half upgraded to Borg: borg upgrade was interrupted. "
		   "Either salvage finishes that, or borg upgrade, run again on it with the same "
		   "options. Until then run neither Attic nor Borg on it for anything else.",
	.salvaged_as = &dialect_borg_1_0,
	.segment_magic_before = "ATTICSEG",
	.hints_version = 1,
	.segments_per_dir = 10000,
	.max_segment_size = 5 * MIB,
};

const struct dialect dialect_borg2 = {
	.name = "borg2",
	.title = "Borg 2",
	.frame = "Borg 2 ",
	.client = "Borg",
	.refusal = "this is a Borg 2 repository, and this program changes those of Attic and "
		   "Borg 1.x only",
	.by_hand = "This is a Borg 2 repository. This program reads Attic's and Borg 1.x's only, "
		   "and changes nothing here. Use Borg 2 itself: run borg check on it.",
};

static bool is_of(const struct dialect *dialect, const char *magic)
{
	const char *const before = dialect->segment_magic_before;
	return memcmp(magic, dialect->segment_magic, 8) == 0 ||
	       (before && memcmp(magic, before, 8) == 0);
}

bool dialect_is_only_read(const struct dialect *dialect)
{
	return dialect->refusal && !dialect->salvaged_as;
}

bool dialect_has_magic(const struct dialect *dialect, const char *magic)
{
	return dialect ? is_of(dialect, magic)
		       : is_of(&dialect_attic, magic) || is_of(&dialect_borg, magic);
}

void dialect_reword(const struct dialect *dialect, char *text, size_t size)
{
	char copy[DIALECT_TEXT_MAX];
	const size_t length = strlen(text);
	if (!dialect->words || length >= sizeof(copy))
		return;
	memcpy(copy, text, length + 1);
	for (const char *at = copy; *at && size > 1;) {
		const bool begins_word = at == copy || strchr(" (\n", at[-1]);
		const char *const *pair = dialect->words[0];
		while (pair[0] &&
		       (!begins_word || strncmp(at, pair[0], strlen(pair[0])) != 0))
			pair += 2;
		size_t len = pair[0] ? strlen(pair[1]) : 1;
		len = len < size ? len : size - 1;
		memcpy(text, pair[0] ? pair[1] : at, len);
		text += len;
		size -= len;
		at += pair[0] ? strlen(pair[0]) : 1;
	}
	*text = '\0';
}

uint64_t dialect_more_buckets(const struct dialect *dialect, uint64_t buckets)
{
	const uint32_t *size = dialect->index_sizes;
	if (!size)
		return buckets * dialect->index_growth;
	while (*size && *size <= buckets)
		size++;
	return *size ? *size : UINT64_MAX;
}

uint64_t dialect_fewer_buckets(const struct dialect *dialect, uint64_t buckets)
{
	const uint32_t *size = dialect->index_sizes;
	if (!size) {
		const uint64_t fewer = buckets / dialect->index_growth;
		return fewer >= dialect->index_buckets_min ? fewer : 0;
	}
	while (*size && *size < buckets)
		size++;
	return size > dialect->index_sizes ? size[-1] : 0;
}

const struct dialect *dialect_of_hints(const struct dialect *dialect, uint32_t version)
{
	if (dialect == &dialect_borg && version == 1)
		return &dialect_borg_1_0;
	return dialect == &dialect_borg_1_0 && version == 2 ? &dialect_borg : dialect;
}
