/* engine/base/problem.h - the one table of problems, and the list of those found.
 *
 * check, the terminal's list, the JSON output and the manual all read problem_table. Code that
 * finds something only appends a finding; diagnose decides what it means.
 */
#ifndef ATTICSCOPE_PROBLEM_H
#define ATTICSCOPE_PROBLEM_H

#include "base/bytes.h"
#include "base/error.h"

enum severity { SEVERITY_INFO, SEVERITY_WARNING, SEVERITY_ERROR };

enum repair { REPAIR_NONE, REPAIR_RECOVER, REPAIR_ROLLBACK, REPAIR_COMPACT, REPAIR_SALVAGE,
	      REPAIR_COUNT };

enum problem {
	PROBLEM_FOREIGN_FORMAT,		/* a dialect that is not read: see repo/origin.h */
	PROBLEM_UPGRADE_INTERRUPTED,	/* from Attic to Borg */
	/* config */
	PROBLEM_CONFIG_MISSING,
	PROBLEM_CONFIG_UNREADABLE,	/* permission, I/O, too large, not a regular file */
	PROBLEM_CONFIG_SYNTAX,		/* no INI file, or no section [repository] */
	PROBLEM_CONFIG_VERSION,
	PROBLEM_CONFIG_ID,
	PROBLEM_CONFIG_LIMITS,
	/* layout */
	PROBLEM_DATA_MISSING,		/* no folder data/, or it cannot be read */
	PROBLEM_FOLDER_UNREADABLE,	/* a folder below data/ */
	PROBLEM_FOLDER_NAME,		/* a folder below data/ whose name is no number */
	PROBLEM_SEGMENT_MISPLACED,
	PROBLEM_SEGMENT_DUPLICATE,
	PROBLEM_SEGMENT_NAME,		/* not canonical, or above 2^32-1 */
	/* FIFO, folder, link, socket, device in a segment's place; a folder in that of an index or
	 * of hints (no segment then) */
	PROBLEM_NOT_A_FILE,
	PROBLEM_STRAY_FILE,
	PROBLEM_SEGMENT_MISSING,	/* the index or the hints know it */
	PROBLEM_SEGMENT_COPY,		/* a file of another name has what it lacks */
	PROBLEM_SEGMENT_RETURNED,	/* a compaction had removed it */
	PROBLEM_SEGMENT_FOREIGN,	/* no witness knows anything that is in it */
	PROBLEM_SEGMENT_MISNAMED,	/* it bears another segment's number */
	/* segments */
	PROBLEM_SEGMENT_UNREADABLE,	/* cannot be opened */
	PROBLEM_RANGE_UNREADABLE,	/* EIO at an offset */
	PROBLEM_SEGMENT_MAGIC,
	PROBLEM_SEGMENT_TOO_LARGE,	/* offsets above 2^31-1 */
	PROBLEM_SEGMENT_NUMBER,		/* above 2^31-1 */
	PROBLEM_SEGMENT_SHORT,		/* neither full nor ended by a COMMIT */
	PROBLEM_ENTRY_SIZE_SMALL,
	PROBLEM_ENTRY_SIZE_LARGE,
	PROBLEM_ENTRY_TAG,
	PROBLEM_ENTRY_TORN,
	PROBLEM_ENTRY_CRC,
	PROBLEM_ENTRY_ZEROS,
	PROBLEM_ENTRY_SUSPECT,
	PROBLEM_OBJECT_LOST,
	PROBLEM_OBJECT_OLDER,		/* the newest version is gone, an older one is whole */
	PROBLEM_LOSS_UNKNOWN,		/* damage that no witness covers */
	PROBLEM_OBJECT_UNREADABLE,	/* it lies where the disk or a permission refuses to look */
	PROBLEM_DELETE_LOST,
	PROBLEM_OBJECT_POSSIBLY_DELETED,
	PROBLEM_DELETE_MOVED,		/* behind the PUT that followed it */
	/* the tail above the transaction id */
	PROBLEM_TAIL_UNCOMMITTED,
	PROBLEM_TAIL_TORN,
	PROBLEM_TAIL_COMMIT_DAMAGED,
	PROBLEM_TAIL_WAS_COMMITTED,
	PROBLEM_TAIL_LIKE_COMMIT,	/* uncommitted, but Attic takes it for committed */
	PROBLEM_NO_COMMIT,
	/* index */
	PROBLEM_INDEX_NAME,		/* no index, but Attic takes its name for one */
	PROBLEM_INDEX_MISSING,
	PROBLEM_INDEX_UNREADABLE,
	PROBLEM_INDEX_HEADER,
	PROBLEM_INDEX_LENGTH,
	PROBLEM_INDEX_STALE,
	PROBLEM_INDEX_TOO_NEW,
	PROBLEM_INDEX_FOREIGN,		/* of the right number, and of another time or repository */
	PROBLEM_INDEX_OLD,		/* an older one beside the newest */
	PROBLEM_INDEX_COUNT,
	PROBLEM_INDEX_DUPLICATE,
	PROBLEM_INDEX_UNREACHABLE,
	PROBLEM_INDEX_DEGENERATE,	/* probing runs too long to be of use */
	PROBLEM_INDEX_MAPPING,		/* maps a key to something that is not its newest PUT */
	PROBLEM_INDEX_KEY_MISSING,
	PROBLEM_INDEX_KEY_DELETED,	/* maps a key that the log deleted */
	/* hints */
	PROBLEM_HINTS_MISSING,
	PROBLEM_HINTS_UNREADABLE,
	PROBLEM_HINTS_FORMAT,
	PROBLEM_HINTS_VERSION,
	PROBLEM_HINTS_STALE,
	PROBLEM_HINTS_TOO_NEW,
	PROBLEM_HINTS_OLD,
	PROBLEM_HINTS_COUNT,
	PROBLEM_HINTS_QUOTA,		/* the quota's use */
	PROBLEM_HINTS_SHADOW,		/* the shadow index */
	/* integrity.N */
	PROBLEM_INTEGRITY_MISSING,
	PROBLEM_INTEGRITY_UNREADABLE,
	PROBLEM_INTEGRITY_FORMAT,	/* Borg ends with an exception */
	PROBLEM_INTEGRITY_VERSION,	/* a version or an algorithm that Borg passes over */
	PROBLEM_INTEGRITY_DIGEST,
	PROBLEM_INTEGRITY_OLD,
	/* the repository as a whole */
	PROBLEM_COMPACT_PENDING,
	PROBLEM_SEGMENT_EMPTIED,	/* a compaction copied its live objects and left it there */
	PROBLEM_APPEND_ONLY,
	PROBLEM_NONCE,
	/* what was left of repairs, below undo/ */
	PROBLEM_REPAIR_INTERRUPTED,
	PROBLEM_UNDO_INTERRUPTED,	/* taking one back */
	PROBLEM_UNDO_UNREADABLE,	/* a folder without a whole manifest; or all of undo/ */
	PROBLEM_UNSTABLE_READ,		/* two readings of one place differ */
	PROBLEM_WRITER,			/* somebody holds the exclusive lock, and we none */
	/* of a lock that is a folder and a list */
	PROBLEM_LOCK_UNKNOWN,		/* nobody here can tell whether its holder is alive */
	PROBLEM_LOCK_DAMAGED,		/* it names nobody */
	PROBLEM_LOCK_STALE,		/* its holder is gone */
	PROBLEM_CHANGED,		/* changed while it was read */
	PROBLEM_COUNT
};

struct problem_info {
	const char *id;		/* stable: in --json, in test names, in the manual */
	const char *found;	/* what is wrong, one sentence without a full stop */
	const char *meaning;	/* how it comes about and what to do, one or two sentences */
	/* True: where the cause of a finding is known, finding_meaning says what that one means. */
	bool means_by_cause;
	const char *stake;	/* what happens if nothing is done */
	const char *meanwhile;	/* whether the repository can be used until then */
	enum severity severity;
	enum repair repair;	/* the repair that mends it, REPAIR_NONE where none does */
};
extern const struct problem_info problem_table[PROBLEM_COUNT];

/* What it means that the manifest is lost, and what makes it again. */
extern const char manifest_lost_text[];

/* "info", "warning", "error"; "recover", ... NULL for REPAIR_NONE. */
const char *severity_name(enum severity severity);
const char *repair_name(enum repair repair);

#define FINDING_NOWHERE (-1)
#define FINDING_DETAIL_MAX 160

/* Why something cannot be opened or read. */
enum finding_cause {
	CAUSE_UNKNOWN,	/* not known, or there is more than that wrong with it */
	CAUSE_DENIED,	/* for want of a permission: nothing may be wrong at all */
	CAUSE_ABSENT,	/* it is not there */
	CAUSE_KIND,	/* a link, a folder or a device in a file's place; a file in a folder's */
	CAUSE_DISK	/* the system cannot read it */
};
enum finding_cause cause_of(enum as_err err);

/* One problem at one place. */
struct finding {
	enum problem problem;
	enum severity severity;	/* of this finding; usually the table's */
	enum repair repair;	/* likewise */
	int64_t segment;	/* FINDING_NOWHERE where it has none */
	int64_t offset;		/* bytes from the start of the segment's file, or FINDING_NOWHERE */
	int64_t length;		/* bytes, or FINDING_NOWHERE */
	enum finding_cause cause;
	bool has_key;
	uint8_t key[KEY_SIZE];
	/* what the sentence cannot know: names, numbers. May hold bytes from the disk: mask
	 * before showing. May be empty. */
	char detail[FINDING_DETAIL_MAX];
};

/* A list with a bound: per problem the first FINDINGS_KEPT places are kept (first in the order of
 * findings_sort, whatever the order of adding), all are counted. Until it is sorted the list may
 * hold up to twice as many. Not safe in two threads. */
#define FINDINGS_KEPT 2000
struct findings {
	struct finding *rows;
	size_t count, capacity;
	uint64_t total[PROBLEM_COUNT];	/* found in all, per problem */
	uint32_t kept[PROBLEM_COUNT];
	/* once some were dropped: position of the last place kept, plus 1 */
	uint32_t last[PROBLEM_COUNT];
};

/* Does @finding say that the manifest is lost? */
bool finding_is_of_lost_manifest(const struct finding *finding);

void findings_init(struct findings *findings);
void findings_free(struct findings *findings);

/* A finding with the table's severity and repair and no place. */
struct finding finding_of(enum problem problem);

/* Append a copy of @finding. AS_ERR_MEMORY. Where @findings is NULL, this and the next two do
 * nothing. */
enum as_err findings_add(struct findings *findings, const struct finding *finding);

/* Append a finding of @problem at @segment and @offset (FINDING_NOWHERE where there is none), with
 * a formatted detail. */
enum as_err findings_note(struct findings *findings, enum problem problem, int64_t segment,
			  int64_t offset, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/* Append that something could not be opened or read for the reason @error, whose message is the
 * detail and whose code the cause. For want of a permission no repair is called for. */
enum as_err findings_note_unread(struct findings *findings, enum problem problem,
				 const struct as_error *error);

/* What @finding means: the table's words or, where its cause is known, those for that cause. */
const char *finding_meaning(const struct finding *finding);

/* Append all of @from. */
enum as_err findings_merge(struct findings *findings, const struct findings *from);

/* Forget all findings of @problem. */
void findings_drop(struct findings *findings, enum problem problem);

/* Order by severity (errors first), problem, segment, offset, key, detail, and cut to the bound:
 * the same list whatever thread found what first. */
void findings_sort(struct findings *findings);

/* The whole sentence of @finding: the place, the table's words and the detail, into @out. One line:
 * control characters in the detail become '?'; its other bytes are as they are on the disk. */
void finding_message(const struct finding *finding, char *out, size_t size);

#endif
